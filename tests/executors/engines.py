"""Each engine that can be had here, with two workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tagfinder.configuration.executors import Executor
from tagfinder.configuration.executors.local import LocalExecutor
from tagfinder.configuration.executors.ray_cluster import RayExecutor
from tagfinder.configuration.executors.slurm import SlurmExecutor

HERE = Path(__file__).parent
ENGINES = ("this process", "processes", "submitit", "ray")


@contextmanager
def engine(name: str, folder: Path) -> Iterator[Executor]:
    """Open an engine; skip the test if it is not installed."""
    if name == "this process":
        yield LocalExecutor(jobs=1)
    elif name == "processes":
        yield LocalExecutor(jobs=2)
    elif name == "submitit":
        pytest.importorskip("submitit", reason="needs submitit")
        _let_workers_find_the_tests()
        yield SlurmExecutor(
            jobs=2,
            folder=str(folder / "submitit"),
            partition=None,
            timeout_min=5,
            cpus_per_task=1,
            mem_gb=1,
            cluster="local",
        )
    else:
        pytest.importorskip("ray", reason="needs ray")
        _let_workers_find_the_tests()
        with two_nodes() as address:
            yield RayExecutor(jobs=2, address=address, num_cpus=1)


def _let_workers_find_the_tests() -> None:
    found = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([str(HERE), *filter(None, found)]))


@contextmanager
def two_nodes() -> Iterator[str]:
    """Begin a cluster of two nodes of one core each on this machine; return its address."""
    import ray
    from ray.cluster_utils import Cluster

    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    node = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(**{key: node[key] for key in ("num_cpus", "object_store_memory")})
    cluster.wait_for_nodes()
    try:
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()
