"""Every failure is one sentence with the path and what to do; `--debug` shows the trace."""

from __future__ import annotations

import errno
import io
import json
import resource
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfinder.cli import main, without_debug
from tagfinder.errors import InputError, TagFinderError, WorkError, as_sentence, in_sentences
from tagfinder.files import atomic_path, read_json


def raised_by(function: object, *arguments: object) -> BaseException:
    try:
        function(*arguments)  # type: ignore[operator]
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def broken_parquet(tmp_path: Path) -> BaseException:
    file = tmp_path / "a.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(file)
    file.write_bytes(file.read_bytes()[:-9] + b"PAR1")
    return raised_by(pl.read_parquet, file)


def broken_database(tmp_path: Path) -> BaseException:
    (tmp_path / "a.sqlite").write_bytes(b"SQLite format 3\0" + bytes(200))
    return raised_by(lambda: sqlite3.connect(tmp_path / "a.sqlite").execute("SELECT * FROM t"))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda _: OSError(errno.ENOSPC, "No space left", "/x/y"), "/x/y: the disk is full"),
        (lambda _: OSError(errno.EROFS, "Read-only", "/x/y"), "/x/y: the file system is read-only"),
        (lambda _: PermissionError(errno.EACCES, "denied", "/x"), "/x: permission denied"),
        (lambda _: FileNotFoundError(errno.ENOENT, "no", "/x"), "/x: it is not there"),
        (lambda _: OSError("odd"), "odd; check the file or folder"),
        (lambda _: MemoryError(), "there is not enough memory"),
        (lambda _: RecursionError("deep"), "nested too deeply"),
        (lambda _: ValueError("No space left on device (os error 28)"), "the disk is full"),
        (lambda _: sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (lambda _: raised_by(json.loads, "{"), "no JSON"),
        (lambda _: raised_by(yaml.safe_load, "a: ]"), "no YAML"),
        (lambda _: raised_by(zipfile.ZipFile, io.BytesIO(b"x")), "no zip archive"),
        (broken_database, "no SQLite database"),
        (broken_parquet, "--debug shows where|damaged"),
        (lambda _: KeyError("x"), r"unexpected KeyError \('x'\); --debug shows where"),
    ],
)
def test_a_failure_is_one_sentence_with_exit_code_1(
    made: object, words: str, tmp_path: Path
) -> None:
    error = as_sentence(made(tmp_path))  # type: ignore[operator]
    assert isinstance(error, WorkError)
    assert error.exit_code == 1
    assert "\n" not in str(error)
    with pytest.raises(WorkError, match=words):
        raise error


def test_a_panic_of_polars_is_a_sentence() -> None:
    panic = pl.exceptions.PanicException("called `Option::unwrap()` on a `None` value")
    assert not isinstance(panic, Exception)
    with pytest.raises(WorkError, match="damaged"), in_sentences():
        raise panic


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, InputError])
def test_exits_and_interrupts_pass_unchanged(kind: type[BaseException]) -> None:
    with pytest.raises(kind) as raised, in_sentences():
        raise kind("x")
    assert raised.type is kind


@settings(max_examples=30)
@given(message=st.text(), number=st.integers(0, 200))
def test_any_system_error_becomes_a_short_sentence(message: str, number: int) -> None:
    sentence = str(as_sentence(OSError(number, message)))
    assert sentence
    assert len(sentence) < 500
    assert len(sentence.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "kept", "debug"),
    [
        (["--debug", "clean", "x"], ["clean", "x"], True),
        (["train", "model=lstm", "--debug"], ["train", "model=lstm"], True),
        (["clean", "--", "--debug"], ["clean", "--", "--debug"], False),
        (["--debug", "clean", "--", "--debug"], ["clean", "--", "--debug"], True),
        ([], [], False),
    ],
)
def test_debug_is_taken_before_or_after_the_command(
    arguments: list[str], kept: list[str], debug: bool
) -> None:
    assert without_debug(arguments) == (kept, debug)


@pytest.mark.parametrize("arguments", [["clean", "--cleaning", "x"], ["prepare", "model=x"]])
@pytest.mark.parametrize("place", [0, -1])
def test_only_debug_shows_a_traceback(
    arguments: list[str],
    place: int,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
    debugged = ["--debug", *arguments] if place == 0 else [*arguments, "--debug"]
    with pytest.raises(SystemExit):
        main(debugged)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "\udcff", "[" * 200_000])
def test_broken_json_of_ours_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(content, errors="surrogateescape")
    with pytest.raises(WorkError, match=r"labels\.json is damaged: "):
        read_json(tmp_path / "labels.json")


WRITERS = {
    "text": "path.write_text('x' * 100_000)",
    "numpy": "np.save(path.with_suffix(''), np.zeros(100_000)); path.with_suffix('')",
    "polars": "pl.DataFrame({'a': np.random.rand(100_000)}).write_parquet(path)",
    "csv": "pl.DataFrame({'a': np.random.rand(100_000)}).write_csv(path)",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_write_beyond_the_limit_names_the_file_and_leaves_the_old_one(
    writer: str, tmp_path: Path
) -> None:
    (tmp_path / "a.bin").write_text("old")
    code = (
        "import resource, sys, numpy as np, polars as pl\n"
        "from pathlib import Path\n"
        "from tagfinder.errors import TagFinderError, in_sentences\n"
        "from tagfinder.files import atomic_path\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        f"    with in_sentences(), atomic_path(Path({str(tmp_path / 'a.bin')!r})) as path:\n"
        f"        {WRITERS[writer]}\n"
        "except TagFinderError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert str(tmp_path / "a.bin") in done.stdout, done.stderr
    assert "a file has the size" in done.stdout or "larger than the system" in done.stdout
    assert (tmp_path / "a.bin").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_the_limit_of_this_process_is_untouched() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_an_error_that_has_a_file_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, atomic_path(tmp_path / "target"):
        (tmp_path / "source").read_text()
    assert raised.value.filename == str(tmp_path / "source")


def test_arrays_of_numpy_do_not_hide_the_cause(tmp_path: Path) -> None:
    expected = pytest.raises(TagFinderError, match=r"target: the disk is full")
    with expected, atomic_path(tmp_path / "target"):
        raise OSError(f"{np.int64(500)} requested and 12 written")
