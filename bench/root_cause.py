"""The planted cause of a change: whether it is found beside a part that flips twice as many labels, and what a part without a cause does.

One draw is one change of the embedded operation in three parts, each item labelled by three raters:

- planted: the items of clause 3.2, rated again under hate@4 by the same raters, which exempts quoted hate; the one part with an effect;
- decoy: items of other clauses, twice the planted part's flips, of which half are answered the wrong way round before the change and the
  other half after it, violating and benign alike: many labels change and none the better, so the effect is symmetric about 0;
- null: the remaining items, rated by three other raters under the same guideline; flips and no cause.

Every coalition is labelled from its ratings (``labels.changes``), fitted (``tfidf`` on word pieces, 5 runs and 10 redraws) and split
(``analysis.attribution``) by average precision under hate@4 on fresh items. ``planted_found``: the planted part is first of the split.
``flips_baseline_found``: it has the most flips. ``null_alarms``: the null part is anything but within noise.

    python -m bench.root_cause [--quick] [--draws N] [--train N] [--benchmark N] [--jobs N]

The last line is one JSON object.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from smo_pipelines.analysis.attribution import NULL_DRAWS, PlayedGame, split_effect
from smo_pipelines.classifiers.ngrams import learn_vocabulary, rows
from smo_pipelines.classifiers.regression import regress
from smo_pipelines.domain.attribution import CauseVerdict, Partition, Split
from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
from smo_pipelines.domain.changes import OpsChange
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.decisions import DecisionRule, Primary, RulePolicy
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.effects import Question
from smo_pipelines.domain.experiments import ArmName, Assignment, Experiment, RaterClaim, ReplicateId, ReplicateKind
from smo_pipelines.domain.labels import Aggregation, LabelSnapshot, SnapshotRecipe, TrainingSet, Votes
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
from smo_pipelines.labels.aggregation import AGGREGATIONS
from smo_pipelines.labels.changes.coalitions import Game
from smo_pipelines.labels.changes.flips import Groups
from smo_pipelines.labels.changes.games import item_game
from smo_pipelines.labels.changes.pairs import pair_labels
from smo_pipelines.labels.matching import match
from smo_pipelines.simulate.items import SimulatedItem, draw_items
from smo_pipelines.simulate.policy import PLANTED_CAUSE
from smo_pipelines.simulate.raters import RATINGS_PER_ITEM, RatingPass, draw_raters, rate_items

PLANTED, DECOY, NULL = range(3)
NAMES = ("planted", "decoy", "null")
RUNS, REDRAWS = 5, 10
PANEL = 3
FIRST_SEED = 3_000_000
DECOY_FLIPS = 2.0
QUESTION = Question(metric="average_precision", on="fresh", gold=PLANTED_CAUSE.after)
CLASSIFIER = ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf, ngrams=(2, 3))
RECIPE = SnapshotRecipe(project="demo", question="hate", guideline=PLANTED_CAUSE.before)


def experiment() -> Experiment:
    rule = DecisionRule(policy=RulePolicy(name="default"), primary=Primary(question=QUESTION, smallest_effect_of_interest=0.02))
    return Experiment(
        id="root-cause",
        change=OpsChange(id="OC-0042", what="a planted cause, a decoy and a part without a cause"),
        control=RECIPE,
        treatment=replace(RECIPE, guideline=PLANTED_CAUSE.after),
        assignment=Assignment.same_items_relabelled,
        raters=RaterClaim.random,
        replicates=RUNS,
        redraws=REDRAWS,
        classifier=CLASSIFIER,
        rule=rule,
        benchmarks=("fresh",),
    )


def snapshot(
    items: Sequence[SimulatedItem], one: RatingPass, positive: np.ndarray, kept: np.ndarray, recipe: SnapshotRecipe
) -> LabelSnapshot:
    """Return the labels of some of a pass's ratings, with these answers."""
    order = np.lexsort((one.rater[kept], one.item[kept]))
    votes = Votes(
        item=one.item[kept][order],
        rater=one.rater[kept][order],
        label=positive[kept][order].astype(np.int8),
        rater_ids=np.array([f"r{k:04d}" for k in range(int(one.rater.max()) + 1)]),
    )
    found = AGGREGATIONS[Aggregation.majority](votes, len(items), None, None)
    return LabelSnapshot(
        recipe=recipe,
        item_ids=np.array([item.item_id for item in items]),
        texts=[item.text for item in items],
        labels=found.labels,
        share=found.share,
        soft=found.soft,
        n_ratings=np.bincount(votes.item, minlength=len(items)),
        votes=votes,
    )


