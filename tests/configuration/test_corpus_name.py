"""Names of corpora and of the folders of a sweep's runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from tagfinder.configuration.application import register_resolvers
from tagfinder.configuration.corpus_name import corpus_name
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


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("exports/my posts.csv.gz", "my_posts"),
        (["a/2021.csv", "b"], "2021"),
        ("exports/*.csv", "exports"),
        ("../../etc/passwd", "passwd"),
        ("日記.jsonl", "日記"),
        ("x" * 300, "x" * 40),
        (None, "files"),
    ],
)
def test_own_posts_are_called_as_their_file(path: str | list[str] | None, name: str) -> None:
    assert corpus_name(None, path) == name
    assert corpus_name("mine", path) == "mine"
    # The folder of a run is called so, too.
    register_resolvers()
    data = OmegaConf.create({"name": None, "path": path})
    assert (
        OmegaConf.create({"data": data, "dir": "${tagfinder_corpus:${data}}-x"}).dir == f"{name}-x"
    )
