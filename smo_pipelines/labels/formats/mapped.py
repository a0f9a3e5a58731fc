"""Any CSV, TSV, Parquet or JSON lines file, by a mapping of its columns."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from smo_pipelines.errors import LabelError, did_you_mean
from smo_pipelines.labels.batch import LabelBatch, QuarantinedRow
from smo_pipelines.labels.formats.collecting import Collector, LabelColumns
from smo_pipelines.labels.formats.delimited import DelimitedFile
from smo_pipelines.labels.formats.json_lines import JsonLinesFile
from smo_pipelines.labels.formats.layout import Cell, MappedOptions
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.melting import Faults, long_rows
from smo_pipelines.labels.formats.parquet_rows import ParquetFile
from smo_pipelines.labels.formats.records import Quarantine
from smo_pipelines.labels.formats.table_files import Chunk, TableFile, check_names
from smo_pipelines.labels.formats.typed_columns import typed_columns

__all__ = ["batch_of", "project_of", "read_mapped", "read_tables"]


def read_mapped(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read one file; see :class:`~smo_pipelines.labels.formats.layout.MappedOptions`.

    Its name's ending says what it is: ``.parquet``, ``.jsonl`` or ``.ndjson``, ``.tsv``; anything else is CSV. A row that cannot be
    read goes to quarantine with its line (of a Parquet file, its row) and a reason: an id or label is missing, a label is not one of
    the guideline's, a moment or number is malformed, a text differs from what the same item had before. Where a row holds several
    labels, one that cannot be read is put aside alone, under the name of its column.

    Parameters
    ----------
    path : Path
    options : mapping
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener

    Raises
    ------
    LabelError
        When the options cannot be meant so.
    ImportRefused
        When the file or its header cannot be read, or too many rows are bad.
    """
    mapping = MappedOptions.of(options)
    columns, quarantine = read_tables([(path, mapping)], key=key, listener=listener)
    return batch_of(mapping.project, "mapped", columns, quarantine)


def read_tables(
    parts: Sequence[tuple[Path, MappedOptions]], *, key: bytes, listener: Listener = SILENT
) -> tuple[LabelColumns, tuple[QuarantinedRow, ...]]:
    """Read the files of one import.

    Parameters
    ----------
    parts : sequence of (Path, MappedOptions)
        Each file with how it is read. The project and the share of rows that may be bad are the first's.
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener

    Returns
    -------
    tuple of LabelColumns and tuple of QuarantinedRow

    Raises
    ------
    ImportRefused
        When a file or its header cannot be read, or too many rows are bad.
    """
    _, first = parts[0]
    quarantine = Quarantine(first.max_bad_share)
    collector = Collector(first.project, key)
    sizes = [path.stat().st_size if path.is_file() else 0 for path, _ in parts]
    good = 0
    for place, (path, options) in enumerate(parts):
        good += _read(path, options, collector, quarantine, _progress_of(listener, sizes, place))
    bad = len({(row.file, row.line) for row in quarantine.rows})
    rows = quarantine.judged(good, bad=bad)
    return collector.collected(), rows


def batch_of(project: str, source: str, columns: LabelColumns, quarantine: tuple[QuarantinedRow, ...]) -> LabelBatch:
    """Return what was read as a batch."""
    return LabelBatch(project=project, source=source, quarantine=quarantine, **columns._asdict())


def project_of(options: Mapping[str, Any], name: str) -> str:
    """Return the project of a format that has no other option.

    Parameters
    ----------
    options : mapping
    name : str
        The format's name, and the project's unless given.

    Raises
    ------
    LabelError
        When another option is given.
    """
    for option in options:
        if option != "project":
            raise LabelError(f"the {name} format has no option {option!r}; {did_you_mean(option, ['project'])}")
    return str(options.get("project", name))


def _progress_of(listener: Listener, sizes: Sequence[int], place: int) -> Callable[[float], None]:
    """Return what takes the share that was read of one of several files, those before it being done, and tells that of all."""
    before, size, total = sum(sizes[:place]), sizes[place], max(sum(sizes), 1)
    return lambda share: listener.progress((before + share * size) / total)


def _read(
    path: Path, options: MappedOptions, collector: Collector, quarantine: Quarantine, progress: Callable[[float], None]
) -> int:
    """Read one file and return how many of its rows are good throughout."""
    good = 0
    with _open(path, options) as file:
        if file.names is not None:
            check_names(path, file.names, options.needed)
        cells = options.cells(path.name, file.names)
        wanted = frozenset((*options.sources.values(), *options.needed, *(cell.column for cell in cells)))
        for chunk in file.chunks(wanted, quarantine):
            good += _add(path.name, chunk, options, cells, collector, quarantine)
            progress(file.share_read)
        if file.names:
            check_names(path, file.names, options.needed)
    return good


def _open(path: Path, options: MappedOptions) -> TableFile:
    ending = path.suffix.lower()
    if ending == ".parquet":
        return ParquetFile(path)
    if ending in (".jsonl", ".ndjson"):
        return JsonLinesFile(path)
    return DelimitedFile(path, delimiter=options.delimiter or ("\t" if ending == ".tsv" else ","), quotes=options.quotes)


def _add(
    file: str, chunk: Chunk, options: MappedOptions, cells: Sequence[Cell], collector: Collector, quarantine: Quarantine
) -> int:
    """Collect what some rows hold, put aside what cannot be read, and return how many rows are good throughout."""
    of_rows = Faults(len(chunk.lines))
    rows = long_rows(chunk, options, cells, of_rows)
    of_labels = Faults(len(rows.lines))
    typed = typed_columns(rows, options, of_labels)
    collector.add(file, rows.lines, typed, of_labels)
    reasons = [(int(chunk.lines[row]), reason) for row, reason in of_rows.reasons.items()]
    reasons += [(int(rows.lines[row]), reason) for row, reason in of_labels.reasons.items()]
    for line, reason in sorted(
        dict.fromkeys(reasons), key=lambda pair: pair[0]
    ):  # a row's own fault is the same for each of its labels
        quarantine.add(file, line, reason)
    return len(chunk.lines) - len({line for line, _ in reasons})
