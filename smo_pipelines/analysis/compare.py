"""From the runs of two arms to one answer a question: an estimate with its interval, or why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from smo_pipelines.analysis.measure import Asked, Measured, control_threshold, measure
from smo_pipelines.analysis.notes import Note
from smo_pipelines.analysis.questions import asks_the_same, find_benchmark, questions_of
from smo_pipelines.analysis.selection import Selection, select_items
from smo_pipelines.analysis.variance import narrowing, split_variance, what_would_narrow
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.effects import EffectEstimate, Estimand, Interval, NotEstimable, Question, WhyNot
from smo_pipelines.domain.experiments import Effect, Experiment, RaterClaim, ReplicateKind
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.bootstrap import DRAWS
from smo_pipelines.stats.crossed import CrossedComponents
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

    measured: Measured
    selection: Selection
    difference: CombinedEstimate
    checks: Mapping[str, CombinedEstimate]
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
        """Whether every fit of the arm with fewer has its seed in the other arm too, for each kind of fit."""

        def seeds(arm: ArmRuns, kind: ReplicateKind) -> set[int]:
            return {run.id.seed for run in arm.of_kind(kind)}

        pairs = [(seeds(self.control, kind), seeds(self.treatment, kind)) for kind in ReplicateKind]
        return all(one <= other or other <= one for one, other in pairs)

    @property
    def raters_disjoint(self) -> bool:
        """Whether no rater worked in both arms; read from the recipes where who rated is not known."""
        one, other = self.control.raters, self.treatment.raters
        if one is None or other is None:
            recipes = self.experiment.control, self.experiment.treatment
            return recipes[0].pool != recipes[1].pool or recipes[0].rater_half != recipes[1].rater_half
        return one.rater_ids.isdisjoint(other.rater_ids)


def alpha_of(experiment: Experiment) -> float:
    """Return the two-sided error rate of each interval: the policy's, halved with every look at the same data after the first.

    However many looks there are, their error rates add up to less than twice the policy's.
    """
    return float(experiment.rule.policy.alpha / 2 ** (experiment.looks - 1))


def _run_variances_differ(parts: CrossedComponents) -> bool:
    control, treatment = parts.run_variances
    if control == 0.0 or treatment == 0.0:
        return True
    tail = float(special.fdtr(parts.n_runs[1] - 1, parts.n_runs[0] - 1, treatment / control))
    return not 0.01 <= tail <= 0.99


def _in_pairs(arms: _Arms, measured: Measured) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return values and redraws of both arms with the fits that pair first: by seed, and redraws, which pair by number, alone."""
    runs, redraws = ([arm.of_kind(kind) for arm in (arms.control, arms.treatment)] for kind in ReplicateKind)
    found = []
    for arm, other, of in ((0, 1, measured.control), (1, 0, measured.treatment)):
        seeds, numbers = {run.id.seed for run in runs[other]}, {run.id.index for run in redraws[other]}
        first = sorted(range(len(runs[arm])), key=lambda k: runs[arm][k].id.seed not in seeds)
        both = [b for b, run in enumerate(redraws[arm]) if run.id.index in numbers]
        found.append((of.values[first], of.redraws[both]))
    return found[0], found[1]


def _runs_of(parts: CrossedComponents) -> str:
    control, treatment = parts.n_runs
    return "runs" if control == treatment else f"runs ({control} of the control, {treatment} of the treatment)"


def _items_by(question: Question) -> str:
    """Return how the items' part was found, where it was not by influence values."""
    return "" if get_metric(question.metric).expansion is not None else f"; items by {DRAWS:,} bootstrap weightings"


def _over_raters(question: Question, arms: _Arms, measured: Measured) -> tuple[CombinedEstimate, str, list[str]]:
    """Return the difference with an interval over raters like these, its method, and notes."""
    facts = (arms.control.raters, arms.treatment.raters)
    if facts[0] is None or facts[1] is None:
        raise CannotEstimate(
            WhyNot.few_raters, "who rated is not known, so nothing can be said about other raters; set raters: fixed"
        )
    design = RaterDesign.disjoint if arms.raters_disjoint else RaterDesign.same
    apart = design is RaterDesign.disjoint and not arms.shared_seeds
    columns = [(arm.values, arm.redraws) for arm in (measured.control, measured.treatment)]
    control, treatment = (
        RaterArm(*column, fact.effective_raters, fact.max_ratings_an_item)
        for column, fact in zip(columns if apart else _in_pairs(arms, measured), (facts[0], facts[1]), strict=True)
    )
    item_term = measured.parts.item_term
    difference = random_raters_estimate(control, treatment, design, shared_seeds=arms.shared_seeds, items=item_term)
    notes: list[str] = []
    if design is RaterDesign.same and facts[0].rater_ids != facts[1].rater_ids:
        notes.append(Note.partly_shared_raters)
    if min(facts[0].effective_raters, facts[1].effective_raters) < FEW_RATERS:
        notes.append(Note.few_raters)
    paired = ", shared seeds" if arms.shared_seeds else ""
    by = _items_by(question) or "; items by influence values"
    return difference, f"redraws of raters and {_runs_of(measured.parts)}, {design} raters{paired}{by}", notes


