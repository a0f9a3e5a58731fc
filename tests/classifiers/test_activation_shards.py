import logging
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from smo_pipelines.classifiers.activation_shards import ActivationShards
from smo_pipelines.classifiers.cache_room import cache_limit, cache_usage, clear_cache
from smo_pipelines.classifiers.shard_files import STORED, text_key
from smo_pipelines.errors import ClassifierError, ConfigError

WIDTH = 8
PLENTY = 2**30

# what a text's rows are here: made from the text alone, as an encoder's are
CODE = """
import hashlib, sys
from pathlib import Path
import numpy as np
from smo_pipelines.classifiers.activation_shards import ActivationShards
from smo_pipelines.classifiers.shard_files import STORED, text_key

def rows_of(text):
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=(3 + len(text) % 5, 8)).astype(STORED)

def keep(folder, texts, limit, per_shard=4):
    shards = ActivationShards(Path(folder), width=8, limit=limit)
    wanted = {text_key(text): text for text in texts}
    with shards.writing():
        found = shards.find(wanted)
        missing = sorted(key for key in wanted if key not in found)
        for start in range(0, len(missing), per_shard):
            part = missing[start : start + per_shard]
            found |= shards.add(part, [rows_of(wanted[key]) for key in part], needed=wanted)
    return [found[text_key(text)] for text in texts]
"""
made = {}
exec(CODE, made)  # noqa: S102 -- the same lines run in processes of their own
rows_of, keep = made["rows_of"], made["keep"]

TEXTS = [f"text {'x' * (i % 7)} {i}" for i in range(40)]


def served(folder, texts=TEXTS, limit=PLENTY):
    return [rows.tobytes() for rows in keep(folder, texts, limit)]


EXPECTED = [rows_of(text).tobytes() for text in TEXTS]


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.npy")}


def run(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", CODE + code, *map(str, arguments)], stderr=subprocess.PIPE, text=True)


def test_what_was_kept_is_served_and_not_made_again(tmp_path):
    assert served(tmp_path / "e" / "a") == EXPECTED
    before = files_of(tmp_path / "e" / "a")
    assert len(before) == 20  # ten shards of two files
    assert served(tmp_path / "e" / "a", TEXTS[::-1]) == EXPECTED[::-1]
    assert files_of(tmp_path / "e" / "a") == before


def test_a_writer_killed_at_any_moment_leaves_what_an_undisturbed_one_leaves(tmp_path):
    twin = tmp_path / "twin" / "a"
    served(twin)
    pick = random.Random(3)  # noqa: S311
    for attempt in range(6):
        folder = tmp_path / f"killed-{attempt}" / "a"
        writer = run("keep(sys.argv[1], sys.argv[2:], 2**30, per_shard=4)", folder, *TEXTS)
        deadline = time.monotonic() + 60
        while not any(folder.glob("*.states.npy")) and time.monotonic() < deadline and writer.poll() is None:
            time.sleep(0.001)
        time.sleep(pick.random() * 0.02)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert served(folder) == EXPECTED
        assert files_of(folder) == files_of(twin)
        assert not list(folder.glob("*.tmp"))


def test_what_a_killed_writer_left_half_written_is_swept(tmp_path):
    folder = tmp_path / "e" / "a"
    served(folder, TEXTS[:4])
    (folder / ".x.states.npy.0.tmp").write_bytes(b"half")
    (folder / "orphan.states.npy").write_bytes(b"never indexed")
    served(folder)
    assert not (folder / ".x.states.npy.0.tmp").exists() and not (folder / "orphan.states.npy").exists()


@pytest.mark.parametrize("suffix", ["states", "index"])
@pytest.mark.parametrize("left", [0, 1, 60, 127, 128, 200, -1])
def test_a_shard_that_was_cut_short_is_made_again(tmp_path, caplog, suffix, left):
    folder = tmp_path / "e" / "a"
    served(folder)
    whole = files_of(folder)
    path = sorted(folder.glob(f"*.{suffix}.npy"))[2]
    path.write_bytes(path.read_bytes()[:left])
    assert served(folder) == EXPECTED
    assert "cut short or altered" in caplog.text
    assert files_of(folder) == whole


@pytest.mark.parametrize("suffix", ["states", "index"])
def test_a_flipped_bit_is_never_served(tmp_path, suffix):
    folder = tmp_path / "e" / "a"
    served(folder)
    whole = files_of(folder)
    path = sorted(folder.glob(f"*.{suffix}.npy"))[0]
    content = path.read_bytes()
    for position in [*range(0, 128, 5), *range(128, len(content), 37), len(content) - 1]:
        flipped = bytearray(content)
        flipped[position] ^= 1 << (position % 8)
        path.write_bytes(flipped)
        assert served(folder) == EXPECTED, position
    served(folder)
    assert {name: len(kept) for name, kept in files_of(folder).items()} == {name: len(kept) for name, kept in whole.items()}


def test_a_file_that_is_no_shard_at_all_is_not_believed(tmp_path):
    folder = tmp_path / "e" / "a"
    folder.mkdir(parents=True)
    np.save(folder / "foreign.index.npy", np.array([(text_key(TEXTS[0]), 3)], dtype=[("text", "V16"), ("tokens", "<i4")]))
    np.save(folder / "foreign.states.npy", np.ones((3, WIDTH), dtype=STORED))
    assert served(folder) == EXPECTED


def size_of(root):
    return sum(path.stat().st_size for path in root.glob("*/*.npy"))


def test_the_limit_holds_over_all_folders_and_the_least_recently_used_goes_first(tmp_path):
    root = tmp_path / "e"
    served(root / "a")
    limit = 2 * size_of(root)
    served(root / "b", limit=limit)
    assert (len(files_of(root / "a")), len(files_of(root / "b"))) == (20, 20)
    served(root / "a", limit=limit)  # used again: now b is the older one
    served(root / "c", TEXTS[:20], limit)
    assert size_of(root) <= limit
    assert (len(files_of(root / "a")), len(files_of(root / "b"))) == (20, 10)
    assert served(root / "b", limit=limit) == EXPECTED


def test_a_run_larger_than_the_limit_works_and_says_so(tmp_path, caplog):
    root = tmp_path / "e"
    served(root / "old")
    with caplog.at_level(logging.WARNING):
        assert served(root / "a", limit=1) == EXPECTED
    assert caplog.text.count("more than the cache's limit of 1 bytes (SMO_CACHE_BYTES)") == 1
    assert (len(files_of(root / "old")), len(files_of(root / "a"))) == (0, 20)
    caplog.clear()
    assert served(root / "a", limit=1) == EXPECTED  # nothing is computed again, so nothing is dropped
    assert not caplog.text


def test_rows_that_a_process_holds_outlive_their_files(tmp_path):
    root = tmp_path / "e"
    rows = keep(root / "a", TEXTS, PLENTY)
    kept = ActivationShards(root / "a", width=WIDTH, limit=PLENTY)
    clear_cache(root)
    assert [one.tobytes() for one in rows] == EXPECTED
    assert kept.find([text_key(TEXTS[0])]) == {}
    assert served(root / "a") == EXPECTED


def test_processes_that_drop_each_others_shards_all_get_their_bytes(tmp_path):
    root = tmp_path / "e"
    served(root / "a")
    limit = size_of(root) // 2
    code = """
folder, texts = sys.argv[1], sys.argv[2:]
for turn in range(12):
    some = texts[turn::2] if turn % 2 else texts
    assert [rows.tobytes() for rows in keep(folder, some, LIMIT)] == [rows_of(text).tobytes() for text in some]
""".replace("LIMIT", str(limit))
    workers = [run(code, root / folder, *TEXTS) for folder in ("a", "a", "b")]
    said = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], said


