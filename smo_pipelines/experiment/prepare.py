"""From a registered experiment to its two arms, benchmarks and validity findings; everything before training."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from smo_pipelines.benchmarks.leakage import NEAR, Leakage, leaked_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.decisions import Finding, FindingCode, may_train
from smo_pipelines.domain.digests import short
from smo_pipelines.domain.experiments import ArmName, Experiment, RaterClaim, ReplicateKind
from smo_pipelines.domain.guidelines import ClauseEdit, GuidelineVersion
from smo_pipelines.domain.label_changes import LabelShift
from smo_pipelines.domain.labels import TIE, LabelSnapshot, TrainingSet
from smo_pipelines.domain.records import ArmFacts
from smo_pipelines.domain.runs import RaterFacts
from smo_pipelines.errors import OneClass
from smo_pipelines.experiment.benchmarks import gold_models, load_benchmark
from smo_pipelines.experiment.stored import (
    benchmark_key,
    get_benchmark,
    get_snapshot,
    put_benchmark,
    put_snapshot,
)
from smo_pipelines.experiment.stored_facts import pack_facts, unpack_facts
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.changes.facts import LabelFacts, label_facts
from smo_pipelines.labels.changes.label_shift import label_shift
from smo_pipelines.labels.guidelines import clause_edits
from smo_pipelines.labels.matching import Matching, match
from smo_pipelines.labels.redraw import redraw_shape, redrawn
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.targets import targets_of
from smo_pipelines.store import file_lock

__all__ = ["Arms", "arm_snapshot", "build_arms", "is_pinned", "load_arms", "pin_arms", "refuse_one_class"]

_KIND = "prepared"
_MIN_OF_RARER = 10
_MIN_OF_RARER_IN_DEV = 2


@dataclass(frozen=True, eq=False)
class Arms:
    """Both arms of an experiment, matched, with the benchmarks they will be scored on."""

    experiment: Experiment
    snapshots: dict[ArmName, LabelSnapshot]
    benchmarks: tuple[Benchmark, ...]
    clause_edits: tuple[ClauseEdit, ...]
    known: LabelFacts = field(default_factory=LabelFacts)

    @cached_property
    def benchmark_keys(self) -> dict[str, str]:
        """The store key of each benchmark's version, by name."""
        return {benchmark.name: benchmark_key(benchmark) for benchmark in self.benchmarks}

    @cached_property
    def leakage(self) -> Leakage:
        """Training items whose text stands in a benchmark, or nearly so."""
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
        return (*_overlap(self), _leakage(self), *_sample_ratio(self), *_classes(self), *_raters(self), *_circular(self))

    @property
    def valid(self) -> bool:
        """Whether training makes sense."""
        return may_train(self.findings)


def arm_snapshot(workspace: Workspace, experiment: Experiment, arm: ArmName) -> LabelSnapshot:
    """Build one arm's snapshot from the label tables as they are now.

    Raises
    ------
    NoRatings
        When the recipe selects nothing.
    """
    recipe = experiment.recipe(arm)
    guideline = workspace.catalogue.guidelines[str(recipe.guideline)]
    return build_snapshot(workspace.tables, recipe, guideline=guideline, pool=workspace.catalogue.pools[recipe.pool])


def is_pinned(workspace: Workspace, experiment: Experiment) -> bool:
    """Whether an experiment has begun: what it is made from is fixed."""
    return workspace.store.find(_KIND, experiment.spec_hash) is not None


def build_arms(workspace: Workspace, experiment: Experiment) -> Arms:
    """Return what an experiment is made from: as it was pinned, or else as the label tables and benchmarks are now.

    Writes nothing.

    Raises
    ------
    NoRatings
        When an arm's recipe selects nothing.
    BenchmarkError
        When a benchmark cannot be made.
    """
    if is_pinned(workspace, experiment):
        return load_arms(workspace, experiment)
    arms = Arms(
        experiment=experiment,
        snapshots={arm: arm_snapshot(workspace, experiment, arm) for arm in ArmName},
        benchmarks=tuple(load_benchmark(workspace, name) for name in experiment.benchmarks),
        clause_edits=_edits(workspace, experiment),
    )
    facts = label_facts(workspace.tables, arms.matching, _guidelines(workspace, experiment))
    models = {benchmark.name: gold_models(workspace, benchmark) for benchmark in arms.benchmarks}
    return replace(arms, known=replace(facts, gold_models={name: of for name, of in models.items() if of}))


