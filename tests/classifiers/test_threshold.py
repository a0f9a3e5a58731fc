import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smo_pipelines.classifiers.threshold import tune
from smo_pipelines.errors import ClassifierError


def f1(flagged, positive):
    hits = np.sum(flagged & positive)
    return 2 * hits / (flagged.sum() + positive.sum())


def plain(scores, labels):
    """The threshold that is best on this very split: what averaging improves on."""
    cuts = np.unique(scores)
    return cuts[np.argmax([f1(scores >= cut, labels == 1) for cut in cuts])]


@given(st.lists(st.tuples(st.sampled_from(np.linspace(0, 1, 9).tolist()), st.integers(0, 1)), min_size=2, max_size=30))
def test_lies_among_the_scores(rows):
    scores = np.array([score for score, _ in rows])
    labels = np.array([label for _, label in rows])
    if labels.all() or not labels.any():
        return
    assert 0 <= tune(scores, labels) <= scores.max()


def test_holds_on_fresh_items_and_varies_less_than_the_split_s_own_best():
    rng = np.random.default_rng(5)

    def draw(n):
        labels = (rng.random(n) < 0.35).astype(int)
        return 1 / (1 + np.exp(-(rng.normal(size=n) + 1.7 * labels - 1.4))), labels

    fresh_scores, fresh_labels = draw(20_000)
    splits = [draw(90) for _ in range(150)]

    def on_fresh(choose):
        flagged = [fresh_scores >= choose(*split) for split in splits]
        rates = [flags[fresh_labels == 0].mean() for flags in flagged]
        return np.std(rates), np.mean([f1(flags, fresh_labels == 1) for flags in flagged])

    averaged, best_here = on_fresh(tune), on_fresh(plain)
    assert averaged[0] < 0.8 * best_here[0]  # measured .63
    assert averaged[1] > best_here[1]


def test_lies_midway_between_the_scores_it_parts():
    assert tune(np.array([0.2, 0.3, 0.9]), np.array([0, 0, 1])) == pytest.approx(0.6)


def test_row_order_does_not_matter():
    scores, labels = np.array([0.5, 0.1, 0.5, 0.9, 0.3]), np.array([1, 0, 0, 1, 1])
    assert tune(scores, labels) == tune(scores[::-1], labels[::-1])


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_refused(label):
    with pytest.raises(ClassifierError, match="needs both"):
        tune(np.array([0.2, 0.8]), np.array([label, label]))
