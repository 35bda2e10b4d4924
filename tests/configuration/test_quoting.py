from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.configuration.quoting import quoted, with_quotes
from tagfinder.errors import InputError

PARSER = OverridesParser.create()


def value_of(override: str) -> object:
    return PARSER.parse_override(override).value()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_a_quoted_text_is_read_back(text: str):
    assert str(value_of(f"data.name={quoted(text)}")).replace(r"\${", "${") == text


@pytest.mark.parametrize(
    "name",
    ["a=b.csv", "tweets (1).csv", "tweets[1].csv", "a,b.csv", "it's.csv", "Köln #2; x.csv",
     "[a].csv", "2020", "a{b}.csv", "x & y!.csv", '"q".csv'],
)  # fmt: skip
def test_a_file_that_exists_can_be_named_as_it_is(tmp_path: Path, name: str):
    (tmp_path / name).write_text("text\nhi\n")
    for folder in (str(tmp_path), "."):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            path = f"{folder}/{name}" if folder != "." else name
            (override,) = with_quotes([f"data.path={path}"])
            assert value_of(override) == path


def test_a_list_of_files_stays_a_list(tmp_path: Path):
    files = [tmp_path / "a=1.csv", tmp_path / "b.csv"]
    for file in files:
        file.write_text("text\nhi\n")
    (override,) = with_quotes([f"data.path=[{files[0]},{files[1]}]"])
    assert value_of(override) == [str(file) for file in files]
    assert with_quotes(["data.path=[c.csv,d.csv]"]) == ["data.path=[c.csv,d.csv]"]


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("data.separator=;", ";"),
        ("data.separator=,", ","),
        ('data.quote="', '"'),
        ("data.quote='", "'"),
        ("data.columns.text=Tweet#Text", "Tweet#Text"),
        ("data.path=missing=one.csv", "missing=one.csv"),
    ],
)
def test_what_can_only_be_a_text_is_one(override: str, value: str):
    (fixed,) = with_quotes([override])
    assert value_of(fixed) == value


@pytest.mark.parametrize(
    "override",
    ["model=tfidf_lr", "data.quote=null", "data.columns.hashtags=[a,b]", "seed=1,2,3", "~logger",
     "--multirun", "data.path='a=b.csv'", "split.seed=range(1,3)", "data.path=*.csv"],
)  # fmt: skip
def test_what_hydra_reads_is_left_alone(override: str):
    assert with_quotes([override]) == [override]


def test_what_may_mean_several_things_is_answered_with_the_form_to_type():
    with pytest.raises(InputError) as caught:
        with_quotes(["logger.wandb.tags=a;b"])
    assert "\"logger.wandb.tags='a;b'\"" in str(caught.value)
