"""A plan in plain sentences: for the command line, the report, the tracker and a decision's findings."""

from smo_pipelines.analysis.wording import amount, sentence, subject
from smo_pipelines.domain.effects import NotEstimable, Role
from smo_pipelines.domain.plans import CheapestDesign, NotReachable, Plan, PlanCost, PlannedDesign, PlannedQuestion

__all__ = ["cheapest_in_words", "cost_in_words", "design_in_words", "plan_sentence", "power_in_words"]

_LIMITS = {
    "runs": "training runs differ too much from each other",
    "items": "the items of the benchmark differ too much",
    "raters": "other raters would label too differently",
}


def power_in_words(planned: PlannedQuestion | NotEstimable) -> str:
    """Return e.g. ``"a change of 2.0 points in F1 on b: 86% (70% to 94%)"``, or why it is not known."""
    if isinstance(planned, NotEstimable):
        return f"{subject(planned.question)} is not known: {planned.sentence}"
    size, what = amount(planned.distance, planned.question.metric), subject(planned.question)
    asked = f"a change of {size} in {what}" if planned.question.role is Role.primary else f"no loss of {size} in {what}"
    return f"{asked}: {planned.power:.0%} ({planned.interval.low:.0%} to {planned.interval.high:.0%})"


def plan_sentence(plan: Plan) -> str:
    """Return the plan's one sentence: whether the registered design can be expected to show what it is for."""
    primary = plan.primary
    if isinstance(primary, NotEstimable):
        return sentence(f"the power of {plan.experiment} is not known: {subject(primary.question)}: {primary.sentence}")
    known = [one for one in plan.questions if isinstance(one, PlannedQuestion)]
    low = [one for one in known if not one.enough]
    size, what = amount(primary.distance, primary.question.metric), subject(primary.question)
    said = f"a change of {size} in {what} would be shown with a probability of {primary.power:.0%}"
    if not low:
        others = "" if len(known) == 1 else f", and every guardrail passes with {min(one.power for one in known[1:]):.0%} or more"
        return sentence(f"{said}{others}")
    if low == [primary]:
        least = amount(primary.needed, primary.question.metric)
        return sentence(f"{said}, less than {plan.target:.0%}; {least} is the least that this design shows so often")
    rails = [one for one in low if one is not primary]
    worst = min(rails, key=lambda one: one.power)
    many = f"{len(rails)} of {len(known) - 1} guardrails" if len(rails) > 1 else f"the guardrail on {subject(worst.question)}"
    return sentence(
        f"{said}, but {many} would pass with {worst.power:.0%}{' or more' if len(rails) > 1 else ''} when nothing is wrong, "
        f"less than {plan.target:.0%}"
    )


def design_in_words(design: PlannedDesign) -> str:
    """Return e.g. ``"5 replicates and 7 redraws an arm, 1,200 items, 3 ratings an item"``."""
    redraws = f" and {design.redraws} redraws" if design.redraws else ""
    return f"{design.replicates} replicates{redraws} an arm, {design.items:,} items, {design.ratings_an_item:.3g} ratings an item"


def cost_in_words(cost: PlanCost) -> str:
    """Return e.g. ``"3 minutes, 1,200 new labels for 96.00 EUR"``."""
    time = "time not known" if cost.minutes is None else "under a minute" if cost.minutes < 1 else f"{cost.minutes:,.0f} minutes"
    if cost.labels == 0:
        return f"{time}, no new label"
    price = "at a price not known" if cost.money is None else f"for {cost.money:,.2f} {cost.currency}".rstrip()
    return f"{time}, {cost.labels:,} new labels {price}"


def cheapest_in_words(planned: PlannedQuestion) -> str:
    """Return the cheapest design with enough power and its cost, or that none reaches it and what limits it."""
    found = planned.cheapest
    if isinstance(found, CheapestDesign):
        return f"{design_in_words(found.design)} ({cost_in_words(found.cost)})"
    return _not_reachable(planned, found)


def _not_reachable(planned: PlannedQuestion, found: NotReachable) -> str:
    least = amount(found.needed, planned.question.metric)
    return (
        f"not reachable: {design_in_words(found.best)} have a power of {found.power:.0%}, because {_LIMITS[found.limited_by]} "
        f"({found.share:.0%} of the variance); {least} is the least that even those can be expected to show"
    )
