"""The rule fixed before training, and the decision it gives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from smo_pipelines.domain.digests import canonical_json, digest_of
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question

__all__ = [
    "Decision",
    "DecisionRule",
    "Finding",
    "FindingCode",
    "Guardrail",
    "GuardrailOutcome",
    "GuardrailStatus",
    "Primary",
    "RulePolicy",
    "Verdict",
    "may_train",
]


class Verdict(StrEnum):
    """What to do with a change."""

    ship = "ship"
    hold = "hold"
    roll_back = "roll_back"
    inconclusive = "inconclusive"
    invalid = "invalid"


@dataclass(frozen=True, kw_only=True)
class RulePolicy:
    """configs/rules/<name>.yaml: the part of a rule that many experiments share."""

    name: str
    alpha: float = 0.05
    max_leakage: float = 0.01
    sample_ratio_alpha: float = 0.001
    min_matched_items: int = 100


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The one metric an experiment is decided on."""

    question: Question
    smallest_effect_of_interest: float


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """A metric that must not get worse by more than its margin (a positive number in the metric's unit)."""

    question: Question
    margin: float

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise ValueError(f"the margin of {self.question.label} must be above 0, got {self.margin}")


@dataclass(frozen=True, kw_only=True)
class DecisionRule:
    """Policy, primary and guardrails, hashed together before training."""

    policy: RulePolicy
    primary: Primary
    guardrails: tuple[Guardrail, ...] = ()
    slices: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The rule's hash."""
        return digest_of(self)


class FindingCode(StrEnum):
    """What was checked before any effect is shown."""

    few_matched_items = "few_matched_items"
    sample_ratio = "sample_ratio"
    leakage = "leakage"
    one_class = "one_class"
    circular_gold = "circular_gold"
    items_lost_in_matching = "items_lost_in_matching"
    few_raters = "few_raters"
    power_unknown = "power_unknown"
    planned_power = "planned_power"
    earlier_looks = "earlier_looks"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check of an experiment's validity, with the number it was judged on and the limit.

    ``blocking`` findings that fail make the decision ``invalid``.
    """

    code: FindingCode
    passed: bool
    blocking: bool
    sentence: str
    actual: float
    limit: float


def may_train(findings: Iterable[Finding]) -> bool:
    """Whether training makes sense: no blocking finding failed."""
    return all(finding.passed or not finding.blocking for finding in findings)


class GuardrailStatus(StrEnum):
    """How a guardrail came out."""

    passed = "passed"
    not_shown = "not_shown"
    harm = "harm"
    not_estimable = "not_estimable"


@dataclass(frozen=True, kw_only=True)
class GuardrailOutcome:
    """One guardrail, judged."""

    question: Question
    margin: float
    status: GuardrailStatus
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict with everything it rests on; holds no clock, run id or duration."""

    experiment: str
    spec_hash: str
    rule_hash: str
    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...]
    guardrails: tuple[GuardrailOutcome, ...]
    findings: tuple[Finding, ...]
    effects: tuple[EffectEstimate | NotEstimable, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Same inputs, same digest."""
        return digest_of(self)

    def to_json(self) -> str:
        """Return the decision as canonical JSON."""
        return canonical_json(self)
