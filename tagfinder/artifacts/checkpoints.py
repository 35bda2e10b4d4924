"""The checkpoint files of a run: names, integrity, contents."""

from __future__ import annotations

import logging
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP

if TYPE_CHECKING:
    from torch import nn

logger = logging.getLogger(__name__)

LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
BEST = "best.ckpt"
PARTIAL = "partial"
KEPT = re.compile(r"epoch-(\d+)\.ckpt")


def scored_checkpoint(folder: Path, wanted: str) -> Path:
    """Return the checkpoint whose weights were scored.

    Args:
        folder: the run's folder of checkpoints.
        wanted: `best` or `last`; if there is no best one, because nothing was validated while
            training, the last is taken.

    Raises:
        InputError: `wanted` is neither.
    """
    if wanted not in ("best", "last"):
        raise InputError(f"scored_checkpoint={wanted}; expected best or last")
    best = folder / BEST
    return best if wanted == "best" and best.is_file() else folder / LAST


def kept_path(folder: Path, epoch: int) -> Path:
    """Return the path of the kept checkpoint after `epoch` epochs."""
    return folder / f"epoch-{epoch:03d}.ckpt"


def link_or_copy(source: Path, target: Path) -> None:
    """Link a file to a second path, or copy it if the file system cannot link."""
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


def newest_intact(folder: Path) -> Path | None:
    """Return the newest intact checkpoint; warn about damaged ones."""
    kept = list(kept_checkpoints(folder).values())
    for path in [folder / LAST, folder / PREVIOUS, *reversed(kept)]:
        if is_intact(path):
            return path
        if path.exists():
            logger.warning("%s is damaged; the checkpoint before it is used", path)
    return None


def is_intact(path: Path) -> bool:
    """Tell whether a checkpoint is complete and its checksums hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except DAMAGED_ZIP:
        return False


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint of plain data, which cannot run code.

    Raises:
        InputError: the file is not such a checkpoint.
    """
    import torch  # not needed where a run's weights are read as plain files

    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as a checkpoint of plain data ({type(error).__name__}); "
            "it is damaged or was not written by tagfinder"
        ) from error
    return checkpoint


def load_weights(model: nn.Module, path: Path) -> int:
    """Put a checkpoint's weights into a model; return how many epochs made them."""
    content = load_checkpoint(path)
    model.load_state_dict(content["state_dict"])
    return int(content["epoch"]) + 1


def epochs_in(path: Path) -> int:
    """Return how many epochs made a checkpoint."""
    return int(load_checkpoint(path)["epoch"]) + 1
