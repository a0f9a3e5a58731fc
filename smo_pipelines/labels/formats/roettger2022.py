"""The rater-level data of Roettger et al. (2022): the same tweets under three ways to be told what hate is.

P. Roettger, B. Vidgen, D. Hovy, J. Pierrehumbert (2022). Two Contrasting Data Annotation Paradigms for Subjective NLP Tasks.
NAACL 2022, 175-190.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats.delimited import DelimitedFile
from smo_pipelines.labels.formats.layout import MappedOptions
from smo_pipelines.labels.formats.listener import SILENT, Listener
from smo_pipelines.labels.formats.mapped import batch_of, project_of, read_tables
from smo_pipelines.labels.formats.records import Quarantine
from smo_pipelines.labels.formats.table_files import check_folder, check_names
from smo_pipelines.labels.schema import ITEMS

__all__ = ["read_roettger2022"]

_GROUPS = ("g1", "g2", "g3")
_SOURCE = "davidson_200_sample.csv"
# label_7_F in the first file, label_F_7 in the others; a file without the letters is read as well
_COLUMN = re.compile(r"label_(?:([MF])_)?\d+(?:_([MF]))?")


def read_roettger2022(path: Path, *, options: Mapping[str, Any], key: bytes, listener: Listener = SILENT) -> LabelBatch:
    """Read ``annotations_g1.csv`` to ``annotations_g3.csv`` of a folder.

    One row an item, one column a rater. The groups rated the same items: g1 by what they personally feel (descriptive), g2 under a
    written guideline (prescriptive), g3 under a definition of one sentence. So the group is the instrument, the raters' pool, and
    the guideline ``roettger2022-g1@1`` and so on. A rater is a group and a column (``label_1`` of two files is two people), with the
    letter of the column's name as the rater attribute ``gender``. Rows are in another order in each file; items are joined by id.
    The label that the tweet had in its source is the item attribute ``source_label``, where ``davidson_200_sample.csv`` is there.

    Labels of the question ``hateful`` are "Hateful" and "Non-hateful". With an even number of raters there are ties; the authors
    give them to "Hateful" (the tie rule ``positive``).

    Parameters
    ----------
    path : Path
        The folder.
    options : mapping
        ``project`` (``"roettger2022"`` unless given).
    key : bytes
        The key of the raters' pseudonyms.
    listener : Listener

    Raises
    ------
    ImportRefused
        When a file is missing or is not this data set's.
    """
    project = project_of(options, "roettger2022")
    check_folder(path, "roettger2022", [f"annotations_{group}.csv" for group in _GROUPS])
    parts = [(file, _layout(project, group, file)) for group in _GROUPS for file in [path / f"annotations_{group}.csv"]]
    columns, quarantine = read_tables(parts, key=key, listener=listener)
    if (path / _SOURCE).exists():
        columns = columns._replace(items=_with_source_labels(columns.items, path / _SOURCE))
    return batch_of(project, "roettger2022", columns, quarantine)


def _layout(project: str, group: str, file: Path) -> MappedOptions:
    with DelimitedFile(file) as table:
        found = {name: match for name in table.names if (match := _COLUMN.fullmatch(name))}
        if not found:
            raise ImportRefused(f"{file.name} lacks the columns label_1 and so on; it has {', '.join(table.names)[:500]}")
    raters = {
        name: {"rater_id": f"{group}:{name}", "rater_attributes.gender": match.group(1) or match.group(2) or ""}
        for name, match in found.items()
    }
    return MappedOptions(
        project=project,
        columns={"item_id": "id", "text": "text"},
        constants={
            "question": "hateful",
            "guideline": f"roettger2022-{group}@1",
            "instrument": group,
            "rater_pool": group,
            "rater_kind": "human",
            "locale": "en",
        },
        wide={"columns": raters},
        labels=("Hateful", "Non-hateful"),
        max_bad_share=0.01,
    )


def _with_source_labels(items: pa.Table, file: Path) -> pa.Table:
    quarantine = Quarantine(0.01)
    labels: dict[str, str] = {}
    with DelimitedFile(file) as table:
        check_names(file, table.names, ("id", "orig_label"))
        for chunk in table.chunks({"id", "orig_label"}, quarantine):
            labels |= zip(*(chunk.columns[name].to_pylist() for name in ("id", "orig_label")), strict=True)
    quarantine.judged(len(labels))
    pairs = [[("source_label", labels[item])] if labels.get(item) else [] for item in items["item_id"].to_pylist()]
    place = items.schema.get_field_index("attributes")
    return items.set_column(place, "attributes", pa.array(pairs, ITEMS.field("attributes").type))
