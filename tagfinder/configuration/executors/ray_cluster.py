"""Workers as tasks of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tagfinder.configuration.executors import Handle
from tagfinder.errors import InputError


class RayExecutor:
    """One task of Ray Core for each worker, spread over the nodes.

    A task lasts until no unit is left, and so holds what it loaded, such as a model, as an actor
    would. The folders of corpus and output have to be seen by all nodes.

    Args:
        jobs: tasks; None takes as many as the cluster has room for.
        address: of the cluster (`ray start --head` prints it); None starts one on this machine.
        num_cpus: cores of a task.

    Raises:
        InputError: the ray package or the cluster is not there.
    """

    def __init__(self, *, jobs: int | None, address: str | None, num_cpus: float) -> None:
        try:
            import ray
        except ImportError as error:
            raise InputError(
                "executor=ray needs the ray package; pip install 'tagfinder[ray]'"
            ) from error
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, logging_level="warning")
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise InputError(
                    f"executor.address={address}: no Ray cluster answers there "
                    f"({' '.join(str(error).split())[:200]}); begin one with `ray start --head`"
                ) from error
        self.ray = ray
        self.num_cpus = num_cpus
        room = int(ray.cluster_resources().get("CPU", 1) // num_cpus)
        self.jobs = jobs or max(room, 1)

    def start(self, worker: Callable[[], Any], most: int) -> Sequence[Handle]:
        """Start the tasks."""
        task = self.ray.remote(num_cpus=self.num_cpus, scheduling_strategy="SPREAD")(worker_of)
        handle = self.ray.put(worker)
        return [task.remote(handle).future() for _ in range(min(self.jobs, most))]


def worker_of(worker: Callable[[], Any]) -> Any:
    """Call a worker: Ray's tasks are plain functions."""
    return worker()
