"""What ``smo export`` wrote: CSV or Parquet of known columns, with the raters' pseudonyms kept as they are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from smo_pipelines.errors import ImportRefused, LabelError, did_you_mean
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.exported import ITEM_COLUMNS, RATER_COLUMNS, RATING_COLUMNS, SIGNATURE, export_schema, restored
from smo_pipelines.labels.formats.listener import SILENT, Listener

__all__ = ["read_own_export"]

FORMAT = "smo-export"


def read_own_export(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read an export of ours; without texts it can only go where its items are known.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.parquet``.
    options : mapping
        ``project``, over the one that the file names.
    key : bytes
        Not used: the file holds pseudonyms, which are kept.
    listener : Listener
        Hears when the file was read, which happens at once.

    Raises
    ------
    ImportRefused
        When the file is not whole, or not as it was written.
    """
    for name in options:
        if name != "project":
            raise LabelError(f"the {FORMAT} format has no option {name!r}; {did_you_mean(name, ['project'])}")
    table = _table(path)
    listener.progress(1.0)
    missing = sorted(SIGNATURE - set(table.column_names))
    if missing:
        raise ImportRefused(f"{path.name} lacks the columns {missing} that an export of ours has; export again")
    projects = sorted({str(name) for name in table["project"].unique().to_pylist()})
    if len(projects) != 1:
        raise ImportRefused(
            f"{path.name} holds the ratings of {', '.join(projects) or 'no project'}, and one project is imported at a time"
        )
    return LabelBatch(
        project=str(options.get("project") or projects[0]),
        source=FORMAT,
        items=_described(table, "item_id", ITEM_COLUMNS, path.name) if "text" in table.column_names else pd.DataFrame(),
        raters=_described(table, "rater_id", RATER_COLUMNS, path.name),
        ratings=table.select([name for name in RATING_COLUMNS if name != "project"]).to_pandas(),
    )


def _table(path: Path) -> pa.Table:
    schema = export_schema(with_text=True)
    try:
        if path.suffix.lower() == ".parquet":
            found = pq.read_table(path)
            return found.cast(
                pa.schema([schema.field(name) if name in schema.names else found.schema.field(name) for name in found.column_names])
            )
        reading = pa_csv.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        parsing = pa_csv.ParseOptions(newlines_in_values=True)
        return restored(pa_csv.read_csv(path, parse_options=parsing, convert_options=reading))
    except (OSError, pa.ArrowException, KeyError) as error:
        said = " ".join(str(error).split())
        raise ImportRefused(f"{path.name} is not as `smo export` wrote it: {said[:300]}; export again") from error


def _described(table: pa.Table, name: str, columns: Mapping[str, str], file: str) -> pd.DataFrame:
    """Return the items or raters beside the ratings, each once."""
    present = {ours: theirs for ours, theirs in columns.items() if ours in table.column_names}
    frame: pd.DataFrame = table.select([name, *present]).to_pandas().rename(columns=present).drop_duplicates(ignore_index=True)
    for column in {"attributes", "gold"} & set(frame.columns):
        try:
            frame[column] = [json.loads(cell) if isinstance(cell, str) else {} for cell in frame[column]]
        except ValueError as error:
            raise ImportRefused(f"{file} is not as `smo export` wrote it: a cell of {column} is not JSON; export again") from error
    return frame
