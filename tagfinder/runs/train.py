"""Train a recommender, score it, and leave a run folder behind."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytorch_lightning as lightning
from hydra.utils import get_class
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback, Timer
from pytorch_lightning.utilities import rank_zero_only

from tagfinder.artifacts.checkpoints import load_weights, scored_checkpoint
from tagfinder.artifacts.ownership import owned
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.artifacts.trust import packages_named, trusting
from tagfinder.configuration.application import choice_of, output_dir, overrides
from tagfinder.configuration.build import build, complete_model, plain
from tagfinder.configuration.settings import check_settings
from tagfinder.corpus.prepared import Part, PreparedCorpus
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.data.features import Features
from tagfinder.data.sampling import Sampling
from tagfinder.errors import InputError
from tagfinder.evaluation.calibration import FORMAT, WITHOUT_AUTHOR, calibrate
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.files import write_json
from tagfinder.models.base import SparseRecommender
from tagfinder.models.open_vocabulary import is_open_vocabulary_config
from tagfinder.progress import phase
from tagfinder.recommend.saved import CALIBRATION_FILE
from tagfinder.recommend.state_files import save_state
from tagfinder.runs.corpus import corpus_of
from tagfinder.runs.extra_rankings import ranked_posts, score_extra
from tagfinder.runs.slices import can_be_sliced, write_slices
from tagfinder.runs.summary import examples_table, score_table
from tagfinder.tracking.tracker import tracked
from tagfinder.training.learning_curves import draw_learning_curves
from tagfinder.training.modules import module_of
from tagfinder.training.progress_bar import progress_callbacks
from tagfinder.training.resume import check_same_config, checkpoint_to_resume
from tagfinder.training.session import Resumable, fit, model_bytes, resumable, resume_command
from tagfinder.training.single_pass import OpenVocabularyModule, trains_open_vocabulary

# True of a recommender without gradients or of two libraries' versions; nothing a user can act on.
NOISE = (
    r".*configure_optimizers` returned `None`",
    r".*isinstance\(treespec, LeafSpec\)` is deprecated",
    r".*The number of training batches .* is smaller than the logging interval",
    r".*does not have many workers",
    r".*The `srun` command is available on your system but is not used",
    r"Experiment logs directory .* exists and is not empty",  # its rows are written again
    r".*Total length of `list` across ranks is zero",
)


def train(config: DictConfig) -> float:
    """Run one configuration from raw posts to scores.

    Returns:
        The best epoch's validation NDCG@5, for sweeps.
    """
    silence_noise()
    run = RunFolder(output_dir())
    # Lightning's further processes work for the first one, which has the folder.
    rank = rank_zero_only.rank  # type: ignore[attr-defined]
    # The user composed this configuration: the run that it leaves may be opened without asking.
    trusted = trusting(packages_named(plain(config)))
    with trusted, owned(run.path) if rank == 0 else nullcontext():
        return train_in(run, config)


def train_in(run: RunFolder, config: DictConfig) -> float:
    """Train in a folder that belongs to this process, as `train` says."""
    check_config(run, config)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    checkpoint = resumed(config, run)
    # Built before the corpus is prepared, so that a wrong value is answered at once.
    features, sampling, make_model = map(build, (config.features, config.sampling, config.model))
    evaluator = build_evaluator(config, run)
    timer = Timer()
    kept = resumable(run.path, config.seed, config.checkpoint_every, config.patience)
    trainer = build_trainer(config, [timer, evaluator, *kept.callbacks])
    # For a resumed run they would be older than its checkpoints.
    shutil.rmtree(run.state, ignore_errors=True)
    data = prepare_data(run, config, features, sampling)
    model = build_module(make_model, data, trainer, config.seed)
    with tracked(trainer.loggers, plain(config), overrides()) as trackers:
        with phase(f"training {choice_of('model')}", lambda: f"epoch {trainer.current_epoch + 1}"):
            fit(trainer, model, data, checkpoint, resume_command(run.path, overrides()))
        draw_learning_curves(kept.history.epochs, run.figures)
        epoch = load_weights(model, run.weights)
        trainer.validate(model, data, verbose=False)
        trainer.test(model, data, verbose=False)
        metrics = {**evaluator.results, **run_facts(config, data, timer)}
        metrics |= training_facts(kept, epoch) | {"model_bytes": model_bytes(model)}
        metrics |= keep_trained(model, run, config, data.corpus, evaluator)
        write_json(run.metrics_file, metrics)
        if can_be_sliced(run):
            write_slices(run)
        trackers.result(metrics, run.figures)
    # All processes have finished writing.
    trainer.strategy.barrier()
    if trainer.is_global_zero:
        run.finish()
        # Last: whoever reads it may have gone (`| head`).
        report(run, data.corpus, metrics)
    best = metrics["best_val_ndcg@5"]
    return float(metrics["val"]["ndcg@5"] if best is None else best)


def check_config(run: RunFolder, config: DictConfig) -> None:
    """Refuse what can be refused before anything is built.

    Raises:
        InputError: names the key at fault.
    """
    check_settings(config)
    scored_checkpoint(run.checkpoints, config.scored_checkpoint)
    check_protocol(config)
    check_ranks(config)


def prepare_data(
    run: RunFolder, config: DictConfig, features: Features, sampling: Sampling
) -> CorpusDataModule:
    """Prepare the corpus, fit the features, and describe both in the run's folder."""
    corpus = corpus_of(config)
    features.fit(corpus)
    run.describe(config, corpus, features)
    return CorpusDataModule(corpus, features, **config.batches, sampling=sampling)


