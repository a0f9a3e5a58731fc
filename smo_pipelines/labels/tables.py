"""The label tables: append-only Delta tables that many processes write, and that any engine which knows Delta can read.

An import writes what it is, quarantine, items and raters, then ratings; the commit of the ratings is the import. Each write carries the
import's id as a Delta transaction, so an import that was killed half-way is finished, not repeated, by running it again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from glob import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.labels import ItemPredicate
from smo_pipelines.errors import ImportRefused, LabelError
from smo_pipelines.labels.batch import ImportFacts, ImportReceipt, LabelBatch, QuarantinedRow, SourceFile
from smo_pipelines.labels.items import ItemTable
from smo_pipelines.labels.news import new_rows
from smo_pipelines.labels.rotation import Renaming
from smo_pipelines.labels.schema import IMPORTS, ITEMS, PSEUDONYMS, QUARANTINE, RATERS, RATINGS
from smo_pipelines.labels.views import LabelViews, label_views, predicate_sql
from smo_pipelines.store import file_lock

__all__ = ["LabelTables"]

_SCHEMAS = {"imports": IMPORTS, "quarantine": QUARANTINE, "items": ITEMS, "raters": RATERS, "ratings": RATINGS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ATTEMPTS = 20
_NOT_IN_FOLDERS = "%[]^|\\"  # Delta takes a table's folder for an address, in which these mean something else


class LabelTables:
    """The tables of items, raters and ratings under one folder.

    Parameters
    ----------
    root : str or Path
        A local folder; it is made by the first import.

    Raises
    ------
    LabelError
        When it is an address, or its path has a character that Delta tables cannot be under.
    """

    def __init__(self, root: str | Path) -> None:
        if "://" in str(root):
            raise LabelError(f"label tables are kept in a local folder; {str(root)!r} is an address")
        self.root = Path(root)
        strange = sorted(set(str(self.root.absolute())) & set(_NOT_IN_FOLDERS))
        if strange:
            raise LabelError(
                f"label tables cannot be kept in {str(root)!r}: its path has {' '.join(strange)}; name a folder without any of "
                f"{' '.join(_NOT_IN_FOLDERS)}"
            )
        self._commits: dict[tuple[str, str], int] = {}

    def append(self, batch: LabelBatch, *, imported_at: datetime) -> ImportReceipt:
        """Import a batch: all of it or nothing, and once however often it is asked.

        Items known with another text are refused; new attributes or gold of a known item are added to what is known. A rating
        that is there already is a duplicate; a rating of a known id with another label or review is a newer version of it.

        Parameters
        ----------
        imported_at : datetime
            The moment, with its zone, from which the import is visible to ``as_of``; moved to just after the project's last import
            where that is later.

        Raises
        ------
        ImportRefused
            When an item is known with another text, or a rating is of an item that is not known.
        """
        if imported_at.tzinfo is None:
            raise LabelError(f"imported_at needs a time zone; got {imported_at.isoformat()}")
        # One writer at a time on this machine: what is new is decided against what is there.
        with file_lock(self.root / ".import.lock"):
            ratings = self._table("ratings")
            if ratings.transaction_version(batch.import_id) is not None:
                return _receipt(batch, {})
            with self.views(batch.project) as views:
                new = new_rows(batch, views)
                ((last,),) = views.rows("select max(imported_at) from imports")
            if last is not None and imported_at < last:
                imported_at = last + _MICROSECOND  # who waited for the lock comes after who had it: the past stays as it was seen
            new["imports"] = _import_row(batch, new)
            for name in _SCHEMAS:
                self._write(name, new[name], batch.import_id, imported_at)
        return _receipt(batch, new)

    def rename_raters(self, project: str, decide: Callable[[LabelViews], Mapping[str, str]], *, rotated_at: datetime) -> None:
        """Give raters other names, by their present ones: all in one commit, and nothing where nobody is renamed.

        Parameters
        ----------
        decide : callable
            Says who gets which name, given the tables as they are; no import comes between. What it raises leaves nothing behind.
        rotated_at : datetime
            The moment, with its zone; later than that of every other change of names in the project.
        """
        if rotated_at.tzinfo is None:
            raise LabelError(f"rotated_at needs a time zone; got {rotated_at.isoformat()}")
        with file_lock(self.root / ".import.lock"):
            with self.views(project) as views:
                names = decide(views)
            last = max((one.rotated_at for one in self._renamings() if one.project == project), default=None)
            if names and last is not None and rotated_at <= last:
                raise LabelError(
                    f"raters were renamed at {last.isoformat()}; a change at {rotated_at.isoformat()} cannot follow that"
                )
            rows = [{"project": project, "old": old, "new": new, "rotated_at": rotated_at} for old, new in sorted(names.items())]
            if rows:
                write_deltalake(self._table("pseudonyms"), pa.Table.from_pylist(rows, schema=PSEUDONYMS), mode="append")

    def imports(self, project: str) -> tuple[ImportFacts, ...]:
        """Return what was imported into a project, in order of time."""
        ratings, imports = self._existing("ratings"), self._existing("imports")
        rows = [] if imports is None else imports.to_pyarrow_table().to_pylist()
        facts = {row["import_id"]: row for row in rows if row["project"] == project}
        committed = self._committed(ratings, imports)
        found = [_facts(row, committed[name][1]) for name, row in facts.items() if name in committed]
        return tuple(sorted(found, key=lambda one: (one.imported_at, one.import_id)))

    @contextmanager
    def views(self, project: str | None, *, as_of: datetime | None = None) -> Iterator[LabelViews]:
        """Open SQL views over what a project's imports up to a moment made visible.

        Raises
        ------
        NoRatings
            When ``as_of`` is before the project's first import.
        """
        # Ratings first: whatever a visible rating refers to was written before it, so it is in the files listed after it.
        opened = {name: self._existing(name) for name in ("ratings", "raters", "items", "quarantine", "imports")}
        files = {name: self._files(name, table) for name, table in opened.items() if table is not None}
        committed = self._committed(opened["ratings"], opened["imports"])
        with label_views(files, committed, project, as_of=as_of, renamings=self._renamings()) as views:
            yield views

    def projects(self) -> list[str]:
        """Return the projects that have imports, sorted."""
        return sorted({project for project, _ in self._committed(self._existing("ratings"), self._existing("imports")).values()})

    def has_ratings(self, project: str) -> bool:
        """Return whether a project has any rating."""
        return self.rating_count(project) > 0

    def rating_count(self, project: str) -> int:
        """Return how many ratings a project has, skipped ones included."""
        with self.views(project) as views:
            return int(views.rows("select count(*) from ratings")[0][0])

    def fingerprint(self, project: str) -> str:
        """Return the data version of a project: a digest of the ids of its imports."""
        committed = self._committed(self._existing("ratings"), self._existing("imports"))
        return digest_of(sorted(name for name, (whose, _) in committed.items() if whose == project))

    def items(self, project: str, predicate: ItemPredicate = ()) -> ItemTable:
        """Return a project's items that satisfy a predicate over ``item_id``, ``locale`` and attributes."""
        condition, parameters = predicate_sql(predicate, "items")
        with self.views(project) as views:
            return views.item_table(condition, parameters)

    def quarantine(self, project: str) -> tuple[QuarantinedRow, ...]:
        """Return the rows of a project's imports that could not be read."""
        with self.views(project) as views:
            rows = views.rows("select file, line, reason from quarantine order by all")
        return tuple(QuarantinedRow(file=file, line=line, reason=reason) for file, line, reason in rows)

    def _committed(self, ratings: DeltaTable | None, imports: DeltaTable | None) -> dict[str, tuple[str, datetime]]:
        """Return the project and the moment of every import whose ratings were committed, by import id.

        A commit stays what it is, so that each is looked up once in the life of this object.
        """
        if ratings is None or imports is None:
            return {}
        table = str(ratings.metadata().id)
        found: dict[str, tuple[str, datetime]] = {}
        for row in imports.to_pyarrow_table(columns=["import_id", "project"]).to_pylist():
            name = row["import_id"]
            version = self._commits.get((table, name)) or ratings.transaction_version(name)
            if version is not None:
                self._commits[table, name] = version
                found[name] = row["project"], _EPOCH + version * _MICROSECOND
        return found

    def _renamings(self) -> list[Renaming]:
        table = self._existing("pseudonyms")
        return [] if table is None else [Renaming(**row) for row in table.to_pyarrow_table().to_pylist()]

    def _existing(self, name: str) -> DeltaTable | None:
        try:
            return DeltaTable(str(self.root / name))
        except TableNotFoundError:
            return None

    def _files(self, name: str, table: DeltaTable) -> list[str]:
        """Return patterns that match a table's files: an address of Delta's is none, where a folder has a space or a star."""
        folder = self.root.absolute() / name
        return [escape(str(folder / Path(address).name)) for address in table.file_uris()]

    def _table(self, name: str) -> DeltaTable:
        existing = self._existing(name)
        if existing is not None:
            return existing
        with file_lock(self.root / f".{name}.lock"):
            return self._existing(name) or DeltaTable.create(
                str(self.root / name), schema={**_SCHEMAS, "pseudonyms": PSEUDONYMS}[name], name=name
            )

    def _write(self, name: str, rows: pa.Table, import_id: str, imported_at: datetime) -> None:
        """Append rows under the import's transaction, unless an earlier attempt has.

        The transaction is read and written on one DeltaTable object: another one could be a version ahead and hide a writer that
        came between.
        """
        if name != "ratings" and rows.num_rows == 0:
            return
        stamped = _stamped(rows, import_id, imported_at)
        version = (imported_at - _EPOCH) // _MICROSECOND
        for attempt in range(1, _ATTEMPTS + 1):
            table = self._table(name)
            if table.transaction_version(import_id) is not None:
                return
            properties = CommitProperties(app_transactions=[Transaction(import_id, version)], max_commit_retries=_ATTEMPTS)
            try:
                write_deltalake(table, stamped, mode="append", commit_properties=properties)
            except CommitFailedError as error:
                if attempt == _ATTEMPTS:
                    raise ImportRefused(f"other writers kept changing the table {name}; import again") from error
            else:
                return


