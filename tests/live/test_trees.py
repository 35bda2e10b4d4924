"""Trees as arrays score what LightGBM scores."""

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.live.ranking.trees import Trees, largest_float32, node_inputs

N, F = 4_000, 8


def features(seed: int, missing: bool = True) -> np.ndarray:
    """Columns of several kinds: counts, shares with many equal ones, and some with gaps."""
    draw = np.random.default_rng(seed)
    table = draw.normal(size=(N, F)).astype(np.float32)
    table[:, 0] = draw.integers(0, 5, N)
    # 0.2 as a float32 lies above 0.2: a threshold between two neighbours must not be rounded.
    table[:, 1] = draw.choice(np.array([0.2, 0.19999999, 0.3, 1e-7], np.float32), N)
    if missing:
        table[draw.random((N, F)) < 0.3] = np.nan
        # No gap while learning in this one.
        table[:, 2] = np.nan_to_num(table[:, 2])
    return table


def learned(rows: np.ndarray, n_trees: int = 60) -> lightgbm.Booster:
    draw = np.random.default_rng(1)
    filled = np.nan_to_num(rows, nan=-1.0)
    relevant = (filled[:, 0] + filled[:, 1] * 8 + filled[:, 3] + draw.normal(size=N) > 2).astype(
        int
    )
    data = lightgbm.Dataset(rows, relevant, group=[40] * (N // 40), params={"verbose": -1})
    settings = {
        "objective": "lambdarank",
        "num_leaves": 15,
        "feature_fraction": 0.7,
        "seed": 1,
        "verbose": -1,
    }
    return lightgbm.train(settings, data, n_trees)


@pytest.fixture(scope="module")
def booster() -> lightgbm.Booster:
    return learned(features(1))


def kinds_of_nodes(booster: lightgbm.Booster) -> set[tuple[str, bool]]:
    frame = booster.trees_to_dataframe().dropna(subset=["split_feature"])
    return set(zip(frame["missing_type"], frame["missing_direction"] == "left", strict=True))


def test_all_kinds_of_missing_numbers_are_among_the_nodes(booster: lightgbm.Booster) -> None:
    assert kinds_of_nodes(booster) >= {("NaN", True), ("NaN", False), ("None", True)}


@pytest.mark.parametrize("missing", [True, False])
def test_scores_are_lightgbms_to_the_last_bit(booster: lightgbm.Booster, missing: bool) -> None:
    rows = features(2, missing)[:500]
    rows[:250, 2] = np.nan  # where it was never missing while learning
    rows[250:300] = np.nan
    trees = Trees.of_booster(booster)
    assert len(trees) == booster.num_trees()
    for first, last in ((0, len(trees)), (0, 7), (7, 40), (59, 60)):
        expected = booster.predict(rows, start_iteration=first, num_iteration=last - first)
        assert np.array_equal(trees.scores(node_inputs(rows), first, last), expected)


def test_values_at_a_threshold_take_lightgbms_branch(booster: lightgbm.Booster) -> None:
    splits = booster.trees_to_dataframe().dropna(subset=["split_feature"])
    rows = features(3)[: len(splits)]
    assert len(rows) == len(splits)
    for row, name, threshold in zip(
        rows, splits["split_feature"], splits["threshold"], strict=True
    ):
        row[booster.feature_name().index(name)] = largest_float32(threshold)
    scores = Trees.of_booster(booster).scores(node_inputs(rows), 0, 60)
    assert np.array_equal(scores, booster.predict(rows))


def test_missing_trees_add_zero(booster: lightgbm.Booster) -> None:
    trees, table = Trees.of_booster(booster), node_inputs(features(2)[:5])
    assert np.array_equal(trees.scores(table, 20, 900), trees.scores(table, 20, len(trees)))
    assert not trees.scores(table, 900, 950).any()


def test_no_candidate_has_no_score(booster: lightgbm.Booster) -> None:
    assert Trees.of_booster(booster).scores(node_inputs(features(2)[:0]), 0, 60).shape == (0,)


def test_a_tree_of_one_leaf_adds_its_value() -> None:
    rows = np.zeros((N, F), np.float32)
    booster = lightgbm.train(
        {"objective": "regression", "verbose": -1}, lightgbm.Dataset(rows, np.full(N, 3.0)), 1
    )
    assert Trees.of_booster(booster).scores(node_inputs(rows[:2]), 0, 1).tolist() == [3.0, 3.0]


@given(st.floats(-(2.0**90), 2.0**90, width=32), st.floats(-1e-7, 1e-7))
def test_no_float32_lies_between_a_threshold_and_its_float32(x: float, relative: float) -> None:
    threshold = x * (1 + relative)
    rounded = float(largest_float32(threshold))
    assert rounded <= threshold
    assert (x <= threshold) == (x <= rounded)


def test_a_threshold_beyond_float32_stays_above_all_finite_numbers() -> None:
    assert largest_float32(1.7e308) == np.finfo(np.float32).max


def test_trees_are_kept_as_arrays(booster: lightgbm.Booster) -> None:
    trees, rows = Trees.of_booster(booster), node_inputs(features(3))
    again = Trees.checked(trees.arrays, F)
    assert again.scores(rows, 0, 60).tolist() == trees.scores(rows, 0, 60).tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [("columns", 3 * F), ("children", 10**6), ("roots", 10**6), ("depths", 10**9)],
)
def test_damaged_trees_are_refused_before_they_are_descended(
    booster: lightgbm.Booster, name: str, value: int
) -> None:
    arrays = {key: array.copy() for key, array in Trees.of_booster(booster).arrays.items()}
    arrays[name][1] = value
    with pytest.raises(ValueError, match="damaged"):
        Trees.checked(arrays, F)
