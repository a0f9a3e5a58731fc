"""The edited clauses of a guideline, word by word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from smo_pipelines.domain.guidelines import ClauseEdit

__all__ = ["ClauseDiff", "clause_diffs"]

_FEWEST_WORDS_KEPT = 3


@dataclass(frozen=True, kw_only=True)
class ClauseDiff:
    """One clause as pieces of text: (``same``, ``del`` or ``ins``, text)."""

    id: str
    change: str
    pieces: tuple[tuple[str, str], ...]


def clause_diffs(edits: Sequence[ClauseEdit]) -> tuple[ClauseDiff, ...]:
    """Return the differences of the clauses.

    Examples
    --------
    >>> from smo_pipelines.domain.guidelines import ClauseChange
    >>> edit = ClauseEdit(id="1", change=ClauseChange.edited, before="slurs are hate", after="slurs are hate, unless quoted")
    >>> clause_diffs([edit])[0].pieces
    (('same', 'slurs are '), ('del', 'hate'), ('ins', 'hate, unless quoted'))
    """
    return tuple(ClauseDiff(id=edit.id, change=edit.change.value, pieces=tuple(_pieces(edit.before, edit.after))) for edit in edits)


def _pieces(before: str, after: str) -> Iterator[tuple[str, str]]:
    old, new = re.findall(r"\S+\s*", before), re.findall(r"\S+\s*", after)
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    # two words in common within a rewritten sentence are read more easily as part of the rewriting
    ends = (0, len(old))
    kept = [b for b in blocks if b.size >= _FEWEST_WORDS_KEPT or b.a in ends or b.a + b.size in ends]
    i = j = 0
    for block in kept:
        removed, added, same = "".join(old[i : block.a]), "".join(new[j : block.b]), "".join(old[block.a : block.a + block.size])
        yield from ((kind, text) for kind, text in (("del", removed), ("ins", added), ("same", same)) if text)
        i, j = block.a + block.size, block.b + block.size
