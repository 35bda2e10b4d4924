from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from tagfinder.figures import DEFAULT, families_for, figure, file_for

# matplotlib brings this font itself; what else is installed differs between machines.
NOWHERE = "\U0010fffd"


def test_latin_greek_and_cyrillic_need_no_further_font() -> None:
    assert families_for("#flood #Überschwemmung #πλημμύρα #наводнение") == ([DEFAULT], "")
    assert file_for(["flood", "наводнение"]) is None


def test_each_character_has_a_font_or_is_named() -> None:
    families, missing = families_for(f"#ไทย #大雨 #हिन्दी {NOWHERE}")
    assert families[0] == DEFAULT
    assert set(missing) <= set("ไทย大雨हिन्दी")


def test_letters_without_a_font_are_reported_once_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "#\U00013000\U0001e900\U000323af"
    _, missing = families_for(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with figure(tmp_path, "a", "hashtags") as axes:
                axes.bar([0], [1])
                axes.set_xticks([0], [text])
    said = capsys.readouterr().err
    assert said.count("no installed font has") == (1 if missing else 0)
    assert (tmp_path / "a.png").stat().st_size > 0
    assert text in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_a_long_title_is_shown_whole_in_several_lines(tmp_path: Path) -> None:
    title = " ".join(f"word{number}" for number in range(30))
    with figure(tmp_path, "a", title):
        pass
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    lines = re.findall(r">(word[^<]*)<", drawn)
    assert " ".join(lines) == title
    assert max(map(len, lines)) < 100
