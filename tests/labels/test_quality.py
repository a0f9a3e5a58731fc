from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.domain.effects import Interval, WhyNot
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.quality import MEASURES, Measure, Measured, NotMeasured, value_in_words
from smo_pipelines.errors import NoRatings, UnknownName
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.quality import label_quality, quality_of_rows
from smo_pipelines.labels.rated_rows import rated_rows
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.write import write_operation
from smo_pipelines.stats.agreement import Scale, alpha_of, coefficient_value
from smo_pipelines.stats.agreement_interval import RatingCodes, agreement_interval
from smo_pipelines.stats.two_way import wilson

HATE = GuidelineVersion(id="hate@1", question="hate", labels=("0", "1"), positive="1", clauses=())
GUIDELINES = {"hate@1": HATE}
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def panel(n_items=40, n_raters=8, each=5, seed=1):
    """Ratings with every column that a measure reads, as a frame."""
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(n_items), each)
    rater = np.argsort(rng.random((n_items, n_raters)), axis=1)[:, :each].ravel()
    n = len(item)
    return pd.DataFrame(
        {
            "item_id": [f"i{k}" for k in item],
            "rater_id": [f"r{k}" for k in rater],
            "question": "hate",
            "guideline": "hate@1",
            "label": ((item % 3 == 0) ^ (rng.random(n) < 0.15)).astype(int).astype(str),
            "created_at": [MONDAY + timedelta(days=int(k)) for k in rng.integers(0, 4, n)],
            "duration_s": rng.gamma(4, 3, n),
            "review": rng.choice(["accepted", "fixed", "rejected", None], n),
            "cost": 0.1 + 0.02 * (rater % 3),
            "currency": "USD",
        }
    )


def fill(tables, ratings, raters=None, project="demo", when=MONDAY):
    ids = sorted(ratings["item_id"].unique())
    gold = [{"hate@1": str(int(int(name[1:]) % 3 == 0))} for name in ids]
    items = pd.DataFrame({"item_id": ids, "text": [f"text of {name}" for name in ids], "gold": gold})
    named = pd.DataFrame({"rater_id": sorted(ratings["rater_id"].unique())}).assign(pool="core", **(raters or {}))
    batch = LabelBatch(project=project, source="test", items=items, raters=named, ratings=ratings)
    tables.append(batch, imported_at=when + timedelta(days=30))
    return tables


def one(tables, **asked):
    (group,) = label_quality(tables, "demo", guidelines=GUIDELINES, **asked)
    return group


def value(group, measure):
    told = group.measures[Measure(measure)]
    assert isinstance(told, Measured), told
    return told.value


def code(group, measure):
    told = group.measures[Measure(measure)]
    assert isinstance(told, NotMeasured), told
    return told.code


def test_every_measure_is_what_its_definition_says(tables):
    ratings = panel()
    group = one(fill(tables, ratings))
    assert group.keys == (("question", "hate"), ("guideline", "hate@1")) and group.name == "question hate, guideline hate@1"
    assert (group.ratings, group.items, group.raters, group.shareable) == (200, 40, 8, True)
    assert set(group.measures) == set(Measure) - {Measure.vitality} == set(MEASURES) - {Measure.vitality}
    positive = ratings["label"] == "1"
    gold = ratings["item_id"].str[1:].astype(int) % 3 == 0
    counts = pd.crosstab(ratings["item_id"], ratings["label"]).to_numpy()
    reviewed, accepted = ratings["review"].notna().sum(), (ratings["review"] == "accepted").sum()
    each = ratings["cost"].mean()
    low, high = ratings["duration_s"].quantile([0.05, 0.95])
    expected = {
        "positive_share": positive.mean(),
        "gold_accuracy": (positive == gold).mean(),
        "alpha": coefficient_value(alpha_of(), counts),
        "agreement": ((counts**2).sum(axis=1) - 5).mean() / 20,
        "skip_rate": 0.0,
        "acceptance": accepted / reviewed,
        "fix_rate": (ratings["review"] == "fixed").sum() / reviewed,
        "rejection_rate": (ratings["review"] == "rejected").sum() / reviewed,
        "median_duration": ratings["duration_s"].median(),
        "mean_duration": ratings["duration_s"].clip(low, high).mean(),
        "throughput": 200 / len(ratings.groupby(["rater_id", ratings["created_at"].dt.date])),
        "cost_per_label": each,
        "cost_per_accepted_label": each / (accepted / reviewed),
        "cost_per_consensus_item": ratings["cost"].sum() / 40,  # five ratings and two labels: always more than half
    }
    assert {name: value(group, name) for name in expected} == pytest.approx(expected, abs=1e-12)
    for told in group.measures.values():
        assert isinstance(told, Measured) and isinstance(told.interval, Interval)
        assert told.interval.low <= told.value <= told.interval.high
    codes = RatingCodes(
        unit=pd.factorize(ratings["item_id"])[0], rater=pd.factorize(ratings["rater_id"])[0], label=positive, n_labels=2
    )
    assert group.measures[Measure.alpha].interval.low == pytest.approx(agreement_interval(codes, alpha_of()).low, abs=1e-12)


