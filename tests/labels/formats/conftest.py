import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.formats.listener import Listener

KEY = b"a key for tests, 32 bytes long.."


class Read(NamedTuple):
    batch: LabelBatch
    notes: list[str]

    @property
    def ratings(self) -> pd.DataFrame:
        frame: pd.DataFrame = self.batch.tables["ratings"].to_pandas()
        return frame.sort_values(["item_id", "label", "created_at", "round"], ignore_index=True)

    @property
    def items(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.batch.tables["items"].to_pylist(maps_as_pydicts="strict")
        return rows

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(row.line, row.reason) for row in self.batch.quarantine]


@pytest.fixture(scope="session")
def key() -> bytes:
    return KEY


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: Any, name: str = "export.json", **options: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, **options).encode())
        return path

    return write


@pytest.fixture
def read_as(write: Callable[..., Path], key: bytes) -> Callable[..., Read]:
    """Write an export and read it; most of it may be bad unless the test says otherwise."""

    def call(form: str, content: Any, **options: Any) -> Read:
        notes: list[str] = []
        path = content if isinstance(content, Path) else write(content)
        given = {"project": "demo", "max_bad_share": 0.9, **options}
        return Read(read(form, path, options=given, key=key, listener=Listener(note=notes.append)), notes)

    return call
