from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest
from click.testing import CliRunner, Result

from tagfinder.commands.clean import command, load_cleaning
from tagfinder.errors import InputError

COMMAND = [sys.executable, "-m", "tagfinder", "clean"]


def run(arguments: Sequence[str], lines: bytes = b"") -> Result:
    return CliRunner().invoke(command, arguments, input=lines)


def test_each_text_becomes_a_line() -> None:
    result = run(["Two Allies!", "several\nlines #a", ""])
    assert result.exit_code == 0
    assert result.stdout == "two ally!\nseveral line\n\n"
    assert result.stderr == ""


def test_further_cleaning_is_asked_for() -> None:
    assert run(["--further", "The 2 allies!"]).stdout == "ally\n"


def test_hashtags_are_dropped_on_request() -> None:
    result = run(["--inline-hashtags", "drop", "a #one two"])
    assert result.stdout == "a two\n"


def test_another_cleaning_can_be_named() -> None:
    assert run(["--cleaning", "light", "Two Allies!"]).stdout == "Two Allies!\n"


def test_each_line_of_standard_input_stays_a_line() -> None:
    lines = "First\r\n\n #a\nno\x0bbreak\u2028here \x85\nlast one without end".encode()
    result = run([], lines)
    assert result.stdout == "first\n\n\nno break here\nlast one without end\n"


def test_nothing_comes_of_nothing() -> None:
    result = run([])
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_line_is_answered_before_the_next_one_comes() -> None:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        for line, expected in ((b"Allies\n", b"ally\n"), (b"Leaders\n", b"leader\n")):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline() == expected
        process.stdin.close()
        assert process.wait() == 0


def test_lines_longer_than_a_block_stay_whole() -> None:
    long = "word " * 500_000
    result = run(["--cleaning", "none"], f"{long}\nshort\n".encode())
    assert result.stdout.splitlines() == [long.strip(), "short"]


def test_broken_utf8_is_reported_and_does_not_end_the_stream() -> None:
    result = run([], b"caf\xff allies\nfine \xef\xbf\xbd\n")
    assert result.exit_code == 0
    assert result.stdout == "caf ally\nfine\n"
    assert "1 lines were not all valid UTF-8" in result.stderr


def test_an_unknown_cleaning_is_refused_with_the_known_ones() -> None:
    arguments = [*COMMAND, "--cleaning", "repot", "text"]
    result = subprocess.run(arguments, capture_output=True, check=False)
    assert result.returncode == 2
    assert b"'repot'" in result.stderr
    assert b"light, live, multilingual, none, report" in result.stderr
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["../hashtags/any", "report.yaml", ""])
def test_a_cleaning_is_a_name_and_no_path(name: str) -> None:
    with pytest.raises(InputError, match="choose from"):
        load_cleaning(name)