def test_the_latest_rating_counts_and_all_are_paid(tables):
    ratings = panel()
    again = ratings.head(50).assign(created_at=MONDAY + timedelta(days=9), label="1", review=None)
    skipped = ratings.tail(20).assign(created_at=MONDAY + timedelta(days=9), label=None, skipped=True, review=None)
    group = one(fill(tables, pd.concat([ratings, again, skipped])))
    assert group.ratings == 200
    assert value(group, "skip_rate") == 0.1
    kept = pd.concat([again, ratings.iloc[50:180]])
    assert value(group, "positive_share") == (kept["label"] == "1").mean()
    paid = sum(part["cost"].sum() for part in (ratings, again, skipped))
    assert value(group, "cost_per_label") == pytest.approx(paid / 180, abs=1e-12)


def test_gold_ratings_are_not_measured(tables):
    ratings = panel()
    gold = ratings.head(3).assign(rater_id="expert", is_gold=True)
    assert one(fill(tables, pd.concat([ratings, gold]))).raters == 8


def test_groups_come_in_any_combination_and_in_order(tables):
    ratings = pd.concat(
        [panel().assign(instrument=name, locale=locale) for name, locale in (("B", "id"), ("A", "ja"), ("A", "id"))]
    )
    ratings["rater_id"] += ratings["instrument"] + ratings["locale"]
    fill(tables, ratings)
    groups = label_quality(tables, "demo", guidelines=GUIDELINES, by=("instrument", "locale"), measures=[Measure.positive_share])
    assert [group.name for group in groups] == ["instrument A, locale id", "instrument A, locale ja", "instrument B, locale id"]
    assert sum(group.ratings for group in groups) == one(tables, by=()).ratings == 600
    only = label_quality(tables, "demo", guidelines=GUIDELINES, by=("locale",), where=(("instrument", ("B",)),))
    assert [group.name for group in only] == ["locale id"]


def test_two_instruments_or_guidelines_are_not_disagreement(tables):
    ratings = panel()
    other = ratings.assign(instrument="B", label="0")
    group = one(fill(tables, pd.concat([ratings.assign(instrument="A"), other])), by=("question",))
    told = group.measures[Measure.alpha]
    assert told.n == 80  # the item under A, and the item under B
    apart = label_quality(tables, "demo", guidelines=GUIDELINES, by=("instrument",), measures=[Measure.alpha])
    assert isinstance(apart[0].measures[Measure.alpha], Measured)
    assert apart[1].measures[Measure.alpha].code is WhyNot.one_class


def test_rows_by_rater_have_vitality_and_intervals_over_items(tables):
    ratings = panel(n_items=60)
    ratings.loc[ratings["rater_id"] == "r5", "label"] = [str(k % 2) for k in range(sum(ratings["rater_id"] == "r5"))]
    groups = label_quality(fill(tables, ratings), "demo", guidelines=GUIDELINES, by=("rater",))
    by_name = {dict(group.keys)["rater"]: group for group in groups}
    assert len(by_name) == 8 and not any(group.shareable for group in groups)
    assert min(by_name, key=lambda name: value(by_name[name], "vitality")) == "r5"
    mine = ratings[ratings["rater_id"] == "r5"]
    hits = (mine["label"] == "1") == (mine["item_id"].str[1:].astype(int) % 3 == 0)
    told = by_name["r5"].measures[Measure.gold_accuracy]
    assert told.value == hits.mean()
    assert told.interval.low == pytest.approx(wilson(hits.mean(), len(mine)).low, abs=0.02)
    assert Measure.alpha not in by_name["r5"].measures


