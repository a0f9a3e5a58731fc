"""A snapshot of some ratings of each arm: what a part of a change would have made of the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smo_pipelines.domain.changes import changed_fields
from smo_pipelines.domain.columns import PackedText
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.labels import GoldAnswers, LabelSnapshot, Votes
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.labels.aggregation import AGGREGATIONS
from smo_pipelines.labels.changes.pairs import LabelPairs
from smo_pipelines.labels.snapshot import apply_tie_rule

__all__ = ["Mixer"]

_COUNTING = frozenset({"aggregation", "ties"})


@dataclass(frozen=True, eq=False)
class Mixer:
    """Puts ratings of both arms together and aggregates them anew.

    A rater who works in both arms is two raters to an aggregation that weighs raters, one under each guideline, and one to a redraw:
    what a rater is does not depend on the arm.
    """

    pairs: LabelPairs

    def refuse_other_counting(self, partition: str) -> None:
        """Refuse arms whose ratings cannot be counted together.

        Raises
        ------
        CannotEstimate
            When the aggregation, the tie rule or the guideline's labels differ between the arms.
        """
        control, treatment = self.pairs.control, self.pairs.treatment
        changed = _COUNTING & set(changed_fields(control.recipe, treatment.recipe))
        labels = [(snapshot.votes.labels, snapshot.votes.positives) for snapshot in (control, treatment)]
        if changed or labels[0] != labels[1]:
            what = " and ".join(sorted(changed)) or "labels of the guideline"
            raise CannotEstimate(
                WhyNot.several_changes,
                f"the {what} changed too, so ratings of both arms cannot be counted together: split by recipe, not by {partition}",
            )

    @cached_property
    def pair_of_rating(self) -> tuple[np.ndarray, np.ndarray]:
        """The pair that each rating of the control, and of the treatment, is of, -1 for none."""
        control, treatment = self.pairs.control, self.pairs.treatment
        return self._placed(control, self.pairs.control_rows), self._placed(treatment, self.pairs.treatment_rows)

    def _placed(self, snapshot: LabelSnapshot, rows: np.ndarray) -> np.ndarray:
        place = np.full(len(snapshot), -1, dtype=np.int64)
        place[rows] = np.arange(len(self.pairs))
        return np.asarray(place[snapshot.votes.item])

    @cached_property
    def _texts(self) -> PackedText:
        return PackedText.of(self.pairs.control.texts[self.pairs.control_rows])

    def raters_behind(self, pairs: np.ndarray) -> int:
        """Return how many raters rated some of the pairs, in the arm that has fewer.

        Parameters
        ----------
        pairs : ndarray of shape (n_pairs,), bool
        """
        arms = zip((self.pairs.control, self.pairs.treatment), self.pair_of_rating, strict=True)
        return min(len(np.unique(arm.votes.rater[(placed >= 0) & pairs[placed]])) for arm, placed in arms)

    def snapshot(self, kept: Sequence[np.ndarray], taken: np.ndarray | None = None) -> LabelSnapshot:
        """Return the labels of some ratings of each arm; items that are left without a rating are not in it.

        Parameters
        ----------
        kept : pair of ndarray of shape (n_ratings of that arm,), bool
            Which ratings of the control and of the treatment count; those of no pair never do.
        taken : ndarray of shape (n_pairs,), bool, optional
            Whether an item as a whole is the treatment's; left out where raters are taken and not items.
        """
        control, treatment = self.pairs.control.votes, self.pairs.treatment.votes
        keep = [chosen & (placed >= 0) for chosen, placed in zip(kept, self.pair_of_rating, strict=True)]
        rated, item = np.unique(
            np.concatenate([placed[k] for placed, k in zip(self.pair_of_rating, keep, strict=True)]), return_inverse=True
        )
        rater = np.concatenate([control.rater[keep[0]], treatment.rater[keep[1]] + len(control.rater_ids)])
        order = np.lexsort((rater, item))
        votes = Votes(
            item=item[order],
            rater=rater[order],
            label=np.concatenate([control.label[keep[0]], treatment.label[keep[1]]])[order],
            rater_ids=np.concatenate([control.rater_ids, treatment.rater_ids]),
            labels=control.labels,
            positives=control.positives,
        )
        recipe, gold = self.pairs.control.recipe, self._gold(rated, taken)
        aggregated = AGGREGATIONS[recipe.aggregation](votes, len(rated), None, gold)
        return LabelSnapshot(
            recipe=recipe,
            item_ids=self.pairs.item_ids[rated],
            texts=self._texts if len(rated) == len(self.pairs) else PackedText.of(self._texts[rated]),
            labels=apply_tie_rule(aggregated.labels, recipe.ties),
            share=aggregated.share,
            soft=aggregated.soft,
            n_ratings=np.bincount(votes.item, minlength=len(rated)),
            votes=votes,
            gold=gold,
        )

    def _gold(self, rated: np.ndarray, taken: np.ndarray | None) -> GoldAnswers | None:
        before, after = self.pairs.control.gold, self.pairs.treatment.gold
        if before is None or after is None:
            return None
        old, new = before.label[self.pairs.control_rows][rated], after.label[self.pairs.treatment_rows][rated]
        return GoldAnswers(
            # where raters are taken an item can have ratings under both guidelines: what they differ on is right under neither
            label=np.where(old == new, old, -1) if taken is None else np.where(taken[rated], new, old),
            right=np.concatenate([before.right, after.right]),
            answered=np.concatenate([before.answered, after.answered]),
        )
