"""Fixed sentences that a comparison attaches to an estimate, and that the decision reads."""

from enum import StrEnum

__all__ = ["Note"]


class Note(StrEnum):
    """What a reader must know to read an estimate rightly."""

    diagnostic_benchmark = "its gold is by raters of the training labels, so it can stop a change and not ship one"
    disjoint_fixed_raters = (
        "the arms share no rater and the claim is about these raters only, so people and change cannot be told apart"
    )
    few_raters = "few raters: the interval is wide and assumes that no single rater dominates"
    no_rater_facts = "who rated is not known here, so whether the arms share raters is read from their recipes"
    partly_shared_raters = "the arms share some raters: paired redraws were used, which are not calibrated for partly shared pools"
    unequal_run_variance = "one arm's fits vary more from seed to seed than the other's, by more than chance"
