"""How DuckDB is opened here: in memory, in UTC, with a bound on memory and a private folder for what does not fit."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

__all__ = ["connect", "literal", "quoted"]

_MEMORY = "2GB"


@contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database of this process alone; it and what it put on disk are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="smo-duckdb-") as spill, duckdb.connect(":memory:") as connection:
        connection.execute("load icu")  # built in; without it moments cannot be read in UTC
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{_MEMORY}'")
        connection.execute("set temp_directory = ?", [spill])
        connection.execute("set preserve_insertion_order = false")
        yield connection


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
