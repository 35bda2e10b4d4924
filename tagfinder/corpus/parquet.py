"""Parquet files of any size, read and written batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 50_000
ROW_GROUP_BYTES = 64 * 2**20
"""Most bytes of a row group before compression: a reader that streams holds whole ones."""


def write_batches(target: Path, batches: Iterable[pl.DataFrame]) -> None:
    """Write frames of one schema into one file; no file if there is no frame."""
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            table = batch.to_arrow()
            writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd")
            groups = -(-table.nbytes // ROW_GROUP_BYTES)
            writer.write_table(table, row_group_size=-(-table.num_rows // max(groups, 1)) or None)
    finally:
        if writer:
            writer.close()


def read_batches(file: Path, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """Read a file in frames of at most `BATCH_ROWS` rows."""
    with closing(pq.ParquetFile(file)) as parquet:
        for record_batch in parquet.iter_batches(BATCH_ROWS, columns=columns):
            frame = pl.from_arrow(pa.Table.from_batches([record_batch]))
            assert isinstance(frame, pl.DataFrame)
            yield frame
