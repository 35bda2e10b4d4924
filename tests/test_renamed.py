"""Names of earlier versions are answered with the present ones."""

from __future__ import annotations

import pytest

from tagfinder.configuration.overrides import _defaults
from tagfinder.configuration.renamed import KEYS, TARGETS, check_renamed, upgraded
from tagfinder.errors import InputError


@pytest.mark.parametrize(
    ("override", "present"),
    [
        ("model.parts=[words]", "model.sources"),
        ("+model.ranker.trees=5", "model.ranker.num_iterations"),
        ("model.knowledge.classifier.every_days=3", "model.knowledge.classifier.interval_days"),
    ],
)
def test_an_earlier_key_is_answered_with_the_present_one(override: str, present: str) -> None:
    with pytest.raises(InputError, match=f"is called {present} now"):
        check_renamed(["model=live", override])


def test_other_overrides_are_left_alone() -> None:
    check_renamed(["model=live", "model.sources=[words]", "seed=3", "--multirun"])


def test_saved_configurations_get_present_names_wherever_they_are() -> None:
    saved = {
        "model": {
            "parts": ["words"],
            "text_index": {"_target_": "tagfinder.live.tantivy_index.TantivyIndex"},
            "knowledge": {"classifier": {"days": 3, "epochs": 2}},
        },
        "other": {"parts": 3},
        "list": [{"_target_": "tagfinder.live.features.LiveFeatures"}],
    }
    assert upgraded(saved) == {
        "model": {
            "sources": ["words"],
            "text_index": {"_target_": TARGETS["tagfinder.live.tantivy_index.TantivyIndex"]},
            "knowledge": {"classifier": {"window_days": 3, "epochs": 2}},
        },
        "other": {"parts": 3},
        "list": [{"_target_": "tagfinder.live.timeline.LiveFeatures"}],
    }


def test_present_names_are_there() -> None:
    keys = _defaults()
    for earlier, present in KEYS.items():
        assert present in keys, present
        assert earlier not in keys, earlier
