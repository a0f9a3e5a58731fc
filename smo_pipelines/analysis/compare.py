"""From the runs of two arms to one answer a question: an estimate with its interval, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from smo_pipelines.analysis.measure import MeasuredArm, control_threshold, mean_of_runs, measure_arm
from smo_pipelines.analysis.notes import Note
from smo_pipelines.analysis.questions import asks_the_same, find_benchmark, questions_of
from smo_pipelines.analysis.selection import Selection, select_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.effects import EffectEstimate, Estimand, Interval, NotEstimable, Question, ThresholdKind, WhyNot
from smo_pipelines.domain.experiments import Effect, Experiment, RaterClaim, ReplicateKind
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import WELCH_FROM, CrossedComponents, crossed_components, crossed_estimate
from smo_pipelines.stats.intervals import CombinedEstimate
from smo_pipelines.stats.metrics import get_metric
from smo_pipelines.stats.noninferiority import p_beyond_margin
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign, random_raters_estimate

__all__ = ["alpha_of", "compare"]

FEW_RATERS = 15.0
"""Below so many effective raters an estimate says that it rests on few."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answer:
    """What all questions that ask the same share."""

    control: MeasuredArm
    treatment: MeasuredArm
    selection: Selection
    difference: CombinedEstimate
    method: str
    notes: tuple[str, ...]
    threshold: str


@dataclass(frozen=True, kw_only=True, eq=False)
class _Arms:
    """Both arms, and what about them is the same for every question."""

    control: ArmRuns
    treatment: ArmRuns
    experiment: Experiment

    @property
    def runs(self) -> int:
        """Fits on actual labels, both arms together."""
        return sum(len(arm.of_kind(ReplicateKind.snapshot)) for arm in (self.control, self.treatment))

    @property
    def redraws(self) -> int:
        """Fits on redrawn raters, both arms together."""
        return sum(len(arm.of_kind(ReplicateKind.redraw)) for arm in (self.control, self.treatment))

    @property
    def effective_raters(self) -> float | None:
        """The smaller arm's effective raters, where known."""
        facts = [arm.raters for arm in (self.control, self.treatment) if arm.raters is not None]
        return min(f.effective_raters for f in facts) if len(facts) == 2 else None

    @property
    def shared_seeds(self) -> bool:
        """Whether the arms' fits of each kind used the same seeds, index by index."""

        def seeds(arm: ArmRuns) -> list[list[int]]:
            return [[run.id.seed for run in arm.of_kind(kind)] for kind in ReplicateKind]

        return seeds(self.control) == seeds(self.treatment)

    @property
    def raters_disjoint(self) -> bool:
        """Whether no rater worked in both arms; read from the recipes where who rated is not known."""
        one, other = self.control.raters, self.treatment.raters
        if one is None or other is None:
            recipes = self.experiment.control, self.experiment.treatment
            return recipes[0].pool != recipes[1].pool or recipes[0].rater_half != recipes[1].rater_half
        return one.rater_ids.isdisjoint(other.rater_ids)


def alpha_of(experiment: Experiment) -> float:
    """Return the two-sided error rate of each interval: the policy's, shared among the looks at the same data (Bonferroni)."""
    return experiment.rule.policy.alpha / experiment.looks


def _run_variances_differ(parts: CrossedComponents, control_runs: int, treatment_runs: int) -> bool:
    control, treatment = parts.run_variances
    if control == 0.0 or treatment == 0.0:
        return True
    tail = float(stats.f.cdf(treatment / control, treatment_runs - 1, control_runs - 1))
    return not 0.01 <= tail <= 0.99


def _over_raters(
    arms: _Arms, control: MeasuredArm, treatment: MeasuredArm, parts: CrossedComponents
) -> tuple[CombinedEstimate, str, list[str]]:
    """Return the difference with an interval over raters like these, its method, and notes."""
    facts = (arms.control.raters, arms.treatment.raters)
    if facts[0] is None or facts[1] is None:
        raise CannotEstimate(
            WhyNot.few_raters, "who rated is not known, so nothing can be said about other raters; set raters: fixed"
        )
    measured = [
        RaterArm(arm.runs.values, arm.redraws, fact.effective_raters, fact.max_ratings_an_item)
        for arm, fact in zip((control, treatment), (facts[0], facts[1]), strict=True)
    ]
    design = RaterDesign.disjoint if arms.raters_disjoint else RaterDesign.same
    difference = random_raters_estimate(measured[0], measured[1], design, shared_seeds=arms.shared_seeds, items=parts.item_term)
    notes: list[str] = []
    if design is RaterDesign.same and facts[0].rater_ids != facts[1].rater_ids:
        notes.append(Note.partly_shared_raters)
    if min(facts[0].effective_raters, facts[1].effective_raters) < FEW_RATERS:
        notes.append(Note.few_raters)
    paired = ", shared seeds" if arms.shared_seeds and design is RaterDesign.same else ""
    return difference, f"redraws of raters, {design} raters{paired}; items by influence values", notes


