"""Random files give posts or one sentence, never a traceback, and every row is accounted for.

`TAGFINDER_RANDOM_FILES=50000` reads so many files; `TAGFINDER_RANDOM_SEED` says which is first.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from random_files import random_file, settings_of

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.corpus.sources.files import FileSource
from tagfinder.errors import InputError

FILES = int(os.environ.get("TAGFINDER_RANDOM_FILES", "250"))
FIRST = int(os.environ.get("TAGFINDER_RANDOM_SEED", "0"))
SECONDS = 60
AUTO: dict[str, Any] = dict.fromkeys(
    ("id", "created_at", "text", "hashtags", "entity_name", "lang"), "auto"
)


@contextmanager
def no_hang(seed: int) -> Iterator[None]:
    def end(*_: Any) -> None:
        raise TimeoutError(f"the file of seed {seed} takes more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read(path: Path, **settings: Any) -> tuple[int, Rejects]:
    rejects = Rejects()
    kept = 0
    for batch in FileSource(path=str(path), columns=AUTO, **settings).batches(rejects):
        assert batch.schema == RAW_SCHEMA
        assert batch["text"].null_count() == 0
        kept += batch.height
    return kept, rejects


@pytest.mark.timeout(0)
def test_every_row_of_a_random_file_is_kept_or_left_out_with_a_reason(tmp_path: Path):
    outcomes = {"read": 0, "refused": 0}
    for seed in range(FIRST, FIRST + FILES):
        file = random_file(seed)
        settings = settings_of(seed)
        path = tmp_path / file.name
        path.write_bytes(file.content)
        try:
            with no_hang(seed):
                kept, rejects = read(path, **settings)
        except InputError as error:
            assert "\n" not in str(error), seed
            outcomes["refused"] += 1
            continue
        except (Exception, pl.exceptions.PanicException) as error:
            raise AssertionError(f"seed {seed} ({file.name}, {settings}): {error!r}") from error
        finally:
            path.unlink()
        outcomes["read"] += 1
        if file.posts is not None and not settings:
            assert kept + rejects.total == file.posts, (seed, file.name, rejects.counts)
    assert min(outcomes.values()) > FILES / 20
