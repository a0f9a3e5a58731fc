"""Which part of an experiment's change moved the model: every coalition of parts labelled, fitted on a fast head and split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from smo_pipelines.analysis.attribution import NULL_DRAWS, PlayedGame, head_agreement, split_effect
from smo_pipelines.analysis.compare import compare
from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.attribution import Attribution, Partition
from smo_pipelines.domain.benchmarks import PredictionSet
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.effects import NotEstimable, Question, Role, WhyNot
from smo_pipelines.domain.experiments import ArmName, Effect, Experiment, RaterClaim, ReplicateId, ReplicateKind
from smo_pipelines.domain.labels import LabelSnapshot, SnapshotRecipe, TrainingSet
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
from smo_pipelines.errors import CannotEstimate, ConfigError, UnknownTokens, WeightsMissing
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.attributions import find_attribution, keep_attribution
from smo_pipelines.experiment.frames import pack, unpack
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.record import is_decided, publish
from smo_pipelines.experiment.run import conclude, effects_of
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.changes.coalitions import Game
from smo_pipelines.labels.changes.games import clause_game, locale_game, rater_game, recipe_game
from smo_pipelines.labels.snapshot import build_snapshot

__all__ = ["Explanation", "explain", "fast_head", "show_in_report"]

_KIND = "coalitions"
_CODE = "1"
"""Part of the key of every coalition's scores: raise it when the same inputs would give others."""

_HEAD = "minilm-frozen"
_ANY_SCRIPT = "tfidf"
_RUNS = 5
_REDRAWS = 10
_REDRAW_SEEDS = 100_000
_Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Explanation:
    """The splits of an experiment's change, one a partition, and how many fits were trained for them this time."""

    attributions: tuple[Attribution, ...]
    trained: int


def explain(
    workspace: Workspace,
    experiment: Experiment,
    *,
    by: Sequence[Partition] = tuple(Partition),
    on_progress: _Progress | None = None,
) -> Explanation:
    """Split the change of a decided experiment's primary metric and guardrails over the parts of its change.

    What is in the store is not computed again: neither a split, nor a coalition's fit that another game has needed. Coalitions with
    equal labels are fitted once.

    Parameters
    ----------
    by : sequence of Partition
    on_progress : callable, optional
        Told ``("total", n)`` before each game, then each fit's label and 1.

    Raises
    ------
    ConfigError
        When the experiment has no decision yet.
    """
    if not is_decided(workspace, experiment):
        raise ConfigError(f"experiment {experiment.id!r} has no decision yet; `smo run {experiment.id}` gives one")
    arms = load_arms(workspace, experiment)
    head, backbone = fast_head(workspace, arms)
    name = digest_of({"head": head.digest, "backbone": backbone})
    found = {partition: find_attribution(workspace.store, experiment, partition, name) for partition in by}
    heads = _Fits(workspace=workspace, arms=arms, head=head, backbone=backbone, on_progress=on_progress or (lambda *_: None))
    fine_tuned = effects_of(workspace, arms) if None in found.values() else ()
    for partition in by:
        if found[partition] is None:
            attribution = _attribute(workspace, arms, partition, heads, fine_tuned)
            keep_attribution(workspace.store, experiment, name, attribution)
            found[partition] = attribution
    return Explanation(attributions=tuple(one for one in found.values() if one is not None), trained=heads.trained)


def show_in_report(workspace: Workspace, experiment: Experiment, *, clock: Callable[[], datetime]) -> str:
    """Make the report of a decided experiment again, with every split that is in the store, and return where it is."""
    arms, moment = load_arms(workspace, experiment), clock()
    jobs = jobs_of(workspace, arms)
    effects = effects_of(workspace, arms, jobs)
    record = conclude(workspace, arms, effects=effects, started_at=moment, finished_at=moment, launched_by="smo explain", jobs=jobs)
    return publish(workspace, record).report


