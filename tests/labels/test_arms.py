"""Two arms' snapshots together: redraws of their raters, the items they share, the labels that differ."""

import numpy as np
import pytest
from scipy import stats

from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.labels import TIE, LabelSnapshot, SnapshotRecipe, TieRule, Votes
from smo_pipelines.labels.aggregation import majority
from smo_pipelines.labels.flips import label_shift
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.redraw import rater_weights, redraw_labels


def snapshot_of(given_votes, *, raters=None, texts=None, attributes=None, ties=TieRule.apart):
    """A snapshot of items with these votes; vote k of an item is rater k's, unless raters names one for each."""
    names = sorted(given_votes)
    rows = [
        (position, raters[name][k] if raters else f"r{k}", vote)
        for position, name in enumerate(names)
        for k, vote in enumerate(given_votes[name])
    ]
    rater_ids = np.array(sorted({rater for _, rater, _ in rows}))
    votes = Votes(
        item=[item for item, _, _ in rows],
        rater=np.searchsorted(rater_ids, [rater for _, rater, _ in rows]),
        label=[vote for _, _, vote in rows],
        rater_ids=rater_ids,
    )
    labels, share, _ = majority(votes, len(names))
    return LabelSnapshot(
        recipe=SnapshotRecipe(project="demo", question="hate", ties=ties),
        item_ids=np.array(names),
        texts=[(texts or {}).get(name, f"text of {name}") for name in names],
        labels=labels,
        share=share,
        soft=share,
        n_ratings=np.bincount(votes.item),
        votes=votes,
        attributes={key: np.array([of[name] for name in names]) for key, of in (attributes or {}).items()},
    )


def many(votes, n=300, **options):
    return snapshot_of({f"i{k:04}": votes for k in range(n)}, **options)


def test_rater_weights_are_exponential_and_belong_to_the_rater():
    names = np.array([f"r{k}" for k in range(4000)])
    weights = rater_weights(names, redraw=3)
    assert stats.kstest(weights, "expon").pvalue > 1e-3
    assert np.array_equal(rater_weights(names[::-1], redraw=3)[::-1], weights)
    assert not np.array_equal(rater_weights(names, redraw=4), weights)


def test_a_redraw_is_the_weighted_majority_of_every_item():
    snapshot = snapshot_of({"a": [1, 1, 0], "b": [0, 1], "c": [1], "d": [0, 0, 1, 1]})
    for redraw in range(20):
        w = dict(zip(snapshot.votes.rater_ids.tolist(), rater_weights(snapshot.votes.rater_ids, redraw=redraw), strict=True))
        by_hand = [
            w["r0"] + w["r1"] > w["r2"],
            w["r1"] > w["r0"],
            True,
            w["r2"] + w["r3"] > w["r0"] + w["r1"],
        ]
        assert redraw_labels(snapshot, redraw=redraw).tolist() == by_hand


def test_a_two_to_one_item_flips_in_a_quarter_of_redraws():
    # P(E1 > E2 + E3) for three Exp(1) weights: E2 + E3 is Gamma(2, 1), so the chance is E[exp(-G)] = (1/2)^2 = 1/4
    raters = {f"i{k:04}": [f"{k}-{j}" for j in range(3)] for k in range(2000)}
    snapshot = many([1, 1, 0], n=2000, raters=raters)
    flipped = float((redraw_labels(snapshot, redraw=0) == 0).mean())
    assert abs(flipped - 0.25) < 4 * (0.25 * 0.75 / 2000) ** 0.5


def test_unanimous_items_never_flip_and_ties_get_a_label():
    assert set(redraw_labels(many([1, 1, 1]), redraw=1).tolist()) == {1}
    labels = redraw_labels(many([1, 0], raters={f"i{k:04}": [f"a{k}", f"b{k}"] for k in range(300)}), redraw=1)
    assert set(labels.tolist()) == {0, 1}


def test_arms_with_the_same_raters_are_redrawn_together():
    control, treatment = snapshot_of({"a": [1, 1, 0]}), snapshot_of({"a": [1, 1, 0], "b": [0, 0, 1]})
    for redraw in range(20):
        assert redraw_labels(control, redraw=redraw)[0] == redraw_labels(treatment, redraw=redraw)[0]


def test_only_items_that_both_label_untied_and_unleaked_are_matched():
    control = snapshot_of({"a": [1], "b": [1, 0], "c": [0], "d": [1], "only": [1], "t": [0]})
    treatment = snapshot_of({"a": [0], "b": [1], "c": [0], "d": [1], "x": [1], "y": [1], "t": [0, 1]})
    matching = match(control, treatment, leaked=frozenset({"d", "t", "only"}))
    assert matching.item_ids.tolist() == ["a", "c"]
    assert (matching.only_control, matching.only_treatment, matching.tied, matching.leaked) == (1, 2, 2, 1)
    assert matching.training_set(ArmName.control).labels.tolist() == [1, 0]
    assert matching.training_set(ArmName.treatment).labels.tolist() == [0, 0]
    assert matching.training_set(ArmName.treatment).texts.tolist() == ["text of a", "text of c"]


