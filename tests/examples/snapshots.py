"""Small snapshots, written as votes."""

import numpy as np

from smo_pipelines.domain.labels import LabelSnapshot, SnapshotRecipe, Votes
from smo_pipelines.labels.aggregation import AGGREGATIONS
from smo_pipelines.labels.snapshot import apply_tie_rule

__all__ = ["many", "snapshot_of"]


def snapshot_of(given_votes, *, raters=None, texts=None, attributes=None, **recipe):
    """A snapshot of items with these votes; vote k of an item is rater k's, unless raters names one for each."""
    names = sorted(given_votes)
    rows = [
        (position, raters[name][k] if raters else f"r{k}", vote)
        for position, name in enumerate(names)
        for k, vote in enumerate(given_votes[name])
    ]
    rater_ids = np.array(sorted({rater for _, rater, _ in rows}))
    votes = Votes(
        item=[item for item, _, _ in rows],
        rater=np.searchsorted(rater_ids, [rater for _, rater, _ in rows]),
        label=[vote for _, _, vote in rows],
        rater_ids=rater_ids,
    )
    wanted = SnapshotRecipe(**{"project": "demo", "question": "hate"} | recipe)
    labels, share, _ = AGGREGATIONS[wanted.aggregation](votes, len(names), None, None)
    return LabelSnapshot(
        recipe=wanted,
        item_ids=np.array(names),
        texts=[(texts or {}).get(name, f"text of {name}") for name in names],
        labels=apply_tie_rule(labels, wanted.ties),
        share=share,
        soft=share,
        n_ratings=np.bincount(votes.item),
        votes=votes,
        attributes={key: np.array([of[name] for name in names]) for key, of in (attributes or {}).items()},
    )


def many(votes, n=300, **options):
    return snapshot_of({f"i{k:04}": votes for k in range(n)}, **options)
