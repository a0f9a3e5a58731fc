"""Which items an edited clause is about, and what became of their labels."""

from collections.abc import Mapping, Sequence

import numpy as np

from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.labels import LabelSnapshot
from smo_pipelines.labels.changes.flips import UNKNOWN, Groups
from smo_pipelines.labels.changes.pairs import LabelPairs

__all__ = ["clause_of_items"]

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
    cited = [_clauses(s, rows) for s, rows in ((pairs.control, pairs.control_rows), (pairs.treatment, pairs.treatment_rows))]
    before, after = (np.array([place.get(clause, _NOT_EDITED) for clause in side], dtype=np.int64) for side in cited)
    unknown = np.array([not one and not two for one, two in zip(*cited, strict=True)], dtype=bool)
    codes = np.where(before >= 0, before, after)
    by_predicate = _by_predicate(pairs, edits)
    return Groups(
        names=(*place, UNKNOWN),
        codes=np.where(unknown, np.where(by_predicate >= 0, by_predicate, len(edits)), codes),
    )


def _clauses(snapshot: LabelSnapshot, rows: np.ndarray) -> list[str]:
    found = snapshot.attributes.get(_CLAUSE)
    return [UNKNOWN] * len(rows) if found is None else [str(clause) for clause in found[rows]]


def _by_predicate(pairs: LabelPairs, edits: Sequence[ClauseEdit]) -> np.ndarray:
    codes = np.full(len(pairs), _NOT_EDITED, dtype=np.int64)
    for k, edit in reversed(list(enumerate(edits))):
        if edit.items:
            codes[_holds(edit.items, pairs.control.attributes, pairs.control_rows)] = k
    return codes


def _holds(predicate: Sequence[tuple[str, tuple[str, ...]]], attributes: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    held = np.ones(len(rows), dtype=bool)
    for name, values in predicate:
        column = attributes.get(name)
        held &= np.zeros(len(rows), dtype=bool) if column is None else np.isin(column[rows], values)
    return held
