"""Every key of the composed configuration answers a wrong value by its name, before any work."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from composed import configured
from omegaconf import DictConfig, OmegaConf

from tagfinder.configuration.build import build, plain
from tagfinder.configuration.settings import check_settings
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

GROUPS = ("cleaning", "hashtags", "selection", "split", "features", "sampling", "model", "trainer")
MODELS = ("tfidf_lr", "tfidf_svm", "fasttext", "lstm", "text_resnet", "random")
# Lightning takes numbers, texts and nothing for these, and says itself what it cannot use.
LIBRARY = ("trainer.devices", "trainer.accelerator")


def leaves(config: DictConfig, path: str) -> Iterator[tuple[str, Any]]:
    for name in config:
        key = f"{path}.{name}"
        value = config[name]
        if isinstance(value, DictConfig):
            yield from leaves(value, key)
        elif not str(name).startswith("_"):
            yield key, value


def wrong_for(value: Any) -> Any:
    """Return a value of a type that a key with this value does not take; None where it may."""
    if isinstance(value, bool | int | float):
        return "abc"
    return {"a": 1} if isinstance(value, str) else None


@pytest.mark.parametrize("model", MODELS)
def test_a_value_of_another_type_is_refused_by_its_key(model: str) -> None:
    composed = configured(f"model={model}")
    groups = GROUPS if model == MODELS[0] else ("features", "model")
    tried = 0
    for group in groups:
        # Without interpolations, so that a key of another group is changed here only.
        whole = OmegaConf.create({group: plain(composed[group])})
        for key, value in leaves(whole[group], group):
            wrong = wrong_for(value)
            if wrong is None or key in LIBRARY:
                continue
            config = whole.copy()
            OmegaConf.update(config, key, wrong, force_add=True)
            with pytest.raises(InputError) as error:
                build(config[group])
            assert key in str(error.value), f"{key}={wrong}: {error.value}"
            tried += 1
    assert tried or model == "random"


def numbers(value: Any, path: str) -> Iterator[tuple[str, int | float]]:
    """Yield each number of a configuration with its dotted key, those of lists too."""
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, inner in items:
            yield from numbers(inner, f"{path}.{name}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def check_and_build(config: DictConfig) -> None:
    """Do what training does with some groups before it prepares a corpus."""
    check_settings(config)
    for group in config:
        keywords = {"run_dir": None} if group == "evaluation" else {}
        if group != "batches":
            build(config[group], **keywords)


MODEL_OPTIONS = sorted(file.stem for file in (conf_dir() / "model").glob("*.yaml"))


@pytest.mark.parametrize(
    ("option", "groups"),
    [
        *((f"model={model}", ("features", "model", "batches")) for model in MODEL_OPTIONS),
        ("data=synthetic", ("data", "selection", "split", "trainer", "evaluation")),
        ("data=files", ("data",)),
        *((f"sampling={option}", ("sampling",)) for option in ("down", "over")),
        *((f"loss={option} model=lstm", ("model",)) for option in ("asl", "pos_weight_bce")),
    ],
)
def test_a_number_out_of_bounds_is_refused_by_its_key(option: str, groups: tuple[str, ...]) -> None:
    composed = configured(*option.split())
    for group in groups:
        whole = OmegaConf.create({group: plain(composed[group])})
        for key, value in numbers(plain(whole)[group], group):
            for wrong in (-7, math.nan) if isinstance(value, float) else (-7,):
                config = whole.copy()
                OmegaConf.update(config, key, wrong)
                with pytest.raises(InputError) as error:
                    check_and_build(config)
                    pytest.fail(f"{key}={wrong} was taken")
                # Of a list, the whole of it is named.
                named = key.rpartition(".")[0] if key[-1].isdigit() else key
                assert named in str(error.value)