def fast_head(workspace: Workspace, arms: Arms) -> tuple[ClassifierConfig, str]:
    """Return the classifier that coalitions are fitted with, and the name of its backbone.

    The experiment's own where it is as fast; else ``minilm-frozen`` where the project has it and its backbone reads the texts; else
    ``tfidf``.
    """
    own, known = arms.experiment.classifier, workspace.catalogue.classifiers
    if own.kind is ClassifierKind.tfidf:
        return _two_classes(own), str(ClassifierKind.tfidf)
    frozen = known.get(_HEAD)
    if frozen is not None:
        config = classifiers.on_this_machine(_two_classes(frozen))
        try:
            backbone = classifiers.identity(config, workspace.cache_dir)
            for texts in (arms.matching.texts, *(benchmark.texts for benchmark in arms.benchmarks)):
                classifiers.check_readable(config, texts.tolist(), "the texts", workspace.cache_dir)
        except (UnknownTokens, WeightsMissing):
            pass  # another head reads them
        else:
            return config, backbone
    plain = ClassifierConfig(name=_ANY_SCRIPT, kind=ClassifierKind.tfidf)
    config = known.get(_ANY_SCRIPT, plain)
    return _two_classes(config if config.kind is ClassifierKind.tfidf else plain), str(ClassifierKind.tfidf)


def _two_classes(config: ClassifierConfig) -> ClassifierConfig:
    return replace(config, by_label=False)  # a split is of the labels that metrics are computed on


def _attribute(workspace: Workspace, arms: Arms, partition: Partition, heads: "_Fits", fine_tuned: Sequence[Effect]) -> Attribution:
    questions = _questions(arms.experiment)
    try:
        game = _game(workspace, arms, partition)
    except CannotEstimate as error:
        refused = NotEstimable(question=questions[0], code=WhyNot(error.code), sentence=error.sentence, counts=error.counts)
        return Attribution(partition=partition, by=str(partition), refused=refused)
    played = heads.play(game)
    whole = compare(
        _with_raters(played.coalitions[0], arms, ArmName.control),
        _with_raters(played.coalitions[-1], arms, ArmName.treatment),
        on=arms.benchmarks,
        experiment=arms.experiment,
    )
    own = {effect.question: effect for effect in fine_tuned}
    return Attribution(
        partition=partition,
        by=game.by,
        agreement=head_agreement(
            head=heads.head.name,
            same_classifier=heads.head.digest == arms.experiment.classifier.digest,
            fast=whole,
            fine_tuned=fine_tuned,
        ),
        players=game.players,
        splits=tuple(
            split_effect(question, played, on=arms.benchmarks, experiment=arms.experiment, fine_tuned=own.get(question))
            for question in questions
        ),
        items=len(game.item_ids),
        left_out=game.left_out,
        runs=len(played.coalitions[0].of_kind(ReplicateKind.snapshot)),
        redraws=len(played.coalitions[0].of_kind(ReplicateKind.redraw)),
    )


def _questions(experiment: Experiment) -> tuple[Question, ...]:
    """Return what decides: the primary question and the guardrails."""
    rule = experiment.rule
    return (
        replace(rule.primary.question, role=Role.primary),
        *(replace(guardrail.question, role=Role.guardrail) for guardrail in rule.guardrails),
    )


def _with_raters(runs: ArmRuns, arms: Arms, arm: ArmName) -> ArmRuns:
    return ArmRuns(results=runs.results, raters=arms.rater_facts(arm))


def _game(workspace: Workspace, arms: Arms, partition: Partition) -> Game:
    if partition is Partition.clauses:
        return clause_game(arms.matching, arms.clause_edits)
    if partition is Partition.locales:
        return locale_game(arms.matching)
    if partition is Partition.raters:
        return rater_game(arms.matching, arms.known.raters)
    return recipe_game(arms.matching, lambda recipe: _build(workspace, arms, recipe))


def _build(workspace: Workspace, arms: Arms, recipe: SnapshotRecipe) -> LabelSnapshot:
    """Build a snapshot from the ratings that the arms could see: an experiment that has begun does not see later imports."""
    if recipe.as_of is None:
        seen = {name for snapshot in arms.snapshots.values() for name in snapshot.imports}
        moments = [facts.imported_at for facts in workspace.tables.imports(recipe.project) if facts.import_id in seen]
        if moments:
            recipe = replace(recipe, as_of=max(moments).isoformat())
    guideline = workspace.catalogue.guidelines[str(recipe.guideline)]
    return build_snapshot(workspace.tables, recipe, guideline=guideline, pool=workspace.catalogue.pools[recipe.pool])


