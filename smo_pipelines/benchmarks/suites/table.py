"""Any CSV, Parquet or JSON Lines file as a benchmark: the caller says which column is what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smo_pipelines.benchmarks.columns import read_columns
from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.digests import digest_of, short
from smo_pipelines.errors import BenchmarkError

__all__ = ["GoldColumn", "load", "refuse_empty"]


@dataclass(frozen=True, kw_only=True)
class GoldColumn:
    """Where a guideline's gold stands in a table.

    Parameters
    ----------
    column : str
        An empty cell means that the guideline does not decide the item.
    positive : str
        The label word that counts as 1; every other word counts as 0.
    labels : tuple of str, optional
        All label words; a word outside them is refused. Empty accepts any.
    """

    column: str
    positive: str
    labels: tuple[str, ...] = ()


def load(
    path: Path,
    *,
    name: str,
    text: str,
    golds: Mapping[str, GoldColumn],
    item_id: str | None = None,
    cluster: str | None = None,
    slices: Sequence[str] = (),
    diagnostic: bool = False,
    how_to_get: str = "check the path in the benchmark's file",
) -> Benchmark:
    """Return the benchmark that a table holds.

    Parameters
    ----------
    path : Path
        A file that :func:`smo_pipelines.benchmarks.columns.read_columns` reads, with one row an item.
    text : str
        Column name.
    golds : mapping of guideline id to GoldColumn
    item_id : str, optional
        Column name. Left out, it is ``item_id`` where the file has that column, and else each text names its item by a digest.
    cluster : str, optional
        Column of the template or thread; left out, copies of one normalised text form a cluster.
    slices : sequence of str
        Columns to report by.
    how_to_get : str
        What to do when the file is missing, for the error's sentence.

    Raises
    ------
    BenchmarkError
        When the file is missing or unreadable, a column is missing, an id or text is empty, an item has no gold at all, or the
        items make no benchmark.
    """
    gold_columns = [gold.column for gold in golds.values()]
    wanted = [text, *([item_id] if item_id else []), *gold_columns, *([cluster] if cluster else []), *slices]
    what = f"benchmark {name!r}"
    columns = read_columns(path, wanted, what=what, optional=() if item_id else ("item_id",), how_to_get=how_to_get)
    refuse_empty(what, path, {text: columns[text]})
    ids = columns.get(item_id or "item_id")
    if ids is None:
        ids = _named_by_text(what, path, columns[text])
    refuse_empty(what, path, {item_id or "item_id": ids})
    undecided = sum(not any(cells) for cells in zip(*(columns[column] for column in gold_columns), strict=True))
    if undecided:
        named = ", ".join(repr(column) for column in dict.fromkeys(gold_columns))
        raise BenchmarkError(
            f"{what}: {undecided} of {len(ids)} rows of {path} have no gold in {named}; an item without gold measures nothing, "
            "so fill or drop them"
        )
    return benchmark_from_items(
        name,
        ids,
        columns[text],
        {guideline: columns[gold.column] for guideline, gold in golds.items()},
        {guideline: gold.positive for guideline, gold in golds.items()},
        clusters=columns[cluster] if cluster else None,
        slices={column: columns[column] for column in slices},
        labels={guideline: gold.labels for guideline, gold in golds.items() if gold.labels},
        diagnostic=diagnostic,
        source=path.name,
    )


def refuse_empty(what: str, path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Refuse a column with a cell that holds nothing.

    Raises
    ------
    BenchmarkError
        When there is one.
    """
    for column, values in columns.items():
        empty = sum(not value.strip() for value in values)
        if empty:
            raise BenchmarkError(f"{what}: {empty} of {len(values)} rows of {path} lack a {column!r}; fill or drop them")


def _named_by_text(what: str, path: Path, texts: Sequence[str]) -> list[str]:
    ids = [short(digest_of(text)) for text in texts]
    copies = len(ids) - len(set(ids))
    if copies:
        raise BenchmarkError(
            f"{what}: {path} has no column 'item_id', so each text names its item, and {copies} texts are there before; "
            "drop the copies or add a column 'item_id'"
        )
    return ids
