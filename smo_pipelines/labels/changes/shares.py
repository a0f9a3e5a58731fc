"""How the share of positive labels changed, on the items of both arms and by the items of one arm alone."""

import numpy as np

from smo_pipelines.domain.effects import Interval, NotEstimable, Question, WhyNot
from smo_pipelines.domain.label_changes import ShareShift
from smo_pipelines.domain.labels import TIE, LabelSnapshot
from smo_pipelines.labels.changes.pairs import LabelPairs
from smo_pipelines.labels.changes.redraws import FEWEST_RATINGS, Redraws
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm
from smo_pipelines.stats.random_raters import MIN_RATERS, MIN_REDRAWS, rater_inflation

__all__ = ["matched_shift", "mix_shift"]


def matched_shift(redraws: Redraws, chosen: np.ndarray | None = None) -> ShareShift | NotEstimable:
    """Return the change of the positive share on the items that both arms label, paired by item and by rater.

    With d_i the change of item i's label (-1, 0 or 1) over n items, ``change = mean d``. Its variance has an item part,
    ``sum (d_i - mean d)^2 / (n (n - 1))``, and a rater part, the variance of the change over redraws of the raters times
    ``h = 1.25 (R + 4) / (R - 1)`` for R effective raters. The redraws weigh a rater alike in both arms, so what the same raters do
    in both cancels. The half-width is ``sqrt(t^2 V_raters + z^2 V_items)`` with ``1/(1/(m(B - 1)) + 1/(m(R - 1)))`` degrees of
    freedom over B redraws, m = 1 when the arms share raters and 2 when not: the interval of
    :mod:`smo_pipelines.stats.random_raters` for a number that has no run variance. It is about items and raters like these, and
    wide rather than narrow: what rating noise adds to an item is in both parts.

    Parameters
    ----------
    redraws : Redraws
    chosen : ndarray of shape (n_pairs,), bool, optional
        The items of a group; all by default.
    """
    pairs = redraws.pairs
    kept = pairs.matched if chosen is None else pairs.matched & chosen
    before, after = pairs.before[kept].astype(float), pairs.after[kept].astype(float)
    n, change = len(before), after - before
    if n < 2:
        return _none(WhyNot.no_items, f"{n} such items are labelled by both arms; a change of their share needs 2", matched_items=n)
    ratings = np.minimum(pairs.control.n_ratings[pairs.control_rows], pairs.treatment.n_ratings[pairs.treatment_rows])[kept]
    few = int((ratings < FEWEST_RATINGS).sum())
    redrawn = redraws.treatment[:, pairs.treatment_rows[kept]].mean(axis=1) - redraws.control[:, pairs.control_rows[kept]].mean(
        axis=1
    )
    return _shift(
        redraws,
        levels=(float(before.mean()), float(after.mean())),
        change=float(change.mean()),
        item_variance=float(change.var(ddof=1)) / n,
        redrawn=redrawn,
        few_ratings=0 if _same_ratings(pairs, kept) else few,
        n_items=n,
    )


def mix_shift(redraws: Redraws) -> ShareShift | NotEstimable:
    """Return what the items that one arm alone labels add to the difference of the arms' positive shares.

    An arm's mix is its positive share over all untied items less that over the matched ones; the change is the treatment's mix
    less the control's. So ``matched change + mix change`` is the whole difference of the arms' positive shares. ``control`` and
    ``treatment`` are the arms' whole shares. The item part of the variance sums the squared influence of every item, matched ones
    once for both arms.
    """
    pairs = redraws.pairs
    rows = (pairs.control_rows[pairs.matched], pairs.treatment_rows[pairs.matched])
    untied = [snapshot.labels != TIE for snapshot in (pairs.control, pairs.treatment)]
    alone = sum(int(column.sum()) - len(matched) for column, matched in zip(untied, rows, strict=True))
    if not len(rows[0]) or not alone:
        why = "no item is labelled by both arms" if alone else "both arms label the same items"
        return _none(WhyNot.no_items, f"{why}, so there is no part of the items' mix", only_one_arm=alone)
    sides = _Side(pairs.control, rows[0], redraws.control), _Side(pairs.treatment, rows[1], redraws.treatment)
    control, treatment = sides
    own = [np.delete(side.influence, side.rows) for side in sides]
    both = treatment.influence[treatment.rows] - control.influence[control.rows]
    few = sum(int((side.snapshot.n_ratings[side.untied] < FEWEST_RATINGS).sum()) for side in sides) // 2
    return _shift(
        redraws,
        levels=(control.share, treatment.share),
        change=treatment.mix - control.mix,
        item_variance=float(sum((part**2).sum() for part in (*own, both))),
        redrawn=treatment.redrawn_mix - control.redrawn_mix,
        few_ratings=few,
        n_items=alone + len(both),
    )


