"""A configuration becomes an object, or one sentence that names the key at fault."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from composed import configured
from omegaconf import OmegaConf

from tagfinder.configuration.build import build
from tagfinder.configuration.types import NgramRange, PositiveInt, Share, fits, in_words
from tagfinder.errors import InputError

HERE = __name__


class Part:
    """What tests build."""

    def __init__(
        self,
        size: int,
        share: float = 0.5,
        kind: Literal["a", "b"] = "a",
        names: Sequence[str] = (),
        inner: object = None,
    ) -> None:
        if size < 0:
            raise ValueError(f"size must not be negative, got {size}")
        self.size, self.share, self.kind, self.names, self.inner = size, share, kind, names, inner


class Whole:
    """What has a part."""

    def __init__(self, part: Part, other: Part | None = None) -> None:
        self.part, self.other = part, other


@pytest.mark.parametrize("written", [{"size": 1}, {}, "Part", 1, 0.5, True, [1]])
def test_a_value_that_names_no_class_is_refused_where_a_class_is_asked_for(written: object) -> None:
    whole = {"_target_": f"{HERE}.Whole", "part": config()}
    assert isinstance(build(whole).part, Part)
    for changes in ({"part": written}, {"other": written}):
        with pytest.raises(InputError, match=r"^(part|other)=.*: expected Part"):
            build(whole | changes)
    with pytest.raises(InputError, match=r"^_target_ is missing"):
        build(written)
    with pytest.raises(InputError, match=r"^model\._target_ is missing"):
        build(OmegaConf.create({"model": {"size": 1}}).model)


def config(**arguments: object) -> dict[str, object]:
    return {"_target_": f"{HERE}.Part", "size": 1, **arguments}


def test_nested_parts_and_partials_are_built() -> None:
    built = build(config(inner=config(size=2, _partial_=True), names=["x"]), share=1)
    assert (built.size, built.share, built.names) == (1, 1, ["x"])
    assert isinstance(built.inner, partial)
    assert built.inner().size == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": "abc"}, "model.size=abc: expected a whole number"),
        ({"size": 1.5}, "model.size=1.5: expected a whole number"),
        ({"size": True}, "model.size=True: expected a whole number"),
        ({"size": None}, "model.size=None: expected a whole number"),
        ({"share": "half"}, "model.share=half: expected a number"),
        ({"kind": "c"}, "model.kind=c: expected a or b"),
        ({"names": 3}, "model.names=3: expected a list"),
        ({"names": [3]}, "model.names="),
        ({"size": -1}, "model.size=-1: size must not be negative"),
        ({"sise": 1}, "there is no key model.sise; model takes size, share"),
        ({"_target_": f"{HERE}.Nothing"}, "model._target_="),
        (
            {"_target_": "nowhere.Nothing"},
            "model._target_=nowhere.Nothing: there is no such class",
        ),
        ({"inner": {"_target_": f"{HERE}.Part", "size": "x"}}, "model.inner.size=x"),
        ({"size": "???"}, "model.size has no value; give it one, as in model.size=VALUE"),
    ],
)
def test_a_wrong_value_is_answered_with_its_key(changes: dict[str, object], sentence: str) -> None:
    composed = OmegaConf.create({"model": config(**changes)})
    with pytest.raises(InputError) as error:
        build(composed.model)
    assert sentence in str(error.value)


def test_a_package_that_a_class_needs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_another.py").write_text("import a_package_that_is_nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="needs the package a_package_that_is_nowhere, which is"):
        build({"_target_": "needs_another.Part"})


def test_whole_numbers_fit_where_numbers_are_asked_for_and_truths_do_not() -> None:
    assert fits(1, float)
    assert not fits(True, float)
    assert fits(None, int | None)
    assert fits([1, 2], Sequence[int])
    assert not fits("ab", Sequence[str])
    assert in_words(int | None) == "a whole number or null"


def test_words_that_a_model_does_not_know_are_refused_with_those_that_it_does() -> None:
    model = configured("model=live").model
    model.ranker.unknown_author_objectives = ["lambdarank", "ndcg"]
    with pytest.raises(InputError, match=r"model.ranker.unknown_author_objectives=.* rank_xendcg"):
        build(model)
    model = configured("model=fasttext").model
    model.loss = "hinge"
    with pytest.raises(InputError, match="^model.loss=hinge: expected hs or ova or softmax or ns"):
        build(model)


def test_bounds_are_part_of_what_is_expected() -> None:
    assert fits(1, PositiveInt | None)
    assert not fits(0, PositiveInt | None)
    assert not fits(math.nan, Share)
    assert not fits([2, 1], NgramRange)
    assert in_words(PositiveInt | None) == "a whole number from 1 or null"
