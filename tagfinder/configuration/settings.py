"""Values of the keys that belong to no group of the configuration."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from tagfinder.configuration.types import fits, in_words
from tagfinder.errors import InputError

# What a value is, and the least number that it may be.
SETTINGS: dict[str, tuple[Any, int | None]] = {
    "seed": (int, 0),
    "first_posts": (int | None, 1),
    "partition_rows": (int, 1),
    "checkpoint_every": (int, 1),
    "patience": (int | None, 1),
    "tags": (list[str], None),
    "note": (str | None, None),
}
# NumPy takes no larger seed.
HIGHEST_SEED = 2**32 - 1


def check_settings(config: DictConfig) -> None:
    """Refuse a value of another type, or a number out of bounds. Missing keys are not checked.

    Raises:
        InputError: naming the key, the value and what is expected.
    """
    for key, (annotation, least) in SETTINGS.items():
        if key not in config:
            continue
        value: Any = config[key]
        value = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
        if not fits(value, annotation):
            raise InputError(f"{key}={value}: expected {in_words(annotation)}")
        if least is not None and value is not None and value < least:
            raise InputError(f"{key}={value}: expected a whole number from {least}")
        if key == "seed" and value > HIGHEST_SEED:
            raise InputError(f"seed={value}: expected a whole number up to {HIGHEST_SEED}")
