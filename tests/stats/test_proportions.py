import numpy as np
import pytest
from scipy.stats import binomtest

from smo_pipelines.stats.proportions import wilson_lower


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (7, 10), (20, 20), (513, 600)])
def test_wilsons_lower_end_is_scipys(k: int, n: int) -> None:
    assert wilson_lower(np.array([k]), np.array([n]))[0] == pytest.approx(
        binomtest(k, n).proportion_ci(method="wilson").low, abs=1e-12
    )


def test_a_proportion_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        wilson_lower(np.array([0]), np.array([0]))
