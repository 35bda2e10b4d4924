"""Names of the folders of a sweep's runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagfinder.configuration.job_folder import LONGEST_NAME, folder_of_job

OVERRIDES = st.lists(
    st.sampled_from(["model=lstm", "seed=1", "seed=2", "data.rows=900", "loss=bce"]), unique=True
)


@given(OVERRIDES.flatmap(lambda given: st.tuples(st.just(given), st.permutations(given))))
def test_the_order_of_overrides_does_not_name_another_run(
    orders: tuple[list[str], list[str]],
) -> None:
    given, permuted = orders
    assert folder_of_job(given) == folder_of_job(permuted)


@given(OVERRIDES, OVERRIDES)
def test_other_overrides_name_another_run(one: list[str], other: list[str]) -> None:
    assert (folder_of_job(one) == folder_of_job(other)) == (sorted(one) == sorted(other))


def test_the_parent_folder_does_not_name_a_run_and_long_names_are_cut() -> None:
    assert folder_of_job(["seed=1", "run_dir=a", "resume=auto"]) == folder_of_job(["seed=1"])
    assert len(folder_of_job([f"key{i}=value" for i in range(50)])) == LONGEST_NAME + len("-123456")
