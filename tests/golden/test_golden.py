"""Results that were recorded once are made again, to the last bit.

Where results change on purpose, `python tests/golden/record.py` records them; the commit says what
changed and shows that quality did not suffer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from golden_digests import recorded, rounds_otherwise
from golden_predictions import MODELS, predicted
from golden_world import live_digests

pytest.importorskip("faiss", reason="needs faiss")

# By which libraries' rounding the digests of a group hold; whole numbers hold on every machine.
ROUNDING = {
    "columns": (),
    "counts, whole numbers": (),
    "counts, fractions": ("numpy",),
    "candidates": ("numpy",),
    "features": ("numpy",),
    "candidates with classifiers": ("numpy", "torch"),
    "features with classifiers": ("numpy", "torch"),
    "classifiers": ("numpy", "torch"),
    "scores": ("numpy", "torch", "lightgbm"),
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def skip_where_rounding_differs(*libraries: str) -> None:
    others = rounds_otherwise(*libraries)
    if others:
        pytest.skip(f"{', '.join(others)} round otherwise on this processor")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    return live_digests(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("group", ROUNDING)
def test_live_results_are_the_recorded_ones(live: dict[str, dict[str, str]], group: str) -> None:
    skip_where_rounding_differs(*ROUNDING[group])
    assert live[group] == recorded()[group]


@pytest.mark.parametrize("model", MODELS)
def test_predictions_are_the_recorded_ones(model: str, tmp_path: Path) -> None:
    skip_where_rounding_differs("numpy", "torch")
    expected = {
        name.removeprefix(f"{model}, "): value
        for name, value in recorded()["predictions"].items()
        if name.startswith(f"{model}, ")
    }
    assert predicted(model, tmp_path / "run") == expected
