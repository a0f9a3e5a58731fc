"""Any CSV or Parquet file as a benchmark: the caller says which column is what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from smo_pipelines.benchmarks.from_items import benchmark_from_items
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.errors import BenchmarkError, did_you_mean

__all__ = ["GoldColumn", "load", "read_columns"]


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
    item_id: str,
    text: str,
    golds: Mapping[str, GoldColumn],
    cluster: str | None = None,
    slices: Sequence[str] = (),
    diagnostic: bool = False,
    how_to_get: str = "check the path in the benchmark's file",
) -> Benchmark:
    """Return the benchmark that a table holds.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file with one row an item.
    item_id, text : str
        Column names.
    golds : mapping of guideline id to GoldColumn
    cluster : str, optional
        Column of the template or thread; left out, copies of one normalised text form a cluster.
    slices : sequence of str
        Columns to report by.
    how_to_get : str
        What to do when the file is missing, for the error's sentence.

    Raises
    ------
    BenchmarkError
        When the file is missing or unreadable, a column is missing, an id or text is empty, or the items make no benchmark.
    """
    gold_columns = [gold.column for gold in golds.values()]
    wanted = list(dict.fromkeys([item_id, text, *gold_columns, *([cluster] if cluster else []), *slices]))
    columns = read_columns(path, wanted, name=name, how_to_get=how_to_get)
    for column in (item_id, text):
        empty = sum(not value.strip() for value in columns[column])
        if empty:
            raise BenchmarkError(
                f"benchmark {name!r}: {empty} of {len(columns[column])} rows of {path} lack a {column!r}; fill or drop them"
            )
    return benchmark_from_items(
        name,
        columns[item_id],
        columns[text],
        {guideline: columns[gold.column] for guideline, gold in golds.items()},
        {guideline: gold.positive for guideline, gold in golds.items()},
        clusters=columns[cluster] if cluster else None,
        slices={column: columns[column] for column in slices},
        labels={guideline: gold.labels for guideline, gold in golds.items() if gold.labels},
        diagnostic=diagnostic,
        source=path.name,
    )


def read_columns(path: Path, wanted: Sequence[str], *, name: str, how_to_get: str) -> dict[str, list[str]]:
    """Return columns of a table as text, an empty string for a missing cell.

    Cells are read as they are written: ``NA`` stays a word and ``007`` keeps its zeros.

    Raises
    ------
    BenchmarkError
        When the file is missing, is neither CSV nor Parquet, cannot be parsed, or lacks a wanted column.
    """
    if not path.is_file():
        raise BenchmarkError(f"benchmark {name!r} needs the file {path}, which does not exist; {how_to_get}")
    if path.suffix not in (".csv", ".parquet"):
        raise BenchmarkError(f"benchmark {name!r}: {path} ends in {path.suffix!r}; legal: .csv, .parquet")
    try:
        is_parquet = path.suffix == ".parquet"
        frame = pd.read_parquet(path) if is_parquet else pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise BenchmarkError(
            f"benchmark {name!r}: {path} cannot be read as {path.suffix[1:]} ({type(error).__name__}); write it again, as UTF-8"
        ) from error
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        hint = did_you_mean(missing[0], [str(column) for column in frame.columns])
        raise BenchmarkError(f"benchmark {name!r}: {path} has no column {missing[0]!r}; {hint}")
    return {column: ["" if pd.isna(value) else str(value) for value in frame[column].tolist()] for column in wanted}