def _over_runs(question: Question, arms: _Arms, measured: Measured) -> tuple[CombinedEstimate, str, list[str]]:
    """Return the difference with the crossed interval for these raters, its method, and notes."""
    parts = measured.parts
    notes: list[str] = [] if arms.control.raters is not None and arms.treatment.raters is not None else [Note.no_rater_facts]
    if arms.raters_disjoint:
        notes.append(Note.disjoint_fixed_raters)
    method = f"crossed interval over {_runs_of(parts)} and items, {parts.rule}{_items_by(question)}"
    return parts.estimate(), method, notes


def _answer(asked: Asked, measured: Measured, benchmark: Benchmark, arms: _Arms) -> _Answer:
    random = arms.experiment.raters is RaterClaim.random
    difference, method, notes = (_over_raters if random else _over_runs)(asked.question, arms, measured)
    parts, metric = measured.parts, asked.metric
    if _run_variances_differ(parts):
        notes.append(Note.unequal_run_variance)
    if benchmark.diagnostic:
        notes.append(Note.diagnostic_benchmark)
    if not metric.thresholded:
        threshold = "no threshold"
    elif asked.at_control:
        threshold = f"the control's mean threshold ({control_threshold(arms.control):.4g}) in every run"
    else:
        threshold = "each run's own tuned threshold"
    return _Answer(
        measured=measured,
        selection=asked.selection,
        difference=difference,
        checks={"Satterthwaite": difference.satterthwaite(parts.units)} if random else parts.checks(),
        method=method,
        notes=tuple(notes),
        threshold=threshold,
    )


def _answers(
    questions: Sequence[Question], on: Sequence[Benchmark], arms: _Arms
) -> Mapping[tuple[str, ...], _Answer | CannotEstimate]:
    """Return the answer to each question that is asked, once however often it is asked; one pass over the runs a benchmark."""
    answers: dict[tuple[str, ...], _Answer | CannotEstimate] = {}
    for benchmark in on:
        asked: dict[tuple[str, ...], Asked] = {}
        for question in (q for q in questions if q.on == benchmark.name):
            key: tuple[str, ...] = asks_the_same(question, benchmark, arms.experiment)
            if key in asked or key in answers:
                continue
            try:
                asked[key] = Asked(question, select_items(question, benchmark, arms.experiment))
            except CannotEstimate as error:
                answers[key] = error
        for key, measured in measure(asked, benchmark, arms.control, arms.treatment).items():
            try:
                answers[key] = measured if isinstance(measured, CannotEstimate) else _answer(asked[key], measured, benchmark, arms)
            except CannotEstimate as error:
                answers[key] = error
    return answers


def _interval(difference: CombinedEstimate, alpha: float) -> Interval:
    low, high = difference.interval(alpha)
    return Interval(low=low, high=high, level=1.0 - alpha)


def _effect(question: Question, margin: float | None, answer: _Answer, arms: _Arms) -> EffectEstimate:
    metric, alpha = get_metric(question.metric), alpha_of(arms.experiment)
    random, churn = arms.experiment.raters is RaterClaim.random, answer.measured.parts.churn
    narrower = narrowing(answer.difference, churn, alpha, paired=answer.measured.parts.paired)
    return EffectEstimate(
        question=question,
        direction=metric.direction,
        control=answer.measured.control.mean,
        treatment=answer.measured.treatment.mean,
        interval=_interval(answer.difference, alpha),
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
        components=split_variance(answer.difference, churn),
        narrowing=narrower,
        to_narrow=what_would_narrow(narrower),
        checks={name: _interval(check, alpha) for name, check in answer.checks.items()},
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
    asked = questions_of(experiment, on)
    answers = _answers([question for question, _ in asked], on, arms)
    effects: list[Effect] = []
    for question, margin in asked:
        answer = answers[asks_the_same(question, find_benchmark(question.on, on), experiment)]
        if isinstance(answer, CannotEstimate):
            effects.append(
                NotEstimable(
                    question=question, code=WhyNot(answer.code), sentence=answer.sentence, counts=answer.counts, margin=margin
                )
            )
        else:
            effects.append(_effect(question, margin, answer, arms))
    return tuple(effects)
