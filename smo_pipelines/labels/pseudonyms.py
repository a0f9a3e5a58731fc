"""Keyed pseudonyms for raters: the same rater keeps one name in a project, and nobody without the key can find out who it is."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smo_pipelines.errors import LabelError

__all__ = ["PseudonymKey", "RotationKeys", "key_from_environment", "pseudonym", "rotation_keys"]

_VARIABLE = "SMO_RATER_KEY"
_OLD_VARIABLE = "SMO_RATER_KEY_OLD"
_SHORTEST = 16
_FILE = "rater-key"


@dataclass(frozen=True, kw_only=True)
class PseudonymKey:
    """The secret behind the pseudonyms; ``made`` is true when a development key was made just now, which the caller says aloud."""

    secret: bytes = field(repr=False)
    source: str
    made: bool = False


@dataclass(frozen=True, kw_only=True)
class RotationKeys:
    """The key that the pseudonyms in the tables were made with, and the one that follows it."""

    old: bytes = field(repr=False)
    new: bytes = field(repr=False)


def pseudonym(key: bytes, project: str, raw_id: str) -> str:
    """Return a rater's name in a project: the first 100 bits of HMAC-SHA256 of ``project|raw_id``, in 20 base-32 characters.

    A plain hash of an e-mail address or a small number can be undone with a dictionary; a keyed one cannot without the key.

    Examples
    --------
    >>> pseudonym(b"0123456789abcdef", "demo", "17") == pseudonym(b"0123456789abcdef", "demo", "17")
    True
    >>> pseudonym(b"0123456789abcdef", "demo", "17") == pseudonym(b"another key 0000", "demo", "17")
    False
    """
    code = hmac.new(key, f"{project}|{raw_id}".encode(), hashlib.sha256).digest()
    return base64.b32encode(code).decode().lower()[:20]


def key_from_environment(env: Mapping[str, str], folder: Path) -> PseudonymKey:
    """Return the key of ``SMO_RATER_KEY``, else the development key in a folder, which is made on first use.

    Parameters
    ----------
    env : mapping of str to str
        The environment, e.g. ``os.environ``.
    folder : Path
        Where a development key is kept (mode 600). Keep it away from the label tables: whoever holds both can name the raters.

    Raises
    ------
    LabelError
        When the key is shorter than 16 bytes.
    """
    given = env.get(_VARIABLE, "")
    if given:
        return PseudonymKey(secret=_checked(given.encode(), _VARIABLE), source=_VARIABLE)
    path = folder / _FILE
    folder.mkdir(parents=True, exist_ok=True)
    made = _make(path)
    return PseudonymKey(secret=_checked(path.read_bytes(), str(path)), source=str(path), made=made)


def rotation_keys(env: Mapping[str, str], folder: Path) -> RotationKeys:
    """Return the key of ``SMO_RATER_KEY_OLD``, else the development key in a folder, and the new one of ``SMO_RATER_KEY``.

    Raises
    ------
    LabelError
        When one of them is missing or shorter than 16 bytes, or both are the same.
    """
    new, old, path = env.get(_VARIABLE, ""), env.get(_OLD_VARIABLE, ""), folder / _FILE
    if not new:
        raise LabelError(f"there is no new rater key; set {_VARIABLE} to it, e.g. to 32 random bytes in hex")
    if not old and not path.exists():
        raise LabelError(f"there is no old rater key: set {_OLD_VARIABLE} to the one that the imports were made with")
    keys = RotationKeys(
        old=_checked(old.encode(), _OLD_VARIABLE) if old else _checked(path.read_bytes(), str(path)),
        new=_checked(new.encode(), _VARIABLE),
    )
    if keys.old == keys.new:
        raise LabelError(f"the key in {_VARIABLE} is the old one; set it to another and keep the old one in {_OLD_VARIABLE}")
    return keys


def _make(path: Path) -> bool:
    """Write a new key unless there is one; of two processes that try, both then read the one that was linked first."""
    if path.exists():
        return False
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_hex(32).encode())
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        return True
    finally:
        temporary.unlink()


def _checked(secret: bytes, source: str) -> bytes:
    if len(secret) < _SHORTEST:
        raise LabelError(
            f"the rater key in {source} has {len(secret)} bytes; at least {_SHORTEST} are needed, e.g. 32 random ones in hex"
        )
    return secret
