"""Files of posts that a recommender is given: the same forms as `data=files` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tagfinder.configuration.build import build
from tagfinder.corpus.accounting import say_rows
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.corpus.sources.files import FileSource
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

ROWS = 4096


def file_source(paths: Sequence[str], settings: Sequence[str] = (), **fixed: Any) -> FileSource:
    """Return a source of the posts of files.

    Args:
        paths: files, folders or globs.
        settings: `KEY=VALUE` of `conf/data/files.yaml`, as in `columns.text=body`.
        fixed: keys and values that are not for the user to choose.

    Raises:
        InputError: a setting is unknown, or there is no such file.
    """
    config = OmegaConf.load(conf_dir() / "data" / "files.yaml")
    OmegaConf.set_struct(config, True)
    try:
        config = OmegaConf.merge(config, OmegaConf.from_dotlist(list(settings)))
    except (OmegaConfBaseException, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"--data {' '.join(settings)}: {reason}") from error
    source: FileSource = build(config, path=list(paths), **fixed)
    return source


def posts_of(
    path: Path, column: str = "text", settings: Sequence[str] = ()
) -> Iterator[pl.DataFrame]:
    """Yield the posts of a file in small frames, each with its text in `column`.

    A Parquet file with that column keeps all its columns and rows. Any other form gives its
    readable posts in the columns of raw posts, and the number of those left out is printed.

    Raises:
        InputError: the file cannot be read, or has no texts.
    """
    if not settings and _has_column(path, column):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS):
                yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
        return
    chosen = [*settings, *([f"columns.text={column}"] if column != "text" else [])]
    source = file_source(
        [str(path)], chosen, languages=None, drop_retweets=False, drop_duplicate_ids=False
    )
    kept = 0
    with Rejects() as rejects:
        for posts in source.batches(rejects):
            kept += posts.height
            yield from posts.rename({"text": column}).iter_slices(ROWS)
    say_rows(path.name, kept, rejects)


def _has_column(path: Path, column: str) -> bool:
    try:
        return column in pq.read_schema(path).names
    except (OSError, pa.ArrowException):
        return False


def columns_of(path: Path, column: str, settings: Sequence[str] = ()) -> pl.DataFrame:
    """Return the columns that `posts_of` yields, without rows."""
    if not settings and _has_column(path, column):
        return pl.DataFrame(pl.from_arrow(pq.read_schema(path).empty_table()))
    return RAW_SCHEMA.to_frame().rename({"text": column})
