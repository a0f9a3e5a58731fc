"""How a snapshot recipe is written in YAML."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from smo_pipelines.config.reading import Strict
from smo_pipelines.domain.labels import Aggregation, ItemPredicate, SnapshotRecipe, TieRule

__all__ = ["RecipeModel", "predicate"]


def predicate(where: Mapping[str, str | Sequence[str]]) -> ItemPredicate:
    """Return the canonical form of ``{column: value or list of values}``: sorted, so that key order means nothing.

    Examples
    --------
    >>> predicate({"split": "train", "locale": ["id-ID", "en-GB"]})
    (('locale', ('en-GB', 'id-ID')), ('split', ('train',)))
    """
    pairs = []
    for name, value in where.items():
        values = (value,) if isinstance(value, str) else tuple(value)
        pairs.append((name, tuple(sorted(set(values)))))
    return tuple(sorted(pairs))


class RecipeModel(Strict):
    """A snapshot recipe; every field but project and question has a default that keeps everything."""

    project: str
    question: str
    items: dict[str, str | list[str]] = Field(default_factory=dict)
    guideline: str | None = None
    instrument: str | None = None
    pool: str = "all"
    aggregation: Aggregation = Aggregation.majority
    ties: TieRule = TieRule.apart
    overlap: int | None = Field(default=None, ge=1)
    qa: str | None = None
    as_of: str | None = None
    window_days: int | None = Field(default=None, ge=1)

    def resolve(self) -> SnapshotRecipe:
        """Return the recipe as a domain value."""
        values = self.model_dump(exclude={"items"})
        return SnapshotRecipe(items=predicate(self.items), **values)
