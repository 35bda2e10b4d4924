"""Denied hashtags are never suggested, and where some are allowed, no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import tagfinder
from tagfinder.commands.recommend import command
from tagfinder.corpus.hashtag_filter import HashtagFilter, hashtag_filter
from tagfinder.errors import InputError

RunOf = Callable[[str], Path]
TEXT = "Look at the tote bag and the boots in my closet"


def suggested(run: Path, permitted: HashtagFilter, k: int = 5) -> list[str]:
    [one] = tagfinder.load(run, hashtags=permitted).suggest(TEXT, k)
    return [found.hashtag for found in one.hashtags]


@pytest.mark.parametrize("kind", ["tfidf_lr", "live"])
def test_others_take_the_places_of_denied_hashtags_in_their_order(run_of: RunOf, kind: str) -> None:
    best = suggested(run_of(kind), hashtag_filter(), 8)
    denied = [f"#{best[0].upper()}", best[2].lower()]
    left = [best[1], *best[3:]]
    assert suggested(run_of(kind), hashtag_filter(deny=denied), 6) == left
    allowed = [best[5], best[2]]
    assert suggested(run_of(kind), hashtag_filter(allow=allowed)) == [best[2], best[5]]
    assert suggested(run_of(kind), hashtag_filter(denied, allowed)) == [best[5]]


def test_the_command_reads_the_lists_from_files(run_of: RunOf, tmp_path: Path) -> None:
    run = run_of("tfidf_lr")
    first, second, *_ = suggested(run, hashtag_filter())
    (tmp_path / "deny").write_text(f"# not here\n\n#{first}\n", encoding="utf-8")
    (tmp_path / "allow").write_text(f"{first}\n  {second}  \n", encoding="utf-8")
    arguments = [str(run), TEXT, "--json", "--deny", str(tmp_path / "deny")]
    arguments += ["--allow", str(tmp_path / "allow")]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    [found] = json.loads(result.stdout)["hashtags"]
    assert found["hashtag"] == second


@pytest.mark.parametrize("line", ["two words", "1", "a-b", "##", "#one#two"])
def test_a_line_that_is_no_hashtag_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(f"fine\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        hashtag_filter(deny=tmp_path / "list")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent cannot be read"):
        hashtag_filter(allow=tmp_path / "absent")
