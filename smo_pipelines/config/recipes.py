"""How a snapshot recipe is written in YAML."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from smo_pipelines.config.reading import Strict, parse, read_text, read_yaml
from smo_pipelines.domain.labels import Aggregation, ItemPredicate, SnapshotRecipe, TieRule
from smo_pipelines.errors import ConfigError

__all__ = ["RecipeModel", "Words", "load_recipe", "predicate"]


def _words(value: Any) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if not words or not all(isinstance(word, str) for word in words):
        raise ValueError("must be a word or a list of words (put a number or a yes in quotes)")
    return words


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""One word or a list of words."""


def predicate(where: Mapping[str, Sequence[str]]) -> ItemPredicate:
    """Return the canonical form of ``{column: values}``: sorted, so that the order of keys and values means nothing.

    Examples
    --------
    >>> predicate({"split": ["train"], "locale": ["id-ID", "en-GB"]})
    (('locale', ('en-GB', 'id-ID')), ('split', ('train',)))
    """
    return tuple(sorted((name, tuple(sorted(set(values)))) for name, values in where.items()))


class RecipeModel(Strict):
    """A snapshot recipe; every field but project and question has a default that keeps everything."""

    project: str
    question: str
    items: dict[str, Words] = Field(default_factory=dict)
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


def load_recipe(path: Path) -> SnapshotRecipe:
    """Return the recipe of a YAML file.

    Raises
    ------
    ConfigError
        When the file is missing or not a recipe.
    """
    if not path.is_file():
        raise ConfigError(f"no recipe file at {path}; give a YAML file with project, question, guideline and so on")
    return parse(RecipeModel, read_yaml(read_text(path, path), path), path).resolve()