def test_what_has_no_honest_value_says_why(tables):
    bare = panel().drop(columns=["created_at", "duration_s", "review", "cost", "currency"]).assign(guideline="spam@1")
    group = one(fill(tables, bare))
    expected = dict.fromkeys(
        ["positive_share", "acceptance", "median_duration", "throughput", "cost_per_label", "cost_per_consensus_item"],
        "not_recorded",
    )
    assert {name: code(group, name) for name in expected} == expected
    assert code(group, "gold_accuracy") == "no_gold"
    assert "spam@1" in group.measures[Measure.positive_share].sentence


def test_few_raters_have_numbers_without_an_interval_and_are_marked(tables):
    group = one(fill(tables, panel(n_raters=4, each=3)))
    assert not group.shareable
    for name in ("alpha", "positive_share", "gold_accuracy", "throughput", "cost_per_label", "median_duration"):
        told = group.measures[Measure(name)]
        assert isinstance(told, Measured) and told.interval.code is WhyNot.few_raters


def test_one_rating_an_item_shows_no_agreement(tables):
    group = one(fill(tables, panel(each=1)))
    assert {code(group, name) for name in ("alpha", "fleiss_kappa", "ac1", "agreement")} == {"one_rating_an_item"}
    assert code(group, "cost_per_consensus_item") == "no_items"


def test_currencies_are_not_added_up_and_questions_do_not_agree(tables):
    ratings = panel()
    ratings.loc[:20, "currency"] = "JPY"
    ratings.loc[100:, "question"] = "threat"
    group = one(fill(tables, ratings), by=())
    assert {code(group, f"cost_per_{name}") for name in ("label", "accepted_label", "consensus_item")} == {"mixed_currencies"}
    assert code(group, "alpha") == "several_questions"
    assert "JPY, USD" in group.measures[Measure.cost_per_label].sentence


def test_anonymous_votes_have_no_number_about_raters(tables):
    fill(tables, panel(), raters={"kind": "anonymous"})
    group = one(tables)
    for name in ("alpha", "positive_share", "cost_per_label"):
        assert group.measures[Measure(name)].interval.code is WhyNot.anonymous_raters
    assert code(group, "throughput") == "anonymous_raters"
    for row in label_quality(tables, "demo", guidelines=GUIDELINES, by=("rater",)):
        assert code(row, "vitality") == "anonymous_raters"


def test_a_scale_of_ranks_uses_the_order_of_the_guideline(tables):
    rng = np.random.default_rng(3)
    ratings = panel()
    graded = GuidelineVersion(id="hate@1", question="hate", labels=("mild", "bad", "awful"), positive="bad", clauses=())
    position = np.clip(ratings["label"].astype(int) + rng.integers(0, 2, len(ratings)), 0, 2)
    ratings["label"] = np.array(graded.labels)[position]
    fill(tables, ratings)
    counts = pd.crosstab(ratings["item_id"], position).to_numpy()
    for scale in (Scale.nominal, Scale.ordinal):
        (group,) = label_quality(tables, "demo", guidelines={"hate@1": graded}, scale=scale, measures=[Measure.alpha])
        assert value(group, "alpha") == pytest.approx(coefficient_value(alpha_of(scale), counts), abs=1e-12)
    (group,) = label_quality(tables, "demo", guidelines={"hate@1": graded}, scale=Scale.interval, measures=[Measure.alpha])
    assert "labels that are numbers" in group.measures[Measure.alpha].sentence


def test_labels_that_nobody_gave_change_nothing_but_ac1(tables):
    fill(tables, panel())
    more = GuidelineVersion(id="hate@1", question="hate", labels=("unused", "0", "1", "zzz"), positive="1", clauses=())
    (group,) = label_quality(tables, "demo", guidelines={"hate@1": more})
    plain = one(tables)
    assert value(group, "alpha") == pytest.approx(value(plain, "alpha"), abs=1e-12)
    assert value(group, "ac1") > value(plain, "ac1")


def test_windows_are_by_when_a_rating_was_made(tables):
    ratings = panel()
    ratings.loc[:49, "created_at"] = None
    rows = rated_rows(fill(tables, ratings), "demo")
    assert rows.newest == MONDAY + timedelta(days=30)  # when those without a date were imported
    first_day = rows.within(MONDAY - timedelta(days=1), MONDAY)
    assert len(first_day) == (ratings["created_at"] == MONDAY).sum()
    assert quality_of_rows(rows.within(MONDAY - timedelta(days=9), MONDAY - timedelta(days=8)), guidelines=GUIDELINES) == ()


