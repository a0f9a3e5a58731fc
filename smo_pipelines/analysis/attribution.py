"""The change of a metric, split over the parts of the change that made it.

Every coalition of parts was labelled and fitted with the same seeds, and scored on the same items. So each share is a contrast of runs
by seed and of influence values by item, and has the interval of one (:mod:`smo_pipelines.stats.shapley`). An interval that excludes 0
does not name a cause by itself: relabelling moves a model even where nothing changed. Beside each part stands what as many labels did
that were flipped by redrawing the control's raters, each such draw with one seed, paired with the control's run of that seed. A draw of
one seed varies more than a mean over seeds, so the limit is on the careful side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from smo_pipelines.analysis.compare import alpha_of
from smo_pipelines.analysis.measure import Asked, ExpandedArm, control_threshold, expand
from smo_pipelines.analysis.questions import find_benchmark
from smo_pipelines.analysis.selection import Selection, select_items
from smo_pipelines.domain.attribution import CauseVerdict, Contrast, HeadAgreement, Player, Share, Split
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable, Question, Role, WhyNot
from smo_pipelines.domain.experiments import Effect, Experiment, RaterClaim, ReplicateKind
from smo_pipelines.domain.phrases import amount, unit_of
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.shapley import contrast_estimate, first_in, shapley, swap_back

__all__ = ["NULL_DRAWS", "PlayedGame", "head_agreement", "split_effect"]

NULL_DRAWS = 19
"""Null draws a part: the largest of 19 is passed by chance once in twenty times."""

_BEYOND = 0.95
_DIFFERS_BY = 2.0
_FEWEST_QUESTIONS = 4
_Values = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlayedGame:
    """Every coalition of a game, fitted and scored.

    Attributes
    ----------
    coalitions : tuple of ArmRuns
        By bit mask, each with the same seeds index by index: fits on its labels and, for a claim about raters, on redraws of them.
    nulls : mapping of int to ArmRuns
        By player: fits on the control's labels with as many of them flipped by redraws, each with the seed of one control fit.
    effective_raters : float
        Of the arm that has fewer, as is ``max_ratings_an_item``.
    """

    players: tuple[Player, ...]
    coalitions: tuple[ArmRuns, ...]
    nulls: Mapping[int, ArmRuns]
    effective_raters: float
    max_ratings_an_item: int


def split_effect(
    question: Question, played: PlayedGame, *, on: Sequence[Benchmark], experiment: Experiment, fine_tuned: Effect | None = None
) -> Split | NotEstimable:
    """Split the change of one metric over the parts of the change.

    Parameters
    ----------
    fine_tuned : EffectEstimate or NotEstimable, optional
        What the experiment itself found for this question.

    Raises
    ------
    UnknownName
        When the question names a metric or benchmark that does not exist.
    BenchmarkError
        When a coalition was not scored, or was scored on another version of a benchmark.
    """
    try:
        return _Measured.of(question, played, find_benchmark(question.on, on), experiment).split(fine_tuned)
    except CannotEstimate as error:
        return NotEstimable(question=question, code=WhyNot(error.code), sentence=error.sentence, counts=error.counts)


def head_agreement(*, head: str, same_classifier: bool, fast: Sequence[Effect], fine_tuned: Sequence[Effect]) -> HeadAgreement:
    """Return whether a fast head sees the whole change as the experiment's own classifier does.

    Parameters
    ----------
    fast, fine_tuned : sequence of EffectEstimate or NotEstimable
        The answers of both to the experiment's questions.
    """
    found = {effect.question: effect.estimate for effect in fast if isinstance(effect, EffectEstimate)}
    both = [
        (e.question, found[e.question], e.estimate) for e in fine_tuned if isinstance(e, EffectEstimate) and e.question in found
    ]
    primary = next(((one, other) for question, one, other in both if question.role is Role.primary), None)
    pairs = np.array([(one, other) for _, one, other in both], dtype=np.float64).reshape(-1, 2)
    ranked = len(pairs) >= _FEWEST_QUESTIONS and bool((np.ptp(pairs, axis=0) > 0).all())
    return HeadAgreement(
        head=head,
        same_classifier=same_classifier,
        same_sign=None if primary is None else primary[0] * primary[1] > 0,
        rank=float(stats.spearmanr(pairs[:, 0], pairs[:, 1]).statistic) if ranked else None,
        questions=len(pairs),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Measured:
    """One metric of every coalition: values (2**n, n_runs), influences (2**n, n_runs, n_items), redraws (2**n, n_redraws)."""

    question: Question
    played: PlayedGame
    selection: Selection
    alpha: float
    random: bool
    values: np.ndarray
    influences: np.ndarray
    redraws: np.ndarray
    nulls: Mapping[int, np.ndarray]

    @classmethod
    def of(cls, question: Question, played: PlayedGame, benchmark: Benchmark, experiment: Experiment) -> "_Measured":
        metric, selection = get_metric(question.metric), select_items(question, benchmark, experiment)
        if metric.expansion is None:
            why = metric.no_interval or "its interval comes from a bootstrap of the two arms, which does not split"
            raise CannotEstimate(WhyNot.no_interval, f"its shares have no interval: {why}")
        control = played.coalitions[0]
        at = control_threshold(control)

        def measure(arm: ArmRuns) -> ExpandedArm:
            return expand(Asked(question, selection), arm, benchmark, at)

        arms = [measure(arm) for arm in played.coalitions]
        seeds = [run.id.seed for run in control.of_kind(ReplicateKind.snapshot)]
        by_seed = dict(zip(seeds, arms[0].runs.values, strict=True))
        nulls = {}
        for player, runs in played.nulls.items():
            moved = measure(runs).runs.values
            still = [by_seed[run.id.seed] for run in runs.of_kind(ReplicateKind.snapshot)]
            nulls[player] = np.abs(moved - np.array(still))
        return cls(
            question=question,
            played=played,
            selection=selection,
            alpha=alpha_of(experiment),
            random=experiment.raters is RaterClaim.random,
            values=np.stack([arm.runs.values for arm in arms]),
            influences=np.stack([arm.runs.influences for arm in arms]),
            redraws=np.stack([arm.redraws for arm in arms]),
            nulls=nulls,
        )

    def split(self, fine_tuned: Effect | None) -> Split:
        shares = [self._share(player) for player in range(len(self.played.players))]
        return Split(
            question=self.question,
            direction=get_metric(self.question.metric).direction,
            control=float(self.values[0].mean()),
            treatment=float(self.values[-1].mean()),
            change=self._contrast(lambda values: values[-1] - values[0])[0],
            fine_tuned=Contrast(estimate=fine_tuned.estimate, interval=fine_tuned.interval)
            if isinstance(fine_tuned, EffectEstimate)
            else None,
            shares=tuple(sorted(shares, key=lambda one: (one.verdict is CauseVerdict.within_noise, -abs(one.shapley.estimate)))),
        )

    def _contrast(self, of: _Values) -> tuple[Contrast, str]:
        """Return a contrast of the coalitions, and why it has no interval where it has none."""
        runs = ArmMetrics(of(self.values), of(self.influences))
        if not runs.values.any() and not of(self.redraws).any():
            return Contrast(estimate=0.0), "it changes no run, under any labels of the other parts"
        try:
            estimate = contrast_estimate(
                runs,
                self.selection.clusters,
                redraws=of(self.redraws) if self.random else None,
                effective_raters=self.played.effective_raters,
                max_ratings_an_item=self.played.max_ratings_an_item,
            )
        except CannotEstimate as error:
            return Contrast(estimate=runs.mean), error.sentence
        low, high = estimate.interval(self.alpha)
        return Contrast(estimate=estimate.estimate, interval=Interval(low=low, high=high, level=1.0 - self.alpha)), ""

    def _share(self, player: int) -> Share:
        def one(contrasts: _Values) -> _Values:
            return lambda values: np.asarray(contrasts(values)[player])

        share, why_none = self._contrast(one(shapley))
        alone, _ = self._contrast(one(first_in))
        back, _ = self._contrast(one(swap_back))
        between, _ = self._contrast(lambda values: np.asarray((first_in(values) - swap_back(values))[player]))
        drawn = self.nulls.get(player)
        limit = None if drawn is None or not len(drawn) else float(np.quantile(drawn, _BEYOND, method="higher"))
        verdict, sentence = self._judge(share, alone, back, between, limit, why_none)
        return Share(
            player=self.played.players[player].name,
            shapley=share,
            first_in=alone,
            swap_back=back,
            null_limit=limit,
            verdict=verdict,
            sentence=sentence,
        )

    def _judge(
        self, share: Contrast, alone: Contrast, back: Contrast, between: Contrast, limit: float | None, why_none: str
    ) -> tuple[CauseVerdict, str]:
        ends = alone.estimate, back.estimate
        larger, smaller = max(map(abs, ends)), min(map(abs, ends))
        differ = ends[0] * ends[1] < 0 or larger > _DIFFERS_BY * smaller
        if differ and _excludes_zero(between) and larger > (limit or 0.0):
            said = f"alone it does {self._said(ends[0])}, and taking it back loses {self._said(ends[1])}"
            return CauseVerdict.interacting, f"{said}: what it does depends on the other parts"
        if share.interval is None:
            return CauseVerdict.within_noise, why_none
        if not _excludes_zero(share):
            return CauseVerdict.within_noise, "its interval holds 0"
        if limit is None:
            return CauseVerdict.cause, "its interval excludes 0; no redraw of the raters flips a label to compare it with"
        if abs(share.estimate) <= limit:
            return (
                CauseVerdict.within_noise,
                f"its interval excludes 0, and as many labels flipped by redrawing raters moved the metric by up to {self._said(limit)}",
            )
        return (
            CauseVerdict.cause,
            f"its interval excludes 0, and as many labels flipped by redrawing raters moved the metric by {self._said(limit)} at most",
        )

    def _said(self, value: float) -> str:
        metric = self.question.metric
        return f"{amount(metric, value):+.1f} points" if unit_of(metric) else f"{value:+.3f}"


def _excludes_zero(contrast: Contrast) -> bool:
    return contrast.interval is not None and 0.0 not in contrast.interval
