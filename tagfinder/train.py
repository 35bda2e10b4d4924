"""Train a recommender, score it, and leave a run folder behind."""

from __future__ import annotations

from typing import Any

import click
import pytorch_lightning as lightning
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, Timer

from tagfinder.configured import build, output_dir
from tagfinder.corpora import corpus_of
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.files import write_json
from tagfinder.run_folder import RunFolder
from tagfinder.summary import examples_table, score_table


def train(config: DictConfig) -> float:
    """Run one configuration from raw posts to scores.

    Returns:
        Validation NDCG@5, for sweeps.
    """
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    run = RunFolder(output_dir())
    corpus = corpus_of(config)
    features = build(config.features)
    features.fit(corpus)
    run.describe(config, corpus, features)
    data = CorpusDataModule(corpus, features, **config.batches)
    model = build(config.model)(label_set=corpus.label_set, features=features)
    evaluator: Evaluator = build(
        config.evaluation, hashtags=corpus.label_set.hashtags, run_dir=str(run.path)
    )
    timer = Timer()
    trainer = build_trainer(config, [timer, evaluator, *checkpoints(run)])
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    metrics = {**evaluator.results, **run_facts(config, corpus, timer)}
    write_json(run.metrics_file, metrics)
    report(run, corpus, metrics)
    return float(metrics["val"]["ndcg@5"])


def build_trainer(config: DictConfig, callbacks: list[Callback]) -> lightning.Trainer:
    """Build Lightning's trainer with the loggers that the configuration names."""
    loggers = [build(logger) for logger in (config.logger or {}).values()]
    trainer: lightning.Trainer = build(
        config.trainer, callbacks=callbacks, logger=loggers, default_root_dir=str(output_dir())
    )
    return trainer


def checkpoints(run: RunFolder) -> list[Callback]:
    """Keep the last epoch's checkpoint."""
    return [ModelCheckpoint(dirpath=run.checkpoints, filename="last", enable_version_counter=False)]


def run_facts(config: DictConfig, corpus: PreparedCorpus, timer: Timer) -> dict[str, Any]:
    """Return what the table of scores needs beside scores: protocol, sizes, seconds."""
    test_seconds = timer.time_elapsed("test")
    return {
        "protocol": config.protocol.name,
        "corpus": corpus.name,
        "model": config.model.name,
        "seed": config.seed,
        "rows": corpus.manifest["rows"],
        "train_seconds": timer.time_elapsed("train") - timer.time_elapsed("validate"),
        "test_seconds": test_seconds,
        "tweets_per_second": corpus.manifest["rows"]["test"] / max(test_seconds, 1e-9),
    }


def report(run: RunFolder, corpus: PreparedCorpus, metrics: dict[str, Any]) -> None:
    """Print the scores, some examples and where everything is."""
    click.echo(score_table(metrics))
    click.echo(examples_table(run, corpus))
    click.echo(f"run folder: {run.path}")
