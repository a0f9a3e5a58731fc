"""Where results are kept: looked up by key before computing, visible only when whole."""

from smo_pipelines.store.local import file_lock, is_locked, write_atomic
from smo_pipelines.store.results import ResultStore, StoredResult, open_store

__all__ = ["ResultStore", "StoredResult", "file_lock", "is_locked", "open_store", "write_atomic"]
