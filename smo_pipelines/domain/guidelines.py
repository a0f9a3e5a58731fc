"""Guideline versions and what changed between two of them."""

from dataclasses import dataclass
from enum import StrEnum

from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.labels import ItemPredicate

__all__ = ["Clause", "ClauseChange", "ClauseEdit", "GuidelineVersion"]


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One numbered rule of a guideline.

    Parameters
    ----------
    items : ItemPredicate
        Which items the rule is about, for items whose ratings cite no clause; empty where nobody said.
    expects : str or None
        The label that the rule gives to an item it is about, where it gives one label to all of them.
    """

    id: str
    title: str
    text: str
    items: ItemPredicate = ()
    expects: str | None = None


@dataclass(frozen=True, kw_only=True)
class GuidelineVersion:
    """What raters are told: clauses with ids, and the labels they may give.

    ``id`` is ``name@version``; ``labels`` is closed and ordered, and ``positive`` is the member that a classifier learns to flag.
    """

    id: str
    question: str
    labels: tuple[str, ...]
    positive: str
    clauses: tuple[Clause, ...]
    parent: str | None = None
    summary: str = ""

    def __post_init__(self) -> None:
        if self.positive not in self.labels:
            raise ValueError(f"guideline {self.id}: positive label {self.positive!r} is not one of {list(self.labels)}")
        ids = [clause.id for clause in self.clauses]
        if len(set(ids)) != len(ids):
            raise ValueError(f"guideline {self.id}: a clause id is used twice in {ids}")
        for clause in self.clauses:
            if clause.expects is not None and clause.expects not in self.labels:
                raise ValueError(
                    f"guideline {self.id}: clause {clause.id} expects {clause.expects!r}, which is not one of {list(self.labels)}"
                )

    @property
    def name(self) -> str:
        """The part of the id before ``@``."""
        return self.id.split("@", 1)[0]

    @property
    def digest(self) -> str:
        """The name of this content: labels and the clauses' words, not the parent, the summary or which items a clause is about."""
        clauses = [{"id": clause.id, "title": clause.title, "text": clause.text} for clause in self.clauses]
        return digest_of({"question": self.question, "labels": self.labels, "positive": self.positive, "clauses": clauses})


class ClauseChange(StrEnum):
    """How a clause differs between two versions."""

    added = "added"
    removed = "removed"
    edited = "edited"


@dataclass(frozen=True, kw_only=True)
class ClauseEdit:
    """One clause that differs between two versions of a guideline.

    ``items`` and ``expects_positive`` are the newer version's word on which items the clause is about and what they become; None
    where it has none.
    """

    id: str
    change: ClauseChange
    before: str
    after: str
    items: ItemPredicate = ()
    expects_positive: bool | None = None