@dataclass(kw_only=True)
class _Fits:
    """Fits coalitions and keeps their scores by what they were fitted on; weights are not kept."""

    workspace: Workspace
    arms: Arms
    head: ClassifierConfig
    backbone: str
    on_progress: _Progress
    trained: int = 0
    _results: dict[str, Mapping[str, PredictionSet]] = field(default_factory=dict)

    def play(self, game: Game) -> PlayedGame:
        """Return every coalition of a game with its runs, redraws and null draws."""
        experiment = self.arms.experiment
        runs = max(_RUNS, experiment.replicates)
        redraws = max(_REDRAWS, experiment.redraws) if experiment.raters is RaterClaim.random else 0
        moving = [k for k, player in enumerate(game.players) if player.flips]
        self.on_progress("total", float(len(game.snapshots) * (runs + redraws) + len(moving) * NULL_DRAWS))
        self._warm(game)
        return PlayedGame(
            players=game.players,
            coalitions=tuple(self._coalition(game, mask, runs, redraws) for mask in range(len(game.snapshots))),
            nulls={k: nulls for k in moving if (nulls := self._nulls(game, k, runs)).results},
            effective_raters=game.effective_raters,
            max_ratings_an_item=game.max_ratings_an_item,
        )

    def _warm(self, game: Game) -> None:
        texts = [self.arms.matching.texts, *(benchmark.texts for benchmark in self.arms.benchmarks)]
        once = list(dict.fromkeys(text for column in texts for text in column.tolist()))
        classifiers.warm(self.head, once, self.workspace.cache_dir, lambda share: self.on_progress("texts", share))

    def _coalition(self, game: Game, mask: int, runs: int, redraws: int) -> ArmRuns:
        actual = game.training_set(mask)
        label = f"{game.partition}-{mask}"
        results = [self._run(actual, f"{label}-{k}", ReplicateKind.snapshot, k, k) for k in range(runs)]
        for b in range(redraws):
            again = game.training_set(mask, redraw=b)
            results.append(self._run(again, f"{label}-redraw-{b}", ReplicateKind.redraw, b, _REDRAW_SEEDS + b))
        return ArmRuns(results=tuple(results))

    def _nulls(self, game: Game, player: int, runs: int) -> ArmRuns:
        results = []
        for draw in range(NULL_DRAWS):
            label = f"{game.partition}-null-{player}-{draw}"
            drawn = game.null_set(player, draw)
            if drawn is not None:
                results.append(self._run(drawn, label, ReplicateKind.snapshot, draw, draw % runs))
            self.on_progress(label, 1.0)
        return ArmRuns(results=tuple(results))

    def _run(self, training: TrainingSet, label: str, kind: ReplicateKind, index: int, seed: int) -> ReplicateResult:
        key = digest_of(
            {
                "stage": f"coalition/{_CODE}",
                "classifier": self.head.digest,
                "backbone": self.backbone,
                "training": training.digest,
                "seed": seed,
                "benchmarks": sorted(self.arms.benchmark_keys.values()),
            }
        )
        if key not in self._results:
            self._results[key] = self._stored(key) or self._fit(key, training, seed)
        predictions = self._results[key]
        self.on_progress(label, 1.0)
        return ReplicateResult(
            id=ReplicateId(arm=ArmName.control, kind=kind, index=index, seed=seed),
            key=key,
            threshold=next(iter(predictions.values())).threshold,
            predictions=predictions,
        )

    def _stored(self, key: str) -> Mapping[str, PredictionSet] | None:
        entry = self.workspace.store.find(_KIND, key)
        if entry is None:
            return None
        scores = {benchmark.name: unpack(entry.read(f"{benchmark.name}.parquet"))["score"] for benchmark in self.arms.benchmarks}
        return self._predictions(key, scores, float(entry.meta["threshold"]))

    def _fit(self, key: str, training: TrainingSet, seed: int) -> Mapping[str, PredictionSet]:
        fitted = classifiers.fit(self.head, training, seed=seed, cache_dir=self.workspace.cache_dir)
        scores = {benchmark.name: fitted.score(benchmark.texts.tolist()) for benchmark in self.arms.benchmarks}
        files = {f"{name}.parquet": pack({"score": values}) for name, values in scores.items()}
        meta = {"threshold": fitted.threshold, "classifier": self.head.name, "seed": seed}
        self.workspace.store.put(_KIND, key, meta=meta, files=files)
        self.trained += 1
        return self._predictions(key, scores, fitted.threshold)

    def _predictions(self, key: str, scores: Mapping[str, np.ndarray], threshold: float) -> Mapping[str, PredictionSet]:
        return {
            benchmark.name: PredictionSet(
                classifier_key=key,
                benchmark=benchmark.name,
                benchmark_digest=benchmark.digest,
                scores=scores[benchmark.name],
                threshold=threshold,
            )
            for benchmark in self.arms.benchmarks
        }
