"""Progress lines without a terminal, as under nohup, Slurm and CI."""

from __future__ import annotations

import time

import pytest

from tagfinder import progress


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_LINE", 0.02)
    monkeypatch.setattr(progress, "NEXT_LINE", 0.05)


@pytest.mark.usefixtures("_quick")
def test_a_long_phase_says_that_it_begins_and_how_far_it_is(capsys: pytest.CaptureFixture[str]):
    for _ in progress.track([1, 2, 3], "cleaning posts"):
        time.sleep(0.1)
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "tagfinder: cleaning posts"
    assert "tagfinder: cleaning posts: 1 of 3, 0 min" in others


def test_a_short_phase_says_nothing(capsys: pytest.CaptureFixture[str]):
    assert list(progress.track(iter([1, 2]), "cleaning posts")) == [1, 2]
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("_quick")
def test_of_phases_inside_each_other_the_inner_one_tells_how_far_it_is(
    capsys: pytest.CaptureFixture[str],
):
    with progress.phase("training", lambda: "epoch 1"), progress.phase("reading", lambda: "row 1"):
        time.sleep(0.3)
    said = capsys.readouterr().err
    assert "reading: row 1" in said
    assert "epoch 1" not in said
