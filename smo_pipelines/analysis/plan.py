"""Before training: the power of an experiment as it is registered, and the cheapest design that has enough.

Pure: variance components come in through a function that is passed in, and costs as numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from smo_pipelines.analysis.compare import alpha_of
from smo_pipelines.analysis.measure import Asked
from smo_pipelines.analysis.plan_words import power_in_words
from smo_pipelines.analysis.questions import find_benchmark, questions_of
from smo_pipelines.analysis.selection import select_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.decisions import Finding, FindingCode
from smo_pipelines.domain.effects import NotEstimable, Question, Role, WhyNot
from smo_pipelines.domain.experiments import Experiment, RaterClaim
from smo_pipelines.domain.plans import (
    TARGET_POWER,
    CheapestDesign,
    NotReachable,
    Plan,
    PlanCost,
    PlannedDesign,
    PlannedQuestion,
    VarianceComponents,
)
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.power import (
    PowerDesign,
    RaterDraw,
    expected_half_width,
    needed_distance,
    power,
    power_interval,
    variance_terms,
)

__all__ = ["PlanFacts", "asked_questions", "plan_experiment", "plan_findings"]

_REPLICATES = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40)
_REDRAWS = (3, 5, 7, 10, 15, 20, 30)
_TIMES_ITEMS = (1.0, 1.5, 2.0, 3.0, 4.0, 8.0)
_TIMES_RATINGS = (1.0, 4.0 / 3.0, 5.0 / 3.0, 2.0, 3.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class PlanFacts:
    """What is known of an experiment's labels and of its price before it is trained.

    Attributes
    ----------
    training_items : int
        Matched items that both arms are trained on.
    ratings_an_item : float
        Mean over the items of an arm's snapshot.
    max_ratings_an_item : int
        Of the arm with fewer: with one, redraws of raters change no label.
    effective_raters : float
        Of the arm with fewer.
    same_raters : bool
        Whether some rater worked in both arms.
    seconds_a_fit : float or None
        Of training and scoring one replicate; None where none was timed.
    workers : int
        Fits that run side by side on this machine.
    cost_of_a_label : float or None
        In ``currency``; None where the ratings have no cost.
    """

    training_items: int
    ratings_an_item: float
    max_ratings_an_item: int
    effective_raters: float
    same_raters: bool
    seconds_a_fit: float | None = None
    workers: int = 1
    cost_of_a_label: float | None = None
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One question with everything that its power depends on."""

    experiment: Experiment
    facts: PlanFacts
    asked: Asked
    distance: float
    components: VarianceComponents

    @property
    def registered(self) -> PlannedDesign:
        experiment = self.experiment
        return PlannedDesign(
            replicates=experiment.replicates,
            redraws=experiment.redraws,
            items=len(self.asked.selection.rows),
            ratings_an_item=self.facts.ratings_an_item,
        )

    def design(self, planned: PlannedDesign) -> PowerDesign:
        """Return what the power of a design is computed from: more items are more clusters, more ratings more raters."""
        selection, facts = self.asked.selection, self.facts
        random = self.experiment.raters is RaterClaim.random
        raters = facts.effective_raters * planned.ratings_an_item / facts.ratings_an_item
        return PowerDesign(
            runs=planned.replicates,
            units=round(selection.n_clusters * planned.items / len(selection.rows)),
            clustered=selection.clusters is not None,
            raters=RaterDraw(redraws=planned.redraws, effective_raters=raters, same_raters=facts.same_raters) if random else None,
            shared_seeds=self.experiment.null_test is None,
        )

    def power(self, planned: PlannedDesign) -> float:
        return power(self.components, self.design(planned), self.distance, alpha_of(self.experiment))

    def cost(self, planned: PlannedDesign) -> PlanCost:
        facts, now = self.facts, self.registered
        more_ratings = 2.0 * facts.training_items * (planned.ratings_an_item - now.ratings_an_item)
        labels = round(more_ratings + (planned.items - now.items) * facts.ratings_an_item)
        price = 0.0 if labels == 0 else None if facts.cost_of_a_label is None else labels * facts.cost_of_a_label
        minutes = None if facts.seconds_a_fit is None else planned.fits * facts.seconds_a_fit / facts.workers / 60.0
        return PlanCost(minutes=minutes, labels=labels, money=price, currency=facts.currency if price else "")


def asked_questions(experiment: Experiment, on: Sequence[Benchmark]) -> tuple[tuple[Question, float | None], ...]:
    """Return the questions that decide: the primary first, then the guardrails with their margins."""
    deciding = (Role.primary, Role.guardrail)
    return tuple((question, margin) for question, margin in questions_of(experiment, on) if question.role in deciding)


