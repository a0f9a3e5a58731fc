"""Intervals of shares, means, ratios and medians of ratings, which repeat items and raters.

Ratings of one item, and ratings by one rater, are alike, so their number overstates what they tell. The variance is that of two-way
clusters: over items, plus over raters, minus over single ratings, which are in both.

References
----------
Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2011). Robust inference with multiway clustering. J. Bus. Econ. Stat. 29, 238-249.
Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. J. Am. Stat. Assoc. 22, 209-212.
Woodruff, R. S. (1952). Confidence intervals for medians and other position measures. J. Am. Stat. Assoc. 47, 635-646.
"""

import math

import numpy as np
from scipy import special

from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.agreement_interval import MIN_RATERS
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm

__all__ = ["Clusters", "linear_interval", "median_interval", "share_interval", "wilson", "winsorised"]


def wilson(share: float, n: float, *, level: float = 0.95) -> Interval:
    """Return Wilson's interval of a share seen in n independent tries (a fraction where tries are not independent).

    Examples
    --------
    >>> one = wilson(0.9, 10)
    >>> round(one.low, 3), round(one.high, 3)
    (0.596, 0.982)
    """
    z2 = float(special.ndtri(0.5 + 0.5 * level)) ** 2
    centre = (share + 0.5 * z2 / n) / (1.0 + z2 / n)
    half = math.sqrt(z2 * share * (1.0 - share) / n + 0.25 * (z2 / n) ** 2) / (1.0 + z2 / n)
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half), level=level)


class Clusters:
    """Which item and which rater each of some ratings belongs to.

    Parameters
    ----------
    item, rater : ndarray of shape (n_ratings,), int
    random_raters : bool
        False where all ratings are one rater's: then the claim is about this rater and only items vary.

    Raises
    ------
    CannotEstimate
        With fewer than 5 raters where raters are random: their spread is not known.
    """

    def __init__(self, item: np.ndarray, rater: np.ndarray, *, random_raters: bool = True) -> None:
        self.items, self._item = _codes(item)
        self.raters, self._rater = _codes(rater)
        self.random_raters = random_raters
        if random_raters and self.raters < MIN_RATERS:
            raise CannotEstimate(
                WhyNot.few_raters,
                f"{self.raters} raters cannot show how far other raters would differ; {MIN_RATERS} are needed",
                raters=self.raters,
            )

    def estimate(self, value: float, influence: np.ndarray) -> CombinedEstimate:
        """Return a linear estimate with its variance.

        Parameters
        ----------
        value : float
        influence : ndarray of shape (n_ratings,)
            How much each rating moves the value, with sum 0.
        """
        by_item = _cluster_variance(np.bincount(self._item, weights=influence, minlength=self.items))
        terms = [VarianceTerm(source="items", variance=by_item, df=max(self.items - 1, 1))]
        if self.random_raters:
            by_rater = _cluster_variance(np.bincount(self._rater, weights=influence, minlength=self.raters))
            surplus = max(by_rater - _cluster_variance(influence), 0.0)
            terms.append(VarianceTerm(source="raters", variance=surplus, df=self.raters - 1))
        return CombinedEstimate(estimate=value, terms=tuple(terms))


def _codes(names: np.ndarray) -> tuple[int, np.ndarray]:
    found, codes = np.unique(names, return_inverse=True)
    return len(found), codes


def _cluster_variance(sums: np.ndarray) -> float:
    n = len(sums)
    return n / (n - 1.0) * float(sums @ sums) if n > 1 else float(sums @ sums)


def linear_interval(value: float, influence: np.ndarray, clusters: Clusters, *, level: float = 0.95) -> Interval:
    """Return the interval of a mean, ratio or other smooth number from its influence values (see :meth:`Clusters.estimate`).

    Raises
    ------
    CannotEstimate
        With fewer than two items.
    """
    if clusters.items < 2:
        raise CannotEstimate(WhyNot.few_items, "one item cannot show how far items differ", items=clusters.items)
    low, high = clusters.estimate(value, influence).interval(1.0 - level)
    return Interval(low=low, high=high, level=level)


def share_interval(hits: np.ndarray, clusters: Clusters, *, level: float = 0.95) -> Interval:
    """Return Wilson's interval of a share, with as many tries as independent ratings would need for the same half-width.

    Where nothing varies (all hits or none) the ratings are taken to be as alike as they can be: as many tries as raters, or as
    items where the claim is about one rater.

    Parameters
    ----------
    hits : ndarray of shape (n_ratings,), bool
    clusters : Clusters
    """
    share, n = float(hits.mean()), len(hits)
    if share in (0.0, 1.0):
        worst = min(clusters.items, clusters.raters) if clusters.random_raters else clusters.items
        return wilson(share, worst, level=level)
    half = clusters.estimate(share, (hits - share) / n).half_width(1.0 - level)
    z = float(special.ndtri(0.5 + 0.5 * level))
    tries = z * z * share * (1.0 - share) / (half * half) if half > 0 else n
    return wilson(share, min(tries, n), level=level)


def median_interval(values: np.ndarray, clusters: Clusters, *, level: float = 0.95) -> Interval:
    """Return Woodruff's interval of a median: the quantiles at the ends of the interval of the share below the median."""
    bounds = share_interval(values <= np.median(values), clusters, level=level)
    # the share at or below the median is a half or more where values tie; the interval is laid around a half
    half = 0.5 * (bounds.high - bounds.low)
    low, high = np.quantile(values, [max(0.0, 0.5 - half), min(1.0, 0.5 + half)])
    return Interval(low=float(low), high=float(high), level=level)


def winsorised(values: np.ndarray, share: float = 0.05) -> np.ndarray:
    """Return the values with both tails drawn in to their quantiles: a rater who left for lunch counts as a slow one."""
    low, high = np.quantile(values, [share, 1.0 - share])
    return np.asarray(np.clip(values, low, high))
