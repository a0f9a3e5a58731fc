"""Every change that was decided, read together."""

from dataclasses import dataclass
from enum import StrEnum

from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable
from smo_pipelines.domain.price import ExperimentPrice

__all__ = ["AfterAll", "BenchmarkUse", "ChangeDigest", "DecidedChange", "FalseShips", "JudgedChange", "NullTests"]


@dataclass(frozen=True, kw_only=True)
class DecidedChange:
    """One decided version of an experiment, as the store remembers it.

    Attributes
    ----------
    effect : EffectEstimate or NotEstimable or None
        Of the primary metric; None where the decision is that no effect may be shown. Of a null test what it found.
    looks : int
        How often the change has been looked at with this one: the decision's intervals are wider for it.
    superseded_by : int or None
        The version that took its place.
    null_test : bool
        An A/A test: nothing was changed.
    causal : bool
        Whether its design could carry a ship: one that cannot say "caused" never ships.
    """

    experiment: str
    version: int
    spec_hash: str
    decision_digest: str
    change_id: str
    what: str
    owner: str
    area: str
    kind: ChangeKind
    decided_at: str
    verdict: Verdict
    sentence: str
    guardrails: str
    effect: EffectEstimate | NotEstimable | None
    looks: int
    price: ExperimentPrice | None
    superseded_by: int | None = None
    null_test: bool = False
    causal: bool = True


class AfterAll(StrEnum):
    """What remains of a change's primary effect once all changes are read together."""

    stands = "stands"
    does_not_stand = "does not stand"
    not_tested = "not tested"


@dataclass(frozen=True, kw_only=True)
class JudgedChange:
    """A decided change among the others.

    Attributes
    ----------
    p_adjusted : float or None
        By Benjamini and Hochberg over the changes that are tested together; None for one that is not among them.
    """

    change: DecidedChange
    p_adjusted: float | None
    after_all: AfterAll


@dataclass(frozen=True, kw_only=True)
class FalseShips:
    """How many ships of changes that gain nothing are to be expected at most.

    Attributes
    ----------
    tested : int
        Decided versions that could have shipped: all but null tests, designs that cannot say "caused",
        and those that no effect is shown of.
    shipped : int
        Those that did.
    expected_at_most : float
        The sum over ``tested`` of half of each one's error rate.
    not_standing : int
        Ships, not superseded, that do not stand once all changes are read together.
    """

    tested: int
    shipped: int
    expected_at_most: float
    not_standing: int


@dataclass(frozen=True, kw_only=True)
class NullTests:
    """How the A/A tests came out; ``interval`` is Wilson's, of the share that found an effect, None without a test."""

    tests: int
    alarms: int
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class BenchmarkUse:
    """One version of a benchmark and the decided experiments that were scored on it."""

    benchmark: str
    digest: str
    experiments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeDigest:
    """All of it; ``changes`` in the order in which they were decided, null tests among them.

    Attributes
    ----------
    q : float
        Of those that stand, the share that is expected to be false at most.
    """

    changes: tuple[JudgedChange, ...]
    false_ships: FalseShips
    null_tests: NullTests
    benchmarks: tuple[BenchmarkUse, ...]
    q: float