def test_no_common_item_is_an_empty_matching():
    matching = match(snapshot_of({"a": [1]}), snapshot_of({"b": [1]}))
    assert (len(matching), matching.only_control, matching.only_treatment) == (0, 1, 1)
    assert len(matching.training_set(ArmName.control)) == 0


def test_the_dev_split_is_shared_and_keeps_copies_together():
    texts = {f"i{k:04}": f"Text {k // 2}{'!' * (k % 2)}" for k in range(4000)}  # pairs that differ in punctuation
    control, treatment = many([1], n=4000, texts=texts), many([0], n=4000, texts=texts)
    matching = match(control, treatment)
    assert np.array_equal(matching.dev[::2], matching.dev[1::2])
    assert abs(float(matching.dev.mean()) - 0.15) < 4 * (0.15 * 0.85 / 2000) ** 0.5  # 2,000 pairs
    assert np.array_equal(matching.training_set(ArmName.control).dev, matching.training_set(ArmName.treatment).dev)
    shorter = match(many([1], n=1000, texts=texts), treatment)
    assert np.array_equal(shorter.dev, matching.dev[:1000])


def test_redrawn_labels_keep_the_matched_items():
    control = snapshot_of({"a": [1, 1, 0], "b": [1, 0], "c": [0, 0, 1]})
    matching = match(control, snapshot_of({"a": [1], "b": [1], "c": [0]}))
    redrawn = redraw_labels(control, redraw=5)
    assert matching.training_set(ArmName.control, redrawn).labels.tolist() == redrawn[[0, 2]].tolist()
    with pytest.raises(ValueError, match="3 items"):
        matching.training_set(ArmName.control, redrawn[:2])
    with pytest.raises(ValueError, match="0 or 1"):
        matching.training_set(ArmName.control, np.array([TIE, 0, 0]))


def test_flips_are_counted_by_direction_and_group():
    places = {"locale": {"a": "ja", "b": "ja", "c": "id", "d": "id"}, "url": dict.fromkeys("abcd", "")}
    control = snapshot_of({"a": [1, 1, 1], "b": [0, 0, 0], "c": [0, 0, 0], "d": [1, 1, 0]}, attributes=places)
    treatment = snapshot_of({"a": [0, 0, 0], "b": [1, 1, 1], "c": [1, 1, 1], "d": [1, 1, 1]}, attributes=places)
    shift = label_shift(control, treatment, match(control, treatment), redraws=50)
    assert (shift.total.items, shift.total.to_positive, shift.total.to_negative) == (4, 2, 1)
    assert [(g.group, g.items, g.to_positive, g.to_negative) for g in shift.by["locale"]] == [("id", 2, 1, 0), ("ja", 2, 1, 1)]
    assert "url" not in shift.by
    # only d can flip when raters are redrawn: r2 outweighs r0 and r1 in one redraw and not in the one before
    weights = [rater_weights(control.votes.rater_ids, redraw=redraw) for redraw in (50, *range(50))]
    outweighed = np.array([w[2] > w[0] + w[1] for w in weights])
    assert shift.total.expected == shift.by["locale"][0].expected == pytest.approx(np.mean(outweighed[1:] != outweighed[:-1]))
    assert shift.by["locale"][1].expected == 0
    assert (shift.total.raters, [group.raters for group in shift.by["locale"]]) == (3, [3, 3])


def test_the_raters_behind_a_group_are_those_of_the_arm_that_has_fewer():
    places = {"locale": {"a": "ja", "b": "id"}}
    control = snapshot_of({"a": [1, 1, 1, 1], "b": [0]}, attributes=places)
    treatment = snapshot_of({"a": [0, 0], "b": [1, 1, 1]}, attributes=places)
    shift = label_shift(control, treatment, match(control, treatment), redraws=0)
    assert {group.group: group.raters for group in shift.by["locale"]} == {"ja": 2, "id": 1}
    assert shift.total.raters == 3


@pytest.mark.parametrize(("votes", "known"), [([1], False), ([1, 1], False), ([1, 1, 0], True)])
def test_nothing_is_expected_where_a_redraw_can_flip_nothing(votes, known):
    control = many(votes, n=20)
    total = label_shift(control, many([0], n=20), match(control, many([0], n=20)), redraws=10).total
    assert (total.expected is not None, total.expected_low is not None, total.expected_high is not None) == (known,) * 3
    assert total.flips == 20


def test_no_redraws_expect_nothing():
    control = many([1, 1, 0], n=20)
    assert label_shift(control, control, match(control, control), redraws=0).total.expected is None


def test_attributes_of_too_many_values_are_no_groups():
    names = {f"i{k:04}": f"v{k}" for k in range(51)}
    control = many([1], n=51, attributes={"id": names, "half": {name: name[-1:] for name in names}})
    assert set(label_shift(control, control, match(control, control), redraws=0).by) == {"half"}
