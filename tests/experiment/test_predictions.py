"""Predictions made elsewhere, on a benchmark of 40 harmless items that a table holds."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from smo_pipelines.analysis.models import compare_models, measure_by_slice, measure_model
from smo_pipelines.benchmarks.scoring import score_with_evaluate
from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable, WhyNot
from smo_pipelines.domain.levels import LevelEstimate
from smo_pipelines.errors import BenchmarkError, ConfigError, UnknownName
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.predictions import PredictionFile, find_predictions, import_predictions, known_predictions
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from tests.examples.projects import files_of, make_project

GOLD = "hate@4"
ITEMS = [(f"i{k:02d}", f"sock number {k}", "violating" if k % 2 else "benign", "en" if k < 20 else "de") for k in range(40)]
SCORES = {item: round((0.55 if gold == "violating" else 0.35) + 0.01 * (k % 7), 4) for k, (item, _, gold, _) in enumerate(ITEMS)}

Write = Callable[..., Path]


def write_benchmark(project: Path, rows: list[tuple[str, str, str, str]] = ITEMS) -> None:
    with (project / "own.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("item_id", "text", "gold", "locale"), *rows])
    content = {"kind": "table", "path": "own.csv", "gold": GOLD, "slices": ["locale"]}
    (project / "configs" / "benchmarks" / "own.yaml").write_text(yaml.safe_dump(content))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    project = make_project(tmp_path / "project")
    write_benchmark(project)
    return open_workspace(project)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_scores(cells: dict[str, object] | list[tuple[str, object]], column: str = "score", name: str = "scores.csv") -> Path:
        path = tmp_path / name
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("item_id", column), *(cells.items() if isinstance(cells, dict) else cells)])
        return path

    return write_scores


def take(workspace: Workspace, path: Path, model: str = "m", **options: object) -> bool:
    return import_predictions(workspace, PredictionFile(path=path, **options), benchmark="own", model=model).new  # type: ignore[arg-type]


def test_scores_come_back_in_the_benchmarks_order_and_the_second_time_adds_nothing(workspace: Workspace, write: Write) -> None:
    path = write(list(SCORES.items())[::-1])
    assert take(workspace, path, threshold=0.5)
    before = files_of(workspace.root.path)
    assert not take(workspace, path, threshold=0.5)
    assert files_of(workspace.root.path) == before
    benchmark = load_benchmark(workspace, "own")
    found = find_predictions(workspace, "m", benchmark)
    assert found.scores.tolist() == [SCORES[item] for item in benchmark.item_ids.tolist()]
    assert (found.benchmark_digest, found.threshold, found.hard) == (benchmark.digest, 0.5, False)
    assert [meta["model"] for meta in known_predictions(workspace)] == ["m"]


def test_one_table_in_three_formats_is_one_set_of_predictions(workspace: Workspace, write: Write, tmp_path: Path) -> None:
    frame = pd.DataFrame({"item_id": list(SCORES), "score": list(SCORES.values())})
    frame.to_parquet(tmp_path / "s.parquet")
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")))
    new = [take(workspace, path) for path in (write(SCORES), tmp_path / "s.parquet", tmp_path / "s.jsonl")]
    assert new == [True, False, False]


def changed(**cells: object) -> list[tuple[str, object]]:
    return list((SCORES | cells).items())


@pytest.mark.parametrize(
    ("cells", "options", "sentence"),
    [
        (changed(i07="NaN"), {}, r"the score of item 'i07' is 'NaN'; legal: a number from 0 to 1"),
        (changed(i07=""), {}, r"the score of item 'i07' is ''; legal: a number"),
        (changed(i07=1.7), {}, r"the score of item 'i07' is '1.7'; legal: a number from 0 to 1"),
        (changed(i07="inf"), {}, r"the score of item 'i07' is 'inf'"),
        (changed(i07="high"), {}, r"the score of item 'i07' is 'high'"),
        (changed()[1:], {}, r"holds 1 too few of 40 items \(first: 'i00'\)"),
        (changed(i99=0.5), {}, r"holds 1 items that 'own' does not have \(first: 'i99'\)"),
        ([*changed(), ("i03", 0.5)], {}, r"holds 1 items more than once \(first: 'i03'\)"),
        (changed(), {"digest": "0123456789ab"}, r"was made on the version '0123456789ab' of 'own', and the benchmark is now"),
        (changed(), {"threshold": 1.2}, r"the threshold 1.2 is not a number from 0 to 1"),
        (changed(), {"threshold": float("nan")}, r"the threshold nan is not"),
        (changed(), {"labels": True, "column": "score"}, r"the decision on item 'i00' is '0.35'; legal: 1, 0, benign, violating"),
        (changed(), {"item_id": "id"}, r"has no column 'id'; legal: item_id, score"),
        (changed(), {"column": "probability"}, r"has no column 'probability'; legal: item_id, score"),
    ],
)
def test_bad_predictions_are_refused_in_a_sentence_and_leave_nothing(
    workspace: Workspace, write: Write, cells: list[tuple[str, object]], options: dict[str, object], sentence: str
) -> None:
    before = files_of(workspace.root.path)
    with pytest.raises(BenchmarkError, match=sentence):
        take(workspace, write(cells), **options)
    assert files_of(workspace.root.path) == before


def test_a_model_has_one_set_of_predictions_on_a_version_and_a_legal_name(workspace: Workspace, write: Write) -> None:
    take(workspace, write(SCORES))
    with pytest.raises(BenchmarkError, match="has other predictions on this version of 'own'"):
        take(workspace, write(changed(i07=0.9)))
    with pytest.raises(ConfigError, match="not a legal id"):
        take(workspace, write(SCORES), model="../m")
    with pytest.raises(UnknownName, match="model with predictions on 'own' 'n'; legal: m"):
        find_predictions(workspace, "n", load_benchmark(workspace, "own"))
    assert len(known_predictions(workspace)) == 1


def test_another_version_is_neither_scored_nor_compared_and_says_what_changed(workspace: Workspace, write: Write) -> None:
    take(workspace, write(SCORES), "a")
    old = load_benchmark(workspace, "own")
    predictions = find_predictions(workspace, "a", old)
    rows = [*ITEMS[2:], ("j01", "a sock that is new", "benign", "en")]
    rows[0] = (*rows[0][:2], "violating", rows[0][3])
    write_benchmark(workspace.root.path, rows)
    new = load_benchmark(workspace, "own")
    assert new.digest != old.digest
    said = r"1 items? added, 2 items removed, 1 item with another gold under hate@4"
    with pytest.raises(BenchmarkError, match=rf"\(since then: {said}.*\); numbers on two versions are not compared"):
        find_predictions(workspace, "a", new)
    newer = [*list(SCORES.items())[2:], ("j01", 0.4)]
    take(workspace, write(newer), "b")
    other = find_predictions(workspace, "b", new)
    with pytest.raises(BenchmarkError, match="'a' were made on the version"):
        compare_models(predictions, other, new, metric="f1", gold=GOLD)
    with pytest.raises(BenchmarkError, match="'b' were made on the version"):
        measure_model(other, old, metric="f1", gold=GOLD)
    with pytest.raises(BenchmarkError, match="score the classifier on this version"):
        score_with_evaluate(predictions, new, gold=GOLD, metrics=["f1"])
    # the old predictions are kept: with the old file back, they are found again
    write_benchmark(workspace.root.path)
    assert find_predictions(workspace, "a", load_benchmark(workspace, "own")).digest == predictions.digest


def test_a_paired_difference_is_of_the_influence_values_item_by_item(workspace: Workspace, write: Write) -> None:
    take(workspace, write(SCORES), "a")
    flipped = {item: (0.9 if k in (0, 4, 8) else score) for k, (item, score) in enumerate(SCORES.items())}
    take(workspace, write(flipped), "b")
    benchmark = load_benchmark(workspace, "own")
    first, second = (find_predictions(workspace, model, benchmark) for model in ("a", "b"))
    effect = compare_models(first, second, benchmark, metric="functional_pass_rate", gold=GOLD)
    assert isinstance(effect, EffectEstimate)
    # the gold is predicted without error by a; b flags three of forty benign items: a difference of -3/40 with its sample variance
    wrong = np.zeros(40)
    wrong[[0, 4, 8]] = -1.0
    half = 1.959963984540054 * np.sqrt(np.var(wrong, ddof=1) / 40)
    assert effect.estimate == pytest.approx(-3 / 40)
    assert (effect.interval.low, effect.interval.high) == pytest.approx((-3 / 40 - half, -3 / 40 + half), abs=1e-12)
    same = compare_models(first, first, benchmark, metric="functional_pass_rate", gold=GOLD)
    assert isinstance(same, NotEstimable) and same.code is WhyNot.no_item_variance


def test_decisions_have_no_ranking_metric_and_slices_of_few_items_no_interval(workspace: Workspace, write: Write) -> None:
    words = {item: gold for item, _, gold, _ in ITEMS} | {"i00": "violating", "i01": "benign"}
    take(workspace, write(words, "label"), labels=True)
    benchmark = load_benchmark(workspace, "own")
    predictions = find_predictions(workspace, "m", benchmark)
    ranking = measure_model(predictions, benchmark, metric="auroc", gold=GOLD)
    assert isinstance(ranking, NotEstimable) and ranking.code is WhyNot.hard_labels
    right = measure_model(predictions, benchmark, metric="functional_pass_rate", gold=GOLD)
    assert isinstance(right, LevelEstimate) and right.value == pytest.approx(38 / 40) and isinstance(right.interval, Interval)
    sliced = measure_by_slice(predictions, benchmark, metric="functional_pass_rate", gold=GOLD, by="locale")
    assert {value: level.value for value, level in sliced.items() if isinstance(level, LevelEstimate)} == {"de": 1.0, "en": 0.9}
    all_right = sliced["de"]
    assert isinstance(all_right, LevelEstimate) and isinstance(all_right.interval, NotEstimable)
    assert all_right.interval.code is WhyNot.no_item_variance
    with pytest.raises(BenchmarkError, match="has no slice 'local'; did you mean 'locale'"):
        measure_by_slice(predictions, benchmark, metric="f1", gold=GOLD, by="local")
