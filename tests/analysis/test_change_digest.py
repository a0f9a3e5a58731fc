from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, norm

from smo_pipelines.analysis.change_digest import digest_of_changes
from smo_pipelines.domain.change_digest import AfterAll
from smo_pipelines.domain.decisions import Verdict
from tests.examples.changes import decided, example_digest


def test_changes_in_force_are_read_together():
    digest = example_digest()
    by_name = {(one.change.experiment, one.change.version): one for one in digest.changes}
    # p of the newest version times its looks; A/A tests, the superseded version and the effect without a number are not in the family
    family = {"quotes": 0.0004, "vendor": 0.002, "overlap": 0.71, "slurs": 0.1 * 2, "names": 0.045}
    expected = dict(zip(family, false_discovery_control(list(family.values())).tolist(), strict=True))
    found = {name: one.p_adjusted for (name, _), one in by_name.items() if one.p_adjusted is not None}
    assert found == pytest.approx(expected)
    assert by_name["slurs", 1].after_all is AfterAll.not_tested
    assert {name for (name, _), one in by_name.items() if one.after_all is AfterAll.stands} == {"quotes", "vendor", "names"}


def test_expected_false_ships_are_half_the_error_rate_of_all_that_could_ship():
    digest = example_digest()
    # seven decisions on changes, of which one has no estimate; each at 5%
    assert digest.false_ships.tested == 6
    assert digest.false_ships.expected_at_most == pytest.approx(6 * 0.025)
    assert (digest.false_ships.shipped, digest.false_ships.not_standing) == (3, 0)


def test_a_design_that_cannot_ship_is_in_the_family_and_not_in_the_bound():
    change = decided("before-after", 0.04, 0.01, 0.001, Verdict.hold, causal=False)
    digest = digest_of_changes([change], ())
    assert (digest.false_ships.tested, digest.false_ships.expected_at_most) == (0, 0.0)
    assert digest.changes[0].after_all is AfterAll.stands


def test_a_ship_that_luck_explains_is_pointed_out():
    null = np.linspace(0.2, 0.95, 30)
    changes = [decided(f"n{k}", 0.0, 0.02, float(p), Verdict.inconclusive) for k, p in enumerate(null)]
    lucky = decided("lucky", 0.02, 0.0199, 0.049, Verdict.ship)
    digest = digest_of_changes([*changes, lucky], ())
    assert digest.false_ships.not_standing == 1


def test_null_tests_are_counted_apart_with_an_interval():
    nulls = example_digest().null_tests
    assert (nulls.tests, nulls.alarms) == (2, 1)
    assert nulls.interval is not None
    # Wilson's interval of 1 in 2: (p + z^2/2n +- z sqrt(p q/n + z^2/4n^2)) / (1 + z^2/n)
    z = norm.ppf(0.975)
    half = z * np.sqrt(0.25 / 2 + z**2 / 16) / (1 + z**2 / 2)
    assert (nulls.interval.low, nulls.interval.high) == pytest.approx((0.5 - half, 0.5 + half))


def test_the_bound_holds_where_no_change_gains_anything():
    # 4,000 operations of 25 changes without any gain: z of the primary effect is standard normal, ships are those above 1.96
    rng = np.random.default_rng(3)
    ships = (rng.standard_normal((4000, 25)) > norm.ppf(0.975)).sum(axis=1)
    changes = [decided(f"n{k}", 0.0, 0.02, 0.5, Verdict.inconclusive) for k in range(25)]
    bound = digest_of_changes(changes, ()).false_ships.expected_at_most
    assert bound == pytest.approx(0.625)
    assert ships.mean() <= bound + 3 * ships.std() / np.sqrt(len(ships))


@given(order=st.permutations(range(9)))
@settings(max_examples=20, deadline=None)
def test_the_order_in_which_decisions_are_read_changes_nothing(order):
    digest = example_digest()
    changes = [digest.changes[k].change for k in order]
    assert digest_of_changes(changes, digest.benchmarks) == digest


def test_nothing_but_null_tests_is_a_digest_too():
    (null,) = [one.change for one in example_digest().changes if one.change.experiment == "aa-1"]
    digest = digest_of_changes([replace(null)], ())
    assert (digest.false_ships.tested, digest.false_ships.expected_at_most) == (0, 0.0)