def build_module(
    make_model: Callable[..., Any], data: CorpusDataModule, trainer: lightning.Trainer, seed: int
) -> lightning.LightningModule:
    """Build what is trained, for the labels and features of a corpus."""
    # Seed again, so that fitting the features does not change the initial weights.
    lightning.seed_everything(seed, workers=True, verbose=False)
    model = module_of(complete_model(make_model, data.corpus.label_set, data.features))
    if getattr(model, "single_pass", False):
        # One that learns from all posts at once has no epochs to count.
        trainer.fit_loop.max_epochs = 1
    return model


def build_evaluator(config: DictConfig, run: RunFolder) -> Evaluator:
    """Build the evaluator.

    Raises:
        InputError: it does not compute the score that tells the best epoch.
    """
    evaluator: Evaluator = build(config.evaluation, run_dir=str(run.path))
    if 5 not in evaluator.ks:
        raise InputError(
            f"evaluation.ks is {evaluator.ks}; add 5, by whose NDCG the best epoch is told"
        )
    return evaluator


def keep_trained(
    model: lightning.LightningModule,
    run: RunFolder,
    config: DictConfig,
    corpus: PreparedCorpus,
    evaluator: Evaluator,
) -> dict[str, Any]:
    """Write what suggesting needs into the run's folder: the trained state and its calibration.

    Returns:
        Scores with authors hidden, see `without_author`.
    """
    calibration = calibration_of(evaluator.rankings)
    scores: dict[str, Any] = {}
    if trains_open_vocabulary(model):
        model.keep(run.knowledge)
        save_state(model.recommender.state(), run.state)
        scores = without_author(model, run, config, corpus, calibration)
    elif model.trainer.is_global_zero:
        save_state(model.state_dict(), run.state)
    write_json(run.path / CALIBRATION_FILE, calibration)
    return scores


def calibration_of(rankings: Mapping[Any, pl.DataFrame]) -> dict[str, Any]:
    """Return what `calibration.json` holds, from rankings of the parts `val` and maybe `test`."""
    return {"format": FORMAT, **calibrate(rankings["val"], rankings.get("test"))}


def without_author(
    model: OpenVocabularyModule,
    run: RunFolder,
    config: DictConfig,
    corpus: PreparedCorpus,
    calibration: dict[str, Any],
) -> dict[str, Any]:
    """Calibrate and score what was ranked with authors hidden.

    Args:
        model: trained and tested.
        run: whose folder `without_author` gets rankings and scores of the test part.
        config: of the run.
        corpus: whose parts were ranked.
        calibration: gets the curve for posts of unknown author.

    Returns:
        The scores, by the key of `metrics.json`; empty if the test part was not ranked like this.
    """
    parts: tuple[Part, ...] = ("val", "test")
    ranked = {part: model.without_author(part) for part in parts}
    hidden = {
        part: ranked_posts(corpus, part, rankings)
        for part, rankings in ranked.items()
        if rankings is not None
    }
    if "val" in hidden:
        calibration[WITHOUT_AUTHOR] = calibration_of(hidden)
    if "test" not in hidden:
        return {}
    folder, curve = run.path / WITHOUT_AUTHOR, calibration.get(WITHOUT_AUTHOR)
    scores = score_extra(folder, config, corpus, hidden["test"], curve)
    return {f"test_{WITHOUT_AUTHOR}": scores}


