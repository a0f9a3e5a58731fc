"""Recipes, votes and the snapshots of labels they give."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from smo_pipelines.domain.columns import Categories, PackedText
from smo_pipelines.domain.digests import digest_of, digest_of_rows, frozen_array
from smo_pipelines.domain.targets import Targets

__all__ = [
    "TIE",
    "Aggregation",
    "GoldAnswers",
    "ItemPredicate",
    "LabelSnapshot",
    "RaterPool",
    "SnapshotRecipe",
    "TieRule",
    "TrainingSet",
    "Votes",
]

TIE = -1
"""The label code of an item whose ratings are tied; 0 is negative and 1 positive."""

ItemPredicate = tuple[tuple[str, tuple[str, ...]], ...]
"""Which items: pairs of an item column or attribute and the values allowed; sorted by name; all pairs must hold."""


class Aggregation(StrEnum):
    """How several ratings of an item become one label."""

    majority = "majority"
    median = "median"
    soft_shares = "soft_shares"
    gold_weighted = "gold_weighted"
    dawid_skene = "dawid_skene"


class TieRule(StrEnum):
    """What a tied item becomes: ``apart`` keeps it as a tie, which leaves training in both arms, counted."""

    apart = "apart"
    positive = "positive"
    negative = "negative"


@dataclass(frozen=True, kw_only=True)
class SnapshotRecipe:
    """How labels are made from ratings: everything that an operational change can change.

    Parameters
    ----------
    items : ItemPredicate
        Which items are labelled, e.g. ``(("split", ("train",)),)``.
    guideline, instrument : str or None
        Keep the ratings given under this guideline version and instrument; None keeps all.
    pool : str
        A rater pool's id, ``"all"`` for every rater.
    overlap : int or None
        At most this many ratings an item, chosen by hash of the rating's content; None keeps all.
    qa : str or None
        Name of a quality filter on ratings, e.g. ``"not_rejected"``.
    as_of : str or None
        ISO-8601 moment in UTC; only ratings imported up to then count. None means the newest.
    window_days : int or None
        Keep ratings whose ``created_at`` lies in so many days before ``as_of``.
    rater_half : {0, 1} or None
        Keep one of two disjoint random halves of the raters (an A/A test about raters).
    """

    project: str
    question: str
    items: ItemPredicate = ()
    guideline: str | None = None
    instrument: str | None = None
    pool: str = "all"
    aggregation: Aggregation = Aggregation.majority
    ties: TieRule = TieRule.apart
    overlap: int | None = None
    qa: str | None = None
    as_of: str | None = None
    window_days: int | None = None
    rater_half: int | None = None

    @property
    def digest(self) -> str:
        """The name of this recipe."""
        return digest_of(self)


@dataclass(frozen=True, kw_only=True)
class RaterPool:
    """A named selection of raters: those whose attributes match, or a list of pseudonyms; ``"all"`` selects everybody.

    ``where`` reads like an item predicate, over rater columns and attributes (``kind``, ``locale``, ``pool`` ...).
    """

    id: str
    where: ItemPredicate = ()
    raters: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The name of this selection."""
        return digest_of(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Votes:
    """The ratings behind a snapshot, as positions: one row a rating, in order of item and then of rater.

    Attributes
    ----------
    item : ndarray of shape (n_ratings,), int32
        Position of the rated item in the snapshot's ``item_ids``.
    rater : ndarray of shape (n_ratings,), int32
        Position of the rater in ``rater_ids``.
    label : ndarray of shape (n_ratings,), int8
        Position of the rating's label in ``labels``.
    labels : tuple of str
        The guideline's labels, in its order.
    positives : tuple of str
        Those of them that count as positive.
    rater_ids : ndarray of shape (n_raters,), str
        Pseudonyms, sorted.
    """

    item: np.ndarray
    rater: np.ndarray
    label: np.ndarray
    rater_ids: np.ndarray
    labels: tuple[str, ...] = ("negative", "positive")
    positives: tuple[str, ...] = ("positive",)

    def __post_init__(self) -> None:
        for name, dtype in (("item", np.int32), ("rater", np.int32), ("label", np.int8), ("rater_ids", None)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))

    def __len__(self) -> int:
        return len(self.item)

    @property
    def is_positive(self) -> np.ndarray:
        """Which labels count as positive: shape (n_labels,), bool."""
        return np.array([label in self.positives for label in self.labels], dtype=bool)

    @cached_property
    def value(self) -> np.ndarray:
        """1 where a rating is positive, else 0: shape (n_ratings,), int8."""
        return frozen_array(self.is_positive.astype(np.int8)[self.label])

    @cached_property
    def digest(self) -> str:
        """The name of these votes; it covers the raters' pseudonyms, which a redraw of raters depends on."""
        named = {"labels": self.labels, "positives": self.positives}
        columns = {"item": self.item, "rater": self.rater, "label": self.label, "rater_id": self.rater_ids}
        return digest_of({**named, "ratings": digest_of_rows(columns)})

    @cached_property
    def effective_raters(self) -> float:
        """``(sum n_r)^2 / sum n_r^2`` with ``n_r`` the ratings by rater r: equal workloads give the head count."""
        counts = np.bincount(self.rater, minlength=len(self.rater_ids)).astype(float)
        total = float(counts.sum())
        return total * total / float((counts**2).sum()) if total else 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class GoldAnswers:
    """What is known of the right labels of a snapshot's items, and of how its raters did on items with a known label.

    Attributes
    ----------
    label : ndarray of shape (n_items,), int8
        Position in the votes' ``labels`` of the item's gold under the recipe's guideline; -1 where it is not known.
    right, answered : ndarray of shape (n_raters,), int64
        How many of each rater's ratings of items with gold, in the whole project under that guideline, are right, and how many
        there are.
    """

    label: np.ndarray
    right: np.ndarray
    answered: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in (("label", np.int8), ("right", np.int64), ("answered", np.int64)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelSnapshot:
    """What a recipe gives: one row an item, in order of item id, immutable, named by its content.

    Attributes
    ----------
    item_ids : ndarray of shape (n_items,), str
    texts : PackedText of n_items
    labels : ndarray of shape (n_items,), int8
        1 positive, 0 negative, :data:`TIE`.
    share : ndarray of shape (n_items,), float64
        Share of the item's ratings that are positive.
    soft : ndarray of shape (n_items,), float64
        How likely the aggregation holds the item to be positive: a posterior where it has a model of raters, else the share.
    n_ratings : ndarray of shape (n_items,), int32
    votes : Votes
    attributes : dict of str to Categories of n_items
        Item columns for slices, e.g. ``locale`` and ``clause``; empty string where unknown.
    gold : GoldAnswers or None
        What an aggregation that learns from gold was given; None for one that does not.
    imports : tuple of str
        Ids of the imports that could be seen when it was taken, in order of time; not part of the content.
    """

    recipe: SnapshotRecipe
    item_ids: np.ndarray
    texts: PackedText
    labels: np.ndarray
    share: np.ndarray
    soft: np.ndarray
    n_ratings: np.ndarray
    votes: Votes
    attributes: dict[str, Categories] = field(default_factory=dict)
    gold: GoldAnswers | None = None
    imports: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        numbers = (("labels", np.int8), ("share", np.float64), ("soft", np.float64), ("n_ratings", np.int32))
        for name, dtype in (("item_ids", None), *numbers):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))
        object.__setattr__(self, "texts", PackedText.of(self.texts))
        object.__setattr__(self, "attributes", {name: Categories.of(column) for name, column in self.attributes.items()})
        if len(self.item_ids) > 1 and not bool(np.all(self.item_ids[:-1] < self.item_ids[1:])):
            raise ValueError("a snapshot's item ids must be unique and sorted")

    def __len__(self) -> int:
        return len(self.item_ids)

    def subset(self, keep: np.ndarray) -> "LabelSnapshot":
        """Return the snapshot of some of its items, with their votes.

        Parameters
        ----------
        keep : ndarray of shape (n_items,), bool
        """
        rows, votes = np.flatnonzero(keep), self.votes
        mine = keep[votes.item]
        position = np.cumsum(keep) - 1
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in ("item_ids", "texts", "labels", "share", "soft", "n_ratings")},
            votes=replace(votes, item=position[votes.item[mine]], rater=votes.rater[mine], label=votes.label[mine]),
            attributes={name: column[rows] for name, column in self.attributes.items()},
            gold=None if self.gold is None else replace(self.gold, label=self.gold.label[rows]),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelSnapshot) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def digest(self) -> str:
        """The name of this content: items, texts, labels and counts; not who rated, and not how rows were stored."""
        numbers = {"label": self.labels, "share": self.share, "soft": self.soft, "n": self.n_ratings}
        return digest_of_rows({"item": self.item_ids, "text": self.texts, **numbers})


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSet:
    """What one classifier is fitted on: the matched, leak-free items of one arm.

    Attributes
    ----------
    item_ids : ndarray of shape (n_items,), str
    texts : ndarray of shape (n_items,), object
    labels : ndarray of shape (n_items,), int8
        0 or 1; :data:`TIE` only where there are targets, which say what a tied item teaches.
    dev : ndarray of shape (n_items,), bool
        True for the development split: never trained on, used to choose the threshold; the same items in both arms.
    targets : Targets of n_items or None
        What is learned in place of the labels, where that is more than they say: soft labels, several classes.
    """

    item_ids: np.ndarray
    texts: np.ndarray
    labels: np.ndarray
    dev: np.ndarray
    targets: Targets | None = None

    def __post_init__(self) -> None:
        for name, dtype in (("item_ids", None), ("texts", object), ("labels", np.int8), ("dev", bool)):
            object.__setattr__(self, name, frozen_array(getattr(self, name), dtype))
        if self.targets is not None and len(self.targets) != len(self):
            raise ValueError(f"a training set of {len(self)} items has targets of {len(self.targets)}")
        if self.targets is None and not bool(np.isin(self.labels, (0, 1)).all()):
            raise ValueError("the labels of a training set without targets must be 0 or 1")

    def __len__(self) -> int:
        return len(self.item_ids)

    @cached_property
    def digest(self) -> str:
        """The name of this content."""
        rows = digest_of_rows({"item": self.item_ids, "text": self.texts, "label": self.labels, "dev": self.dev})
        return rows if self.targets is None else digest_of({"rows": rows, "targets": self.targets.digest})
