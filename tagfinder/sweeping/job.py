"""One run of a sweep: skipped if it is finished, gone on with if it is not, alone if it fails."""

from __future__ import annotations

import logging
import math
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from omegaconf import DictConfig

from tagfinder.artifacts.ownership import alone_in
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.configuration.application import output_dir, overrides
from tagfinder.configuration.build import plain
from tagfinder.configuration.job_folder import PLACES
from tagfinder.errors import InputError, TagFinderError
from tagfinder.files import write_text
from tagfinder.sweeping.records import TRACE_FILE, JobRecord, read_record
from tagfinder.training.resume import differing_keys

logger = logging.getLogger(__name__)

OUTPUT_FILE = "output.txt"


class PrunedError(Exception):
    """A trial is stopped because others were better at its age; its run is no failure."""


def run_job(function: Callable[[DictConfig], float | None], config: DictConfig, sweep: str) -> None:
    """Run the task of one job; how it went is in `job.json` of the job's folder.

    The job's output goes to `output.txt` of its folder, the trace of its error to
    `error.txt`. No error of a job ends the sweep.

    Args:
        function: gives the score of a configuration, None if there is none.
        config: the job's configuration.
        sweep: name of the sweep, by which trackers group its runs.
    """
    folder = output_dir()
    with alone_in(folder) as alone:
        if not alone:
            logger.warning("%s is being run by another process", folder)
            return
        config.sweep = sweep
        config.resume = "auto"
        config.trainer.enable_progress_bar = False
        before = read_record(folder)
        if before is not None and before.status == "ok" and _is_finished(RunFolder(folder), config):
            return
        record = JobRecord([o for o in overrides() if o.partition("=")[0] not in PLACES])
        if before is not None:
            record.seconds, record.began = before.seconds, before.began
        _run(lambda: function(_checked(config)), folder, record)


def _run(score: Callable[[], float | None], folder: Path, record: JobRecord) -> None:
    record.write(folder)
    began, earlier = time.perf_counter(), record.seconds
    try:
        with (folder / OUTPUT_FILE).open("a", encoding="utf-8") as stream, redirect_stdout(stream):
            record.score = score()
        if record.score is not None and not math.isfinite(record.score):
            record.status, record.error = "failed", f"the score is {record.score}"
            record.score = None
        else:
            record.status = "ok"
            (folder / TRACE_FILE).unlink(missing_ok=True)
    except PrunedError as stop:
        record.status, record.error = "pruned", str(stop)
    except Exception as error:
        record.status, record.error = "failed", _sentence(error)
        write_text(folder / TRACE_FILE, traceback.format_exc())
    except BaseException:
        record.status = "stopped"
        raise
    finally:
        record.seconds = earlier + time.perf_counter() - began
        record.write(folder)


def _is_finished(run: RunFolder, config: DictConfig) -> bool:
    # Another configuration is not refused here: continuing the run will say what differs.
    return (
        run.metrics_file.is_file()
        and run.config.trainer.max_epochs == config.trainer.max_epochs
        and not differing_keys(plain(run.config), plain(config))
    )


def _checked(config: DictConfig) -> DictConfig:
    if str(config.trainer.devices) not in ("1", "auto", "[0]"):
        raise InputError(
            f"trainer.devices={config.trainer.devices}: a run of a sweep is one process, because "
            "Lightning's further processes do not know a sweep's folders; run it by itself"
        )
    return config


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, TagFinderError) else f"{type(error).__name__}: {text}"
