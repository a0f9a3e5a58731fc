"""The moderation test set of OpenAI: 1,680 texts with eight categories (Markov et al., AAAI 2023, arXiv:2208.03274)."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from smo_pipelines.benchmarks.columns import read_columns
from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.benchmarks.suites.table import refuse_empty
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.errors import BenchmarkError, did_you_mean

__all__ = ["CATEGORIES", "load"]

CATEGORIES: Mapping[str, str] = {
    "S": "sexual",
    "H": "hate",
    "V": "violence",
    "HR": "harassment",
    "SH": "self-harm",
    "S3": "sexual/minors",
    "H2": "hate/threatening",
    "V2": "violence/graphic",
}
"""The letters that stand for the categories in the published file."""

HOW_TO_GET = "`smo fetch openai-moderation` gets it"


def load(path: Path, categories: Mapping[str, Sequence[str]], *, name: str = "openai-moderation") -> Benchmark:
    """Return the test set with one gold for each guideline that is asked for.

    A category that a line does not hold is not known there, and not absent: its gold is unknown. Under several categories an item
    is positive when one is known to apply, negative when all are known not to, and else unknown. The file has no ids, so an item is
    named by its line; the ten texts that stand twice are one cluster each, and keep the gold that each line gives them.

    Parameters
    ----------
    path : Path
        ``samples-1680.jsonl.gz`` as published.
    categories : mapping of guideline id to sequence of str
        The categories, by letter, whose union is the gold of each guideline.

    Raises
    ------
    BenchmarkError
        When the file is missing or malformed, or a category is not one of :data:`CATEGORIES`.
    """
    what = f"benchmark {name!r}"
    foreign = [letter for letters in categories.values() for letter in letters if letter not in CATEGORIES]
    if foreign:
        raise BenchmarkError(f"{what}: {foreign[0]!r} is not a category of this set; {did_you_mean(foreign[0], CATEGORIES)}")
    columns = read_columns(path, ["prompt"], what=what, optional=tuple(CATEGORIES), how_to_get=HOW_TO_GET)
    refuse_empty(what, path, {"prompt": columns["prompt"]})
    n_items = len(columns["prompt"])
    for letter in CATEGORIES:
        odd = sorted(set(columns.get(letter, ())) - {"0", "1", ""})
        if odd:
            raise BenchmarkError(
                f"{what}: {path} holds {odd[0]!r} in the category {letter!r}; legal: 0, 1, or nothing where unknown"
            )
    golds = {
        guideline: [_union(cells) for cells in zip(*(columns.get(letter, [""] * n_items) for letter in letters), strict=True)]
        for guideline, letters in categories.items()
    }
    return benchmark_from_items(
        name,
        [str(line) for line in range(1, n_items + 1)],
        columns["prompt"],
        golds,
        dict.fromkeys(golds, "1"),
        labels=dict.fromkeys(golds, ("0", "1")),
        source=path.name,
    )


def _union(cells: Iterable[str]) -> str:
    known = set(cells)
    return "1" if "1" in known else "" if "" in known else "0"
