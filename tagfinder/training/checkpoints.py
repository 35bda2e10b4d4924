"""Checkpoints that are whole or not there, and finding the newest whole one."""

from __future__ import annotations

import logging
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Checkpoint

logger = logging.getLogger(__name__)

LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
PARTIAL = "partial"
KEPT = re.compile(r"epoch-(\d+)\.ckpt")


class Checkpoints(Checkpoint):
    """Writes `last.ckpt` after every epoch and keeps `epoch-010.ckpt`, `epoch-020.ckpt` ...

    A new `last.ckpt` is written in full beside the old one before it takes its place, and the
    old one stays as `previous.ckpt`: whenever the process dies, a whole checkpoint remains, at
    most one epoch behind. Of a signal in the middle of an epoch (Ctrl-C, SIGTERM) nothing more
    is to be saved: only at the border of two epochs a run can be continued bit for bit.

    Args:
        folder: where the checkpoints go.
        every_n_epochs: epochs between two checkpoints that stay.
    """

    def __init__(self, folder: Path, every_n_epochs: int = 10) -> None:
        self.folder = Path(folder)
        self.every_n_epochs = every_n_epochs

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write the checkpoint of this epoch; the trainer calls this after all other callbacks."""
        partial = self.folder / f"{LAST}.{PARTIAL}"
        trainer.save_checkpoint(partial, weights_only=False)
        if trainer.is_global_zero:
            self._publish(partial, trainer.current_epoch + 1)

    def _publish(self, partial: Path, epoch: int) -> None:
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        # The copy that stays comes first: an epoch that `last.ckpt` has is never trained again.
        if epoch % self.every_n_epochs == 0:
            link_or_copy(partial, kept_path(self.folder, epoch))
        last = self.folder / LAST
        if last.exists():
            last.replace(self.folder / PREVIOUS)
        partial.replace(last)


def kept_path(folder: Path, epoch: int) -> Path:
    """Return where the checkpoint after `epoch` epochs stays."""
    return folder / f"epoch-{epoch:03d}.ckpt"


def link_or_copy(source: Path, target: Path) -> None:
    """Put a file at a second place, without a second copy where the file system can."""
    partial = target.with_name(f"{target.name}.{PARTIAL}")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    partial.replace(target)


def kept_checkpoints(folder: Path) -> dict[int, Path]:
    """Return epochs trained -> checkpoint that stays, the earliest first."""
    found = {
        int(match[1]): path for path in folder.glob("*.ckpt") if (match := KEPT.match(path.name))
    }
    return dict(sorted(found.items()))


def newest_whole(folder: Path) -> Path | None:
    """Return the newest checkpoint that is whole; say which ones are not."""
    kept = list(kept_checkpoints(folder).values())
    for path in [folder / LAST, folder / PREVIOUS, *reversed(kept)]:
        if is_whole(path):
            return path
        if path.exists():
            logger.warning("%s is damaged; the checkpoint before it is used", path)
    return None


def is_whole(path: Path) -> bool:
    """Tell whether a checkpoint is complete and its checksums hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        return False