def plan_experiment(
    experiment: Experiment,
    on: Sequence[Benchmark],
    *,
    facts: PlanFacts,
    components_of: Callable[[Asked], tuple[VarianceComponents, str]],
) -> Plan:
    """Return the plan of an experiment: for each question that decides its power, or why that is not known.

    Parameters
    ----------
    components_of : callable
        Given a question and its items, returns the variance components and where they were measured, or raises
        :class:`~smo_pipelines.errors.CannotEstimate`.

    Raises
    ------
    UnknownName
        When a question names a benchmark that is not given, or a metric that does not exist.
    """
    answers: list[PlannedQuestion | NotEstimable] = []
    for question, margin in asked_questions(experiment, on):
        distance = experiment.rule.primary.smallest_effect_of_interest if margin is None else margin
        try:
            _require_redraws(experiment, facts)
            asked = Asked(question, select_items(question, find_benchmark(question.on, on), experiment))
            components, source = components_of(asked)
            case = _Case(experiment=experiment, facts=facts, asked=asked, distance=distance, components=components)
            answers.append(_planned(case, source))
        except CannotEstimate as error:
            why = WhyNot(error.code)
            answers.append(NotEstimable(question=question, code=why, sentence=error.sentence, counts=error.counts, margin=margin))
    return Plan(
        experiment=experiment.id,
        spec_hash=experiment.spec_hash,
        alpha=alpha_of(experiment),
        target=TARGET_POWER,
        questions=tuple(answers),
    )


def _require_redraws(experiment: Experiment, facts: PlanFacts) -> None:
    if experiment.raters is RaterClaim.random and facts.max_ratings_an_item < 2:
        raise CannotEstimate(
            WhyNot.one_rating_an_item,
            "an arm has one rating an item at most, so redrawing raters changes no label; add overlapping ratings, or register the "
            "claim as one about these raters only (raters: fixed)",
            max_ratings_an_item=facts.max_ratings_an_item,
        )


def _planned(case: _Case, source: str) -> PlannedQuestion:
    registered, alpha = case.registered, alpha_of(case.experiment)
    design, components = case.design(registered), case.components
    return PlannedQuestion(
        question=case.asked.question,
        distance=case.distance,
        power=case.power(registered),
        interval=power_interval(components, design, case.distance, alpha),
        needed=needed_distance(components, design, alpha, TARGET_POWER),
        half_width=expected_half_width(components, design, alpha),
        components=components,
        source=source,
        design=registered,
        cost=case.cost(registered),
        cheapest=_cheapest(case),
    )


def _cheapest(case: _Case) -> CheapestDesign | NotReachable:
    """Search designs from the fewest new labels up, and among those for the fewest fits."""
    random = case.experiment.raters is RaterClaim.random
    redraws = _REDRAWS if random else (0,)
    fits = sorted(product(_REPLICATES, redraws), key=lambda pair: (sum(pair), pair))
    labels = sorted(_more_labels(case, random), key=lambda planned: (case.cost(planned).labels, planned.items))
    for level in labels:
        if case.power(replace(level, replicates=_REPLICATES[-1], redraws=redraws[-1])) < TARGET_POWER:
            continue
        for replicates, draws in fits:
            planned = replace(level, replicates=replicates, redraws=draws)
            reached = case.power(planned)
            if reached >= TARGET_POWER:
                return CheapestDesign(design=planned, power=reached, cost=case.cost(planned))
    best = replace(labels[-1], replicates=_REPLICATES[-1], redraws=redraws[-1])
    terms = variance_terms(case.components, case.design(best))
    limit = max(sorted(terms), key=lambda source: terms[source])
    return NotReachable(
        best=best,
        power=case.power(best),
        needed=needed_distance(case.components, case.design(best), alpha_of(case.experiment), TARGET_POWER),
        limited_by=limit,
        share=terms[limit] / sum(terms.values()),
    )


def _more_labels(case: _Case, random: bool) -> Iterator[PlannedDesign]:
    now = case.registered
    for items, ratings in product(_TIMES_ITEMS, _TIMES_RATINGS if random else (1.0,)):
        yield replace(now, items=round(now.items * items), ratings_an_item=now.ratings_an_item * ratings)


def plan_findings(plan: Plan) -> tuple[Finding, ...]:
    """Return what a plan says of an experiment's validity.

    A primary that the design gives no interval, whatever its components, makes the experiment invalid before it is trained. Where a
    component could only not be measured beforehand, where power is low, or where that of a guardrail is not known, it is a warning.
    """
    primary, known = plan.primary, [one for one in plan.questions if isinstance(one, PlannedQuestion)]
    unknown = [one for one in plan.questions if isinstance(one, NotEstimable)]
    if isinstance(primary, NotEstimable):
        return (
            Finding(
                code=FindingCode.power_unknown,
                passed=False,
                blocking=primary.code is not WhyNot.not_recorded,
                sentence=f"the planned power for {power_in_words(primary)}",
                actual=0.0,
                limit=1.0,
            ),
        )
    lowest = min(known, key=lambda one: one.power)
    words = "; ".join([power_in_words(lowest), *map(power_in_words, unknown)])
    return (
        Finding(
            code=FindingCode.planned_power,
            passed=lowest.enough and not unknown,
            blocking=False,
            sentence=f"the lowest planned power is that for {words}; {plan.target:.0%} is asked for",
            actual=lowest.power,
            limit=plan.target,
        ),
    )
