"""Wrong values of keys that no class annotates are answered in a sentence."""

from __future__ import annotations

import pytest
from composed import configured

from tagfinder.configuration.settings import SETTINGS, check_settings
from tagfinder.errors import InputError

WHOLE = ("true", "2.5", "many", "[1]")
FROM_1 = (*WHOLE, "0", "-1")
WRONG = {
    "seed": (*WHOLE, "null", "-1", "4294967296"),
    "first_posts": FROM_1,
    "partition_rows": (*FROM_1, "null"),
    "checkpoint_every": (*FROM_1, "null"),
    "patience": FROM_1,
    "tags": ("word", "[1]", "null", "true"),
    "note": ("[a]", "1", "true"),
    "batches.batch_size": FROM_1,
    "batches.eval_batch_size": (*FROM_1, "null"),
    "batches.pool": (*FROM_1, "null"),
    "batches.drop_last": ("1", "many", "null"),
    "batches.seed": (*WHOLE, "null", "-1", "4294967296"),
    "trainer.max_epochs": (*FROM_1, "null"),
    "trainer.num_sanity_val_steps": (*WHOLE, "-2", "null"),
    "trainer.log_every_n_steps": (*FROM_1, "null"),
    "+trainer.accumulate_grad_batches": (*FROM_1, "null"),
    "+trainer.check_val_every_n_epoch": FROM_1,
    "+trainer.gradient_clip_val": ("true", "many", "-1", ".nan", ".inf"),
}


def test_every_setting_has_wrong_values_here() -> None:
    assert [key.lstrip("+") for key in WRONG] == list(SETTINGS)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_refused_with_what_is_expected(key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"^{key.lstrip('+')}=.*: expected "):
        check_settings(configured(f"{key}={value}"))


def test_right_values_are_taken() -> None:
    check_settings(configured())
    check_settings(
        configured("seed=0", "first_posts=1", "patience=3", "tags=[a,b]", "note='a note'")
    )
    check_settings(
        configured("batches.batch_size=null", "trainer.max_epochs=1", "+trainer.max_steps=3")
    )