def _import_row(batch: LabelBatch, new: dict[str, pa.Table]) -> pa.Table:
    row = {
        "project": batch.project,
        "source": batch.source,
        "files": [{"name": file.name, "sha256": file.sha256, "bytes": file.bytes} for file in sorted(batch.files)],
        **{name: new[name].num_rows for name in ("ratings", "items", "raters")},
        "quarantined": len(batch.quarantine),
    }
    return pa.Table.from_pylist([row], schema=IMPORTS)


def _facts(row: dict[str, Any], imported_at: datetime) -> ImportFacts:
    counts = {name: int(row[name]) for name in ("ratings", "items", "raters", "quarantined")}
    files = tuple(SourceFile(name=file["name"], sha256=file["sha256"], bytes=file["bytes"]) for file in row["files"] or ())
    return ImportFacts(
        import_id=row["import_id"], project=row["project"], source=row["source"], imported_at=imported_at, files=files, **counts
    )


def _stamped(rows: pa.Table, import_id: str, imported_at: datetime) -> pa.Table:
    for name, value in (("import_id", import_id), ("imported_at", imported_at)):
        field = rows.schema.field(name)
        column = pa.repeat(pa.scalar(value, field.type), rows.num_rows)
        rows = rows.set_column(rows.schema.get_field_index(name), field, column)
    return rows


def _receipt(batch: LabelBatch, new: dict[str, pa.Table]) -> ImportReceipt:
    counts = {name: new[name].num_rows if name in new else 0 for name in ("ratings", "items", "raters")}
    return ImportReceipt(
        import_id=batch.import_id,
        **counts,
        duplicates=batch.tables["ratings"].num_rows - counts["ratings"],
        quarantined=len(batch.quarantine),
    )
