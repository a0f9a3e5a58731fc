"""What the planted guideline edit truly does to a classifier: the mean of the whole pipeline over many redraws of its raters.

Estimand. Training items: fixed (those of ``--seed``). Raters, assignment, ratings and run seeds: fresh in every redraw, the same
raters in both arms. Benchmark: fresh items of the same operation in every redraw, so the Monte Carlo error covers them too. Gold:
hate@4, and hate@3 beside it. Effect: treatment (labels under hate@4) minus control (under hate@3), in average precision.

    python bench/truth.py [--quick] [--redraws N] [--train N] [--benchmark N] [--seed S]

The last line is one JSON object.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.simulate.items import SimulatedItem, draw_items
from smo_pipelines.simulate.policy import PLANTED_CAUSE
from smo_pipelines.simulate.raters import RatingPass, draw_raters, rate_items

FitAndScore = Callable[[TrainingSet, int, Sequence[str]], np.ndarray]
"""Fit on a training set with a run seed, and score texts: shape (n_texts,)."""

DEV_SHARE = 0.15
FRESH = 1_000_000
"""Redraw seeds start here, away from the seeds of operations."""


def project_tfidf(training: TrainingSet, seed: int, texts: Sequence[str]) -> np.ndarray:
    from smo_pipelines.classifiers.tfidf import fit_tfidf
    from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind

    return fit_tfidf(ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf), training, seed=seed).score(texts)


def stand_in(training: TrainingSet, seed: int, texts: Sequence[str]) -> np.ndarray:
    """Character n-grams with Exp(1) item weights, for a tree that has no classifiers yet."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    kept = ~training.dev
    weights = -np.log(hash_to_unit(f"weight/{seed}", training.item_ids[kept].tolist()))
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(vectors.fit_transform(training.texts[kept]), training.labels[kept], sample_weight=weights)
    return model.predict_proba(vectors.transform(texts))[:, 1]


def average_precision(gold: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(gold, scores))


def share(one: RatingPass, count: int) -> np.ndarray:
    """Return the positive share of each item's ratings."""
    return np.bincount(one.item, one.positive.astype(float), minlength=count) / np.bincount(one.item, minlength=count)


def training_set(items: list[SimulatedItem], positive_share: np.ndarray, untied: np.ndarray) -> TrainingSet:
    ids = np.array([item.item_id for item in items])[untied]
    texts = np.array([item.text for item in items], dtype=object)[untied]
    dev = hash_to_unit("dev", ids.tolist()) < DEV_SHARE
    return TrainingSet(item_ids=ids, texts=texts, labels=(positive_share[untied] > 0.5).astype(np.int8), dev=dev)


def gold(items: list[SimulatedItem], guideline: str) -> np.ndarray:
    return np.array([item.gold[guideline] == "violating" for item in items])


def one_redraw(items: list[SimulatedItem], redraw: int, benchmark_items: int, classify: FitAndScore) -> dict[str, float]:
    """Run both arms once with fresh raters, seed and benchmark."""
    seed = FRESH + redraw
    before, after, _ = rate_items(seed, items, draw_raters(seed))
    shares = {"control": share(before, len(items)), "treatment": share(after, len(items))}
    untied = (shares["control"] != 0.5) & (shares["treatment"] != 0.5)
    bench = draw_items(seed, split="benchmark", count=benchmark_items, policies=["hate"])
    old, new = gold(bench, PLANTED_CAUSE.before), gold(bench, PLANTED_CAUSE.after)
    out: dict[str, float] = {}
    for arm, positive_share in shares.items():
        scores = classify(training_set(items, positive_share, untied), redraw, [item.text for item in bench])
        out[f"{arm}_ap_new_gold"] = average_precision(new, scores)
        out[f"{arm}_ap_old_gold"] = average_precision(old, scores)
        out[f"{arm}_ap_gold_unchanged"] = average_precision(new[old == new], scores[old == new])
    for name in ("ap_new_gold", "ap_old_gold", "ap_gold_unchanged"):
        out[f"effect_{name}"] = out[f"treatment_{name}"] - out[f"control_{name}"]
    return out | label_facts(items, shares, untied, redraw)


def label_facts(items: list[SimulatedItem], shares: dict[str, np.ndarray], untied: np.ndarray, redraw: int) -> dict[str, float]:
    """Return shares of the untied items, and the flips that another draw of the raters alone would give."""
    control, treatment = shares["control"] > 0.5, shares["treatment"] > 0.5
    old, new = gold(items, PLANTED_CAUSE.before), gold(items, PLANTED_CAUSE.after)
    again = FRESH // 2 + redraw
    other = share(rate_items(again, items, draw_raters(again))[0], len(items))
    both = (other != 0.5) & (shares["control"] != 0.5)
    flips = (control != treatment)[untied]
    return {
        "tied_share": float(1 - untied.mean()),
        "label_noise_control": float((control != old)[untied].mean()),
        "label_noise_treatment": float((treatment != new)[untied].mean()),
        "flip_share": float(flips.mean()),
        "flip_share_planted": float((flips & (old != new)[untied]).mean()),
        "flip_share_other": float((flips & (old == new)[untied]).mean()),
        "flip_share_fresh_raters": float((control != (other > 0.5))[both].mean()),
        "gold_changed_share": float((old != new).mean()),
    }


def summary(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return each quantity's mean, its Monte Carlo standard error and the spread of one redraw."""
    out = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        spread = float(values.std(ddof=1))
        error = spread / len(values) ** 0.5
        out[name] = {"mean": round(float(values.mean()), 5), "mc_error": round(error, 5), "sd": round(spread, 5)}
    return out


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute at most")
    parser.add_argument("--redraws", type=int)
    parser.add_argument("--train", type=int, default=800, help="training items of the hate policy")
    parser.add_argument("--benchmark", type=int, help="items of each fresh benchmark")
    parser.add_argument("--seed", type=int, default=1, help="the operation whose training items are kept")
    asked = parser.parse_args(arguments)
    redraws = asked.redraws or (8 if asked.quick else 200)
    benchmark_items = asked.benchmark or (1000 if asked.quick else 4000)
    known = find_spec("smo_pipelines.classifiers.tfidf") is not None
    started = time.perf_counter()
    items = draw_items(asked.seed, split="train", count=asked.train, policies=["hate"])
    rows = [one_redraw(items, k, benchmark_items, project_tfidf if known else stand_in) for k in range(redraws)]
    facts = summary(rows)
    for name, fact in facts.items():
        print(f"{name:32} {fact['mean']:+.4f}  Monte Carlo error {fact['mc_error']:.4f}  sd of one redraw {fact['sd']:.4f}")
    head = {
        "program": "truth",
        "command": " ".join(["python bench/truth.py", *arguments]),
        "classifier": "tfidf" if known else "stand-in tfidf",
    }
    sizes = {"redraws": redraws, "train": asked.train, "benchmark": benchmark_items, "seed": asked.seed}
    print(json.dumps({**head, **sizes, "seconds": round(time.perf_counter() - started, 1), "truth": facts}))


if __name__ == "__main__":
    main(sys.argv[1:])
