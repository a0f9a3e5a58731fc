import numpy as np
import pytest

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.agreement import alpha_of, coefficient_value
from smo_pipelines.stats.agreement_interval import RatingCodes
from smo_pipelines.stats.cohesion import cross_reliability, group_association, normalised_cross_reliability

# The counts of the unit test of google-research/cross-replication-reliability: d_o .4090909, d_e .5, kappa_x .1818182.
FIRST = np.array([[0, 2], [0, 3], [2, 0], [3, 0], [1, 1]])
SECOND = np.array([[0, 2], [1, 1], [1, 1], [1, 1], [2, 0]])


def test_cross_reliability_of_the_authors_example():
    assert cross_reliability(FIRST, SECOND) == pytest.approx(1 - (9 / 22) / 0.5, abs=1e-12) == pytest.approx(0.1818182, abs=5e-8)


def test_cross_reliability_counts_common_units_only_and_has_no_first():
    more = np.array([[5, 0], [0, 0]]), np.array([[0, 0], [0, 4]])
    value = cross_reliability(np.vstack([FIRST, more[0]]), np.vstack([SECOND, more[1]]))
    assert value == cross_reliability(FIRST, SECOND)
    assert cross_reliability(SECOND, FIRST) == pytest.approx(value, abs=1e-12)


def test_normalised_by_the_reliability_of_both_groups():
    good = np.array([[4, 0], [0, 4], [3, 1], [0, 4], [4, 0], [1, 3]])
    own = coefficient_value(alpha_of(), good)
    assert normalised_cross_reliability(good, good) == pytest.approx(cross_reliability(good, good) / own, abs=1e-12)
    with pytest.raises(CannotEstimate, match="no more than by chance"):
        normalised_cross_reliability(FIRST, np.array([[1, 1], [1, 1], [1, 1], [1, 1], [2, 0]]))


def test_groups_without_common_items_or_variety_are_refused():
    with pytest.raises(CannotEstimate, match="no item in common"):
        cross_reliability(np.array([[1, 0], [0, 0]]), np.array([[0, 0], [0, 1]]))
    with pytest.raises(CannotEstimate, match="same label"):
        cross_reliability(np.array([[1, 0]]), np.array([[2, 0]]))


def panel(rng, own_view, n_items=80, n_raters=24):
    """Two groups of 12 raters who rate every item; the first has, to some degree, a view of its own."""
    common, view = rng.normal(size=n_items), rng.normal(size=n_items)
    group = np.arange(n_raters) < 12
    leaning = 0.6 * rng.normal(size=n_raters)  # raters differ: single ratings are not independent
    score = 2 * np.where(group[None, :], (1 - own_view) * common[:, None] + own_view * view[:, None], common[:, None]) + leaning
    label = rng.random((n_items, n_raters)) < 1 / (1 + np.exp(-score))
    unit, rater = np.indices(label.shape)
    return RatingCodes(unit=unit.ravel(), rater=rater.ravel(), label=label.ravel(), n_labels=2), group


def test_a_group_of_one_mind_is_found():
    ratings, group = panel(np.random.default_rng(1), own_view=0.5)
    found = group_association(ratings, group, rng=np.random.default_rng(0), permutations=199)
    assert found.association > 1.2 and found.p <= 0.01
    assert (found.n_group, found.n_rest, found.n_units, found.permutations) == (12, 12, 80, 199)


def test_no_group_is_found_where_there_is_none():
    rng = np.random.default_rng(2)
    p = []
    for _ in range(40):
        ratings, group = panel(rng, own_view=0.0, n_items=25)
        p.append(group_association(ratings, group, rng=rng, permutations=59).p)
    assert np.mean(np.array(p) <= 0.1) <= 0.25  # exchangeable by construction: 10% expected, standard error .047
    assert 0.35 < np.mean(p) < 0.75


def test_the_same_generator_gives_the_same_p():
    ratings, group = panel(np.random.default_rng(3), own_view=0.1)
    first, again = (group_association(ratings, group, rng=np.random.default_rng(9), permutations=49) for _ in range(2))
    assert first == again


def test_few_raters_and_no_common_ground_are_refused():
    ratings, group = panel(np.random.default_rng(4), own_view=0.0)
    with pytest.raises(CannotEstimate) as caught:
        group_association(ratings, np.arange(24) < 4, rng=np.random.default_rng(0))
    assert caught.value.code == "few_raters" and caught.value.counts == {"group": 4, "rest": 20}
    opposed = RatingCodes(
        unit=ratings.unit, rater=ratings.rater, label=np.where(group[ratings.rater], 1 - ratings.label, ratings.label), n_labels=2
    )
    found = group_association(opposed, group, rng=np.random.default_rng(0), permutations=19)
    with pytest.raises(CannotEstimate, match="a ratio to that has no meaning"):
        _ = found.association
