"""Columns to bytes and back: Parquet, so that stored tables can be read by anything, and never a pickle."""

import io
from collections.abc import Mapping

import numpy as np

__all__ = ["pack", "unpack"]


def pack(columns: Mapping[str, np.ndarray]) -> bytes:
    """Return columns of equal length as one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {name: pa.array(column.tolist() if column.dtype.kind in "OU" else column) for name, column in columns.items()}
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink, compression="zstd")
    return sink.getvalue()


def unpack(content: bytes) -> dict[str, np.ndarray]:
    """Return the columns of a Parquet file; strings as an object array."""
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    return {name: np.asarray(table.column(name).to_numpy(zero_copy_only=False)) for name in table.column_names}