def draw_game(seed: int, n_items: int) -> Game:
    """Return one change in three parts, every coalition labelled."""
    items = draw_items(seed, split="train", count=n_items, policies=["hate"])
    raters = draw_raters(seed)
    before, after, _ = rate_items(seed, items, raters)
    assert np.array_equal(before.item, np.repeat(np.arange(n_items), RATINGS_PER_ITEM))
    part = np.where([item.clause == PLANTED_CAUSE.clause for item in items], PLANTED, NULL)
    old, new = (label(one, n_items) for one in (before, after))
    planted = int(((old != new) & (part == PLANTED)).sum())
    each = int(np.ceil(DECOY_FLIPS * planted / 4))
    hashed = hash_to_unit(f"decoy {seed}", [item.item_id for item in items])
    wrong_before, wrong_after = np.zeros(n_items, dtype=bool), np.zeros(n_items, dtype=bool)
    for value in (False, True):
        chosen = _first_by(hashed, (part == NULL) & (old == value), 2 * each)
        wrong_before[chosen[:each]], wrong_after[chosen[each:]] = True, True
    part[wrong_before | wrong_after] = DECOY
    first = np.arange(len(before.item)) % RATINGS_PER_ITEM < PANEL  # of an item's six raters, who come one after the other
    swapped = np.where((part == NULL)[before.item], ~first, first)
    again = np.where((part == PLANTED)[before.item], after.positive, before.positive)
    control = snapshot(items, before, before.positive ^ wrong_before[before.item], first, RECIPE)
    new_recipe = replace(RECIPE, guideline=PLANTED_CAUSE.after)
    treatment = snapshot(items, before, again ^ wrong_after[before.item], swapped, new_recipe)
    matching = match(control, treatment)
    pairs = pair_labels(matching)
    place = np.searchsorted([item.item_id for item in items], pairs.item_ids)
    return item_game(matching, Groups(names=NAMES, codes=part[place]), Partition.clauses, "part")


def label(one: RatingPass, count: int) -> np.ndarray:
    """Return whether most of an item's first three raters say violating."""
    return one.positive.reshape(count, RATINGS_PER_ITEM)[:, :PANEL].sum(axis=1) > PANEL / 2


def _first_by(hashed: np.ndarray, candidates: np.ndarray, count: int) -> np.ndarray:
    rows = np.flatnonzero(candidates)
    return rows[np.argsort(hashed[rows])[:count]]


def fresh_benchmark(seed: int, count: int) -> Benchmark:
    items = draw_items(seed, split="benchmark", count=count, policies=["hate"])
    golds = {
        guideline: np.array([item.gold[guideline] == "violating" for item in items], dtype=np.int8)
        for guideline in (PLANTED_CAUSE.before, PLANTED_CAUSE.after)
    }
    names = np.array([item.item_id for item in items])
    texts = np.array([item.text for item in items], dtype=object)
    return Benchmark(name="fresh", item_ids=names, texts=texts, golds=golds, clusters=np.arange(count))


class Fits:
    """Fits each set of labels once a seed, on features that all of a game's training sets share: what ``tfidf`` does with them.

    The metric has no threshold, so none is tuned.
    """

    def __init__(self, game: Game, benchmark: Benchmark) -> None:
        training = game.training_set(0)
        self.benchmark = benchmark
        self.keep = np.flatnonzero(~training.dev)
        texts = training.texts[self.keep].tolist()
        vocabulary = learn_vocabulary(CLASSIFIER, texts)
        self.features = rows(CLASSIFIER, vocabulary, texts)
        self.fresh = rows(CLASSIFIER, vocabulary, benchmark.texts.tolist())
        self.known: dict[tuple[bytes, int], PredictionSet] = {}

    def run(self, training: TrainingSet, kind: ReplicateKind, index: int, seed: int) -> ReplicateResult:
        """Return one run of a coalition, fitted unless the same labels were fitted with the same seed."""
        key = (training.labels.tobytes(), seed)
        if key not in self.known:
            self.known[key] = PredictionSet(
                classifier_key=str(len(self.known)),
                benchmark=self.benchmark.name,
                benchmark_digest=self.benchmark.digest,
                scores=regress(CLASSIFIER, training, self.keep, self.features, seed=seed).score(self.fresh),
                threshold=0.5,
            )
        found = self.known[key]
        identity = ReplicateId(arm=ArmName.control, kind=kind, index=index, seed=seed)
        return ReplicateResult(
            id=identity, key=found.classifier_key, threshold=found.threshold, predictions={self.benchmark.name: found}
        )


