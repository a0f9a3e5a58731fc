"""An experiment without its store: the arms are fitted, scored, compared and decided on by the functions that ``smo run`` uses.

What differs from ``smo run``: nothing is written, the arms come from snapshots in memory, and the seeds of the fits can be moved, so
that many experiments on the same items are independent of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smo_pipelines.analysis.compare import compare
from smo_pipelines.analysis.decide import decide
from smo_pipelines.classifiers import api
from smo_pipelines.domain.benchmarks import PredictionSet
from smo_pipelines.domain.changes import OpsChange
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.decisions import Decision, DecisionRule, Guardrail, Primary, RulePolicy
from smo_pipelines.domain.effects import Question
from smo_pipelines.domain.experiments import ArmName, Assignment, Experiment, NullTest, RaterClaim
from smo_pipelines.domain.labels import GoldAnswers, LabelSnapshot, SnapshotRecipe, Votes
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.labels.aggregation import AGGREGATIONS
from smo_pipelines.labels.snapshot import apply_tie_rule

__all__ = ["SEEDS_APART", "Design", "decided", "experiment_of", "fitted_arms", "snapshot_of"]

SEEDS_APART = 1_000_000
"""Between the seeds of two experiments: more than any experiment uses."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """How an experiment is run and read: everything but its two recipes."""

    classifier: ClassifierConfig
    replicates: int
    redraws: int
    benchmarks: tuple[str, ...]
    primary: Question
    smallest: float
    guardrails: tuple[Guardrail, ...] = ()
    extra: tuple[Question, ...] = ()


def experiment_of(
    name: str, control: SnapshotRecipe, treatment: SnapshotRecipe, design: Design, *, null: bool = False, randomised: bool = True
) -> Experiment:
    """Return the experiment of two recipes, with a claim about raters like these."""
    return Experiment(
        id=name,
        change=OpsChange(id="OC-0000", what=name),
        control=control,
        treatment=treatment,
        assignment=Assignment.randomised if randomised else Assignment.same_items_relabelled,
        raters=RaterClaim.random,
        replicates=design.replicates,
        redraws=design.redraws,
        classifier=design.classifier,
        rule=DecisionRule(
            policy=RulePolicy(name="default"),
            primary=Primary(question=design.primary, smallest_effect_of_interest=design.smallest),
            guardrails=design.guardrails,
        ),
        benchmarks=design.benchmarks,
        extra=design.extra,
        null_test=NullTest.rater_halves if null else None,
    )


def snapshot_of(
    recipe: SnapshotRecipe,
    item_ids: Sequence[str],
    texts: Sequence[str],
    votes: Votes,
    gold: GoldAnswers | None = None,
) -> LabelSnapshot:
    """Return what a recipe makes of ratings that are in memory; items and raters without a rating are not in it.

    Parameters
    ----------
    item_ids, texts : of n_items, in order of id
    votes : Votes
        By position in ``item_ids``.
    """
    order = np.lexsort((votes.rater, votes.item))
    rated, item = np.unique(votes.item[order], return_inverse=True)
    working, rater = np.unique(votes.rater[order], return_inverse=True)
    kept = replace(votes, item=item, rater=rater, label=votes.label[order], rater_ids=votes.rater_ids[working])
    found = AGGREGATIONS[recipe.aggregation](kept, len(rated), None, gold)
    return LabelSnapshot(
        recipe=recipe,
        item_ids=np.asarray(item_ids)[rated],
        texts=np.asarray(texts, dtype=object)[rated].tolist(),
        labels=apply_tie_rule(found.labels, recipe.ties),
        share=found.share,
        soft=found.soft,
        n_ratings=np.bincount(item, minlength=len(rated)),
        votes=kept,
        gold=gold,
    )


def fitted_arms(arms: Arms, *, number: int, cache_dir: Path) -> dict[ArmName, ArmRuns]:
    """Fit and score every replicate of both arms, with the seeds of experiment ``number``."""
    experiment = arms.experiment
    config = api.on_this_machine(experiment.classifier)
    results: dict[ArmName, list[ReplicateResult]] = {arm: [] for arm in ArmName}
    for planned in experiment.replicate_ids():
        one = replace(planned, seed=planned.seed + number * SEEDS_APART)
        training = arms.training_set(one.arm, one.kind, one.index)
        fitted = api.fit(config, training, seed=one.seed, cache_dir=cache_dir)
        predictions = {
            benchmark.name: PredictionSet(
                classifier_key=one.label,
                benchmark=benchmark.name,
                benchmark_digest=benchmark.digest,
                scores=fitted.score(benchmark.texts.tolist()),
                threshold=fitted.threshold,
            )
            for benchmark in arms.benchmarks
        }
        results[one.arm].append(ReplicateResult(id=one, key=one.label, threshold=fitted.threshold, predictions=predictions))
    return {arm: ArmRuns(results=tuple(found), raters=arms.rater_facts(arm)) for arm, found in results.items()}


def decided(arms: Arms, runs: dict[ArmName, ArmRuns]) -> Decision:
    """Compare the arms and decide, as ``smo run`` does."""
    effects = ()
    if arms.valid:
        effects = compare(runs[ArmName.control], runs[ArmName.treatment], on=arms.benchmarks, experiment=arms.experiment)
    return decide(effects, experiment=arms.experiment, findings=arms.findings)
