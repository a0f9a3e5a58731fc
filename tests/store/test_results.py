import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.errors import StoreError
from smo_pipelines.store.results import ResultStore, _RemoteBlobs, open_store

KEYS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,20}", fullmatch=True).filter(lambda key: ".." not in key)
META = st.dictionaries(
    st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False)
)
FILES = st.dictionaries(KEYS, st.binary(max_size=50), max_size=3)
Open = Callable[[Path], ResultStore]


def _remote(folder: Path) -> ResultStore:
    """The code for object stores, on the local file system of the library that reads them."""
    return ResultStore(_RemoteBlobs(f"file://{folder}/store"))


def _local(folder: Path) -> ResultStore:
    return open_store(folder / "store")


PLACES = pytest.mark.parametrize("place", [_local, _remote])


@PLACES
@given(entries=st.dictionaries(KEYS, st.tuples(META, FILES), max_size=4))
@settings(max_examples=25, deadline=None)
def test_what_was_put_is_found(place: Open, entries: dict[str, tuple[dict[str, object], dict[str, bytes]]]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        for key, (meta, files) in entries.items():
            place(folder).put("kind", key, meta=meta, files=files)
        store = place(folder)  # another process would open it anew
        assert store.keys("kind") == sorted(entries)
        assert store.keys("other") == []
        for key, (meta, files) in entries.items():
            entry = store.get("kind", key)
            assert entry.meta == meta
            assert {name: entry.read(name) for name in entry.names} == files
    finally:
        shutil.rmtree(folder)


@PLACES
def test_an_entry_that_is_there_is_kept_unless_it_is_replaced(place: Open, tmp_path: Path) -> None:
    store = place(tmp_path)
    store.put("kind", "k", meta={"n": 1}, files={"f": b"one"})
    assert store.put("kind", "k", meta={"n": 2}, files={"f": b"two"}).read("f") == b"one"
    assert store.put("kind", "k", meta={"n": 3}, files={"f": b"three"}, replace=True).read("f") == b"three"
    assert store.get("kind", "k").meta == {"n": 3}


@PLACES
def test_what_is_not_there(place: Open, tmp_path: Path) -> None:
    store = place(tmp_path)
    assert store.find("kind", "k") is None
    with pytest.raises(StoreError, match="holds no kind under the key 'k'"):
        store.get("kind", "k")
    store.put("kind", "k", meta={}, files={"f": b""})
    with pytest.raises(StoreError, match="holds no file 'g'; it holds f"):
        store.get("kind", "k").read("g")


@PLACES
def test_files_without_their_manifest_are_no_entry(place: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = place(tmp_path)
    write = store._blobs.write

    def killed(path: str, content: bytes) -> None:
        if path.endswith("manifest.json"):
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(store._blobs, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        store.put("kind", "k", meta={}, files={"f": b"half"})
    again = place(tmp_path)
    assert again.find("kind", "k") is None and again.keys("kind") == [] and again.entries("kind") == []
    assert again.put("kind", "k", meta={}, files={"f": b"whole"}).read("f") == b"whole"


@PLACES
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_file_is_an_error_that_says_what_to_do(place: Open, damage: str, tmp_path: Path) -> None:
    store = place(tmp_path)
    store.put("kind", "k", meta={}, files={"f": b"content"})
    (file,) = (tmp_path / "store" / "kind" / "k").glob("*-f")
    file.write_bytes(b"c0ntent") if damage == "changed" else file.unlink()
    with pytest.raises(StoreError, match=r"the file 'f' is missing or is not .* delete .*store/kind/k and run again"):
        store.get("kind", "k").read("f")


@PLACES
@pytest.mark.parametrize("content", [b"", b'{"meta": ', b"[]", b'{"meta": {}}', b"\xff"])
def test_a_damaged_manifest_is_an_error_that_says_what_to_do(place: Open, content: bytes, tmp_path: Path) -> None:
    store = place(tmp_path)
    store.put("kind", "k", meta={})
    (tmp_path / "store" / "kind" / "k" / "manifest.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"its manifest cannot be read; delete .*store/kind/k and run again"):
        store.find("kind", "k")


@PLACES
@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a..b", "-a", "é", "a b", "a\n", "x" * 129])
def test_names_that_would_leave_the_store_are_refused(place: Open, name: str, tmp_path: Path) -> None:
    store = place(tmp_path)
    for call in (
        lambda: store.find("kind", name),
        lambda: store.find(name, "k"),
        lambda: store.put("kind", name, meta={}),
        lambda: store.put("kind", "k", meta={}, files={name: b""}),
    ):
        with pytest.raises(StoreError, match="cannot name a stored result"):
            call()
    assert not (tmp_path / "store").exists()


def test_a_fact_that_is_no_number_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        _local(tmp_path).put("kind", "k", meta={"auroc": float("nan")}, files={"f": b"content"})
    assert not (tmp_path / "store").exists()


def _put_many(folder: Path, writer: int) -> None:
    store = _local(folder)
    for key in range(10):
        content = f"{writer}-{key}-".encode() * 1000
        entry = store.put("kind", f"k{key}", meta={"writer": writer}, files={"f": content}, replace=True)
        whole = entry.read("f")
        assert whole == whole[: whole.index(b"-", 2) + 1] * 1000, "a mixture of two writers"


def test_many_writers_of_one_key_never_mix(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_put_many, args=(tmp_path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    store = _local(tmp_path)
    assert len(store.keys("kind")) == 10
    for entry in store.entries("kind"):
        assert entry.read("f").startswith(f"{entry.meta['writer']}-".encode())
    assert not list(tmp_path.rglob("*.tmp"))


def test_addresses_open_as_what_they_are(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/store")
    store.put("kind", "k", meta={"a": 1})
    assert json.loads((tmp_path / "store" / "kind" / "k" / "manifest.json").read_text())["meta"] == {"a": 1}
    assert open_store(tmp_path / "store").get("kind", "k").meta == {"a": 1}
    assert os.listdir(tmp_path) == ["store"]  # noqa: PTH208
