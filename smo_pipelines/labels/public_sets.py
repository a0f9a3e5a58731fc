"""Public data sets that this project reads, from the list in ``public_sets.toml`` beside this file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

__all__ = ["PUBLIC_SETS", "PublicFile", "PublicSet"]


@dataclass(frozen=True, kw_only=True)
class PublicFile:
    """One file of a set.

    Attributes
    ----------
    path : str
        Where it is in the repository.
    name : str
        What it is called here; a relative path of plain names.
    size : int
        Bytes.
    sha256 : str
        Of its content, in hex.
    """

    path: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PublicSet:
    """One data set.

    Attributes
    ----------
    repository, commit : str
        ``owner/name`` on GitHub, and the commit that is read.
    then : str
        What to do with the files, in words; ``{folder}`` stands for where they are.
    warning : str
        What their texts hold; empty when that is harmless.
    """

    name: str
    repository: str
    commit: str
    licence: str
    citation: str
    then: str
    warning: str = ""
    files: tuple[PublicFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def _sets() -> dict[str, PublicSet]:
    text = resources.files("smo_pipelines.labels").joinpath("public_sets.toml").read_text(encoding="utf-8")
    return {
        name: PublicSet(
            name=name,
            **{key: value for key, value in entry.items() if key != "files"},
            files=tuple(PublicFile(path=path, name=local, size=size, sha256=sha) for path, local, size, sha in entry["files"]),
        )
        for name, entry in tomllib.loads(text).items()
    }


PUBLIC_SETS: Mapping[str, PublicSet] = _sets()
"""The sets by name."""
