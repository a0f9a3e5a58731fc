"""Two arms' snapshots together: redraws of their raters and the items they share."""

import numpy as np
import pytest
from scipy import stats

from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.labels import TIE
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.redraw import rater_weights, redraw_labels, redraw_shape, redrawn
from tests.examples.snapshots import many, snapshot_of


def test_rater_weights_are_exponential_and_belong_to_the_rater():
    names = np.array([f"r{k}" for k in range(4000)])
    weights = rater_weights(names, redraw=3)
    assert stats.kstest(weights, "expon").pvalue > 1e-3
    assert np.array_equal(rater_weights(names[::-1], redraw=3)[::-1], weights)
    assert not np.array_equal(rater_weights(names, redraw=4), weights)


def test_weights_of_another_shape_are_gamma_of_mean_one_and_rank_the_raters_alike():
    names = np.array([f"r{k}" for k in range(4000)])
    weights = rater_weights(names, redraw=3, shape=4.0)
    assert stats.kstest(weights, "gamma", args=(4.0, 0.0, 0.25)).pvalue > 1e-3
    assert np.array_equal(np.argsort(weights), np.argsort(rater_weights(names, redraw=3)))


def test_raters_who_agree_are_redrawn_with_weights_that_hardly_differ_and_others_as_calibrated():
    rng = np.random.default_rng(6)
    clear = {f"i{k:03}": rng.binomial(1, 0.94 if k % 2 else 0.06, size=6).tolist() for k in range(400)}
    unclear = {f"i{k:03}": rng.binomial(1, 0.75 if k % 2 else 0.25, size=3).tolist() for k in range(400)}
    agreeing, disagreeing = snapshot_of(clear), snapshot_of(unclear)
    assert redraw_shape(agreeing) > 1.5
    assert redraw_shape(disagreeing) == redraw_shape(snapshot_of({"a": [1], "b": [0]})) == 1.0
    untied = agreeing.labels != TIE
    flips = {
        shape: sum(int((redrawn(agreeing, redraw=b, shape=shape).labels != agreeing.labels)[untied].sum()) for b in range(40))
        for shape in (1.0, redraw_shape(agreeing))
    }
    assert flips[1.0] > 2 * flips[redraw_shape(agreeing)]


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
