"""The operation's tables: determinism, gold, and ratings that follow from the raters' habits."""

import hashlib
import importlib.util

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.errors import LabelError
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.policy import GUIDELINES, PLANTED_CAUSE, Form, gold_label

SEED = 7


@pytest.fixture(scope="module")
def operation():
    return simulate_operation(SEED, train_items=3000, benchmark_items=600)


@pytest.fixture(scope="module")
def joined(operation) -> pd.DataFrame:
    facts = operation.truth.items.drop(columns="locale")
    raters = operation.truth.raters[["rater_id", "pool", "strictness", "follow", "blind_spots"]]
    return (
        operation.ratings.merge(facts, on="item_id")
        .merge(raters, on="rater_id")
        .assign(positive=lambda t: t["label"] == "violating")
    )


def as_bytes(operation) -> str:
    frames = (operation.items, operation.raters, operation.ratings, operation.truth.items, operation.truth.raters)
    return hashlib.sha256(
        "\n".join(frame.to_json(orient="split", date_format="iso", date_unit="us") for frame in frames).encode()
    ).hexdigest()


def majority(joined: pd.DataFrame, guideline: str, pool: str) -> pd.Series:
    share = joined[(joined["guideline"] == guideline) & (joined["pool"] == pool)].groupby("item_id")["positive"].mean()
    return share[share != 0.5] > 0.5


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    first, again, other = (simulate_operation(s, train_items=150, benchmark_items=60) for s in (3, 3, 4))
    assert as_bytes(first) == as_bytes(again)
    assert as_bytes(first) != as_bytes(other)
    assert not set(first.raters["rater_id"]) & set(other.raters["rater_id"])


def test_growing_one_table_leaves_the_others_as_they_were() -> None:
    small = simulate_operation(3, train_items=100, benchmark_items=50)
    more = simulate_operation(3, train_items=100, benchmark_items=90)
    pd.testing.assert_frame_equal(small.ratings, more.ratings)
    pd.testing.assert_frame_equal(small.items, more.items.iloc[:150])
    longer = simulate_operation(3, train_items=160, benchmark_items=50)
    pd.testing.assert_frame_equal(small.items.iloc[:100], longer.items.iloc[:100])
    pd.testing.assert_frame_equal(small.raters, longer.raters)


def test_other_raters_can_rate_the_same_items() -> None:
    one, two = (simulate_operation(3, train_items=100, benchmark_items=30, rater_seed=r) for r in (10, 11))
    pd.testing.assert_frame_equal(one.items, two.items)
    assert not set(one.ratings["rater_id"]) & set(two.ratings["rater_id"])


def test_gold_is_what_the_policy_table_says_of_the_form(operation) -> None:
    form = operation.truth.items.set_index("item_id")["form"]
    for item_id, attributes, gold in operation.items[["item_id", "attributes", "gold"]].itertuples(index=False):
        versions = GUIDELINES[attributes["policy"]]
        assert gold == {version.id: gold_label(version, Form(form[item_id])) for version in versions}


def test_lookalikes_and_everyday_texts_never_violate(operation) -> None:
    facts = operation.truth.items
    tame = facts[facts["form"].isin(["lookalike", "plain"])]
    assert len(tame) > 1000
    assert set(tame["gold_before"]) | set(tame["gold_after"]) == {"benign"}
    marked = [a["lookalike"] == "yes" for a in operation.items["attributes"]]
    assert (facts["form"].eq("lookalike") == marked).all()


def test_the_edit_changes_gold_in_its_clause_alone_and_in_a_sixth_of_the_hate_items(operation) -> None:
    hate = operation.truth.items.query("policy == 'hate'")
    changed = hate[hate["changed"]]
    assert set(changed["clause"]) == {PLANTED_CAUSE.clause}
    assert set(changed["form"]) == {PLANTED_CAUSE.form}
    assert (changed["gold_before"] == "violating").all()
    assert 0.12 < len(changed) / len(hate) < 0.18
    assert (~hate["changed"] & hate["clause"].eq(PLANTED_CAUSE.clause)).any()


def test_each_item_has_six_raters_of_its_language_and_the_same_six_after_the_edit(operation, joined) -> None:
    home = operation.raters.set_index("rater_id")["locale"].str[:2]
    assert (home.loc[joined["rater_id"]].to_numpy() == joined["locale"].str[:2].to_numpy()).all()
    cells = joined.groupby(["item_id", "guideline", "pool"])["rater_id"]
    assert (cells.nunique() == 6).all()
    assert (cells.size() == 6).all()
    hate = (
        joined.query("policy == 'hate' and pool == 'core'").groupby(["item_id", "guideline"])["rater_id"].agg(frozenset).unstack()
    )
    assert (hate["hate@3"] == hate["hate@4"]).all()
    assert set(operation.ratings["item_id"]) == {i for i in operation.items["item_id"] if "-train-" in i}


def test_workloads_are_balanced_within_a_language(joined) -> None:
    load = joined.query("pool == 'core' and guideline == 'hate@4' and locale in ['en-GB', 'en-SG']").groupby("rater_id").size()
    assert len(load) == 40
    assert load.std() / load.mean() < 0.25


