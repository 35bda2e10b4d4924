"""Runs and bundles that earlier versions made can be used, or one sentence says what to do.

`tests/fixtures/VERSION` holds small ones that the version itself made; each release adds its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tagfinder
from tagfinder.errors import InputError

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAVED = sorted(folder for version in FIXTURES.iterdir() for folder in version.iterdir())
TEXT = "sold out again: new in my closet, make me an offer"


@pytest.mark.parametrize("saved", SAVED, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_what_an_earlier_version_made_suggests_or_says_what_to_do(
    saved: Path, tmp_path: Path
) -> None:
    if saved.name == "live":
        pytest.importorskip("tantivy", reason="needs tantivy")
        pytest.importorskip("lightgbm", reason="needs lightgbm")
    copy = Path(shutil.copytree(saved, tmp_path / saved.name))
    # Git keeps no empty folder, and a recommender may have learned no features.
    (copy / "features").mkdir(exist_ok=True)
    try:
        recommender = tagfinder.load(copy)
    except InputError as error:
        assert "train" in str(error) or "export" in str(error)
        return
    [suggested] = recommender.suggest(TEXT, 3)
    assert len(suggested.hashtags) == 3


def test_a_bundle_of_an_earlier_version_suggests_what_its_run_does(tmp_path: Path) -> None:
    ranked = []
    for name in ("tfidf_lr", "bundle"):
        copy = Path(shutil.copytree(FIXTURES / "0.1.0" / name, tmp_path / name))
        (copy / "features").mkdir(exist_ok=True)
        [suggested] = tagfinder.load(copy).suggest(TEXT, 3)
        ranked.append([one.hashtag.lower() for one in suggested.hashtags])
    assert ranked[0] == ranked[1] == ["shopmycloset", "poshmark", "ad"]
