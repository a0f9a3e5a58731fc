"""A pre-registered experiment: two recipes, how many runs, and the rule that will decide."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from smo_pipelines.domain.changes import ChangeKind, OpsChange, kind_of_change
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.decisions import DecisionRule
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question
from smo_pipelines.domain.labels import SnapshotRecipe

__all__ = ["ArmName", "Assignment", "Effect", "Experiment", "NullTest", "RaterClaim", "ReplicateId", "ReplicateKind"]

Effect = EffectEstimate | NotEstimable


class ArmName(StrEnum):
    """The two arms."""

    control = "control"
    treatment = "treatment"


class Assignment(StrEnum):
    """How items or raters came to their arm: only the first two may say "caused"."""

    randomised = "randomised"
    same_items_relabelled = "same_items_relabelled"
    before_after = "before_after"
    unknown = "unknown"

    @property
    def causal(self) -> bool:
        """Whether a difference between the arms can be called an effect of the change."""
        return self in (Assignment.randomised, Assignment.same_items_relabelled)


class RaterClaim(StrEnum):
    """``random``: a claim about the pool the raters come from; ``fixed``: about these raters only."""

    random = "random"
    fixed = "fixed"


class NullTest(StrEnum):
    """An A/A test: what differs between its arms instead of a change."""

    disjoint_seeds = "disjoint_seeds"
    rater_halves = "rater_halves"


class ReplicateKind(StrEnum):
    """A fit on the arm's actual snapshot, or on a redraw of its raters."""

    snapshot = "snapshot"
    redraw = "redraw"


@dataclass(frozen=True, kw_only=True, order=True)
class ReplicateId:
    """Which fit of which arm, and its training seed."""

    arm: ArmName
    kind: ReplicateKind
    index: int
    seed: int

    @property
    def label(self) -> str:
        """e.g. ``control-snapshot-0``: stable, sortable, safe in file names and Dagster mapping keys once ``-`` is ``_``."""
        return f"{self.arm}-{self.kind}-{self.index}"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A resolved, pre-registered test of one operational change.

    ``redraws`` is the number of rater redraws an arm; 0 with ``raters`` fixed.
    ``extra`` are further questions that are answered and shown but decide nothing. ``pins`` are the digests of the guideline
    versions and rater pools it names, so that editing one of those files is a changed spec and not a silent one. ``allocation``
    declares in which proportion raters were meant to be assigned to control and treatment.
    """

    id: str
    change: OpsChange
    control: SnapshotRecipe
    treatment: SnapshotRecipe
    assignment: Assignment
    raters: RaterClaim
    replicates: int
    redraws: int
    classifier: ClassifierConfig
    rule: DecisionRule
    benchmarks: tuple[str, ...]
    extra: tuple[Question, ...] = ()
    null_test: NullTest | None = None
    area: str = "general"
    version: int = 1
    supersedes: str | None = None
    looks: int = 1
    pins: tuple[tuple[str, str], ...] = ()
    allocation: tuple[float, float] | None = None

    @cached_property
    def spec_hash(self) -> str:
        """The name of the resolved spec."""
        return digest_of(self)

    @property
    def key(self) -> str:
        """The name of this version among the registered ones."""
        return f"{self.id}.v{self.version}"

    @property
    def kind(self) -> ChangeKind:
        """The kind of change, derived from the two recipes."""
        return kind_of_change(self.control, self.treatment)

    def recipe(self, arm: ArmName) -> SnapshotRecipe:
        """Return one arm's recipe."""
        return self.control if arm is ArmName.control else self.treatment

    def replicate_ids(self) -> tuple[ReplicateId, ...]:
        """Return every fit of both arms.

        Both arms share seeds by index, so that what the seeds do cancels in the difference; an A/A test uses disjoint seeds,
        because equal recipes with equal seeds are the same files. Redraw seeds are never used for snapshot fits.
        """
        ids = []
        for arm in ArmName:
            offset = 500_000 if self.null_test is not None and arm is ArmName.treatment else 0
            ids += [ReplicateId(arm=arm, kind=ReplicateKind.snapshot, index=k, seed=offset + k) for k in range(self.replicates)]
            ids += [
                ReplicateId(arm=arm, kind=ReplicateKind.redraw, index=b, seed=offset + 100_000 + b) for b in range(self.redraws)
            ]
        return tuple(ids)
