"""Values of the keys that no class of this project annotates."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from tagfinder.configuration.types import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    Seed,
    fits,
    in_words,
)
from tagfinder.errors import InputError

# What each key may hold; Lightning accepts other values of its keys, or answers them late.
SETTINGS: dict[str, Any] = {
    "seed": Seed,
    "first_posts": PositiveInt | None,
    "partition_rows": PositiveInt,
    "checkpoint_every": PositiveInt,
    "patience": PositiveInt | None,
    "tags": list[str],
    "note": str | None,
    "batches.batch_size": PositiveInt | None,
    "batches.eval_batch_size": PositiveInt,
    "batches.pool": PositiveInt,
    "batches.drop_last": bool,
    "batches.seed": Seed,
    # Schedules and checkpoints go by it; trainer.max_steps may end training earlier.
    "trainer.max_epochs": PositiveInt,
    "trainer.num_sanity_val_steps": NonNegativeInt,
    "trainer.log_every_n_steps": PositiveInt,
    "trainer.accumulate_grad_batches": PositiveInt,
    "trainer.check_val_every_n_epoch": PositiveInt | None,
    "trainer.gradient_clip_val": NonNegativeFloat | None,
}


def check_settings(config: DictConfig) -> None:
    """Refuse a value of another type, or a number out of bounds. Missing keys are not checked.

    Raises:
        InputError: naming the key, the value and what is expected.
    """
    for key, annotation in SETTINGS.items():
        group = OmegaConf.select(config, key.rpartition(".")[0]) if "." in key else config
        name = key.rpartition(".")[2]
        if group is None or name not in group:
            continue
        value: Any = group[name]
        value = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
        if not fits(value, annotation):
            raise InputError(f"{key}={value}: expected {in_words(annotation)}")
