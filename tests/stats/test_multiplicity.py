import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from smo_pipelines.stats.multiplicity import benjamini_hochberg, holm

p_lists = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


@given(p_lists)
@settings(max_examples=15, deadline=None)
def test_both_equal_statsmodels(p_values):
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p_values), multipletests(p_values, method="fdr_bh")[1], atol=1e-12)


@given(p_lists)
def test_adjusting_never_lowers_a_p_and_never_reorders(p_values):
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(p_values)
        assert np.all(adjusted >= np.array(p_values) - 1e-15)
        assert np.all(np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0.0)


def test_by_hand():
    # Holm: 3 x 0.01, 2 x 0.02, then 0.04 is held at the running maximum 0.04; BH: 0.03, 0.03, 0.04
    assert holm([0.02, 0.01, 0.04]).tolist() == pytest.approx([0.04, 0.03, 0.04])
    assert benjamini_hochberg([0.02, 0.01, 0.04]).tolist() == pytest.approx([0.03, 0.03, 0.04])


def test_no_tests_and_bad_numbers():
    assert holm([]).tolist() == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, 1.5])
