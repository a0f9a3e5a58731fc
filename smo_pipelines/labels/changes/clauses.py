"""Which items an edited clause is about, and what became of their labels."""

from collections.abc import Mapping, Sequence

import numpy as np

from smo_pipelines.domain.columns import Categories
from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.label_changes import ClauseTouch
from smo_pipelines.domain.labels import LabelSnapshot
from smo_pipelines.labels.changes.flips import UNKNOWN, Groups, flip_counts
from smo_pipelines.labels.changes.pairs import LabelPairs
from smo_pipelines.labels.changes.redraws import ChanceFlips, Redraws
from smo_pipelines.labels.changes.shares import matched_shift

__all__ = ["clause_of_items", "clause_touches"]

_CLAUSE = "clause"
_NOT_EDITED = -1


def clause_of_items(pairs: LabelPairs, edits: Sequence[ClauseEdit]) -> Groups:
    """Return the edited clause that each item is under.

    The item's clause is the snapshots' (cited by most of its ratings, or given with the item); where the arms cite different ones
    the control's goes first if it was edited. For an item of which no clause is known, the predicates of the edited clauses are
    asked in order.

    Returns
    -------
    Groups
        The edited clauses' ids in the order of ``edits``, then ``""`` for items of which no clause is known; code -1 for items
        under a clause that was not edited.
    """
    place = {edit.id: k for k, edit in enumerate(edits)}
    cited = _cited(pairs)
    before, after = (np.array([place.get(clause, _NOT_EDITED) for clause in side], dtype=np.int64) for side in cited)
    unknown = np.array([not one and not two for one, two in zip(*cited, strict=True)], dtype=bool)
    codes = np.where(before >= 0, before, after)
    by_predicate = _by_predicate(pairs, edits)
    return Groups(
        names=(*place, UNKNOWN),
        codes=np.where(unknown, np.where(by_predicate >= 0, by_predicate, len(edits)), codes),
    )


def clause_touches(redraws: Redraws, chance: ChanceFlips, edits: Sequence[ClauseEdit]) -> tuple[ClauseTouch, ...]:
    """Return, for each edited clause, the items it is about and what became of their labels, in the order of the edits."""
    pairs = redraws.pairs
    if not edits:
        return ()
    codes = clause_of_items(pairs, edits).codes
    cited = np.array([bool(one or two) for one, two in zip(*_cited(pairs), strict=True)], dtype=bool)
    touches = []
    for k, edit in enumerate(edits):
        inside = (codes == k) & pairs.matched
        counts = flip_counts(pairs, chance, Groups(names=("outside", "inside"), codes=(codes == k).astype(np.int64)))
        touches.append(
            ClauseTouch(
                edit=edit,
                known_by={"clause": int((inside & cited).sum()), "items": int((inside & ~cited).sum())},
                outside=counts[0],
                inside=counts[1],
                shift=matched_shift(redraws, inside),
            )
        )
    return tuple(touches)


def _cited(pairs: LabelPairs) -> list[list[str]]:
    """Return the clause of each item in each arm, the empty string where it is not known."""
    return [_clauses(s, rows) for s, rows in ((pairs.control, pairs.control_rows), (pairs.treatment, pairs.treatment_rows))]


def _clauses(snapshot: LabelSnapshot, rows: np.ndarray) -> list[str]:
    found = snapshot.attributes.get(_CLAUSE)
    return [UNKNOWN] * len(rows) if found is None else [str(clause) for clause in found[rows]]


def _by_predicate(pairs: LabelPairs, edits: Sequence[ClauseEdit]) -> np.ndarray:
    codes = np.full(len(pairs), _NOT_EDITED, dtype=np.int64)
    for k, edit in reversed(list(enumerate(edits))):
        if edit.items:
            codes[_holds(edit.items, pairs.control.attributes, pairs.control_rows)] = k
    return codes


def _holds(predicate: Sequence[tuple[str, tuple[str, ...]]], attributes: Mapping[str, Categories], rows: np.ndarray) -> np.ndarray:
    held = np.ones(len(rows), dtype=bool)
    for name, values in predicate:
        column = attributes.get(name)
        held &= np.zeros(len(rows), dtype=bool) if column is None else np.isin(column[rows], values)
    return held
