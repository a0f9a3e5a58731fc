"""Which labels a change flipped, beside how many flip when the same raters are merely drawn again."""

import numpy as np

from smo_pipelines.domain.labels import LabelSnapshot
from smo_pipelines.domain.records import FlipCount, LabelShift
from smo_pipelines.labels.matching import Matching
from smo_pipelines.labels.redraw import redraw_labels

__all__ = ["label_shift"]

_MOST_GROUPS = 50
_FEWEST_RATINGS = 3


def label_shift(control: LabelSnapshot, treatment: LabelSnapshot, matching: Matching, *, redraws: int = 200) -> LabelShift:
    """Count the matched items whose label differs between the arms, in all and by each item attribute.

    The expected flips are those between two independent redraws of the control's own raters (see
    :func:`smo_pipelines.labels.redraw.redraw_labels`): what two samples of raters like these disagree on when nothing changed. Only
    flips beyond them can be the change's. A redraw can flip only items whose raters disagreed, so this is a lower bound on what
    fresh raters would flip. With one or two ratings an untied item is unanimous and no redraw can flip it, which says nothing about
    other raters; so a group in which most items have fewer than three ratings expects nothing (None) rather than 0.

    Parameters
    ----------
    control, treatment : LabelSnapshot
    matching : Matching
        Of these two snapshots.
    redraws : int
        How many redraws the expectation is taken over; 0 for none.

    Notes
    -----
    Attributes with more than 50 values (ids, dates) are not groups and are left out.
    """
    before, after = control.labels[matching.control_rows], treatment.labels[matching.treatment_rows]
    groups = {"": np.zeros(len(matching), dtype=np.int64)}
    names: dict[str, list[str]] = {"": ["all"]}
    for attribute in sorted(control.attributes):
        values, codes = np.unique(control.attributes[attribute][matching.control_rows], return_inverse=True)
        if 0 < len(values) <= _MOST_GROUPS and any(values):
            groups[attribute], names[attribute] = codes, [str(value) for value in values]
    expected = _redrawn_flips(control, matching, groups, {name: len(found) for name, found in names.items()}, redraws)
    enough = control.n_ratings[matching.control_rows] >= _FEWEST_RATINGS

    def counts(attribute: str) -> tuple[FlipCount, ...]:
        codes, n = groups[attribute], len(names[attribute])
        tallies = [
            np.bincount(codes, weights=chosen, minlength=n).astype(int)
            for chosen in (np.ones(len(codes)), after > before, after < before, enough)
        ]
        arms = ((control, matching.control_rows), (treatment, matching.treatment_rows))
        raters = np.minimum(*(_raters_behind(snapshot, rows, codes, n) for snapshot, rows in arms))
        return tuple(
            _flip_count(name, *(int(tally[i]) for tally in tallies), raters=int(raters[i]), redrawn=expected[attribute][:, i])
            for i, name in enumerate(names[attribute])
        )

    return LabelShift(
        matched_items=len(matching),
        only_control=matching.only_control,
        only_treatment=matching.only_treatment,
        leaked_items=matching.leaked,
        total=counts("")[0],
        by={attribute: counts(attribute) for attribute in names if attribute},
    )


def _redrawn_flips(
    control: LabelSnapshot, matching: Matching, groups: dict[str, np.ndarray], sizes: dict[str, int], redraws: int
) -> dict[str, np.ndarray]:
    """Return, by attribute, the flips between each redraw and the one before it (row) in each group (column)."""
    flips = {attribute: np.zeros((redraws, size)) for attribute, size in sizes.items()}
    after = redraw_labels(control, redraw=redraws)[matching.control_rows]
    for redraw in range(redraws):
        before, after = after, redraw_labels(control, redraw=redraw)[matching.control_rows]
        flipped = before != after
        for attribute, codes in groups.items():
            flips[attribute][redraw] = np.bincount(codes, weights=flipped, minlength=sizes[attribute])
    return flips


def _raters_behind(snapshot: LabelSnapshot, rows: np.ndarray, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Return how many raters rated the matched items of each group: shape (n_groups,)."""
    group_of_item = np.full(len(snapshot), -1, dtype=np.int64)
    group_of_item[rows] = codes
    group = group_of_item[snapshot.votes.item]
    known = group >= 0
    n_raters = max(1, len(snapshot.votes.rater_ids))
    pairs = np.unique(group[known] * n_raters + snapshot.votes.rater[known])
    return np.bincount(pairs // n_raters, minlength=n_groups)


def _flip_count(
    group: str, items: int, to_positive: int, to_negative: int, enough: int, *, raters: int, redrawn: np.ndarray
) -> FlipCount:
    known = len(redrawn) > 0 and items > 0 and 2 * enough >= items
    low, high = np.quantile(redrawn, [0.025, 0.975]) if known else (0.0, 0.0)
    return FlipCount(
        group=group,
        items=items,
        to_positive=to_positive,
        to_negative=to_negative,
        expected=float(redrawn.mean()) if known else None,
        expected_low=float(low) if known else None,
        expected_high=float(high) if known else None,
        raters=raters,
    )