def _over_runs(
    arms: _Arms, control: MeasuredArm, treatment: MeasuredArm, selection: Selection
) -> tuple[CombinedEstimate, str, list[str]]:
    """Return the difference with the crossed interval for these raters, its method, and notes."""
    difference = crossed_estimate(control.runs, treatment.runs, selection.clusters)
    degrees = "pooled" if min(len(control.runs.values), len(treatment.runs.values)) < WELCH_FROM else "Welch"
    notes: list[str] = [] if arms.control.raters is not None and arms.treatment.raters is not None else [Note.no_rater_facts]
    if arms.raters_disjoint:
        notes.append(Note.disjoint_fixed_raters)
    return difference, f"crossed interval over runs and items, {degrees} degrees of freedom", notes


def _answer(question: Question, benchmark: Benchmark, arms: _Arms) -> _Answer:
    selection = select_items(question, benchmark, arms.experiment)
    for arm, name in ((arms.control, "control"), (arms.treatment, "treatment")):
        if not arm.of_kind(ReplicateKind.snapshot):
            raise CannotEstimate(WhyNot.one_run, f"{name} has no run on its actual labels", runs=0)
    at, metric = control_threshold(arms.control), get_metric(question.metric)
    if not metric.has_interval:
        levels = [mean_of_runs(question, arm, benchmark, selection, at) for arm in (arms.control, arms.treatment)]
        raise CannotEstimate(
            WhyNot.no_interval,
            f"{levels[0]:.3f} in the control and {levels[1]:.3f} in the treatment, means over runs, with no interval: {metric.no_interval}",
        )
    control, treatment = (measure_arm(question, arm, benchmark, selection, at) for arm in (arms.control, arms.treatment))
    parts = crossed_components(control.runs, treatment.runs, selection.clusters)
    if arms.experiment.raters is RaterClaim.random:
        difference, method, notes = _over_raters(arms, control, treatment, parts)
    else:
        difference, method, notes = _over_runs(arms, control, treatment, selection)
    if _run_variances_differ(parts, len(control.runs.values), len(treatment.runs.values)):
        notes.append(Note.unequal_run_variance)
    if benchmark.diagnostic:
        notes.append(Note.diagnostic_benchmark)
    if not metric.thresholded:
        threshold = "no threshold"
    elif question.threshold is ThresholdKind.control:
        threshold = f"the control's mean threshold ({at:.4g}) in every run"
    else:
        threshold = "each run's own tuned threshold"
    return _Answer(
        control=control,
        treatment=treatment,
        selection=selection,
        difference=difference,
        method=method,
        notes=tuple(notes),
        threshold=threshold,
    )


def _effect(question: Question, margin: float | None, answer: _Answer, arms: _Arms) -> EffectEstimate:
    metric, alpha = get_metric(question.metric), alpha_of(arms.experiment)
    low, high = answer.difference.interval(alpha)
    random = arms.experiment.raters is RaterClaim.random
    return EffectEstimate(
        question=question,
        direction=metric.direction,
        control=answer.control.runs.mean,
        treatment=answer.treatment.runs.mean,
        interval=Interval(low=low, high=high, level=1.0 - alpha),
        p=answer.difference.p_two_sided(),
        method=answer.method,
        estimand=Estimand(
            items=answer.selection.described,
            raters="raters like these" if random else "these raters only",
            training_items="these training items",
            gold=f"gold of guideline {answer.selection.gold}",
            threshold=answer.threshold,
        ),
        n_items=len(answer.selection.rows),
        n_clusters=answer.selection.n_clusters,
        n_runs=arms.runs,
        n_redraws=arms.redraws if random else 0,
        effective_raters=arms.effective_raters,
        margin=margin,
        p_beyond_margin=None if margin is None else p_beyond_margin(answer.difference, margin, metric.direction.sign),
        components={term.source: term.variance for term in answer.difference.terms},
        notes=answer.notes,
    )


def compare(control: ArmRuns, treatment: ArmRuns, *, on: Sequence[Benchmark], experiment: Experiment) -> tuple[Effect, ...]:
    """Answer every question of an experiment from the runs of its arms.

    The point estimate is the difference of the means over runs on the arms' actual labels; redraws of raters give variance only.
    With ``raters: fixed`` the interval is over runs and items; with ``raters: random`` it is over raters too.

    Returns
    -------
    tuple of EffectEstimate or NotEstimable
        One a question, in the order of :func:`smo_pipelines.analysis.questions.questions_of`.

    Raises
    ------
    UnknownName
        When a question names a metric or benchmark that does not exist.
    BenchmarkError
        When a run was not scored, or was scored on another version of a benchmark.
    """
    arms = _Arms(control=control, treatment=treatment, experiment=experiment)
    answers: dict[tuple[str, ...], _Answer | CannotEstimate] = {}
    effects: list[Effect] = []
    for question, margin in questions_of(experiment, on):
        benchmark = find_benchmark(question.on, on)
        key = asks_the_same(question, benchmark, experiment)
        if key not in answers:
            try:
                answers[key] = _answer(question, benchmark, arms)
            except CannotEstimate as error:
                answers[key] = error
        answer = answers[key]
        if isinstance(answer, CannotEstimate):
            effects.append(
                NotEstimable(
                    question=question, code=WhyNot(answer.code), sentence=answer.sentence, counts=answer.counts, margin=margin
                )
            )
        else:
            effects.append(_effect(question, margin, answer, arms))
    return tuple(effects)
