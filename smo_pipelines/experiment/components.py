"""What a decided experiment measured of its classifier, for the plans of later ones."""

from smo_pipelines.analysis.measure import Asked, Measured, measure
from smo_pipelines.analysis.questions import asks_the_same, find_benchmark, questions_of
from smo_pipelines.analysis.selection import select_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.effects import Question, Role
from smo_pipelines.domain.experiments import ArmName, Experiment
from smo_pipelines.domain.phrases import question_phrase
from smo_pipelines.domain.plans import ClassifierComponents, MeasuredComponents, VarianceComponents
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.errors import CannotEstimate, ConfigError
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.plan import seconds_a_fit, share_raters
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.run import arm_runs
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.stats.components import components_of_parts, with_raters
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign

__all__ = ["measured_components"]

_DIGITS = 16
_KEPT = (Role.primary, Role.guardrail, Role.secondary)


def measured_components(workspace: Workspace, experiment: Experiment) -> tuple[ClassifierComponents, tuple[str, ...]]:
    """Return the variance components of every question of a decided experiment but slices, and which have none and why.

    Raises
    ------
    ConfigError
        When the experiment has no decision yet.
    """
    if not is_decided(workspace, experiment):
        raise ConfigError(f"experiment {experiment.id!r} has no decision yet; `smo run {experiment.id}` gives one")
    arms = load_arms(workspace, experiment)
    jobs = jobs_of(workspace, arms)
    runs = arm_runs(workspace, arms, jobs)
    found: list[MeasuredComponents] = []
    missing: list[str] = []
    for benchmark in arms.benchmarks:
        for question, answer in _measured(benchmark, arms, runs):
            try:
                if isinstance(answer, CannotEstimate):
                    raise answer
                found.append(_components(question, answer, benchmark, arms, runs))
            except CannotEstimate as error:
                missing.append(f"{question_phrase(question)}: {error.sentence}")
    classifier = experiment.classifier.digest[:_DIGITS]
    return ClassifierComponents(classifier=classifier, measured=tuple(found), seconds_a_fit=seconds_a_fit(workspace, jobs)), tuple(
        missing
    )


def _measured(benchmark: Benchmark, arms: Arms, runs: dict[ArmName, ArmRuns]) -> list[tuple[Question, Measured | CannotEstimate]]:
    experiment = arms.experiment
    asked: dict[tuple[str, ...], Asked] = {}
    answers: list[tuple[Question, Measured | CannotEstimate]] = []
    for question, _ in questions_of(experiment, arms.benchmarks):
        if question.role not in _KEPT or question.on != benchmark.name:
            continue
        try:
            selection = select_items(question, find_benchmark(question.on, arms.benchmarks), experiment)
            asked.setdefault(asks_the_same(question, benchmark, experiment), Asked(question, selection))
        except CannotEstimate as error:
            answers.append((question, error))
    measured = measure(asked, benchmark, runs[ArmName.control], runs[ArmName.treatment])
    return answers + [(asked[key].question, answer) for key, answer in measured.items()]


def _components(
    question: Question, answer: Measured, benchmark: Benchmark, arms: Arms, runs: dict[ArmName, ArmRuns]
) -> MeasuredComponents:
    experiment = arms.experiment
    parts: VarianceComponents = components_of_parts(answer.parts)
    if experiment.redraws:
        facts = [arms.rater_facts(arm) for arm in ArmName]
        control, treatment = (
            RaterArm(of.values, of.redraws, fact.effective_raters, fact.max_ratings_an_item)
            for of, fact in zip((answer.control, answer.treatment), facts, strict=True)
        )
        design = RaterDesign.same if share_raters(arms) else RaterDesign.disjoint
        parts = with_raters(parts, control, treatment, design, shared_seeds=experiment.null_test is None)
    fits = f"{experiment.replicates} fits and {experiment.redraws} redraws of each arm"
    return MeasuredComponents(
        question=question,
        change=experiment.kind,
        project=experiment.control.project,
        benchmark=benchmark.digest[:_DIGITS],
        training_items=len(arms.matching),
        components=parts,
        source=f"{experiment.id}, {fits}",
    )
