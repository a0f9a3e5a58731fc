import multiprocessing
import os
import signal
import threading
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from smo_pipelines.store import file_lock, is_locked, write_atomic


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file"
    write_atomic(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new content")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path], "a temporary file stayed"


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([digit]) * 200_000 for digit in b"01"]
    write_atomic(path, contents[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(30):
            write_atomic(path, contents[turn % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert path.read_bytes() in contents
    writer.join()


def _add_one(lock: Path, counter: Path, times: int) -> None:
    for _ in range(times):
        with file_lock(lock):
            counter.write_text(str(int(counter.read_text()) + 1))


def test_a_lock_holds_between_processes(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    context = multiprocessing.get_context("fork")
    adders = [context.Process(target=_add_one, args=(tmp_path / "sub" / "lock", counter, 50)) for _ in range(4)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join(60)
    assert counter.read_text() == "200"


def _hold(lock: Path, held: Event) -> None:
    with file_lock(lock):
        held.set()
        signal.pause()


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "lock", held))
    holder.start()
    assert held.wait(30)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    with file_lock(tmp_path / "lock"):
        holder.join(30)
    assert holder.exitcode == -signal.SIGKILL


def test_a_lock_is_let_go_when_its_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), file_lock(tmp_path / "lock"):
        raise ValueError("inside")
    with file_lock(tmp_path / "lock"):
        pass


def test_whether_somebody_holds_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one.lock"
    assert not is_locked(path)
    with file_lock(path):
        assert is_locked(path)
    assert not is_locked(path)
