"""How much room the encoder cache takes, how much it may take, and which shards go first when it is full."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from smo_pipelines.classifiers.shard_files import INDEX_NAME, STATES_NAME, states_of
from smo_pipelines.errors import ConfigError
from smo_pipelines.store.local import file_lock

__all__ = ["ABOUT", "LIMIT_NAME", "FolderUsage", "Shard", "cache_limit", "cache_usage", "clear_cache", "make_room"]

LIMIT_NAME = "SMO_CACHE_BYTES"
_DEFAULT_LIMIT = 8 * 2**30
ABOUT = "about.txt"
"""The file of a folder that says for a person what is kept there."""


def cache_limit() -> int:
    """Return how many bytes all shards may take: ``SMO_CACHE_BYTES``, by default 8 GiB.

    Raises
    ------
    ConfigError
        When the variable is not a whole number of bytes.
    """
    given = os.environ.get(LIMIT_NAME, "")
    if given and not (given.isascii() and given.isdecimal()):
        raise ConfigError(f"{LIMIT_NAME} is {given!r}; it is a whole number of bytes, e.g. {_DEFAULT_LIMIT} for 8 GiB")
    return int(given) if given else _DEFAULT_LIMIT


@dataclass(frozen=True, kw_only=True)
class FolderUsage:
    """What one folder of the cache takes: ``about`` says of which backbone, layers and length; ``used_at`` is in seconds."""

    folder: Path
    about: str
    shards: int
    size: int
    used_at: float


@dataclass(frozen=True)
class Shard:
    """A shard on the disk: its size with the states, and when it was last used, in nanoseconds."""

    index: Path
    size: int
    used_ns: int

    @property
    def name(self) -> str:
        """What both files are called."""
        return self.index.name.removesuffix(INDEX_NAME)

    def remove(self) -> None:
        """Remove both files."""
        self.index.unlink(missing_ok=True)  # first: without it nobody looks for the states
        states_of(self.index).unlink(missing_ok=True)


def cache_usage(root: Path) -> list[FolderUsage]:
    """Return what each folder of a cache takes, the most recently used first; the empty ones left out.

    Parameters
    ----------
    root : Path
        The folder ``encoder`` of a project's cache.
    """
    by_folder: dict[Path, list[Shard]] = {}
    for shard in _shards(root):
        by_folder.setdefault(shard.index.parent, []).append(shard)
    usage = [
        FolderUsage(
            folder=folder,
            about=_about(folder),
            shards=len(shards),
            size=sum(shard.size for shard in shards),
            used_at=max(shard.used_ns for shard in shards) / 1e9,
        )
        for folder, shards in by_folder.items()
    ]
    return sorted(usage, key=lambda one: -one.used_at)


def clear_cache(root: Path) -> int:
    """Remove every shard and return how many bytes they took; running processes keep what they have mapped."""
    if not root.is_dir():
        return 0
    with file_lock(root / "lock"):
        _sweep(root)
        shards = _shards(root)
        for shard in shards:
            shard.remove()
    return sum(shard.size for shard in shards)


def make_room(root: Path, room: int, kept: Collection[str]) -> bool:
    """Remove least recently used shards until the others take at most ``room`` bytes, and return whether they do.

    Call it with the cache locked.
    """
    _sweep(root)
    shards = sorted(_shards(root), key=lambda shard: (shard.used_ns, shard.name))
    total = sum(shard.size for shard in shards)
    for shard in shards:
        if total <= room:
            break
        if shard.name not in kept:
            shard.remove()
            total -= shard.size
    return total <= room


def _sweep(root: Path) -> None:
    """Remove what writers that were killed left behind; with the cache locked nobody is writing."""
    for path in root.glob("*/.*.tmp"):
        path.unlink(missing_ok=True)
    for path in root.glob(f"*/*{STATES_NAME}"):
        if not path.with_name(path.name.removesuffix(STATES_NAME) + INDEX_NAME).exists():
            path.unlink(missing_ok=True)


def _shards(root: Path) -> list[Shard]:
    found = []
    for path in root.glob(f"*/*{INDEX_NAME}"):
        try:
            facts, states = path.stat(), states_of(path).stat()
        except FileNotFoundError:
            continue
        found.append(Shard(path, facts.st_size + states.st_size, facts.st_mtime_ns))
    return found


def _about(folder: Path) -> str:
    path = folder / ABOUT
    return path.read_text(encoding="utf-8") if path.is_file() else ""
