"""Scoring a finished run again: with its scored weights, others, or all kept ones."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from omegaconf import DictConfig
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tagfinder.artifacts.checkpoints import (
    BEST,
    LAST,
    epochs_in,
    is_intact,
    kept_checkpoints,
    load_weights,
)
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.configuration.build import build, build_model
from tagfinder.corpus.prepared import Part
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.errors import InputError
from tagfinder.escaping import in_one_line
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.files import read_json
from tagfinder.runs.corpus import corpus_of
from tagfinder.training.modules import module_of
from tagfinder.training.session import model_bytes

COLUMNS = {
    "epoch": "epoch",
    "ndcg@5": "NDCG@5",
    "map@5": "MAP@5",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "report_ndcg@5": "report NDCG@5",
    "report_map@5": "report MAP@5",
    "seconds": "seconds",
    "model_bytes": "model bytes",
    "checkpoint_bytes": "checkpoint bytes",
}


def evaluate(folder: Path, checkpoint: str, part: Part) -> list[dict[str, Any]]:
    """Score one part of a run's corpus with one or all of its checkpoints.

    Args:
        folder: the run's folder.
        checkpoint: `scored` (the run's own choice), `best`, `last`, `all` (the kept ones, the
            best and the last) or a checkpoint's path.
        part: `val` or `test`.

    Returns:
        One mapping per checkpoint: `checkpoint`, `epoch`, `seconds` (of training until then),
        `model_bytes` (weights), `checkpoint_bytes` (weights and optimiser), and every score.

    Raises:
        InputError: the folder is no run's, or has no such checkpoint.
    """
    run = RunFolder.open(folder)
    files = list(chosen_checkpoints(run, checkpoint))
    config = run.config
    data = data_of(run, config)
    model = module_of(build_model(config.model, run.label_set, data.features))
    # The best and the last epoch may have stayed as well.
    by_epoch = {epochs_in(file): file for file in files}
    return [
        judged(run, config, file, part=part, model=model, data=data)
        for _, file in sorted(by_epoch.items())
    ]


def chosen_checkpoints(run: RunFolder, checkpoint: str) -> Iterator[Path]:
    """Yield the checkpoints that a word or a path names.

    Raises:
        InputError: there is none, or it is damaged.
    """
    named = {"scored": run.weights, "best": run.checkpoints / BEST, "last": run.checkpoints / LAST}
    if checkpoint == "all":
        if named["best"].is_file():
            yield intact_of(run, named["best"])
        yield intact_of(run, named["last"])
        for kept in kept_checkpoints(run.checkpoints).values():
            yield intact_of(run, kept)
    elif checkpoint in named:
        yield intact_of(run, named[checkpoint])
    else:
        yield intact(Path(checkpoint))


def intact_of(run: RunFolder, path: Path) -> Path:
    """Return the path of one of a run's checkpoints that is intact and as the run left it.

    Raises:
        InputError: it is not there, damaged or was altered.
    """
    if not run.checkpoints.exists() and run.state.exists():
        raise InputError(
            f"posts were deleted from {run.path}, and with them its checkpoints, which had learned "
            "from them: it suggests and can be taught; to score it again, train it again"
        )
    return run.checked(intact(path))


def intact(path: Path) -> Path:
    """Return the path of an intact checkpoint.

    Raises:
        InputError: it is not there or damaged.
    """
    if not is_intact(path):
        state = "is damaged" if path.exists() else "is not there"
        raise InputError(f"the checkpoint {path} {state}; try --checkpoint all or another run")
    return path


def data_of(run: RunFolder, config: DictConfig) -> CorpusDataModule:
    """Return the run's corpus with the features as the run learned them."""
    features = build(config.features)
    features.load(run.checked(run.features))
    return CorpusDataModule(corpus_of(config), features, **config.batches)


def judged(
    run: RunFolder,
    config: DictConfig,
    file: Path,
    *,
    part: Part,
    model: lightning.LightningModule,
    data: CorpusDataModule,
) -> dict[str, Any]:
    """Return the scores of one checkpoint, and its costs."""
    epoch = load_weights(model, file)
    evaluator: Evaluator = build(config.evaluation, run_dir=None)
    score_part(model, data, part, [evaluator])
    return described(run, file, epoch, model) | evaluator.results[part]


def score_part(
    model: lightning.LightningModule,
    data: CorpusDataModule,
    part: Part,
    callbacks: list[lightning.Callback],
) -> None:
    """Let callbacks see the scores of one part, `val` or `test`."""
    trainer = lightning.Trainer(
        accelerator="cpu",
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    score = trainer.validate if part == "val" else trainer.test
    score(model, data, verbose=False)


def described(
    run: RunFolder, file: Path, epoch: int, model: lightning.LightningModule
) -> dict[str, Any]:
    """Return the facts and costs of a checkpoint."""
    return {
        "checkpoint": file.name,
        "epoch": epoch,
        "seconds": seconds_until(run, epoch),
        "model_bytes": model_bytes(model),
        "checkpoint_bytes": file.stat().st_size,
    }


def seconds_until(run: RunFolder, epoch: int) -> float | None:
    """Return the seconds of training until the end of an epoch, where the run kept them."""
    file = run.path / "history.json"
    epochs = read_json(file) if file.is_file() else []
    return next((kept["seconds"] for kept in epochs if kept["epoch"] == epoch), None)


def evaluation_table(rows: list[dict[str, Any]], title: str) -> str:
    """Return the scores by epoch as the report's Table 4 has them."""
    table = Table(title=Text(in_one_line(title)), box=box.SIMPLE_HEAD)
    for label in COLUMNS.values():
        table.add_column(label, justify="right")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in COLUMNS))
    stream = StringIO()
    Console(file=stream, width=140).print(table)
    return stream.getvalue()


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:.4f}" if value < 10 else f"{value:.1f}"
    )
