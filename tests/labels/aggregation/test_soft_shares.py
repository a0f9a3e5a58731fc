import numpy as np

from smo_pipelines.domain.labels import TIE, Votes
from smo_pipelines.labels.aggregation import soft_shares


def test_the_share_is_the_probability_and_the_majority_the_label():
    item, label = [0, 0, 0, 0, 1, 1, 2], [1, 1, 1, 0, 1, 0, 0]
    votes = Votes(item=item, rater=np.arange(7), label=label, rater_ids=np.array([f"r{n}" for n in range(7)]))
    labels, share, soft = soft_shares(votes, 3)
    assert labels.tolist() == [1, TIE, 0]
    assert soft.tolist() == share.tolist() == [0.75, 0.5, 0.0]
    assert soft_shares(votes, 3, np.array([1.0, 1, 1, 1, 1, 3, 1])).soft.tolist() == [0.75, 0.25, 0.0]
