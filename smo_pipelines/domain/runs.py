"""What one arm's fits said on the benchmarks: the input of a comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from smo_pipelines.domain.benchmarks import PredictionSet
from smo_pipelines.domain.experiments import ReplicateId, ReplicateKind

__all__ = ["ArmRuns", "RaterFacts", "ReplicateResult"]


@dataclass(frozen=True, kw_only=True)
class ReplicateResult:
    """One fit, scored: its threshold and its predictions by benchmark name."""

    id: ReplicateId
    key: str
    threshold: float
    predictions: Mapping[str, PredictionSet] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RaterFacts:
    """What a claim about a rater pool needs to know of one arm's training ratings."""

    rater_ids: frozenset[str]
    effective_raters: float
    max_ratings_an_item: int


@dataclass(frozen=True, kw_only=True)
class ArmRuns:
    """All fits of one arm."""

    results: tuple[ReplicateResult, ...]
    raters: RaterFacts | None = None

    def of_kind(self, kind: ReplicateKind) -> tuple[ReplicateResult, ...]:
        """Return the fits of one kind, in order of index."""
        return tuple(sorted((r for r in self.results if r.id.kind is kind), key=lambda r: r.id.index))
