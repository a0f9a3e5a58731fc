"""Everything that changed in the labels between two arms, in one value."""

from collections.abc import Sequence

import numpy as np

from smo_pipelines.domain.guidelines import ClauseEdit
from smo_pipelines.domain.label_changes import LabelShift
from smo_pipelines.labels.changes.clauses import clause_touches
from smo_pipelines.labels.changes.facts import LabelFacts
from smo_pipelines.labels.changes.flips import Groups, attribute_groups, flip_counts, rater_splits
from smo_pipelines.labels.changes.owners import Swapped, own_flips
from smo_pipelines.labels.changes.pairs import pair_labels
from smo_pipelines.labels.changes.redraws import chance_flips, draw_raters_again
from smo_pipelines.labels.changes.review import review_first
from smo_pipelines.labels.changes.shares import matched_shift, mix_shift
from smo_pipelines.labels.matching import Matching
from smo_pipelines.labels.pools import compare_work, snapshot_work

__all__ = ["label_shift"]


def label_shift(
    matching: Matching,
    *,
    edits: Sequence[ClauseEdit] = (),
    facts: LabelFacts | None = None,
    swapped: Swapped | None = None,
    redraws: int = 200,
    review: int = 50,
) -> LabelShift:
    """Return what changed in the labels between the arms.

    Parameters
    ----------
    matching : Matching
        Of the two arms' actual snapshots.
    edits : sequence of ClauseEdit
        The clauses that differ between the arms' guidelines.
    facts : LabelFacts, optional
        What is known of the raters and of the right labels.
    swapped : mapping of frozenset of str to LabelSnapshot, optional
        Snapshots with some of the changed recipe fields alone as in the treatment's; they tell apart parts of a compound change.
    redraws : int
        How many redraws of the raters the expected flips and the variance over raters are taken over; 0 for none.
    review : int
        How many items to look at again are listed.
    """
    pairs = pair_labels(matching)
    drawn = draw_raters_again(pairs, redraws=redraws)
    chance = chance_flips(drawn)
    facts = facts or LabelFacts()
    splits = attribute_groups(pairs) | rater_splits(pairs, facts.raters)
    everything = Groups(names=("all",), codes=np.zeros(len(pairs), dtype=np.int64))
    return LabelShift(
        matched_items=len(matching),
        only_control=matching.only_control,
        only_treatment=matching.only_treatment,
        leaked_items=matching.leaked,
        total=flip_counts(pairs, chance, everything)[0],
        by={name: flip_counts(pairs, chance, groups) for name, groups in splits.items()},
        matched_shift=matched_shift(drawn),
        mix_shift=mix_shift(drawn),
        ownership=own_flips(pairs, chance, edits=edits, swapped=swapped),
        clauses=clause_touches(drawn, chance, edits),
        raters=compare_work(snapshot_work(pairs.control, name="control"), snapshot_work(pairs.treatment, name="treatment")),
        review=review_first(pairs, chance, edits=edits, gold=facts.gold, raters=facts.raters, most=review),
    )
