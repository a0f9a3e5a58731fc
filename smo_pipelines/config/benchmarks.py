"""configs/benchmarks/*.yaml: where the items and the gold of each benchmark come from."""

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from smo_pipelines.config.reading import Strict, check_id, parse, read_text, read_yaml
from smo_pipelines.config.recipes import RecipeModel, Words, predicate
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.labels import ItemPredicate, SnapshotRecipe
from smo_pipelines.errors import ConfigError, did_you_mean

__all__ = ["BenchmarkSpec", "expand_path", "load_benchmark_specs"]

_NEEDED = {
    "items": ("project", "golds"),
    "hatecheck": ("path",),
    "multilingual_hatecheck": ("path", "gold"),
    "xstest": ("path", "gold"),
    "openai_moderation": ("path", "categories"),
    "table": ("path",),
    "heldout": ("recipe",),
}


class BenchmarkSpec(Strict):
    """configs/benchmarks/<name>.yaml.

    ``items`` takes gold from the items table; the published suites and ``table`` read a file; ``heldout`` takes the labels that a
    recipe gives, for diagnosis only. In a table the gold of the one guideline ``gold`` stands in the column ``gold``, and with
    several ``golds`` each in the column of its guideline's id; ``columns`` names others. ``categories`` says which categories of
    the OpenAI set make the gold of each guideline. HateCheck's gold may be filed under several guidelines.
    ``items`` selects items of a table by attribute, and of a file by slice.
    """

    kind: Literal["items", "hatecheck", "multilingual_hatecheck", "xstest", "openai_moderation", "table", "heldout"]
    description: str = ""
    project: str = ""
    items: dict[str, Words] = Field(default_factory=dict)
    golds: tuple[str, ...] = ()
    gold: str = ""
    path: str = ""
    recipe: RecipeModel | None = None
    cluster: str = ""
    slices: tuple[str, ...] = ()
    diagnostic: bool = False
    columns: dict[str, str] = Field(default_factory=dict)
    categories: dict[str, Words] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = _NEEDED[self.kind]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"a benchmark of kind {self.kind} needs {', '.join(needed)}; {', '.join(missing)} is not there")
        if self.kind in ("hatecheck", "table") and not (self.gold or self.golds):
            raise ValueError(f"a benchmark of kind {self.kind} needs gold (one guideline) or golds (several); neither is there")
        legal = ("item_id", "text", *(self.golds or ("gold",)))
        foreign = [name for name in self.columns if name not in legal]
        if foreign:
            raise ValueError(f"columns.{foreign[0]} names nothing that is read; {did_you_mean(foreign[0], legal)}")
        if self.recipe is not None and self.recipe.guideline is None:
            raise ValueError("recipe.guideline is not there: the gold of held-out labels is of a guideline")
        return self

    @property
    def digest(self) -> str:
        """The name of what this file asks for; its description is not part of it.

        A key that came after the first files counts only where it is used, so that an older file keeps its name.
        """
        later = {"categories"} if not self.categories else set()
        return digest_of(self.model_dump(exclude={"description", *later}))

    @property
    def gold_ids(self) -> tuple[str, ...]:
        """The guideline versions under which this benchmark has gold."""
        if self.kind == "heldout" and self.recipe is not None:
            return (self.recipe.guideline or "",)
        if self.kind == "openai_moderation":
            return tuple(self.categories)
        return self.golds or (self.gold,)

    @property
    def predicate(self) -> ItemPredicate:
        """Which items: by attribute for ``kind: items``, by slice for what is read from a file."""
        return predicate(self.items)

    @property
    def heldout_recipe(self) -> SnapshotRecipe:
        """The recipe whose labels are the gold, for ``kind: heldout``."""
        if self.recipe is None:
            raise ConfigError("a heldout benchmark needs a recipe")
        return self.recipe.resolve()


def load_benchmark_specs(root: ProjectRoot) -> dict[str, BenchmarkSpec]:
    """Return every benchmark under ``configs/benchmarks``, by name.

    A file is one benchmark of its own name, or with ``for_each`` one for each combination of the words listed there:
    ``for_each: {instrument: [A, B]}`` in ``heldout.yaml`` gives ``heldout-A`` and ``heldout-B``, and ``{instrument}`` anywhere in
    the file stands for the word.

    Raises
    ------
    ConfigError
        When a file cannot be read, or two files give one name.
    """
    found: dict[str, BenchmarkSpec] = {}
    for path in sorted((root.configs / "benchmarks").glob("*.yaml")):
        source = path.relative_to(root.path)
        for name, data in _each(path.stem, read_yaml(read_text(path, source), source), source):
            check_id(name, f"{source}: the benchmark's name")
            if name in found:
                raise ConfigError(f"{source}: the benchmark {name!r} is there already; rename this file or the other")
            found[name] = parse(BenchmarkSpec, data, source)
    return found


_FOR_EACH = TypeAdapter(Annotated[dict[str, Words], Field(min_length=1)])


def _each(stem: str, data: dict[str, Any], source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if "for_each" not in data:
        yield stem, data
        return
    template = {key: value for key, value in data.items() if key != "for_each"}
    try:
        words = _FOR_EACH.validate_python(data["for_each"])
    except ValidationError as error:
        raise ConfigError(f"{source}: for_each must hold lists of words, e.g. {{instrument: [A, B]}}") from error
    for name in words:
        if f"{{{name}}}" not in str(template):
            raise ConfigError(
                f"{source}: for_each lists {name!r}, and {{{name}}} stands nowhere in the file; write it where it differs"
            )
    for chosen in itertools.product(*words.values()):
        filled = dict(zip(words, chosen, strict=True))
        yield "-".join([stem, *chosen]), _filled(template, filled)


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(f"{{{name}}}", word)
        return value
    if isinstance(value, dict):
        return {key: _filled(item, words) for key, item in value.items()}
    return [_filled(item, words) for item in value] if isinstance(value, list) else value


def expand_path(text: str, root: ProjectRoot, what: str) -> Path:
    """Return a path with ``${VARIABLE}`` filled from the environment; relative ones start at the project root.

    Raises
    ------
    ConfigError
        When a variable is not set.
    """

    def fill(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if not value:
            raise ConfigError(f"{what} is at {text!r}, and the environment variable {match[1]} is not set: set it to that folder")
        return value

    filled = Path(re.sub(r"\$\{(\w+)\}", fill, text))
    return filled if filled.is_absolute() else root.path / filled