def pin_arms(workspace: Workspace, experiment: Experiment, arms: Arms | None = None) -> Arms:
    """Fix what the experiment is made from and store it: later imports do not change an experiment that has begun.

    The pin is stored only when the arms are valid, so that an experiment without its data can be tried again.

    Parameters
    ----------
    arms : Arms, optional
        What :func:`build_arms` returned a moment ago; built here when left out. What is pinned already goes before it.
    """
    with file_lock(workspace.lock(f"pin-{short(experiment.spec_hash)}")):
        if arms is None or is_pinned(workspace, experiment):
            arms = build_arms(workspace, experiment)
        if arms.valid:
            keys = {str(arm): put_snapshot(workspace.store, snapshot) for arm, snapshot in arms.snapshots.items()}
            benchmarks = {benchmark.name: put_benchmark(workspace.store, benchmark) for benchmark in arms.benchmarks}
            meta = {"snapshots": keys, "benchmarks": benchmarks}
            workspace.store.put(_KIND, experiment.spec_hash, meta=meta, files=pack_facts(arms.known))
    return arms


def load_arms(workspace: Workspace, experiment: Experiment) -> Arms:
    """Return the arms that were pinned.

    Raises
    ------
    StoreError
        When the experiment has not begun.
    """
    entry = workspace.store.get(_KIND, experiment.spec_hash)
    meta = entry.meta
    return Arms(
        experiment=experiment,
        snapshots={arm: get_snapshot(workspace.store, str(meta["snapshots"][str(arm)]), experiment.recipe(arm)) for arm in ArmName},
        benchmarks=tuple(get_benchmark(workspace.store, str(meta["benchmarks"][name])) for name in experiment.benchmarks),
        clause_edits=_edits(workspace, experiment),
        known=unpack_facts(entry),
    )


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


def _edits(workspace: Workspace, experiment: Experiment) -> tuple[ClauseEdit, ...]:
    old, new = _guidelines(workspace, experiment)
    return clause_edits(old, new) if old.name == new.name else ()


def _guidelines(workspace: Workspace, experiment: Experiment) -> tuple[GuidelineVersion, GuidelineVersion]:
    control, treatment = (workspace.catalogue.guidelines[str(experiment.recipe(arm).guideline)] for arm in ArmName)
    return control, treatment


def _overlap(arms: Arms) -> tuple[Finding, ...]:
    matching, policy = arms.matching, arms.experiment.rule.policy
    n = len(matching)
    larger = max(len(snapshot) for snapshot in arms.snapshots.values())
    lost = 1 - n / larger if larger else 1.0
    return (
        Finding(
            code=FindingCode.few_matched_items,
            passed=n >= policy.min_matched_items,
            blocking=True,
            sentence=f"{n:,} items are labelled by both arms and left for training; at least {policy.min_matched_items:,} are needed",
            actual=float(n),
            limit=float(policy.min_matched_items),
        ),
        Finding(
            code=FindingCode.items_lost_in_matching,
            passed=lost <= 0.2,
            blocking=False,
            sentence=(
                f"{lost:.1%} of the larger arm's items are not trained on: labelled by one arm only "
                f"({matching.only_control:,} and {matching.only_treatment:,}), tied ({matching.tied:,}) or leaked ({matching.leaked:,})"
            ),
            actual=lost,
            limit=0.2,
        ),
    )


