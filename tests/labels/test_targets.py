"""What a classifier learns of each item, from its ratings."""

import numpy as np
import pytest

from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.labels import TIE, Aggregation
from smo_pipelines.errors import LabelError
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.redraw import redrawn
from smo_pipelines.labels.targets import label_shares, targets_of
from tests.examples.snapshots import snapshot_of

VOTES = {"a": [1, 1, 0], "b": [1, 0], "c": [0, 0]}


def labelled(votes, **options):
    """A snapshot whose ratings are words; "hate" and "threat" are positive, in ties between 0 and 1 the side decides."""
    import dataclasses

    words = ("fine", "hate", "threat")
    snapshot = snapshot_of({item: [int(word != "fine") for word in given] for item, given in votes.items()}, **options)
    codes = [words.index(word) for item in sorted(votes) for word in votes[item]]
    named = dataclasses.replace(snapshot.votes, label=np.array(codes), labels=words, positives=("hate", "threat"))
    return dataclasses.replace(snapshot, votes=named)


def test_hard_labels_of_two_classes_need_no_targets():
    assert targets_of(snapshot_of(VOTES)) is None
    with pytest.raises(LabelError, match=r"labels negative and positive.*tells apart already"):
        targets_of(snapshot_of(VOTES), by_label=True)


def test_soft_labels_are_the_shares_and_keep_the_tied_item():
    soft = snapshot_of(VOTES, aggregation=Aggregation.soft_shares)
    assert targets_of(soft).shares[:, 1].tolist() == [2 / 3, 0.5, 0.0]
    hard = snapshot_of(VOTES)
    assert match(soft, soft).item_ids.tolist() == ["a", "b", "c"] and match(soft, soft).tied == 0
    assert match(hard, hard).item_ids.tolist() == ["a", "c"]
    assert match(hard, soft).item_ids.tolist() == ["a", "c"]  # what one arm cannot learn, the other does not get either
    both = match(soft, soft)
    training = both.training_set(ArmName.control, targets=targets_of(soft))
    assert training.labels.tolist() == [1, TIE, 0]
    assert training.targets.shares[1].tolist() == [0.5, 0.5]


def test_a_redraw_of_raters_moves_soft_labels_by_their_weights():
    soft = snapshot_of(VOTES, aggregation=Aggregation.soft_shares)
    again = redrawn(soft, redraw=3)
    w = again.weights
    assert targets_of(soft, redrawn=again).shares[:, 1] == pytest.approx([(w[0] + w[1]) / w[:3].sum(), w[3] / w[3:5].sum(), 0.0])


def test_label_shares_count_every_label_apart():
    snapshot = labelled({"a": ["fine", "hate", "threat", "threat"], "b": ["hate"]})
    assert label_shares(snapshot.votes, 2).tolist() == [[0.25, 0.25, 0.5], [0.0, 1.0, 0.0]]
    weights = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert label_shares(snapshot.votes, 2, weights)[0] == pytest.approx([0.1, 0.2, 0.7])


def test_the_class_is_the_most_rated_label_on_the_side_of_the_aggregated_one():
    # "a" is positive by three of five although "fine" is its most rated single label
    snapshot = labelled({"a": ["fine", "fine", "hate", "threat", "threat"], "b": ["hate", "threat"], "c": ["fine"]})
    found = targets_of(snapshot, by_label=True)
    assert found.classes == ("fine", "hate", "threat") and found.positives == ("hate", "threat")
    assert found.shares.tolist() == [[0, 0, 1], [0, 0.5, 0.5], [1, 0, 0]]


def test_soft_labels_of_several_classes_are_all_shares():
    snapshot = labelled({"a": ["fine", "hate"], "b": ["hate"]}, aggregation=Aggregation.soft_shares)
    assert targets_of(snapshot, by_label=True).shares.tolist() == [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
