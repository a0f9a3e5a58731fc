"""Both arms of an experiment: their labels, the items they share, and what their fits are trained on."""

from dataclasses import dataclass, field
from functools import cached_property

from smo_pipelines.benchmarks.leakage import Leakage, leaked_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.decisions import Finding, may_train
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateKind
from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.label_changes import LabelShift
from smo_pipelines.domain.labels import TIE, LabelSnapshot, TrainingSet
from smo_pipelines.domain.records import ArmFacts
from smo_pipelines.domain.runs import RaterFacts
from smo_pipelines.errors import OneClass
from smo_pipelines.experiment.stored import benchmark_key
from smo_pipelines.experiment.validity import findings_before_training
from smo_pipelines.labels.changes.facts import LabelFacts
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.matching import Matching, match
from smo_pipelines.labels.redraw import redraw_shape, redrawn
from smo_pipelines.labels.targets import targets_of

__all__ = ["Arms", "refuse_one_class"]


@dataclass(frozen=True, eq=False)
class Arms:
    """Both arms of an experiment, matched, with the benchmarks they will be scored on.

    Attributes
    ----------
    known_leakage : Leakage, optional
        What holding the arms' texts against the benchmarks gave before; found anew, which takes a while, where it is None.
    """

    experiment: Experiment
    snapshots: dict[ArmName, LabelSnapshot]
    benchmarks: tuple[Benchmark, ...]
    clause_edits: tuple[ClauseEdit, ...]
    known: LabelFacts = field(default_factory=LabelFacts)
    known_leakage: Leakage | None = None

    @cached_property
    def benchmark_keys(self) -> dict[str, str]:
        """The store key of each benchmark's version, by name."""
        return {benchmark.name: benchmark_key(benchmark) for benchmark in self.benchmarks}

    @cached_property
    def leakage(self) -> Leakage:
        """Training items whose text stands in a benchmark, or nearly so."""
        if self.known_leakage is not None:
            return self.known_leakage
        control, treatment = self.snapshots[ArmName.control], self.snapshots[ArmName.treatment]
        texts = dict(zip(control.item_ids.tolist(), control.texts.tolist(), strict=True))
        texts |= dict(zip(treatment.item_ids.tolist(), treatment.texts.tolist(), strict=True))
        return leaked_items(list(texts), list(texts.values()), self.benchmarks)

    @cached_property
    def matching(self) -> Matching:
        """The items both arms label, without ties and leaked items."""
        return match(self.snapshots[ArmName.control], self.snapshots[ArmName.treatment], leaked=self.leakage.item_ids)

    @cached_property
    def label_shift(self) -> LabelShift:
        """What changed in the labels."""
        return label_shift(self.matching, edits=self.clause_edits, facts=self.known)

    @cached_property
    def _redraw_shapes(self) -> dict[ArmName, float]:
        return {arm: redraw_shape(snapshot) for arm, snapshot in self.snapshots.items()}

    def training_set(self, arm: ArmName, kind: ReplicateKind, index: int) -> TrainingSet:
        """Return what one replicate is fitted on: the arm's labels, or those of one redraw of its raters."""
        again = (
            None if kind is ReplicateKind.snapshot else redrawn(self.snapshots[arm], redraw=index, shape=self._redraw_shapes[arm])
        )
        targets = targets_of(self.snapshots[arm], by_label=self.experiment.classifier.by_label, redrawn=again)
        return self.matching.training_set(arm, None if again is None else again.labels, targets)

    def rater_facts(self, arm: ArmName) -> RaterFacts:
        """Return what a claim about raters needs to know of one arm."""
        snapshot = self.snapshots[arm]
        return RaterFacts(
            rater_ids=frozenset(snapshot.votes.rater_ids.tolist()),
            effective_raters=snapshot.votes.effective_raters,
            max_ratings_an_item=int(snapshot.n_ratings.max(initial=0)),
        )

    def facts(self, arm: ArmName) -> ArmFacts:
        """Return one arm's labels in numbers."""
        snapshot = self.snapshots[arm]
        untied = snapshot.labels[snapshot.labels != TIE]
        return ArmFacts(
            arm=arm,
            snapshot_digest=snapshot.digest,
            n_items=len(snapshot),
            n_ratings=int(snapshot.n_ratings.sum()),
            n_raters=len(snapshot.votes.rater_ids),
            effective_raters=snapshot.votes.effective_raters,
            tied_items=int((snapshot.labels == TIE).sum()),
            positive_share=float(untied.mean()) if len(untied) else 0.0,
            trained_items=len(self.matching),
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The checks of validity, made before any effect is shown."""
        return findings_before_training(self.experiment, self.matching, self.leakage, self.known.gold_models)

    @property
    def valid(self) -> bool:
        """Whether training makes sense."""
        return may_train(self.findings)


def refuse_one_class(arms: Arms) -> None:
    """Refuse arms of which one has a single label: nothing can be learned from it.

    Raises
    ------
    OneClass
        When all of an arm's matched items have the same label.
    """
    for arm in ArmName:
        labels = arms.training_set(arm, ReplicateKind.snapshot, 0).labels
        if len(labels) and labels.min() == labels.max():
            raise OneClass(
                f"the {arm} arm labels all of its {len(labels):,} training items {'positive' if labels[0] else 'negative'}, and a "
                "classifier learns from both labels; check the items, question and aggregation of its recipe, or import more ratings"
            )
