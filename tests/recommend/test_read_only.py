"""A live run that cannot be written suggests, and says why it cannot be taught."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import tagfinder
from tagfinder.cli import cli
from tagfinder.errors import InputError

pytest.importorskip("tantivy", reason="needs tantivy")

LIVE_RUN = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "live"
TEXT = "new in my closet, make me an offer"


def suggested(run: Path) -> list[str]:
    [found] = tagfinder.load(run).suggest([TEXT])
    return [one.hashtag for one in found.hashtags]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A run on a read-only mount, or in folders without the permission where nobody may mount."""
    run = Path(shutil.copytree(LIVE_RUN, tmp_path / "run"))
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        bind = ["mount", "--bind", str(run), str(run)]
        if subprocess.run(bind, capture_output=True, check=False).returncode:
            pytest.skip("mounting is not allowed")
        subprocess.run(["mount", "-o", "remount,bind,ro", str(run)], check=True)
        yield run
        subprocess.run(["umount", "--lazy", str(run)], check=True)
        return
    folders = [run, *(path for path in run.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield run
    for folder in folders:
        folder.chmod(0o755)


def test_a_run_that_cannot_be_written_suggests_as_ever(read_only: Path, tmp_path: Path) -> None:
    assert not os.access(read_only / "knowledge", os.W_OK)
    whole = shutil.copytree(LIVE_RUN, tmp_path / "whole")
    assert suggested(read_only) == suggested(whole)


def test_teaching_and_deleting_say_that_the_folder_cannot_be_written(
    read_only: Path, tmp_path: Path
) -> None:
    posts = tmp_path / "posts.csv"
    posts.write_text("id,text,created_at\nx1,new in my closet #shoes,2030-01-01T00:00:00Z\n")
    for command in (
        ["update", str(read_only), str(posts)],
        ["update", str(read_only), "--delete", "1"],
        ["forget-author", str(read_only), "ann"],
    ):
        error = CliRunner().invoke(cli, command).exception
        assert isinstance(error, InputError)
        assert "knowledge cannot be written, which teaching and deleting need" in str(error)
