"""A bundle goes to the Hub and comes back unchanged; a missing part is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import hub

from tagfinder import Recommender

pytest.importorskip("huggingface_hub")

FETCH = """
import sys
from tagfinder import Recommender
from tagfinder.errors import TagFinderError
try:
    recommender = Recommender.from_pretrained(sys.argv[1], revision="main")
except TagFinderError as error:
    sys.exit(str(error))
print(recommender.name, recommender.suggest(sys.argv[2])[0].hashtags)
"""
TEXT = "a tote bag in my closet"


def ended(address: str, cache: Path, *command: str) -> subprocess.CompletedProcess[str]:
    # The library reads these when it is imported.
    environment = os.environ | {
        "HF_ENDPOINT": address,
        "HF_HOME": str(cache),
        "HF_TOKEN": "hf_made_up",
        "HF_HUB_DISABLE_XET": "1",
    }
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )


def test_a_pushed_run_is_fetched_by_its_name(linear_run: Path, tmp_path: Path) -> None:
    with hub() as address:
        push = ("-m", "tagfinder", "push", str(linear_run), "me/tags", "--license", "mit")
        pushed = ended(address, tmp_path, *push)
        assert pushed.returncode == 0, pushed.stderr
        assert "/me/tags/commit/" in pushed.stdout
        fetched = ended(address, tmp_path, "-c", FETCH, "me/tags", TEXT)
        assert fetched.returncode == 0, fetched.stderr
    expected = Recommender.load(linear_run).suggest(TEXT)[0].hashtags
    assert fetched.stdout.strip() == f"me/tags {expected}"


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    with hub() as address:
        fetched = ended(address, tmp_path, "-c", FETCH, "me/tags", TEXT)
    assert fetched.returncode == 1
    assert "me/tags cannot be fetched" in fetched.stderr
    assert "Traceback" not in fetched.stderr


def test_a_hub_that_is_away_is_told_in_one_sentence(linear_run: Path, tmp_path: Path) -> None:
    # Nothing listens at the port for discarding.
    pushed = ended(
        "http://127.0.0.1:9", tmp_path, "-m", "tagfinder", "push", str(linear_run), "a/b"
    )
    assert pushed.returncode == 1
    assert "cannot be reached" in pushed.stderr.splitlines()[-1]
    assert "report" not in pushed.stderr
