from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.crossed import ArmMetrics
from smo_pipelines.stats.one_arm import arm_estimate
from smo_pipelines.stats.random_raters import RaterArm, RaterDesign, random_raters_estimate
from smo_pipelines.stats.shapley import MOST_PLAYERS, contrast_estimate, first_in, group_smallest, shapley, swap_back

NUMBERS = st.floats(-1.0, 1.0, allow_nan=False)
GAMES = st.integers(1, MOST_PLAYERS).flatmap(lambda n: st.lists(NUMBERS, min_size=1 << n, max_size=1 << n)).map(np.array)


def with_bit_moved(mask: int, order: list[int]) -> int:
    return sum((mask >> old & 1) << new for new, old in enumerate(order))


def test_the_glove_game() -> None:
    # Shapley (1953): one left glove (player 0) and two right ones; only a pair is worth 1. The shares are 2/3, 1/6, 1/6.
    values = np.array([float(mask & 1 and mask > 1) for mask in range(8)])
    np.testing.assert_allclose(shapley(values), [2 / 3, 1 / 6, 1 / 6], atol=1e-15)
    np.testing.assert_array_equal(first_in(values), [0, 0, 0])
    np.testing.assert_array_equal(swap_back(values), [1, 0, 0])


@given(GAMES)
def test_shares_sum_to_the_whole_change(values: np.ndarray) -> None:
    assert shapley(values).sum() == pytest.approx(values[-1] - values[0], abs=1e-9)


@given(GAMES)
def test_it_is_the_mean_over_all_orders_of_joining(values: np.ndarray) -> None:
    n = len(values).bit_length() - 1
    if n > 4:
        return
    total = np.zeros(n)
    orders = list(permutations(range(n)))
    for order in orders:
        there = 0
        for player in order:
            total[player] += values[there | 1 << player] - values[there]
            there |= 1 << player
    np.testing.assert_allclose(shapley(values), total / len(orders), atol=1e-12)


@given(GAMES, st.data())
def test_a_player_who_changes_nothing_has_exactly_nothing(values: np.ndarray, data: st.DataObject) -> None:
    n = len(values).bit_length() - 1
    if n == MOST_PLAYERS:
        return
    place = data.draw(st.integers(0, n))
    below = (1 << place) - 1
    wider = np.array([values[mask & below | mask >> 1 & ~below] for mask in range(2 << n)])
    for contrast in (shapley, first_in, swap_back):
        assert contrast(wider)[place] == 0.0
    np.testing.assert_allclose(np.delete(shapley(wider), place), shapley(values), atol=1e-12)


@given(GAMES, st.data())
def test_the_order_of_the_players_does_not_matter(values: np.ndarray, data: st.DataObject) -> None:
    n = len(values).bit_length() - 1
    order = data.draw(st.permutations(range(n)))
    moved = np.empty_like(values)
    for mask in range(1 << n):
        moved[with_bit_moved(mask, order)] = values[mask]
    for contrast in (shapley, first_in, swap_back):
        np.testing.assert_allclose(contrast(moved), contrast(values)[order], atol=1e-12)


@given(GAMES)
def test_two_players_who_do_the_same_share_alike(values: np.ndarray) -> None:
    n = len(values).bit_length() - 1
    if n < 2:
        return
    swapped = np.array([values[with_bit_moved(mask, [1, 0, *range(2, n)])] for mask in range(1 << n)])
    shares = shapley((values + swapped) / 2)
    assert shares[0] == pytest.approx(shares[1], abs=1e-12)


def test_every_axis_is_carried_along() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(8, 3, 5))
    shares = shapley(values)
    assert shares.shape == (3, 3, 5)
    np.testing.assert_allclose(shares[:, 2, 4], shapley(values[:, 2, 4]), atol=1e-15)


@pytest.mark.parametrize("coalitions", [1, 3, 128])
def test_what_is_no_game_is_refused(coalitions: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        shapley(np.zeros(coalitions))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 6))
def test_the_smallest_are_put_together(sizes: list[int], most: int) -> None:
    groups = group_smallest(sizes, most)
    assert sorted(part for group in groups for part in group) == list(range(len(sizes)))
    assert len(groups) == min(most, len(sizes))
    together = [group for group in groups if len(group) > 1]
    assert len(together) <= 1
    if together:
        alone = [sizes[group[0]] for group in groups if len(group) == 1]
        assert max(sizes[part] for part in together[0]) <= min(alone, default=9)


def contrast(seed: int = 1, runs: int = 5, items: int = 200) -> ArmMetrics:
    rng = np.random.default_rng(seed)
    influences = rng.normal(size=(runs, items)) * 0.1 + rng.normal(size=items) * 0.2
    return ArmMetrics(0.05 + 0.01 * rng.normal(size=runs), influences - influences.mean(axis=1, keepdims=True))


def test_without_redraws_a_contrast_is_measured_as_one_arm() -> None:
    assert contrast_estimate(contrast()) == arm_estimate(contrast())


def test_redraws_widen_it_as_those_of_two_arms_with_the_same_raters_do() -> None:
    runs, rng = contrast(), np.random.default_rng(3)
    drawn = 0.05 + 0.03 * rng.normal(size=10)
    found = contrast_estimate(runs, redraws=drawn, effective_raters=30.0, max_ratings_an_item=3)
    # the same two arms as their difference is taken of: a common part that cancels run by run and redraw by redraw
    common, again = rng.normal(size=5), rng.normal(size=10)
    arms = [RaterArm(common + k * runs.values, again + k * drawn, 30.0, 3) for k in (0, 1)]
    expected = random_raters_estimate(arms[0], arms[1], RaterDesign.same, shared_seeds=True)
    assert found.estimate == pytest.approx(expected.estimate)
    by_source = {term.source: term for term in found.terms}
    for term in expected.terms:
        assert by_source[term.source].variance == pytest.approx(term.variance)
        assert by_source[term.source].df == pytest.approx(term.df)
    assert by_source["items"].variance == pytest.approx(arm_estimate(runs).terms[1].variance)
    assert found.half_width(0.05) > contrast_estimate(runs).half_width(0.05)


def test_a_contrast_that_no_run_moves_has_no_interval() -> None:
    still = ArmMetrics(np.zeros(5), np.zeros((5, 40)))
    with pytest.raises(CannotEstimate) as refused:
        contrast_estimate(still)
    assert refused.value.code == WhyNot.no_run_variance
    with pytest.raises(CannotEstimate) as refused:
        contrast_estimate(still, redraws=np.zeros(6), effective_raters=20.0, max_ratings_an_item=3)
    assert refused.value.code == WhyNot.no_run_variance