def check_protocol(config: DictConfig) -> None:
    """Refuse a closed recommender every hashtag as its label set, and a live one a random split.

    Raises:
        InputError: names the key to set.
    """
    live = is_open_vocabulary_config(config.model)
    if live and config.split.order != "temporal":
        raise InputError(
            f"model={choice_of('model')} learns from posts in their order of time and needs "
            "protocol=live"
        )
    every_hashtag = config.protocol.name == "live" and config.selection.top_n is None
    unlimited = live or issubclass(get_class(config.model._target_), SparseRecommender)
    if every_hashtag and not unlimited:
        raise InputError(
            f"model={choice_of('model')} has a closed label set; under protocol=live say how many "
            "hashtags it holds (selection.top_n=50), or take model=live or model=omikuji"
        )


def check_ranks(config: DictConfig) -> None:
    """Refuse a recommender that ranks fewer hashtags than are scored.

    Raises:
        InputError: names both keys.
    """
    ranked, scored = config.model.get("top_k"), config.evaluation.top_k
    if ranked is not None and ranked < scored:
        raise InputError(f"model.top_k={ranked}: expected at least evaluation.top_k={scored}")


def silence_noise() -> None:
    """Keep Lightning's advertisements and known warnings off the screen."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for message in NOISE:
        warnings.filterwarnings("ignore", message=message)


def build_trainer(config: DictConfig, callbacks: list[Callback]) -> lightning.Trainer:
    """Build Lightning's trainer with the loggers that the configuration names."""
    loggers = [build(logger) for logger in (config.get("logger") or {}).values()]
    progress = progress_callbacks(config.trainer.enable_progress_bar)
    trainer: lightning.Trainer = build(
        config.trainer,
        callbacks=[*callbacks, *map(build, config.callbacks.values()), *progress],
        logger=loggers,
        default_root_dir=str(output_dir()),
        enable_progress_bar=bool(progress),
    )
    return trainer


def resumed(config: DictConfig, run: RunFolder) -> Path | None:
    """Return the checkpoint to continue from, if any, of a run with the same configuration."""
    checkpoint = checkpoint_to_resume(config.resume, run.checkpoints)
    if checkpoint is not None:
        origin = RunFolder(checkpoint.absolute().parent.parent)
        if not origin.config_file.is_file():
            raise InputError(
                f"resume={config.resume}: {checkpoint} is not in the folder of a run "
                f"({origin.config_file} is missing); name a checkpoint in RUN/checkpoints/"
            )
        check_same_config(plain(origin.config), plain(config), overrides())
    return checkpoint


def run_facts(config: DictConfig, data: CorpusDataModule, timer: Timer) -> dict[str, Any]:
    """Return the facts of a run beside its scores: protocol, sizes, seconds."""
    corpus = data.corpus
    test_seconds = timer.time_elapsed("test")
    return {
        "protocol": config.protocol.name,
        "corpus": corpus.name,
        "model": choice_of("model"),
        "seed": config.seed,
        "rows": corpus.manifest["rows"],
        "sampling": data.sampled(),
        "test_seconds": test_seconds,
        "posts_per_second": corpus.manifest["rows"]["test"] / max(test_seconds, 1e-9),
    }


def training_facts(kept: Resumable, scored_epoch: int) -> dict[str, Any]:
    """Return how long training took, which epoch was best, and which one the scores are of."""
    return {
        "epochs": len(kept.history.epochs),
        "scored_epoch": scored_epoch,
        "best_epoch": kept.checkpoints.best_epoch,
        "best_val_ndcg@5": kept.checkpoints.best_score,
        "train_seconds": kept.history.seconds,
    }


def report(run: RunFolder, corpus: PreparedCorpus, metrics: dict[str, Any]) -> None:
    """Print the scores, some examples and where everything is."""
    click.echo(score_table(metrics))
    click.echo(examples_table(run, corpus))
    click.echo(f"run folder: {run.path}")
