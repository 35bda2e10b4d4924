"""A deletion from a live run leaves nothing of the post in any file of the run."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from every_byte import places_of

import tagfinder
from tagfinder.cli import cli
from tagfinder.errors import InputError
from tagfinder.live.post_store import PostStore
from tagfinder.runs.rescore import evaluate

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("lightgbm", reason="needs lightgbm")


@pytest.fixture
def live_run(run_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a small live run, to be changed."""
    return Path(shutil.copytree(run_of("live"), tmp_path / "live"))


def call(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def lone_hashtags(run: Path) -> dict[str, str]:
    """Return hashtags that only one scored post and no other text has, with its id."""
    scored = set(pl.read_parquet(run / "predictions.parquet")["id"])
    with PostStore(run / "knowledge" / "posts.sqlite", writable=False) as store:
        posts = [post for block in store.blocks() for post in block.posts]
    uses = Counter(tag.lower() for post in posts for tag in post.hashtags)
    texts = " ".join(f"{post.text} {' '.join(post.hashtags)} {post.author}" for post in posts)
    return {
        tag.lower(): post.id
        for post in posts
        for tag in post.hashtags
        if post.id in scored and uses[tag.lower()] == 1 and texts.lower().count(tag.lower()) == 1
    }


def test_no_file_of_a_run_has_a_deleted_post_and_it_suggests_on(live_run: Path) -> None:
    chosen = dict(list(lone_hashtags(live_run).items())[:3])
    assert chosen
    markers = [*chosen, *set(chosen.values())]
    there = places_of(live_run, markers)
    assert {marker for marker, _ in there} == set(markers)
    assert {"labels.json", "predictions.parquet"} <= {file for _, file in there}
    (live_run / "worst_posts.md").write_text(f"# {markers[0]}\n")
    ids = sorted(set(chosen.values()))
    output = call("update", str(live_run), *(word for one in ids for word in ("--delete", one)))
    assert f"{len(ids)} posts forgotten" in output
    assert "cannot be scored again" in output
    assert places_of(live_run, markers) == []
    assert not (live_run / "worst_posts.md").exists()
    left = pl.read_parquet(live_run / "predictions.parquet")
    assert len(left) == json.loads((live_run / "metrics.json").read_text())["test"]["n"] - len(ids)
    [suggested] = tagfinder.load(live_run).suggest("what a day")
    assert suggested.hashtags
    assert places_of(live_run, markers) == []
    with pytest.raises(InputError, match="posts were deleted from .* train it again"):
        evaluate(live_run, "scored", "test")
    # A second deletion finds no checkpoints.
    assert "again" not in call("update", str(live_run), "--newest", "100")
    assert tagfinder.load(live_run).n_posts == 100


def test_an_author_is_forgotten_with_all_posts(live_run: Path) -> None:
    posts = live_run.parent / "posts.csv"
    lines = [f"zyxid{n},2030-01-0{n}T00:00:00Z,a comet #zyxtag,zyxauthor" for n in (1, 2, 3)]
    posts.write_text("\n".join(["id,created_at,text,entity_name", *lines]))
    assert "3 posts taught" in call("update", str(live_run), str(posts))
    markers = ["zyxid1", "zyxid2", "zyxid3", "zyxtag", "zyxauthor"]
    assert {marker for marker, _ in places_of(live_run, markers)} == set(markers)
    assert "3 posts forgotten" in call("forget-author", str(live_run), "zyxauthor")
    assert places_of(live_run, markers) == []
    assert "0 posts forgotten" in call("forget-author", str(live_run), "zyxauthor")
