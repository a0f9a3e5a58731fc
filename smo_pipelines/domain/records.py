"""Everything a finished experiment is remembered by: what the report shows and the tracker is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from smo_pipelines.domain.attribution import Attribution
from smo_pipelines.domain.decisions import Decision
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateId
from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.kpis import KpiOutcome
from smo_pipelines.domain.label_changes import LabelShift
from smo_pipelines.domain.plans import Plan
from smo_pipelines.domain.quality import Measured, NotMeasured

__all__ = ["ArmFacts", "BenchmarkFacts", "ExperimentRecord", "LabelQuality", "ProjectKpis", "Provenance", "ReplicateFacts"]


@dataclass(frozen=True, kw_only=True)
class ArmFacts:
    """One arm's labels, in numbers.

    Attributes
    ----------
    positive_share : float
        Share of untied items whose label is positive.
    trained_items : int
        Items left for training and development after matching, ties and leakage.
    """

    arm: ArmName
    snapshot_digest: str
    n_items: int
    n_ratings: int
    n_raters: int
    effective_raters: float
    tied_items: int
    positive_share: float
    trained_items: int


@dataclass(frozen=True, kw_only=True)
class ReplicateFacts:
    """One fit: its threshold and its metrics, named ``metric on benchmark``; a metric that could not be computed is absent."""

    id: ReplicateId
    key: str
    threshold: float
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BenchmarkFacts:
    """One benchmark's version."""

    name: str
    digest: str
    n_items: int
    n_clusters: int
    golds: tuple[str, ...]
    diagnostic: bool


@dataclass(frozen=True, kw_only=True)
class ProjectKpis:
    """The key figures of a project that an arm's labels come from; ``why_none`` is set where none could be judged."""

    project: str
    outcomes: tuple[KpiOutcome, ...] = ()
    why_none: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelQuality:
    """How good the labels of an experiment are. It explains and decides nothing, so it is not part of the decision.

    Attributes
    ----------
    agreement : mapping of ArmName to Measured or NotMeasured
        Krippendorff's alpha (nominal) of the ratings behind each arm's snapshot.
    kpis : tuple of ProjectKpis
        Of the arms' projects as a whole, when the experiment was concluded.
    """

    agreement: Mapping[ArmName, Measured | NotMeasured]
    kpis: tuple[ProjectKpis, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a record comes from; not part of the decision's digest."""

    package_version: str
    python_version: str
    libraries: Mapping[str, str]
    started_at: str
    finished_at: str
    launched_by: str
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExperimentRecord:
    """A finished experiment.

    Attributes
    ----------
    earlier_uses : mapping of str to int
        How many other decided experiments had been scored on the same version of a benchmark, by its name, when this one was
        concluded. It grows with time, so it is not part of what a record is compared by.
    attributions : tuple of Attribution
        The splits of its change that ``smo explain`` has computed; they explain and decide nothing.
    plan : Plan, optional
        What was expected before it was trained; None of an experiment that was decided before experiments were planned.
    """

    experiment: Experiment
    decision: Decision
    arms: tuple[ArmFacts, ...]
    labels: LabelShift
    clause_edits: tuple[ClauseEdit, ...]
    replicates: tuple[ReplicateFacts, ...]
    benchmarks: tuple[BenchmarkFacts, ...]
    provenance: Provenance
    quality: LabelQuality | None = None
    earlier_uses: Mapping[str, int] = field(default_factory=dict)
    attributions: tuple[Attribution, ...] = ()
    plan: Plan | None = None
