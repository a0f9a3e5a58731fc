"""The plan of an experiment: components measured before or from the control's first fits, and what labels and fits cost here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from statistics import fmean

from smo_pipelines.analysis.measure import Asked, measure
from smo_pipelines.analysis.plan import PlanFacts, asked_questions, plan_experiment, plan_findings
from smo_pipelines.analysis.questions import asks_the_same
from smo_pipelines.config.components import load_components
from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.decisions import Finding
from smo_pipelines.domain.effects import Question, WhyNot
from smo_pipelines.domain.experiments import ArmName, Experiment, RaterClaim, ReplicateId, ReplicateKind
from smo_pipelines.domain.plans import ClassifierComponents, MeasuredComponents, Plan, VarianceComponents
from smo_pipelines.domain.quality import Measure, Measured
from smo_pipelines.domain.runs import ArmRuns
from smo_pipelines.errors import CannotEstimate, NoRatings, StoreError
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.earlier_looks import looks_findings
from smo_pipelines.experiment.plans import find_plan
from smo_pipelines.experiment.replicate import ReplicateJob, find_result
from smo_pipelines.experiment.replicates import worker_count
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.stats.components import MIN_PILOT_RUNS, components_of_control, with_raters
from smo_pipelines.stats.random_raters import MIN_REDRAWS, RaterArm

__all__ = ["findings_of", "make_plan", "pilot_ids", "seconds_a_fit", "share_raters", "why_not_planned"]

_MOST_REDRAWS = 5
"""Redraws that are fitted to plan from: more of them are fitted with the rest of the experiment."""


def pilot_ids(experiment: Experiment) -> tuple[ReplicateId, ...]:
    """Return the control's fits that an experiment is planned from where nothing was measured before.

    They are the first that the experiment needs anyhow. One with fewer than four replicates or three redraws is planned from a few
    more, which are not part of its result.
    """
    redraws = max(MIN_REDRAWS, min(experiment.redraws, _MOST_REDRAWS))
    enough = replace(experiment, replicates=MIN_PILOT_RUNS, redraws=redraws)
    return tuple(one for one in enough.replicate_ids() if one.arm is ArmName.control)


def findings_of(workspace: Workspace, arms: Arms) -> tuple[Finding, ...]:
    """Return every check of an experiment's validity: of its arms, of earlier looks at them, and of its plan once it has one."""
    plan = find_plan(workspace.store, arms.experiment)
    before_training = (*arms.findings, *looks_findings(workspace, arms.experiment))
    return before_training if plan is None else (*before_training, *plan_findings(plan))


def why_not_planned(arms: Arms) -> str | None:
    """Return the sentence of the first check that makes arms invalid whatever the plan, or None."""
    return next((finding.sentence for finding in arms.findings if finding.blocking and not finding.passed), None)


def make_plan(
    workspace: Workspace, arms: Arms, *, pilot: Sequence[ReplicateJob], fit: Callable[[Sequence[ReplicateJob]], None]
) -> Plan:
    """Return the plan of an experiment's arms; nothing is stored but fits.

    Parameters
    ----------
    pilot : sequence of ReplicateJob
        The jobs of :func:`pilot_ids`.
    fit : callable
        Runs such jobs to their end. It is called once at most: where the project's files lack some component.
    """
    known = _Components(workspace, arms, pilot)
    asked = [question for question, _ in asked_questions(arms.experiment, arms.benchmarks)]
    if any(known.in_file(question) is None for question in asked):
        fit(pilot)  # before the facts: these fits say how long one takes
    facts = _facts(workspace, arms, pilot, known.file)
    return plan_experiment(arms.experiment, arms.benchmarks, facts=facts, components_of=known)