def _leakage(arms: Arms) -> Finding:
    limit, leakage = arms.experiment.rule.policy.max_leakage, arms.leakage
    return Finding(
        code=FindingCode.leakage,
        passed=leakage.share <= limit,
        blocking=True,
        sentence=(
            f"{len(leakage.item_ids):,} training items ({leakage.share:.2%}) stand in a benchmark, {len(leakage.exact_ids):,} with the same "
            f"text and {len(leakage.near_ids):,} with nearly the same ({NEAR:.0%} of the characters' sequences in common), and were left "
            f"out of training in both arms; above {limit:.0%} the experiment is invalid"
        ),
        actual=leakage.share,
        limit=limit,
    )


def _sample_ratio(arms: Arms) -> tuple[Finding, ...]:
    allocation = arms.experiment.allocation
    if allocation is None:
        return ()
    from scipy.stats import binomtest

    counts = [len(arms.snapshots[arm].votes.rater_ids) for arm in ArmName]
    share = allocation[0] / sum(allocation)
    p = float(binomtest(counts[0], sum(counts), share).pvalue)
    limit = arms.experiment.rule.policy.sample_ratio_alpha
    return (
        Finding(
            code=FindingCode.sample_ratio,
            passed=p >= limit,
            blocking=True,
            sentence=(
                f"{counts[0]:,} and {counts[1]:,} raters labelled control and treatment; the declared allocation is "
                f"{allocation[0]:g} to {allocation[1]:g} (exact binomial p = {p:.3g})"
            ),
            actual=p,
            limit=limit,
        ),
    )


def _classes(arms: Arms) -> tuple[Finding, ...]:
    findings = []
    for arm in ArmName:
        training = arms.training_set(arm, ReplicateKind.snapshot, 0)
        rarer, rarer_dev = (_rarer(labels) for labels in (training.labels, training.labels[training.dev]))
        findings.append(
            Finding(
                code=FindingCode.one_class,
                passed=rarer >= _MIN_OF_RARER and rarer_dev >= _MIN_OF_RARER_IN_DEV,
                blocking=True,
                sentence=(
                    f"the {arm} arm has {rarer:,} items of its rarer label to learn from, {rarer_dev:,} of them in the development "
                    f"split; at least {_MIN_OF_RARER} and {_MIN_OF_RARER_IN_DEV} are needed"
                ),
                actual=float(rarer),
                limit=float(_MIN_OF_RARER),
            )
        )
    return tuple(findings)


def _rarer(labels: np.ndarray) -> int:
    return int(min((labels == 1).sum(), (labels == 0).sum()))


def _raters(arms: Arms) -> tuple[Finding, ...]:
    if arms.experiment.raters is not RaterClaim.random:
        return ()
    fewest = min(snapshot.votes.effective_raters for snapshot in arms.snapshots.values())
    return (
        Finding(
            code=FindingCode.few_raters,
            passed=fewest >= 15,
            blocking=False,
            sentence=f"the smaller arm has {fewest:.0f} effective raters; below 15 an interval about raters like these is wide, below 8 refused",
            actual=fewest,
            limit=15.0,
        ),
    )


def _circular(arms: Arms) -> tuple[Finding, ...]:
    """Warn of a model that labelled both what is trained on and the gold it is judged by; nothing is said where none gave gold."""
    findings = []
    for name, models in arms.known.gold_models.items():
        trained = {arm: len(set(models) & set(snapshot.votes.rater_ids.tolist())) for arm, snapshot in arms.snapshots.items()}
        which = " and ".join(f"{count} labelled for the {arm} arm" for arm, count in trained.items() if count)
        most = max(trained.values())
        findings.append(
            Finding(
                code=FindingCode.circular_gold,
                passed=most == 0,
                blocking=False,
                sentence=(
                    f"of the {len(models)} model raters behind the gold of {name}, {which}: a model that agrees with itself looks right, "
                    "so a gain there may be agreement with the model and not with the guideline"
                    if most
                    else f"none of the {len(models)} model raters behind the gold of {name} labelled what is trained on"
                ),
                actual=float(most),
                limit=0.0,
            )
        )
    return tuple(findings)
