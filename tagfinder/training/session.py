"""One resumable training session: from scratch or from a checkpoint."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytorch_lightning as lightning
import torch

from tagfinder.artifacts.checkpoints import epochs_in
from tagfinder.errors import InputError
from tagfinder.training.checkpoints import Checkpoints
from tagfinder.training.early_stopping import EarlyStopping
from tagfinder.training.history import History
from tagfinder.training.random_states import RandomStates


@dataclass
class Resumable:
    """The callbacks with which a run can be resumed bit for bit.

    Attributes:
        history: scores and seconds by epoch.
        checkpoints: the files, and which epoch was best.
        others: random states, early stopping.
    """

    history: History
    checkpoints: Checkpoints
    others: list[lightning.Callback]

    @property
    def callbacks(self) -> list[lightning.Callback]:
        """All of it for the trainer."""
        return [*self.others, self.history, self.checkpoints]


def resumable(
    run_dir: Path, seed: int, every_n_epochs: int, patience: int | None = None
) -> Resumable:
    """Return the callbacks that a run needs to be continued bit for bit.

    Args:
        run_dir: the run's folder.
        seed: of the first epoch.
        every_n_epochs: epochs between two checkpoints that stay.
        patience: epochs without a better validation NDCG@5 after which training stops.
    """
    return Resumable(
        history=History(run_dir / "history.json"),
        checkpoints=Checkpoints(run_dir / "checkpoints", every_n_epochs),
        others=[RandomStates(seed), *([EarlyStopping(patience)] if patience else [])],
    )


def fit(
    trainer: lightning.Trainer,
    model: lightning.LightningModule,
    data: lightning.LightningDataModule,
    checkpoint: Path | None,
    resume_command: str,
) -> None:
    """Train to the end, from a checkpoint if there is one.

    Ctrl-C and SIGTERM end the process with a line saying how to continue.

    Raises:
        InputError: the checkpoint has more epochs than were asked for.
    """
    if checkpoint is not None:
        assert trainer.max_epochs is not None
        epoch = epochs_in(checkpoint)
        if epoch > trainer.max_epochs:
            raise InputError(
                f"trainer.max_epochs={trainer.max_epochs} but {checkpoint} has {epoch} epochs; "
                "ask for more, or begin a run of its own with another run_dir"
            )
        click.echo(f"resuming after epoch {epoch}, from {checkpoint}", err=True)
    with telling_how_to_go_on(resume_command):
        trainer.fit(model, data, ckpt_path=checkpoint, weights_only=True)


@contextmanager
def telling_how_to_go_on(command: str) -> Iterator[None]:
    """Print the command that continues where Ctrl-C or SIGTERM stops the block."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        click.echo(f"\nstopped; the last complete epoch is kept. Resume with: {command}", err=True)
        raise SystemExit(130) from None


def resume_command(run_dir: Path, overrides: Sequence[str]) -> str:
    """Return the command line that resumes a run."""
    kept = [o for o in overrides if o.partition("=")[0] not in ("run_dir", "resume")]
    return shlex.join(["tagfinder", "train", *kept, f"run_dir={run_dir}", "resume=auto"])


def model_bytes(model: lightning.LightningModule) -> int:
    """Return the size of a model's weights in bytes, without the optimiser's state."""
    return sum(_sizes(model.state_dict()))


def _sizes(value: Any) -> Iterator[int]:
    # What a recommender without gradients learned lies in a state dict of its own inside, trees
    # as text.
    if isinstance(value, torch.Tensor):
        yield value.nbytes
    elif isinstance(value, str):
        yield len(value.encode())
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _sizes(inner)
