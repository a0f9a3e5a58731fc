"""Which items people should look at again first."""

from collections.abc import Mapping, Sequence

import numpy as np

from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.label_changes import ReviewItem, ReviewReason
from smo_pipelines.domain.labels import TIE, LabelSnapshot
from smo_pipelines.labels.changes.clauses import clause_of_items
from smo_pipelines.labels.changes.pairs import LabelPairs
from smo_pipelines.labels.changes.redraws import ChanceFlips

__all__ = ["REVIEW_WEIGHTS", "Gold", "review_first"]

REVIEW_WEIGHTS: Mapping[ReviewReason, int] = {
    ReviewReason.against_gold: 4,
    ReviewReason.unexpected_flip: 2,
    ReviewReason.not_as_edited: 2,
    ReviewReason.groups_disagree: 1,
    ReviewReason.near_tie: 1,
}
"""What each reason adds to an item's priority, in tenths, where it holds in full."""

Gold = tuple[Mapping[str, int], Mapping[str, int]]
"""The right label, 0 or 1, by item id, under the control's guideline and under the treatment's."""

_FEWEST_OF_A_GROUP = 2


def review_first(
    pairs: LabelPairs,
    chance: ChanceFlips,
    *,
    edits: Sequence[ClauseEdit] = (),
    gold: Gold = ({}, {}),
    raters: Mapping[str, Mapping[str, str]] | None = None,
    most: int = 50,
) -> tuple[ReviewItem, ...]:
    """Rank the items that both arms label by ``priority = (4 g + 2 f + 2 e + d + c) / 10``, each letter from 0 to 1.

    ========================  ====================================================================================================
    g ``against_gold``        1 when the label left a gold that is the same under both arms' guidelines
    f ``unexpected_flip``     1 less the share of redraws of its raters that flip it, of an item that flipped and not to the label that
                              its gold or an edited clause wants
    e ``not_as_edited``       1 when an edited clause is about the item, says what it becomes, and the treatment labels it otherwise;
                              what it becomes is the clause's ``expects``, else the gold where it differs between the guidelines
    d ``groups_disagree``     the largest difference between the positive shares of two groups of the item's raters in one arm, of
                              groups with 2 ratings or more; over all rater attributes
    c ``near_tie``            ``1 - |2 share - 1|`` of the arm in which the item's ratings are closest to a tie
    ========================  ====================================================================================================

    Equal priorities stand in order of item id. Items without any reason are not listed.

    Parameters
    ----------
    gold : pair of mapping of str to int
        Right labels under the control's and the treatment's guideline.
    raters : mapping of str to mapping of str to str, optional
        By rater attribute: a rater's value by pseudonym.
    most : int
        The length of the list.
    """
    before, after = (np.array([side.get(item, TIE) for item in pairs.item_ids.tolist()], dtype=np.int64) for side in gold)
    wanted = _wanted(pairs, edits, before, after)
    wrong = (wanted != TIE) & (pairs.after != wanted)
    right = (pairs.after == wanted) | (pairs.after == after)
    unasked = pairs.flipped & ~right & chance.known & (len(chance.flips) > 0)
    evidence = {
        ReviewReason.against_gold: (pairs.flipped & (before == after) & (after != TIE) & (pairs.before == before)).astype(float),
        ReviewReason.unexpected_flip: np.where(unasked, 1.0 - chance.probability, 0.0),
        ReviewReason.not_as_edited: wrong.astype(float),
        ReviewReason.groups_disagree: _groups_disagree(pairs, raters or {}),
        ReviewReason.near_tie: _near_tie(pairs),
    }
    terms = {reason: REVIEW_WEIGHTS[reason] * values / 10.0 for reason, values in evidence.items()}
    priority = np.round(np.sum(list(terms.values()), axis=0), 12)  # so that the order of adding up cannot break a tie
    order = np.lexsort((pairs.item_ids, -priority))
    first = [int(row) for row in order[:most] if priority[row] > 0]
    return tuple(
        ReviewItem(
            item_id=str(pairs.item_ids[row]),
            priority=float(priority[row]),
            reasons=_heaviest_first({reason: float(values[row]) for reason, values in terms.items()}),
        )
        for row in first
    )


def _heaviest_first(terms: Mapping[ReviewReason, float]) -> tuple[ReviewReason, ...]:
    return tuple(sorted((reason for reason, term in terms.items() if term > 0), key=lambda reason: -terms[reason]))


def _wanted(pairs: LabelPairs, edits: Sequence[ClauseEdit], before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the label that the edits say each item becomes, TIE where they do not: shape (n_pairs,), int64."""
    if not edits:
        return np.full(len(pairs), TIE, dtype=np.int64)
    said = np.array([TIE if edit.expects_positive is None else int(edit.expects_positive) for edit in edits], dtype=np.int64)
    codes = clause_of_items(pairs, edits).codes
    touched = (codes >= 0) & (codes < len(edits))
    by_clause = np.where(touched, said[np.clip(codes, 0, len(edits) - 1)], TIE)
    by_gold = np.where(touched & (before != TIE) & (before != after), after, TIE)
    return np.where(by_clause != TIE, by_clause, by_gold)


def _near_tie(pairs: LabelPairs) -> np.ndarray:
    shares = (pairs.control.share[pairs.control_rows], pairs.treatment.share[pairs.treatment_rows])
    return np.asarray(1.0 - np.minimum(*(abs(2.0 * share - 1.0) for share in shares)))


def _groups_disagree(pairs: LabelPairs, raters: Mapping[str, Mapping[str, str]]) -> np.ndarray:
    largest = np.zeros(len(pairs))
    for of_rater in raters.values():
        for snapshot, rows in ((pairs.control, pairs.control_rows), (pairs.treatment, pairs.treatment_rows)):
            largest = np.maximum(largest, _spread_of_groups(snapshot, of_rater)[rows])
    return largest


def _spread_of_groups(snapshot: LabelSnapshot, of_rater: Mapping[str, str]) -> np.ndarray:
    """Return the largest less the smallest positive share over the groups with enough ratings of an item: shape (n_items,)."""
    names = sorted(set(of_rater.values()))
    place = {name: k for k, name in enumerate(names)}
    codes = np.array([place.get(of_rater.get(rater, ""), -1) for rater in snapshot.votes.rater_ids.tolist()], dtype=np.int64)
    given = codes[snapshot.votes.rater] if len(codes) else np.zeros(0, dtype=np.int64)
    low, high = np.ones(len(snapshot)), np.zeros(len(snapshot))
    for k in range(len(names)):
        mine = given == k
        count = np.bincount(snapshot.votes.item[mine], minlength=len(snapshot))
        positive = np.bincount(snapshot.votes.item[mine], weights=snapshot.votes.value[mine], minlength=len(snapshot))
        enough = count >= _FEWEST_OF_A_GROUP
        share = positive / np.maximum(count, 1)
        low, high = np.where(enough, np.minimum(low, share), low), np.where(enough, np.maximum(high, share), high)
    return np.asarray(np.maximum(high - low, 0.0))