def test_label_flips_between_versions_sit_in_the_planted_clause(operation, joined) -> None:
    before, after = majority(joined, "hate@3", "core"), majority(joined, "hate@4", "core")
    shared = before.index.intersection(after.index)
    facts = operation.truth.items.set_index("item_id").loc[shared]
    flipped = before[shared] != after[shared]
    assert (facts[flipped]["clause"] == "3.2").mean() > 0.7
    assert flipped[facts["changed"]].mean() > 0.7
    assert 0 < flipped[~facts["changed"]].mean() < 0.08  # the same raters are not machines: some flips have no cause


def test_majority_labels_are_good_but_not_gold(operation, joined) -> None:
    facts = operation.truth.items.set_index("item_id")
    for guideline, column in (("hate@3", "gold_before"), ("hate@4", "gold_after")):
        label = majority(joined, guideline, "core")
        wrong = label != (facts.loc[label.index, column] == "violating")
        assert 0.01 < wrong.mean() < 0.08


def test_realised_strictness_follows_the_parameter(joined) -> None:
    core = joined.query("pool == 'core' and guideline == 'hate@4' and locale in ['en-GB', 'en-SG'] and not changed")
    excess = core["positive"].astype(float) - (core["gold_after"] == "violating")
    by_rater = excess.groupby(core["rater_id"]).mean()
    strictness = core.groupby("rater_id")["strictness"].first()
    assert np.corrcoef(by_rater, strictness)[0, 1] > 0.6


def test_the_vendor_is_more_lenient_and_does_not_see_threats(joined) -> None:
    violating = joined[(joined["gold_after"] == "violating") & joined["guideline"].isin(["hate@4", "threats@1"])]
    rate = violating.groupby(["pool", violating["clause_y"].isin(["3.5", "4.1", "4.2"])])["positive"].mean().unstack()
    assert rate.loc["vendor-lenient", False] < rate.loc["core", False] - 0.03
    assert rate.loc["core", True] - rate.loc["vendor-lenient", True] > 3 * (
        rate.loc["core", False] - rate.loc["vendor-lenient", False]
    )


def test_raters_who_follow_the_edit_stop_flagging_quotations(joined) -> None:
    quoted = joined.query("changed and guideline == 'hate@4' and policy == 'hate'")
    rate = quoted.groupby(quoted["follow"] > 0.7)["positive"].mean()
    assert rate[True] < rate[False] - 0.1


def test_a_rating_cites_a_clause_of_its_policy_exactly_when_it_flags(joined) -> None:
    assert (joined["clause_x"].notna() == joined["positive"]).all()
    cited = joined[joined["positive"] & joined["clause_y"].ne("none")]
    assert 0.85 < (cited["clause_x"] == cited["clause_y"]).mean() < 0.97
    assert (
        joined.groupby("policy")["clause_x"].unique().map(lambda c: len({str(x)[0] for x in c if isinstance(x, str)})) == 1
    ).all()


def test_noise_of_the_same_rater_carries_over_in_part(joined) -> None:
    core = joined.query("policy == 'hate' and pool == 'core' and not changed").copy()
    core["wrong"] = (core["positive"] != (core["gold_after"] == "violating")).astype(float)
    pairs = core.pivot_table(index=["item_id", "rater_id"], columns="guideline", values="wrong")
    residual = pairs - pairs.groupby("item_id").transform("mean")
    assert 0.1 < np.corrcoef(residual["hate@3"], residual["hate@4"])[0, 1] < 0.9


def test_times_costs_and_ids_are_in_order(operation) -> None:
    ratings = operation.ratings
    assert not ratings["rating_id"].duplicated().any()
    assert not operation.items["item_id"].duplicated().any()
    created = operation.items.set_index("item_id")["created_at"].loc[ratings["item_id"]].to_numpy()
    assert (ratings["created_at"].to_numpy() > created).all()
    ends = ratings.groupby("round")["created_at"].agg(["min", "max"])
    assert (ends["max"].to_numpy()[:-1] < ends["min"].to_numpy()[1:]).all()
    assert (ratings["duration_s"] > 0).all()
    assert (ratings["cost"] > 0).all()


def test_too_many_items_are_refused_with_a_sentence_and_none_is_legal() -> None:
    with pytest.raises(LabelError, match="gave no new text"):
        simulate_operation(1, train_items=200_000, benchmark_items=0, policies=("self-harm",))
    empty = simulate_operation(1, train_items=0, benchmark_items=5)
    assert len(empty.ratings) == 0
    assert len(empty.items) == 5


@pytest.mark.skipif(importlib.util.find_spec("smo_pipelines.labels.tables") is None, reason="the label tables are not in this tree")
def test_the_label_tables_take_the_operation_once(tmp_path, operation) -> None:
    from datetime import UTC, datetime

    from smo_pipelines.labels.tables import LabelTables
    from smo_pipelines.simulate.write import write_operation

    tables = LabelTables(tmp_path)
    when = datetime(2026, 5, 1, tzinfo=UTC)
    first = write_operation(tables, operation, imported_at=when)
    assert (first.items, first.ratings) == (len(operation.items), len(operation.ratings))
    assert write_operation(tables, operation, imported_at=when).ratings == 0
