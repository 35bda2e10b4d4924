"""Workers as jobs of a Slurm cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tagfinder.configuration.executors import Handle
from tagfinder.errors import InputError


class SlurmExecutor:
    """An array of jobs, submitted by submitit.

    The folders of corpus and output have to be seen by all nodes. New jobs take over the unfinished
    work of a job that reached its time limit.

    Args:
        jobs: jobs of an array.
        folder: where submitit keeps scripts and logs; seen by all nodes.
        partition: of the cluster; None takes its default.
        timeout_min: longest time of a job, in minutes.
        cpus_per_task: cores of a job.
        mem_gb: memory of a job.
        cluster: `slurm`, or `local` for the same with processes of this machine.

    Raises:
        InputError: the submitit package or the cluster is not there.
    """

    def __init__(
        self,
        *,
        jobs: int,
        folder: str,
        partition: str | None,
        timeout_min: int,
        cpus_per_task: int,
        mem_gb: float,
        cluster: str = "slurm",
    ) -> None:
        if jobs < 1:
            raise InputError(f"executor.jobs is {jobs}; expected at least 1")
        try:
            import submitit
        except ImportError as error:
            raise InputError(
                "executor=slurm needs the submitit package; pip install 'tagfinder[sweep]'"
            ) from error
        try:
            self.submitter = submitit.AutoExecutor(Path(folder).absolute(), cluster=cluster)
        except RuntimeError as error:
            raise InputError(
                f"executor=slurm finds no cluster here ({error}); call it where sbatch is, or take "
                "executor=local"
            ) from error
        self.jobs = jobs
        self.submitter.update_parameters(
            name="tagfinder",
            timeout_min=timeout_min,
            cpus_per_task=cpus_per_task,
            mem_gb=mem_gb,
            **({"slurm_partition": partition} if partition else {}),
        )

    def start(self, worker: Callable[[], Any], most: int) -> Sequence[Handle]:
        """Submit the array."""
        with self.submitter.batch():
            return [self.submitter.submit(worker) for _ in range(min(self.jobs, most))]
