"""Fetches a public data set: from its own repository at a pinned commit, or from a folder; checked, and whole or not at all."""

import hashlib
import http.client
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from smo_pipelines.errors import FetchFailed
from smo_pipelines.labels.public_sets import PublicFile, PublicSet
from smo_pipelines.store import file_lock, write_atomic

__all__ = ["UPSTREAM", "fetch_set"]

UPSTREAM = "https://raw.githubusercontent.com"
"""Where files of public repositories are served as they are."""

_SCHEMES = ("https", "http")
_CHUNK = 1 << 16
_TIMEOUT_S = 30.0
_NOTE = "SOURCE.txt"


def _ignore(_: PublicFile, __: str) -> None:
    return


def fetch_set(
    public: PublicSet,
    folder: Path,
    *,
    source: Path | None = None,
    base: str = UPSTREAM,
    said: Callable[[PublicFile, str], None] = _ignore,
) -> None:
    """Put a set's files into a folder.

    Every file is read and checked before the first is written, and a file that is there already and right is kept, so running it
    again finishes what was stopped. ``SOURCE.txt`` beside them says where they are from.

    Parameters
    ----------
    public : PublicSet
    folder : Path
        Is made when it is not there.
    source : Path, optional
        A folder that holds the files, by their name here or as in the repository; nothing is read from the network then.
    base : str
        The address before ``/owner/name/commit/path``.
    said : callable
        Hears of each file: ``kept``, ``read``.

    Raises
    ------
    FetchFailed
        When a file cannot be had, or is not the one that was published.
    """
    opener = build_opener(_SafeRedirects(urlsplit(base).scheme))
    with file_lock(folder.parent / f".{folder.name}.lock"):
        new: list[tuple[Path, bytes]] = []
        for file in public.files:
            target = folder / file.name
            if target.is_file() and _sha256(target.read_bytes()) == file.sha256:
                said(file, "kept")
                continue
            content = _from_folder(public, file, source) if source else _from_upstream(public, file, base, opener)
            new.append((target, content))
            said(file, "read")
        for target, content in new:
            write_atomic(target, content)
        write_atomic(folder / _NOTE, _note(public).encode())


def _from_folder(public: PublicSet, file: PublicFile, source: Path) -> bytes:
    places = [source / file.name, source / file.path]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise FetchFailed(
            f"{source} holds neither {file.name} nor {file.path} of {public.name}; name the folder of the unpacked files"
        )
    try:
        content = found.read_bytes()
    except OSError as error:
        raise FetchFailed(f"cannot read {found}: {error.strerror}") from error
    _check(file, content, str(found))
    return content


def _from_upstream(public: PublicSet, file: PublicFile, base: str, opener: OpenerDirector) -> bytes:
    address = f"{base}/{public.repository}/{public.commit}/{quote(file.path)}"
    try:
        with opener.open(Request(address), timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http and https only, redirects included
            content = _read(file, answer, address)
    except FetchFailed:
        raise
    except HTTPError as error:
        error.close()
        raise FetchFailed(f"{address} answers {error.code} ({' '.join(str(error.reason).split())}); {_by_hand(public)}") from error
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise FetchFailed(f"{address} cannot be reached ({reason}); {_by_hand(public)}") from error
    _check(file, content, address)
    return content


def _read(file: PublicFile, answer: http.client.HTTPResponse, address: str) -> bytes:
    """Read an answer, and no more of it than the file has."""
    content = bytearray()
    while len(content) <= file.size:
        more = answer.read(min(_CHUNK, file.size + 1 - len(content)))
        if not more:
            return bytes(content)
        content += more
    raise FetchFailed(f"{address} sends more than the {file.size:,} bytes that {file.name} has; it is not the published file")


def _check(file: PublicFile, content: bytes, place: str) -> None:
    if len(content) != file.size:
        raise FetchFailed(f"{place} has {len(content):,} bytes, and {file.name} has {file.size:,}; nothing was written, try again")
    got = _sha256(content)
    if got != file.sha256:
        raise FetchFailed(
            f"{place} is not the published {file.name}: its SHA-256 is {got}, expected {file.sha256}; nothing was written"
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _by_hand(public: PublicSet) -> str:
    return (
        f"without this connection, get https://github.com/{public.repository} at commit {public.commit} on another machine and run "
        f"`smo fetch {public.name} --from FOLDER`"
    )


def _note(public: PublicSet) -> str:
    lines = [
        f"{public.name}: unchanged files of https://github.com/{public.repository} at commit {public.commit}",
        f"Licence: {public.licence}",
        f"Cite: {public.citation}",
    ]
    return "\n".join([*lines, *([f"Holds {public.warning}."] if public.warning else [])]) + "\n"


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a redirect to another web address, and from https to https only: never to a file of this machine."""

    def __init__(self, scheme: str) -> None:
        if scheme not in _SCHEMES:
            raise FetchFailed(f"files are fetched over https; {scheme or 'an address without a scheme'} is not legal")
        self._legal = _SCHEMES[: 1 + _SCHEMES.index(scheme)]

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> Request | None:
        """Return the request for the new address.

        Raises
        ------
        FetchFailed
            When it is not a web address, or less safe than the old one.
        """
        if urlsplit(newurl).scheme not in self._legal:
            fp.close()
            raise FetchFailed(f"{req.full_url} redirects to {newurl[:200]}, which is not a safe web address; nothing was written")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
