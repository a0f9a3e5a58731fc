"""What a reader says while it reads: how far it is, and what the person who imports should know."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["SILENT", "Listener"]


def _ignore(_: object) -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Two ears of the caller.

    Parameters
    ----------
    note : callable
        Takes a sentence about the export as a whole: what was left out and how often, what the format cannot tell.
    progress : callable
        Takes the share of the bytes that was read, from 0 to 1; it may start again, because a file may be read twice.
    """

    note: Callable[[str], None] = _ignore
    progress: Callable[[float], None] = _ignore


SILENT = Listener()
"""Hears nothing."""
