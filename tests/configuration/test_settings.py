"""Wrong values of the keys that belong to no group are answered in a sentence."""

from __future__ import annotations

import pytest
from composed import configured

from tagfinder.configuration.settings import SETTINGS, check_settings
from tagfinder.errors import InputError

WHOLE = ("true", "2.5", "many", "[1]")
WRONG = {
    "seed": (*WHOLE, "null", "-1", "4294967296"),
    "first_posts": (*WHOLE, "0"),
    "partition_rows": (*WHOLE, "null", "0"),
    "checkpoint_every": (*WHOLE, "null", "0"),
    "patience": (*WHOLE, "0"),
    "tags": ("word", "[1]", "null", "true"),
    "note": ("[a]", "1", "true"),
}


def test_every_setting_has_wrong_values_here() -> None:
    assert WRONG.keys() == SETTINGS.keys()


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_refused_with_what_is_expected(key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"^{key}=.*: expected "):
        check_settings(configured(f"{key}={value}"))


def test_right_values_are_taken() -> None:
    check_settings(configured())
    check_settings(
        configured("seed=0", "first_posts=1", "patience=3", "tags=[a,b]", "note='a note'")
    )
