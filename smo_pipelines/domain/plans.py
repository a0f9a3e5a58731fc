"""What is planned before an experiment is trained: the spread that its numbers will have, and the power that follows from it."""

import math
from dataclasses import dataclass

__all__ = ["VarianceComponents"]


@dataclass(frozen=True, kw_only=True)
class VarianceComponents:
    """Where the difference of one metric between two arms gets its spread from, each part for one run and one unit.

    Attributes
    ----------
    sd_seed : float
        Standard deviation between the runs of one arm on endless items, in the metric's unit.
    sd_item : float
        Standard deviation over units of the difference of the arms' mean influence values, without churn.
    sd_seed_by_item : float
        Churn: the standard deviation of one run's influence value around its arm's mean for that unit.
    sd_rater : float, optional
        Standard deviation of one arm's metric when its raters are drawn again; of the difference it is ``sqrt(2)`` of that. None
        where raters were never redrawn.
    effective_raters : float, optional
        Of an arm, when ``sd_rater`` was measured.
    same_raters : bool
        Whether ``sd_rater`` is that of arms rated by the same raters, in whose difference a part of it cancels.
    seed_correlation : float
        Between the metrics of two arms' runs with one seed; 0 where it was not measured, which plans for too much spread.
    run_df, redraw_df : float
        Degrees of freedom of the run and the rater variance: from how many fits the components are known.
    units : int
        Independent units of the benchmark they were measured on: items, or clusters of items.
    """

    sd_seed: float
    sd_item: float
    sd_seed_by_item: float
    sd_rater: float | None = None
    effective_raters: float | None = None
    same_raters: bool = False
    seed_correlation: float = 0.0
    run_df: float
    redraw_df: float | None = None
    units: int

    def __post_init__(self) -> None:
        sds = [self.sd_seed, self.sd_item, self.sd_seed_by_item, *([] if self.sd_rater is None else [self.sd_rater])]
        if not all(math.isfinite(sd) and sd >= 0.0 for sd in sds):
            raise ValueError(f"a standard deviation is a finite number of at least 0: {self}")
        if (self.sd_rater is None) != (self.effective_raters is None) or (self.sd_rater is None) != (self.redraw_df is None):
            raise ValueError("a rater standard deviation goes with the effective raters and the redraws it was measured with")
        if not (-1.0 <= self.seed_correlation <= 1.0 and self.run_df > 0.0 and self.units >= 2):
            raise ValueError(f"not a measurement of at least two runs on at least two units: {self}")
