"""What a classifier learns of an item when that is more than one of two labels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smo_pipelines.domain.digests import digest_of, digest_of_rows, frozen_array

__all__ = ["NEGATIVE", "POSITIVE", "Targets"]

NEGATIVE, POSITIVE = "negative", "positive"


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """How likely each class is, for each item: soft labels, several classes, or both.

    Attributes
    ----------
    classes : tuple of str
        At least two.
    positives : tuple of str
        Those of them that count as positive: an item's score is their summed probability.
    shares : ndarray of shape (n_items, n_classes), float64
        Not negative; each row sums to one.
    """

    classes: tuple[str, ...]
    positives: tuple[str, ...]
    shares: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", frozen_array(self.shares, np.float64))
        if self.shares.ndim != 2 or self.shares.shape[1] != len(self.classes) or len(self.classes) < 2:
            raise ValueError(f"targets of {len(self.classes)} classes have shares of shape {self.shares.shape}")
        if not self.positives or not set(self.positives) < set(self.classes):
            raise ValueError(f"of the classes {self.classes}, some but not all must be positive; got {self.positives}")
        if bool((self.shares < 0).any()) or not np.allclose(self.shares.sum(axis=1), 1.0, rtol=0.0, atol=1e-9):
            raise ValueError("each item's shares must not be negative and sum to one")

    def __len__(self) -> int:
        return len(self.shares)

    @property
    def is_positive(self) -> np.ndarray:
        """Which classes count as positive: shape (n_classes,), bool."""
        return np.array([name in self.positives for name in self.classes], dtype=bool)

    def rows(self, rows: np.ndarray) -> "Targets":
        """Return the targets of some items."""
        return Targets(classes=self.classes, positives=self.positives, shares=self.shares[rows])

    @cached_property
    def digest(self) -> str:
        """The name of this content."""
        columns = {f"{position}": self.shares[:, position] for position in range(len(self.classes))}
        return digest_of({"classes": self.classes, "positives": self.positives, "shares": digest_of_rows(columns)})
