"""Generated files are read, or refused in one sentence."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest
import yaml
from tally import outcome_of, tally, trials

import tagfinder
from tagfinder.artifacts.manifest import MANIFEST
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
from tagfinder.paths import conf_dir

PIECES = (
    *(b"\0", b"\xff", b"{", b"[[[[", b"}", b'"', b"\\ud800", b"NaN", b"1e999", b"-1", b"null"),
    *(b"_target_: os.system", b"${oc.env:HOME}", b"\r\n", b"'", b"&a *a", b"!!python/name:os"),
    *(b"9" * 400, b"true", b"\xed\xa0\x80", b"0001-01-01T00:00:00Z", b"9999-12-31", b",,,"),
)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Put pieces that parsers dislike at some places, or take some away."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        if chance.random() < 0.3:
            del changed[place : place + chance.randint(1, 40)]
        elif chance.random() < 0.2:
            changed[place:place] = chance.randbytes(chance.randint(1, 20))
        else:
            changed[place:place] = chance.choice(PIECES)
    return bytes(changed)


@pytest.mark.parametrize("name", ["config.yaml", "labels.json", "metrics.json", "calibration.json"])
def test_a_run_with_a_generated_file(run: Path, name: str) -> None:
    """Without a list of files nothing tells a change from a choice: any answer will do."""
    (run / MANIFEST).unlink()
    chance = random.Random(name)
    result, content = tally(f"generated {name}"), (run / name).read_bytes()
    for _ in range(trials(25, 2_500)):
        (run / name).write_bytes(mutated(content, chance))
        result.count(outcome_of(lambda: bool(tagfinder.load(run).suggest("a post")), True))
    assert result.is_clean(), result


POSTS = [
    {
        "id": str(n),
        "text": f"post {n} #tag",
        "created_at": "2024-01-01T00:00:00Z",
        "hashtags": ["a"],
    }
    for n in range(5)
]


def posts_as(suffix: str, folder: Path) -> bytes:
    file = folder / f"whole{suffix}"
    frame = pl.DataFrame(POSTS)
    if suffix == ".parquet":
        frame.write_parquet(file)
    elif suffix == ".csv":
        frame.with_columns(pl.col("hashtags").list.join(" ")).write_csv(file)
    else:
        file.write_text("\n".join(json.dumps(post) for post in POSTS))
    return file.read_bytes()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_generated_file_of_posts(suffix: str, tmp_path: Path) -> None:
    columns = yaml.safe_load((conf_dir() / "data" / "files.yaml").read_text())["columns"]
    content, file = posts_as(suffix, tmp_path), tmp_path / f"posts{suffix}"
    chance, result = random.Random(suffix), tally(f"generated posts{suffix}")

    def read() -> bool:
        with Rejects(None) as rejects:
            for _ in FileSource(path=str(file), columns=columns).batches(rejects):
                pass
        return True

    for _ in range(trials(60, 30_000)):
        file.write_bytes(mutated(content, chance))
        result.count(outcome_of(read, True))
    assert result.is_clean(), result
