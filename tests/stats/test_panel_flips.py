"""How many majorities other panels and redraws flip, and the shape of weights that keeps the two in proportion."""

import numpy as np
import pytest
from scipy import integrate, special

from smo_pipelines.stats.panel_flips import ALLOWANCE, MAX_SHAPE, flips_of_other_panels, flips_of_redraws, matching_shape

SIX_MOSTLY_AGREE = {6: np.array([219, 48, 17, 11, 30, 87, 188])}
THREE_THAT_DISAGREE = {3: np.array([120, 90, 90, 100])}


def votes_of(q: np.ndarray, size: int, rng: np.random.Generator) -> dict[int, np.ndarray]:
    return {size: np.bincount(rng.binomial(size, q), minlength=size + 1)}


def test_a_redraw_flips_a_minority_of_one_in_three_a_quarter_of_the_time_and_of_one_in_six_a_thirty_second():
    # Exp(1) weights: the share of one rater of n is beta(1, n - 1), above a half with probability 2^-(n-1)
    for size, chance in ((3, 1 / 4), (6, 1 / 32)):
        one_against = {size: np.eye(size + 1, dtype=int)[1] * 100}
        assert flips_of_redraws(one_against, 1.0) == pytest.approx(100 * 2 * chance * (1 - chance))


@pytest.mark.parametrize("shape", [1.0, 2.5, 9.0])
def test_redraws_flip_as_gamma_weights_do(shape):
    rng, draws = np.random.default_rng(2), 40_000
    weights = rng.gamma(shape, size=(draws, 6))
    positive = float((weights[:, :2].sum(axis=1) > weights[:, 2:].sum(axis=1)).mean())
    two_of_six = {6: np.array([0, 0, 1, 0, 0, 0, 0])}
    assert flips_of_redraws(two_of_six, shape) == pytest.approx(2 * positive * (1 - positive), abs=0.01)


def test_ties_and_lone_raters_flip_nothing():
    assert flips_of_redraws({2: np.array([5, 100, 5])}, 1.0) == 0.0
    assert flips_of_redraws({6: np.array([9, 0, 0, 50, 0, 0, 9])}, 1.0) == 0.0
    assert matching_shape({}) == 1.0


@pytest.mark.parametrize(("size", "beta"), [(3, (0.6, 0.9)), (5, (0.3, 0.4)), (6, (0.2, 0.3))])
def test_flips_of_other_panels_are_found_from_votes(size, beta):
    rng, items = np.random.default_rng(size), 60_000
    panels = votes_of(rng.beta(*beta, items), size, rng)

    def differ(q: float) -> float:
        k = np.arange(size + 1)
        chance = special.comb(size, k) * q**k * (1 - q) ** (size - k)
        density = q ** (beta[0] - 1) * (1 - q) ** (beta[1] - 1) / special.beta(*beta)
        return float(2 * chance[2 * k > size].sum() * chance[2 * k < size].sum() * density)

    truth = integrate.quad(differ, 0.0, 1.0)[0]
    assert flips_of_other_panels(panels) / items == pytest.approx(truth, rel=0.1)  # what the votes leave open, the grid smooths


def test_the_shape_keeps_redraws_in_proportion_to_other_panels():
    shape = matching_shape(SIX_MOSTLY_AGREE)
    assert 1.2 < shape < 6.0
    assert flips_of_redraws(SIX_MOSTLY_AGREE, shape) == pytest.approx(ALLOWANCE * flips_of_other_panels(SIX_MOSTLY_AGREE), rel=0.02)
    assert flips_of_redraws(SIX_MOSTLY_AGREE, 1.0) > 3 * flips_of_other_panels(SIX_MOSTLY_AGREE)


def test_the_shape_is_never_below_that_of_the_calibrated_weights():
    assert flips_of_redraws(THREE_THAT_DISAGREE, 1.0) < flips_of_other_panels(THREE_THAT_DISAGREE)
    assert matching_shape(THREE_THAT_DISAGREE) == 1.0


def test_raters_who_never_disagree_are_hardly_spread():
    nearly = {8: np.array([500, 3, 0, 0, 0, 0, 0, 3, 500])}
    assert matching_shape(nearly) > 2.0
    assert matching_shape({8: np.array([500, 0, 0, 0, 0, 0, 0, 0, 500])}) == 1.0
    assert matching_shape(nearly) <= MAX_SHAPE


def test_panels_of_several_sizes_are_matched_together():
    mixed = {3: np.array([60, 5, 4, 50]), **SIX_MOSTLY_AGREE}
    shape = matching_shape(mixed)
    assert flips_of_redraws(mixed, shape) == pytest.approx(ALLOWANCE * flips_of_other_panels(mixed), rel=0.02)