class _Side:
    """One arm: its untied items, the matched ones among them, and what the others do to its positive share."""

    def __init__(self, snapshot: LabelSnapshot, rows: np.ndarray, redrawn: np.ndarray) -> None:
        self.snapshot, self.rows = snapshot, rows
        self.untied = snapshot.labels != TIE
        self.share = float(snapshot.labels[self.untied].mean())
        matched = float(snapshot.labels[rows].mean())
        self.mix = self.share - matched
        self.redrawn_mix = redrawn[:, self.untied].mean(axis=1) - redrawn[:, rows].mean(axis=1)
        # of each item on the mix: its weight in the share of all less its weight in the share of the matched
        self.influence = np.where(self.untied, (snapshot.labels - self.share) / int(self.untied.sum()), 0.0)
        self.influence[rows] -= (snapshot.labels[rows] - matched) / len(rows)


def _same_ratings(pairs: LabelPairs, kept: np.ndarray) -> bool:
    return bool(pairs.nested[kept].all())


def _shift(
    redraws: Redraws,
    *,
    levels: tuple[float, float],
    change: float,
    item_variance: float,
    redrawn: np.ndarray,
    few_ratings: int,
    n_items: int,
) -> ShareShift | NotEstimable:
    raters, draws = redraws.effective_raters, len(redrawn)
    if raters < MIN_RATERS:
        sentence = f"an arm has {raters:.1f} effective raters: an interval about raters like these needs {MIN_RATERS:.0f}"
        return _none(WhyNot.few_raters, sentence, effective_raters=int(raters))
    if draws < MIN_REDRAWS:
        return _none(WhyNot.few_redraws, f"the raters were redrawn {draws} times, and {MIN_REDRAWS} are needed", redraws=draws)
    if 2 * few_ratings > n_items:
        sentence = "most items have fewer than three ratings in an arm, so redrawing raters does not show what others would say"
        return _none(WhyNot.few_ratings, sentence, items_with_few_ratings=few_ratings)
    rater_variance = rater_inflation(raters) * float(redrawn.var(ddof=1))
    if item_variance + rater_variance == 0.0:
        return _none(WhyNot.no_run_variance, "no label differs, in the arms or in any redraw of their raters", redraws=draws)
    m = 1.0 if redraws.shared_raters else 2.0
    df = 1.0 / (1.0 / (m * (draws - 1.0)) + 1.0 / (m * (raters - 1.0)))
    terms = (
        VarianceTerm(source="items", variance=item_variance, df=float("inf")),
        VarianceTerm(source="raters", variance=rater_variance, df=df),
    )
    combined = CombinedEstimate(estimate=change, terms=terms)
    low, high = combined.interval(0.05)
    return ShareShift(
        control=levels[0],
        treatment=levels[1],
        change=change,
        interval=Interval(low=low, high=high),
        p=combined.p_two_sided(),
        variances={term.source: term.variance for term in terms},
        n_items=n_items,
        effective_raters=raters,
        redraws=draws,
    )


def _none(code: WhyNot, sentence: str, **counts: int) -> NotEstimable:
    return NotEstimable(question=Question(metric="positive_share", on="matched items"), code=code, sentence=sentence, counts=counts)