def test_what_is_not_there_is_said(tables):
    with pytest.raises(NoRatings, match="no ratings; import some"):
        label_quality(tables, "demo", guidelines={})
    fill(tables, panel())
    with pytest.raises(UnknownName, match="did you mean 'pool'"):
        label_quality(tables, "demo", guidelines={}, by=("pol",))
    with pytest.raises(NoRatings, match=r"no rating with pool in \['core2'\]"):
        label_quality(tables, "demo", guidelines={}, where=(("pool", ("core2",)),))
    with pytest.raises(NoRatings):
        label_quality(tables, "demo", guidelines={}, as_of=MONDAY)


def test_the_embedded_operation_shows_its_lenient_pool(tmp_path):
    tables = LabelTables(tmp_path / "tables")
    operation = simulate_operation(0, train_items=260, benchmark_items=100, policies=["hate"])
    write_operation(tables, operation, imported_at=MONDAY + timedelta(days=90))
    guideline = GuidelineVersion(id="hate@4", question="hate", labels=("benign", "violating"), positive="violating", clauses=())
    groups = label_quality(tables, "demo", guidelines={"hate@4": guideline}, by=("pool",), where=(("guideline", ("hate@4",)),))
    core, lenient = groups
    assert (core.name, lenient.name) == ("pool core", "pool vendor-lenient")
    assert lenient.measures[Measure.gold_accuracy].interval.high < value(core, "gold_accuracy")
    assert value(lenient, "positive_share") < value(core, "positive_share")
    assert value(lenient, "cost_per_label") < value(core, "cost_per_label")
    truth = operation.truth.items.set_index("item_id")["gold_after"]
    newest = operation.ratings[operation.ratings["guideline"] == "hate@4"].merge(operation.raters[["rater_id", "pool"]])
    right = newest["label"] == newest["item_id"].map(truth)
    assert value(core, "gold_accuracy") == pytest.approx(right[newest["pool"] == "core"].mean(), abs=1e-12)


def test_numbers_in_words():
    assert value_in_words(3.34, "labels a rater-day") == "3.3 labels a rater-day"


# Kern et al. (2023), table 1: ratings, raters, offensive and hateful in percent, by condition.
KERN = {
    "A": (9000, 184, 51.6, 26.8),
    "B": (9000, 183, 58.8, 29.6),
    "C": (8950, 182, 58.5, 28.2),
    "D": (8950, 179, 54.4, 33.5),
    "E": (9000, 189, 59.0, 31.8),
}
# Reiter et al. (2026), table_human_design: pooled percent and the standard deviation over conditions, in points.
REITER = {"offensive": (56.5, 3.31), "hate": (30.0, 2.70)}


@pytest.mark.real_data
def test_shares_of_kern_2023_by_condition(real_data, tmp_path):
    tables = LabelTables(tmp_path / "tables")
    tables.append(read("kern2023", real_data / "kern2023", options={}, key=b"sixteen bytes or more"), imported_at=MONDAY)
    guidelines = {
        f"kern2023-{name}@1": GuidelineVersion(id=f"kern2023-{name}@1", question=name, labels=("0", "1"), positive="1", clauses=())
        for name in REITER
    }
    asked = [Measure.positive_share, Measure.alpha]
    groups = label_quality(tables, "kern2023", guidelines=guidelines, by=("instrument", "question"), measures=asked)
    told = {(dict(group.keys)["instrument"], dict(group.keys)["question"]): group for group in groups}
    for condition, (ratings, raters, offensive, hate) in KERN.items():
        for question, percent in (("offensive", offensive), ("hate", hate)):
            group = told[condition, question]
            assert (group.ratings, group.raters) == (ratings, raters)
            assert 100 * value(group, "positive_share") == pytest.approx(percent, abs=0.0501)
            assert isinstance(group.measures[Measure.alpha].interval, Interval)
    pooled = {
        dict(group.keys)["question"]: group
        for group in label_quality(tables, "kern2023", guidelines=guidelines, by=("question",), measures=asked)
    }
    for question, (percent, sd) in REITER.items():
        assert 100 * value(pooled[question], "positive_share") == pytest.approx(percent, abs=0.0501)
        shares = [100 * value(told[condition, question], "positive_share") for condition in KERN]
        assert np.std(shares, ddof=1) == pytest.approx(sd, abs=0.0051)