def test_usage_and_clearing(tmp_path):
    root = tmp_path / "e"
    assert cache_usage(root) == [] and clear_cache(root) == 0
    served(root / "a")
    os.utime(next(iter(sorted((root / "a").glob("*.index.npy")))), (4e9, 4e9))
    served(root / "b", TEXTS[:8])
    first, second = cache_usage(root)
    assert (first.folder.name, first.shards, second.folder.name, second.shards) == ("a", 10, "b", 2)
    assert first.size + second.size == size_of(root) and first.used_at == 4e9
    assert clear_cache(root) == first.size + second.size
    assert cache_usage(root) == [] and size_of(root) == 0


def test_a_disk_that_does_not_take_it_is_one_sentence(tmp_path):
    (tmp_path / "e" / "a").mkdir(parents=True)
    shards = ActivationShards(tmp_path / "e" / "a", width=WIDTH, limit=PLENTY)
    (tmp_path / "e" / "lock").mkdir()  # a folder in the place of the lock: nobody may write, root included
    with pytest.raises(ClassifierError, match=r"cannot be written \(Is a directory\): free some space there"):
        shards.add([text_key("a")], [rows_of("a")], needed=[])


@pytest.mark.parametrize("given", ["8GB", "-1", "1.5", " 1", "²"])
def test_a_limit_that_is_no_number_of_bytes_is_refused(monkeypatch, given):
    monkeypatch.setenv("SMO_CACHE_BYTES", given)
    with pytest.raises(ConfigError, match=r"whole number of bytes, e\.g\. 8589934592 for 8 GiB"):
        cache_limit()


def test_the_limit_is_8_gib_or_what_the_environment_says(monkeypatch):
    assert cache_limit() == 8589934592
    monkeypatch.setenv("SMO_CACHE_BYTES", "1000")
    assert cache_limit() == 1000
