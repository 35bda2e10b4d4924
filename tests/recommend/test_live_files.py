"""What is wrong with the files of a live run's posts is said with the file's name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import tagfinder
from tagfinder.errors import InputError
from tagfinder.live.durable import DurableKnowledge

pytest.importorskip("tantivy", reason="needs tantivy")
if not hasattr(os, "mkfifo"):
    pytest.skip("needs pipes", allow_module_level=True)

LIVE_RUN = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "live"
TEXT = "new in my closet, make me an offer"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LIVE_RUN, tmp_path / "run"))


def device(file: Path) -> None:
    file.symlink_to("/dev/null")


FILES = [
    *("posts.sqlite", "posts.sqlite-wal", "memory.npz", "state.json", "classifiers.npz"),
    *("words/meta.json", "words/.managed.json"),
]


@pytest.mark.parametrize("make", [device, os.mkfifo])
def test_a_device_or_pipe_in_the_place_of_a_file_is_refused_unread(
    make: Callable[[Path], None], run: Path
) -> None:
    for name in FILES:
        file = run / "knowledge" / name
        kept = file.with_name("kept")
        if file.exists():
            file.rename(kept)
        make(file)
        with pytest.raises(InputError, match=f"{file} is no ordinary file"):
            DurableKnowledge(run / "knowledge")
        file.unlink()
        if kept.exists():
            kept.rename(file)


def test_an_endless_list_of_the_text_index_is_made_again_where_it_may_be(run: Path) -> None:
    expected = tagfinder.load(shutil.copytree(run, run.with_name("whole"))).suggest(TEXT)
    file = run / "knowledge/words/meta.json"
    file.unlink()
    file.symlink_to("/dev/zero")
    recommender = tagfinder.load(run, teach=True)
    assert recommender.suggest(TEXT) == expected
    recommender.close()
    assert not file.is_symlink()


def test_a_list_of_the_text_index_beyond_the_limit_is_refused(run: Path) -> None:
    file = run / "knowledge/words/meta.json"
    with file.open("ab") as stream:
        stream.truncate(10**12)  # a hole, which takes no space
    with pytest.raises(InputError, match=r"meta.json has 1,000,000,000,000 bytes, limits"):
        DurableKnowledge(run / "knowledge")


@pytest.mark.parametrize("emptied", [False, True], ids=["missing", "empty"])
def test_a_finished_run_without_its_posts_is_refused(emptied: bool, run: Path) -> None:
    knowledge = run / "knowledge"
    shutil.rmtree(knowledge)
    knowledge.mkdir()
    posts = knowledge / "posts.sqlite"
    if emptied:
        posts.touch()
    before = sorted(knowledge.iterdir())
    state = "empty" if emptied else "missing"
    for teach in (False, True):
        with pytest.raises(InputError, match=f"{posts} is {state}, but its run was finished with"):
            tagfinder.load(run, teach=teach)
    assert sorted(knowledge.iterdir()) == before