class _Components:
    """Answers with the components of a question: those of the project's files, else those of the control's fits."""

    def __init__(self, workspace: Workspace, arms: Arms, pilot: Sequence[ReplicateJob]) -> None:
        self._arms, self._pilot, self._store = arms, pilot, workspace.store
        classifier = arms.experiment.classifier
        file = load_components(workspace.root, classifier.name)
        self.file = file if file is not None and classifier.digest.startswith(file.classifier) else None
        self._benchmarks = {benchmark.name: benchmark for benchmark in arms.benchmarks}

    def __call__(self, asked: Asked) -> tuple[VarianceComponents, str]:
        found = self.in_file(asked.question)
        return (found.components, found.source) if found is not None else self._from_control(asked)

    def in_file(self, question: Question) -> MeasuredComponents | None:
        """Return what was measured for a question like this, from the most fits, a change of the same kind before any other."""
        same_kind = self._arms.experiment.kind
        fitting = [one for one in (self.file.measured if self.file else ()) if self._holds_for(one, question)]
        return max(fitting, key=lambda one: (one.change is same_kind, one.components.run_df), default=None)

    def _holds_for(self, one: MeasuredComponents, question: Question) -> bool:
        experiment, benchmark = self._arms.experiment, self._benchmarks[question.on]
        random, parts = experiment.raters is RaterClaim.random, one.components
        return (
            one.question.on == question.on
            and asks_the_same(one.question, benchmark, experiment) == asks_the_same(question, benchmark, experiment)
            and benchmark.digest.startswith(one.benchmark)
            and one.project == experiment.control.project
            and one.change in (experiment.kind, ChangeKind.none)
            and 0.5 <= one.training_items / max(len(self._arms.matching), 1) <= 2.0
            and (not random or (parts.sd_rater is not None and (share_raters(self._arms) or not parts.same_raters)))
        )

    def _from_control(self, asked: Asked) -> tuple[VarianceComponents, str]:
        raters = self._arms.rater_facts(ArmName.control)
        if raters.max_ratings_an_item < 2:
            # raters: random has been refused for the same reason; a claim about these raters can be made, only not planned
            raise CannotEstimate(
                WhyNot.not_recorded,
                "no component was measured before, and the control's fits cannot show how far other labels move single items: with "
                "one rating an item a redraw of the raters changes no label",
                max_ratings_an_item=raters.max_ratings_an_item,
            )
        snapshots, redraws = self._control
        found = measure({"it": asked}, self._benchmarks[asked.question.on], snapshots, redraws)["it"]
        if isinstance(found, CannotEstimate):
            raise found
        components = components_of_control(found.parts)
        if self._arms.experiment.raters is RaterClaim.random:
            values = found.control.values, found.treatment.values
            components = with_raters(components, RaterArm(*values, raters.effective_raters, raters.max_ratings_an_item))
        fits = f"{len(found.control.values)} fits of the control and {len(found.treatment.values)} on redraws of its raters"
        return components, f"{fits}, trained for this plan"

    @cached_property
    def _control(self) -> tuple[ArmRuns, ArmRuns]:
        """The control's fits on its labels, and those on redraws in the place of another arm's."""
        results = [find_result(job, self._store, self._benchmarks) for job in self._pilot]
        missing = [job.id.label for job, result in zip(self._pilot, results, strict=True) if result is None]
        if missing:
            raise StoreError(f"{', '.join(missing)} of {self._arms.experiment.id!r} are not finished; run the experiment again")
        runs = [result for result in results if result is not None]
        as_labels = [
            replace(run, id=replace(run.id, kind=ReplicateKind.snapshot)) for run in runs if run.id.kind is ReplicateKind.redraw
        ]
        on_labels = [run for run in runs if run.id.kind is ReplicateKind.snapshot]
        return ArmRuns(results=tuple(on_labels)), ArmRuns(results=tuple(as_labels))


def share_raters(arms: Arms) -> bool:
    """Whether some rater worked in both arms."""
    control, treatment = (arms.rater_facts(arm).rater_ids for arm in ArmName)
    return not control.isdisjoint(treatment)


def _facts(workspace: Workspace, arms: Arms, pilot: Sequence[ReplicateJob], file: ClassifierComponents | None) -> PlanFacts:
    raters = [arms.rater_facts(arm) for arm in ArmName]
    snapshot = arms.snapshots[ArmName.control]
    cost, currency = _cost_of_a_label(workspace, arms.experiment.control.project)
    return PlanFacts(
        training_items=len(arms.matching),
        ratings_an_item=float(snapshot.n_ratings.mean()) if len(snapshot) else 0.0,
        max_ratings_an_item=min(facts.max_ratings_an_item for facts in raters),
        effective_raters=min(facts.effective_raters for facts in raters),
        same_raters=share_raters(arms),
        seconds_a_fit=seconds_a_fit(workspace, pilot) or (file.seconds_a_fit if file else None),
        workers=worker_count(arms.experiment.classifier.threads),
        cost_of_a_label=cost,
        currency=currency,
    )


def seconds_a_fit(workspace: Workspace, jobs: Sequence[ReplicateJob]) -> float | None:
    """Return the mean time of the fits among some jobs that are in the store and were timed."""
    entries = [workspace.store.find("fits", job.key) for job in jobs]
    seconds = [float(entry.meta["seconds"]) for entry in entries if entry is not None and "seconds" in entry.meta]
    return fmean(seconds) if seconds else None


def _cost_of_a_label(workspace: Workspace, project: str) -> tuple[float | None, str]:
    from smo_pipelines.labels.quality import quality_of_rows
    from smo_pipelines.labels.rated_rows import rated_rows

    try:
        rows = rated_rows(workspace.tables, project)
    except NoRatings:
        return None, ""
    groups = quality_of_rows(rows, guidelines=workspace.catalogue.guidelines, measures=[Measure.cost_per_label])
    told = [group.measures[Measure.cost_per_label] for group in groups]
    known = [one for one in told if isinstance(one, Measured)]
    return (known[0].value, known[0].unit) if known else (None, "")
