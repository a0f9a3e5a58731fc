import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats import inter_rater

from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.agreement import AC1, AGREEMENT, FLEISS, MAJORITY_SHARE, Scale, alpha_of, coefficient_value, counts_of

# Krippendorff (2011), p. 1: the labels of 4 observers for 12 units, 0 where one is missing.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)
# The worked example of "Fleiss' kappa" in Wikipedia: 14 raters, 10 subjects, 5 categories.
FLEISS_EXAMPLE = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)
# Two abstractors of medical records and three diagnoses, from the help of the R package irrCAC (cont3x3abstractors).
ABSTRACTORS = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])


def observer_counts():
    rater, unit = np.nonzero(OBSERVERS)
    return counts_of(unit, OBSERVERS[rater, unit] - 1, 5)


def pairs(table):
    rows = [(i, j) for i in range(len(table)) for j in range(len(table)) for _ in range(table[i, j])]
    return np.array([np.bincount(row, minlength=len(table)) for row in rows])


def alpha_by_definition(counts, distance):
    """Krippendorff's formula over pairs of values, written as it is read."""
    units = [np.repeat(np.arange(counts.shape[1]), row) for row in counts if row.sum() >= 2]
    everything = np.concatenate(units)
    n = len(everything)
    observed = sum(distance(a, b) / (len(u) - 1) for u in units for i, a in enumerate(u) for j, b in enumerate(u) if i != j) / n
    expected = sum(distance(a, b) for i, a in enumerate(everything) for j, b in enumerate(everything) if i != j) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize(
    ("scale", "expected"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)]
)
def test_alpha_of_krippendorffs_own_example(scale, expected):
    assert coefficient_value(alpha_of(Scale(scale), [1, 2, 3, 4, 5]), observer_counts()) == pytest.approx(expected, abs=5e-7)


def test_nominal_alpha_of_the_example_is_113_of_152():
    assert coefficient_value(alpha_of(), observer_counts()) == pytest.approx(113 / 152, abs=1e-15)


def test_fleiss_is_that_of_the_worked_example_and_of_statsmodels():
    value = coefficient_value(FLEISS, FLEISS_EXAMPLE)
    assert value == pytest.approx(0.2099307, abs=5e-8)
    assert value == pytest.approx(inter_rater.fleiss_kappa(FLEISS_EXAMPLE), abs=1e-14)


@pytest.mark.parametrize(("coefficient", "expected"), [(AGREEMENT, 0.818182), (FLEISS, 0.761169), (AC1, 0.775444)])
def test_coefficients_with_missing_ratings(coefficient, expected):  # values of irrCAC's example cac.raw4raters
    assert coefficient_value(coefficient, observer_counts()) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("coefficient", "expected"), [(FLEISS, 0.7962397), (AC1, 0.8493305), (alpha_of(), 0.7972585)])
def test_coefficients_of_two_raters(coefficient, expected):  # with two raters Fleiss' kappa is Scott's pi
    assert coefficient_value(coefficient, pairs(ABSTRACTORS)) == pytest.approx(expected, abs=5e-8)


TABLES = (
    st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=3, max_size=12)
    .map(np.array)
    .filter(lambda t: np.count_nonzero(t[t.sum(axis=1) >= 2].sum(axis=0)) >= 2)
)


@given(TABLES)
@settings(max_examples=60)
def test_alpha_is_the_definition_over_pairs(counts):
    values = np.array([0.5, 1.0, 4.0])
    nominal = alpha_by_definition(counts, lambda a, b: float(a != b))
    assert coefficient_value(alpha_of(), counts) == pytest.approx(nominal, abs=1e-12)
    interval = alpha_by_definition(counts, lambda a, b: (values[a] - values[b]) ** 2)
    assert coefficient_value(alpha_of(Scale.interval, values), counts) == pytest.approx(interval, abs=1e-12)


@given(TABLES, st.permutations(range(3)), st.randoms())
@settings(max_examples=60)
def test_names_of_labels_and_order_of_items_mean_nothing_on_a_nominal_scale(counts, names, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    for coefficient in (alpha_of(), FLEISS, AC1, AGREEMENT):
        before = coefficient_value(coefficient, counts)
        assert coefficient_value(coefficient, counts[order][:, list(names)]) == pytest.approx(before, abs=1e-12)


@given(TABLES)
@settings(max_examples=60)
def test_reversing_a_scale_of_ranks_changes_nothing_and_no_coefficient_passes_one(counts):
    ordinal = coefficient_value(alpha_of(Scale.ordinal), counts)
    assert coefficient_value(alpha_of(Scale.ordinal), counts[:, ::-1]) == pytest.approx(ordinal, abs=1e-12)
    assert max(coefficient_value(c, counts) for c in (alpha_of(), FLEISS, AC1, AGREEMENT)) <= 1 + 1e-12


@given(TABLES)
@settings(max_examples=30)
def test_the_share_with_the_majority_is_at_least_the_agreement_of_pairs(counts):
    paired = counts[counts.sum(axis=1) >= 2]
    expected = (paired.max(axis=1) / paired.sum(axis=1)).mean()
    assert coefficient_value(MAJORITY_SHARE, counts) == pytest.approx(expected, abs=1e-12)
    assert expected >= coefficient_value(AGREEMENT, counts) - 1e-12


def test_with_two_labels_every_scale_is_nominal():
    counts = np.array([[3, 0], [1, 2], [0, 2], [2, 2], [1, 0]])
    nominal = coefficient_value(alpha_of(), counts)
    for scale in (Scale.ordinal, Scale.interval):
        assert coefficient_value(alpha_of(scale, [0, 1]), counts) == pytest.approx(nominal, abs=1e-12)


def test_units_with_one_rating_do_not_count_for_alpha():
    counts = np.array([[3, 0], [1, 2], [0, 2]])
    more = np.vstack([counts, [[1, 0]] * 50])
    assert coefficient_value(alpha_of(), more) == coefficient_value(alpha_of(), counts)


@pytest.mark.parametrize("coefficient", [alpha_of(), alpha_of(Scale.ordinal), FLEISS, AC1, AGREEMENT])
def test_without_overlap_there_is_no_agreement(coefficient):
    with pytest.raises(CannotEstimate, match="none of the 2 items has two ratings") as caught:
        coefficient_value(coefficient, np.array([[1, 0], [0, 1]]))
    assert caught.value.code == "one_rating_an_item"


@pytest.mark.parametrize("coefficient", [alpha_of(), alpha_of(Scale.ordinal), FLEISS])
def test_with_one_label_there_is_nothing_beyond_chance(coefficient):
    with pytest.raises(CannotEstimate, match="same label") as caught:
        coefficient_value(coefficient, np.array([[2, 0], [3, 0], [0, 1]]))
    assert caught.value.code == "one_class"
    assert coefficient_value(AC1, np.array([[2, 0], [3, 0]])) == coefficient_value(AGREEMENT, np.array([[2, 0], [3, 0]])) == 1.0


def test_a_scale_of_numbers_needs_the_numbers():
    with pytest.raises(ValueError, match="interval scale needs"):
        alpha_of(Scale.interval)
    with pytest.raises(ValueError, match="no value below 0"):
        alpha_of(Scale.ratio, [-1, 2])