def play(game: Game, fits: Fits) -> PlayedGame:
    coalitions = []
    for mask in range(len(game.snapshots)):
        actual = game.training_set(mask)
        runs = [fits.run(actual, ReplicateKind.snapshot, k, k) for k in range(RUNS)]
        runs += [fits.run(game.training_set(mask, redraw=b), ReplicateKind.redraw, b, 100_000 + b) for b in range(REDRAWS)]
        coalitions.append(ArmRuns(results=tuple(runs)))
    nulls = {}
    for player in range(len(game)):
        drawn = [game.null_set(player, j) for j in range(NULL_DRAWS)]
        nulls[player] = ArmRuns(
            results=tuple(fits.run(one, ReplicateKind.snapshot, j, j % RUNS) for j, one in enumerate(drawn) if one is not None)
        )
    return PlayedGame(
        players=game.players,
        coalitions=tuple(coalitions),
        nulls=nulls,
        effective_raters=game.effective_raters,
        max_ratings_an_item=game.max_ratings_an_item,
    )


def one_draw(seed: int, n_items: int, benchmark_items: int) -> dict[str, float]:
    game = draw_game(seed, n_items)
    benchmark = fresh_benchmark(seed, benchmark_items)
    split = split_effect(QUESTION, play(game, Fits(game, benchmark)), on=(benchmark,), experiment=experiment())
    assert isinstance(split, Split), split
    share = {one.player: one for one in split.shares}
    flips = {player.name: player.flips for player in game.players}
    return {
        "planted_found": float(split.shares[0].player == "planted"),
        "planted_is_cause": float(share["planted"].verdict is CauseVerdict.cause),
        "planted_largest": float(max(share, key=lambda name: abs(share[name].shapley.estimate)) == "planted"),
        "flips_baseline_found": float(max(flips, key=lambda name: flips[name]) == "planted"),
        "null_alarms": float(share["null"].verdict is not CauseVerdict.within_noise),
        "decoy_alarms": float(share["decoy"].verdict is not CauseVerdict.within_noise),
        **{f"share_{name}": one.shapley.estimate for name, one in share.items()},
        **{f"flips_{name}": float(count) for name, count in flips.items()},
    }


def planted_rows(pool: Executor, *, draws: int, n_items: int = 500, benchmark_items: int = 800) -> list[dict[str, float]]:
    """Return what was found in each draw.

    Parameters
    ----------
    n_items, benchmark_items : int
        Training items of the hate policy, and items of each fresh benchmark.
    """
    work = partial(one_draw, n_items=n_items, benchmark_items=benchmark_items)
    found = []
    for number, row in enumerate(pool.map(work, range(FIRST_SEED, FIRST_SEED + draws))):
        found.append(row)
        print(f"draw {number}: " + ", ".join(f"{name} {value:.3g}" for name, value in row.items()), flush=True)
    return found


def means_of(draws: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([draw[name] for draw in draws])), 4) for name in draws[0]}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute at most")
    parser.add_argument("--draws", type=int)
    parser.add_argument("--train", type=int, default=500, help="training items of the hate policy")
    parser.add_argument("--benchmark", type=int, default=800, help="items of each fresh benchmark")
    parser.add_argument("--jobs", type=int, default=1, help="draws at once, each in a process of its own")
    asked = parser.parse_args(arguments)
    started = time.perf_counter()
    draws = asked.draws or (3 if asked.quick else 200)
    with ProcessPoolExecutor(asked.jobs) as pool:
        found = planted_rows(pool, draws=draws, n_items=asked.train, benchmark_items=asked.benchmark)
    head = {"program": "root_cause", "command": " ".join(["python -m bench.root_cause", *arguments]), "classifier": "tfidf"}
    sizes = {"draws": draws, "train": asked.train, "benchmark": asked.benchmark, "runs": RUNS, "redraws": REDRAWS}
    print(json.dumps({**head, **sizes, "seconds": round(time.perf_counter() - started, 1), **means_of(found)}))


if __name__ == "__main__":
    main(sys.argv[1:])
