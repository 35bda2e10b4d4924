"""Every key of the composed configuration answers a value of a wrong type by its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from composed import configured
from omegaconf import DictConfig, OmegaConf

from tagfinder.configuration.build import build, plain
from tagfinder.errors import InputError

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
