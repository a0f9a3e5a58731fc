from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.labels import TIE, Aggregation, Votes
from smo_pipelines.labels.aggregation import AGGREGATIONS, majority, median


def votes_of(given_votes):
    item = [position for position, values in enumerate(given_votes) for _ in values]
    value = [vote for values in given_votes for vote in values]
    return Votes(item=item, rater=np.arange(len(item)), label=value, rater_ids=np.array([f"r{n:03}" for n in range(len(item))]))


RATED = st.lists(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=6), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(rated=RATED)
def test_majority_is_more_than_half(rated):
    labels, share, _ = majority(votes_of(rated), len(rated))
    exact = [Fraction(sum(values), len(values)) for values in rated]
    assert labels.tolist() == [TIE if part == Fraction(1, 2) else int(part > Fraction(1, 2)) for part in exact]
    assert np.allclose(share, [float(part) for part in exact], atol=1e-15)


@settings(max_examples=50, deadline=None)
@given(rated=RATED)
def test_median_is_the_middle_value(rated):
    expected = [TIE if np.median(values) == 0.5 else int(np.median(values)) for values in rated]
    assert median(votes_of(rated), len(rated)).labels.tolist() == expected


SHARES = (Aggregation.majority, Aggregation.median, Aggregation.soft_shares)  # the others have a model of the raters


@pytest.mark.parametrize("aggregation", SHARES)
@settings(max_examples=50, deadline=None)
@given(rated=RATED, data=st.data())
def test_a_whole_weight_is_so_many_ratings(aggregation, rated, data):
    aggregate = AGGREGATIONS[aggregation]
    weights = [data.draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values))) for values in rated]
    repeated = [[v for v, w in zip(values, ws, strict=True) for _ in range(w)] for values, ws in zip(rated, weights, strict=True)]
    weighted = aggregate(votes_of(rated), len(rated), np.array([w for ws in weights for w in ws], dtype=float), None)
    assert weighted.labels.tolist() == aggregate(votes_of(repeated), len(rated), None, None).labels.tolist()


@pytest.mark.parametrize("aggregation", SHARES)
def test_what_cannot_be_aggregated(aggregation):
    with pytest.raises(ValueError, match="1 of 2 items have no rating"):
        AGGREGATIONS[aggregation](votes_of([[1]]), 2, None, None)
    with pytest.raises(ValueError, match="must be positive"):
        AGGREGATIONS[aggregation](votes_of([[1, 0]]), 1, np.array([1.0, 0.0]), None)
