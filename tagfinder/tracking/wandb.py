"""Weights & Biases: online if there is a key, otherwise files that can be synced later."""

from __future__ import annotations

import os
import shlex
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import requests.utils
import wandb
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from tagfinder.files import read_json, write_json
from tagfinder.tracking.tracker import numbers, pictures, score_rows

RUN_FILE = "wandb.json"
HOST = "https://api.wandb.ai"
INTERRUPTED = 255


class WandbTracker(WandbLogger):
    """Config, metrics by epoch, final scores, figures and the exit state of a run.

    The run's id lies in `wandb.json` of its folder before training begins, so that a run that is
    resumed, however it was stopped, continues as the same one.

    Args:
        save_dir: the run's folder.
        project: project at Weights & Biases.
        entity: user or team; None takes the account's default.
        group: of the run, such as a sweep; None for no group.
        mode: `online`, `offline`, or `auto`: online if there is a key. There is never a prompt.
        seconds_between_system_metrics: how often load and memory are measured.
    """

    def __init__(
        self,
        save_dir: str,
        project: str,
        *,
        entity: str | None = None,
        group: str | None = None,
        mode: str = "auto",
        seconds_between_system_metrics: float = 15.0,
    ) -> None:
        self.folder = Path(save_dir)
        self.offline = not has_key() if mode == "auto" else mode == "offline"
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            mode="offline" if self.offline else "online",
            silent=True,
            x_stats_sampling_interval=seconds_between_system_metrics,
        )
        super().__init__(
            name=self.folder.name,
            save_dir=save_dir,
            project=project,
            id=run_id(self.folder),
            entity=entity,
            group=group,
            # Without a server there is nothing to ask; equal ids are one run when they are synced.
            resume=None if self.offline else "allow",
            settings=settings,
        )

    @rank_zero_only
    def begin(self, config: dict[str, Any], overrides: Sequence[str]) -> None:
        """Write the configuration and the overrides."""
        self.experiment.config.update(
            {**config, "overrides": list(overrides)}, allow_val_change=True
        )

    @rank_zero_only
    def result(self, metrics: dict[str, Any], figures: Path) -> None:
        """Write the final scores, as summary and as a table, and the figures."""
        self.experiment.summary.update(numbers(metrics))
        table = wandb.Table(columns=["score", "val", "test"], data=list(score_rows(metrics)))
        images = {f"figures/{name}": wandb.Image(str(f)) for name, f in pictures(figures).items()}
        self.experiment.log({"scores": table, **images})

    @rank_zero_only
    def close(self, failed: bool) -> None:
        """End the run with its exit state; say how to sync if it is offline."""
        if self._experiment is None:
            return
        self._experiment.finish(exit_code=INTERRUPTED if failed else 0)
        self._experiment = None
        if self.offline:
            parts = f"{shlex.quote(str(self.folder / 'wandb'))}/offline-run-*"
            click.echo(
                f"Weights & Biases: tracked offline. Upload with: wandb sync {parts}", err=True
            )


def has_key() -> bool:
    """Tell whether there is a key, in the environment or in the netrc file that `login` writes."""
    if any(os.environ.get(name) for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")):
        return True
    host = os.environ.get("WANDB_BASE_URL", HOST)
    return requests.utils.get_netrc_auth(host) is not None


def run_id(folder: Path) -> str:
    """Return the id of the run in a folder; a new one is written down before it is used."""
    file = folder / RUN_FILE
    if not file.is_file():
        write_json(file, {"id": uuid.uuid4().hex[:8]})
    return str(read_json(file)["id"])
