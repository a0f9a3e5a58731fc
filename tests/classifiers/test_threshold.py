import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.errors import ClassifierError


def f1(flagged, positive):
    hits = np.sum(flagged & positive)
    return 2 * hits / (flagged.sum() + positive.sum())


@given(st.lists(st.tuples(st.sampled_from(np.linspace(0, 1, 9).tolist()), st.integers(0, 1)), min_size=2, max_size=30))
def test_no_threshold_has_a_greater_f1(rows):
    scores = np.array([score for score, _ in rows])
    positive = np.array([label for _, label in rows]) == 1
    if positive.all() or not positive.any():
        return
    chosen = f1(scores >= tune(scores, positive.astype(int)), positive)
    assert chosen >= max(f1(scores >= cut, positive) for cut in np.linspace(0, 1, 200)) - 1e-12


def test_lies_midway_between_the_scores_it_parts():
    assert tune(np.array([0.2, 0.3, 0.9]), np.array([0, 0, 1])) == pytest.approx(0.6)


def test_row_order_does_not_matter():
    scores, labels = np.array([0.5, 0.1, 0.5, 0.9, 0.3]), np.array([1, 0, 0, 1, 1])
    assert tune(scores, labels) == tune(scores[::-1], labels[::-1])


def test_among_equals_takes_the_middle_one():
    # sorted labels 1 0 0 1 0: cutting at rank 0, 1, 2, 3 gives F1 4/7, 2/6, 2/5, 1/2 -> one best; flagging all
    assert tune(np.array([0.2, 0.4, 0.6, 0.8, 0.9]), np.array([1, 0, 0, 1, 0])) == pytest.approx(0.1)
    # labels 1 0 1: rank 0 gives 4/5, rank 2 gives 2/3; labels 1 0 0 1: ranks 0 and 3 tie at 2/3 -> the lower of two
    assert tune(np.array([0.2, 0.4, 0.6, 0.8]), np.array([1, 0, 0, 1])) == pytest.approx(0.1)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_refused(label):
    with pytest.raises(ClassifierError, match="needs both"):
        tune(np.array([0.2, 0.8]), np.array([label, label]))
