"""Fetching against a real server on this machine that misbehaves in every way a network does."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request

import pytest

from smo_pipelines.errors import FetchFailed
from smo_pipelines.labels.fetch import _SafeRedirects, fetch_set
from smo_pipelines.labels.public_sets import PUBLIC_SETS, PublicFile, PublicSet
from tests.examples.ports import free_port

ONE, TWO = b"a,b\n1,2\n" * 40_000, b"x" * 10


def _set(**changes: Any) -> PublicSet:
    files = [("data/one file.csv", "one.csv", ONE), ("TWO", "sub/two.txt", TWO)]
    made = PublicSet(
        name="tiny",
        repository="somebody/tiny",
        commit="c0ffee",
        licence="CC0",
        citation="Nobody (2026)",
        then="smo import {folder}",
        files=tuple(
            PublicFile(path=path, name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
            for path, name, content in files
        ),
    )
    return replace(made, **changes)


class _Upstream(BaseHTTPRequestHandler):
    """Answers as told: by path, a function that writes the answer."""

    asked: ClassVar[list[str]] = []
    behaviour: ClassVar[dict[str, Any]] = {}
    contents: ClassVar[dict[str, bytes]] = {
        "/somebody/tiny/c0ffee/data/one%20file.csv": ONE,
        "/somebody/tiny/c0ffee/TWO": TWO,
    }

    def do_GET(self) -> None:
        self.asked.append(self.path)
        special = self.behaviour.get(self.path)
        if special:
            special(self)
            return
        content = self.contents.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def upstream() -> Iterator[str]:
    _Upstream.asked.clear()
    _Upstream.behaviour.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_arrives_and_stays(upstream: str, tmp_path: Path) -> None:
    folder, heard = tmp_path / "data" / "tiny", []
    fetch_set(_set(), folder, base=upstream, said=lambda file, what: heard.append((file.name, what)))
    found = files_in(folder)
    assert (found["one.csv"], found["sub/two.txt"]) == (ONE, TWO)
    assert b"somebody/tiny at commit c0ffee\nLicence: CC0\nCite: Nobody (2026)" in found["SOURCE.txt"]
    assert heard == [("one.csv", "read"), ("sub/two.txt", "read")]
    fetch_set(_set(), folder, base=upstream, said=lambda file, what: heard.append((file.name, what)))
    assert heard[2:] == [("one.csv", "kept"), ("sub/two.txt", "kept")]
    assert len(_Upstream.asked) == 2


def test_what_is_missing_or_damaged_is_fetched_again(upstream: str, tmp_path: Path) -> None:
    fetch_set(_set(), tmp_path / "tiny", base=upstream)
    (tmp_path / "tiny" / "sub" / "two.txt").write_bytes(b"y" * 10)
    fetch_set(_set(), tmp_path / "tiny", base=upstream)
    assert files_in(tmp_path / "tiny")["sub/two.txt"] == TWO
    assert len(_Upstream.asked) == 3


def _answer(content: bytes, length: int | None = None) -> Any:
    def write(handler: _Upstream) -> None:
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(content)

    return write


def _redirect(to: str) -> Any:
    def write(handler: _Upstream) -> None:
        handler.send_response(302)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return write


def _endless(handler: _Upstream) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(10_000):
            handler.wfile.write(b"x" * 65_536)
    except ConnectionError:
        _Upstream.asked.append("hung up")


def _hang_up(handler: _Upstream) -> None:
    handler.close_connection = True
    handler.connection.close()


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (_answer(b"y" * 10, 10), r"is not the published sub/two.txt: its SHA-256 is"),
        (_answer(TWO[:5], 5), r"has 5 bytes, and sub/two.txt has 10"),
        (_answer(TWO[:5], 10), r"has 5 bytes, and sub/two.txt has 10"),
        (_answer(TWO + b"!", 11), r"sends more than the 10 bytes"),
        (_endless, r"sends more than the 10 bytes"),
        (_redirect("file:///etc/hostname"), r"answers 302 .*file:///etc/hostname. is not allowed"),
        (_redirect("ftp://127.0.0.1/x"), r"redirects to ftp://127.0.0.1/x, which is not a safe"),
        (_redirect("/somebody/tiny/c0ffee/TWO"), r"answers 302"),
        (_hang_up, r"cannot be reached"),
        (lambda handler: handler.send_error(503), r"answers 503 .*smo fetch tiny --from FOLDER"),
    ],
)
def test_a_bad_answer_writes_nothing(upstream: str, tmp_path: Path, behaviour: Any, sentence: str) -> None:
    _Upstream.behaviour["/somebody/tiny/c0ffee/TWO"] = behaviour
    with pytest.raises(FetchFailed, match=sentence) as failed:
        fetch_set(_set(), tmp_path / "tiny", base=upstream)
    assert "\n" not in str(failed.value)
    assert not (tmp_path / "tiny").exists()


def test_a_redirect_on_the_web_is_followed(upstream: str, tmp_path: Path) -> None:
    _Upstream.contents["/moved"] = TWO
    _Upstream.behaviour["/somebody/tiny/c0ffee/TWO"] = _redirect(f"{upstream}/moved")
    fetch_set(_set(), tmp_path / "tiny", base=upstream)
    assert files_in(tmp_path / "tiny")["sub/two.txt"] == TWO


def test_a_redirect_away_from_https_is_refused() -> None:
    request = Request("https://example.org/a")
    with pytest.raises(FetchFailed, match=r"redirects to http://example\.org/a, which is not a safe web address"):
        _SafeRedirects("https").redirect_request(request, BytesIO(), 302, "", HTTPMessage(), "http://example.org/a")


def test_without_a_network_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        FetchFailed, match=r"cannot be reached .* get https://github.com/somebody/tiny at commit c0ffee .*--from FOLDER"
    ):
        fetch_set(_set(), tmp_path / "tiny", base=f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("base", ["file:///etc", "ftp://127.0.0.1", "/etc"])
def test_only_web_addresses(tmp_path: Path, base: str) -> None:
    with pytest.raises(FetchFailed, match="files are fetched over https"):
        fetch_set(_set(), tmp_path / "tiny", base=base)


@pytest.mark.parametrize("upstream_names", [True, False])
def test_from_a_folder(tmp_path: Path, upstream_names: bool) -> None:
    source = tmp_path / "copy"
    for file, content in zip(_set().files, (ONE, TWO), strict=True):
        path = source / (file.path if upstream_names else file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    fetch_set(_set(), tmp_path / "tiny", source=source)
    assert files_in(tmp_path / "tiny")["one.csv"] == ONE
    path.write_bytes(b"z" * 10)
    with pytest.raises(FetchFailed, match=r"is not the published sub/two\.txt"):
        fetch_set(_set(), tmp_path / "other", source=source)
    path.unlink()
    with pytest.raises(FetchFailed, match=r"holds neither sub/two.txt nor TWO of tiny"):
        fetch_set(_set(), tmp_path / "other", source=source)
    assert not (tmp_path / "other").exists()


def test_the_list_is_sound() -> None:
    assert sorted(PUBLIC_SETS) == [
        "crowd-truth-infer",
        "davidson2017",
        "hatecheck",
        "kern2023",
        "lewidi2023-md-agreement",
        "multilingual-hatecheck",
        "openai-moderation",
        "roettger2022",
        "xstest",
    ]
    for public in PUBLIC_SETS.values():
        names = [file.name for file in public.files]
        assert len(set(names)) == len(names)
        assert len(public.commit) == 40
        for file in public.files:
            assert not Path(file.name).is_absolute() and ".." not in Path(file.name).parts
            assert len(bytes.fromhex(file.sha256)) == 32 and 0 < file.size < 50_000_000
        assert public.then.format(folder="x")


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(PUBLIC_SETS))
def test_the_checksums_are_those_of_the_published_files(real_data: Path, tmp_path: Path, name: str) -> None:
    if not (real_data / name).is_dir():
        pytest.skip(f"the real data has no folder {name}")
    fetch_set(PUBLIC_SETS[name], tmp_path / name, source=real_data / name)
    assert len(files_in(tmp_path / name)) == len(PUBLIC_SETS[name].files) + 1
