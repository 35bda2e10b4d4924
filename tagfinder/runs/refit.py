"""A finished run scored over time: retrained at a rhythm, on the posts known by then.

A closed recommender's knowledge ends with its training part. How much of that is its design, and
how much only its age, is seen by fitting it again and again: at the start of each period of the
test part, on all posts that are older than the protocol's delay, with the label set of then.
Settings stay those of the run, the number of epochs among them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np
import polars as pl
import pytorch_lightning as lightning
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from tagfinder.artifacts.checkpoints import epochs_in
from tagfinder.artifacts.manifest import drop_manifest
from tagfinder.artifacts.ownership import owned
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.configuration.application import register_resolvers
from tagfinder.configuration.build import build, build_model, plain
from tagfinder.corpus.periods import Cutting, Period, Rhythm, periods_of
from tagfinder.corpus.prepared import LabelSet, Part, PreparedCorpus
from tagfinder.corpus.selection import Selection
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.errors import InputError
from tagfinder.escaping import in_one_line
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.evaluation.slices import Slices
from tagfinder.files import atomic_path, read_json, write_json
from tagfinder.models.open_vocabulary import is_open_vocabulary_config
from tagfinder.paths import conf_dir
from tagfinder.progress import track
from tagfinder.runs.corpus import corpus_of
from tagfinder.runs.extra_rankings import keep_rankings
from tagfinder.runs.slices import write_slices
from tagfinder.training.modules import module_of
from tagfinder.training.resume import check_same_config
from tagfinder.training.session import model_bytes

# The groups of a protocol that concern the data; the others are the run's.
PROTOCOL_GROUPS = ("protocol", "hashtags", "selection", "split")
CUT = "corpus"


class PeriodData(CorpusDataModule):
    """The batches of a corpus without a validation part."""

    def prepare_data(self) -> None:
        """Encode the existing parts."""
        parts: tuple[Part, ...] = ("train", "test")
        for part in parts:
            self.dataset(part)


def evaluate_over_time(folder: Path, protocol: str, rhythm: Rhythm) -> tuple[RunFolder, Slices]:
    """Fit a finished run's recommender again in each period and score all rankings together.

    Periods that are done already are kept: repeating a stopped call continues it.

    Args:
        folder: the run's folder.
        protocol: whose data rules are put on.
        rhythm: when it is refitted.

    Returns:
        The folder of the results, `PROTOCOL-RHYTHM` within the run's: a run's folder itself,
        with `periods/`, scores, rankings and slices; and the slices.

    Raises:
        InputError: the folder is no run's, or its recommender has no closed label set.
    """
    origin = RunFolder.open(folder)
    config = under_protocol(origin.config, protocol)
    selection = closed_selection(origin)
    run = RunFolder(origin.path / f"{protocol}-{rhythm}")
    with owned(run.path):
        return run, judge_over_time(origin, run, config, selection, rhythm)


def judge_over_time(
    origin: RunFolder, run: RunFolder, config: DictConfig, selection: Selection, rhythm: Rhythm
) -> Slices:
    """Fill the folder of a refit, as `evaluate_over_time` says."""
    corpus = corpus_of(config)
    began = run.config_file.is_file()
    if began:
        drop_manifest(run.path)
        check_same_config(plain(run.config), plain(config))
    else:
        run.describe(config, corpus, features=None)
    cutting = Cutting(corpus, timedelta(days=float(config.protocol.delay_days)), selection)
    times = corpus.part("test", ["created_at"])["created_at"]
    periods = periods_of(times, rhythm)
    epochs = epochs_in(origin.checked(origin.weights))
    for period in track(periods, f"fitting {rhythm}"):
        if not done_file(run, period).is_file():
            judge_period(run, cutting, period, epochs)
    metrics = put_together(run, corpus, periods)
    facts = {
        "protocol": config.protocol.name,
        "corpus": corpus.name,
        "model": f"{origin.metrics['model']} refit {rhythm}",
        "seed": config.seed,
        "rows": corpus.manifest["rows"],
        "refit": rhythm,
        "epochs": epochs,
    }
    write_json(run.metrics_file, metrics | facts)
    slices = write_slices(run)
    run.finish()
    return slices


def under_protocol(config: DictConfig, protocol: str) -> DictConfig:
    """Return a run's configuration with the data rules of a protocol and no hashtag in the text."""
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        rules = compose("config", overrides=[f"protocol={protocol}"])
    changed = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(config)))
    for group in PROTOCOL_GROUPS:
        changed[group] = rules[group]
    changed.cleaning.inline_hashtags = rules.cleaning.inline_hashtags
    changed.evaluation.open = True
    changed.evaluation.ks = rules.evaluation.ks
    changed.evaluation.top_k = max(changed.evaluation.top_k, *rules.evaluation.ks)
    return changed


def closed_selection(run: RunFolder) -> Selection:
    """Return how a run's label set is chosen from the posts known so far.

    Raises:
        InputError: it has none.
    """
    chosen = run.config.selection
    if is_open_vocabulary_config(run.config.model):
        raise InputError(
            f"{run.path} has an open vocabulary (selection.top_n is null) and learns from new "
            "posts: it needs no refit"
        )
    return Selection(top_n=chosen.top_n, min_count=chosen.min_count, count_on="train")


def done_file(run: RunFolder, period: Period) -> Path:
    """Return the file that is there when a period is done; its rankings lie beside it."""
    return run.path / "periods" / f"{period.name}.json"


def judge_period(run: RunFolder, cutting: Cutting, period: Period, epochs: int) -> None:
    """Fit on the posts known when a period begins, rank its posts, and keep both."""
    config = run.config
    done = done_file(run, period)
    folder = done.parent / CUT
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    corpus = cutting.cut(folder, period)
    started = perf_counter()
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    features = build(config.features)
    features.fit(corpus)
    data = PeriodData(corpus, features, **config.batches, sampling=build(config.sampling))
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    model = module_of(build_model(config.model, corpus.label_set, features))
    evaluator: Evaluator = build(config.evaluation, run_dir=None)
    trainer = period_trainer(config, epochs, evaluator)
    trainer.fit(model, data)
    fitted = perf_counter()
    trainer.test(model, data, verbose=False)
    assert evaluator.predictions is not None
    ranked = renumbered(evaluator.predictions, corpus.label_set, cutting.corpus.label_set)
    with atomic_path(done.with_suffix(".parquet")) as path:
        ranked.write_parquet(path)
    write_json(
        done,
        {
            "begin": period.begin.isoformat(),
            "end": period.end.isoformat(),
            "train_posts": corpus.manifest["rows"]["train"],
            "posts": ranked.height,
            "labels": len(corpus.label_set),
            "fit_seconds": fitted - started,
            "score_seconds": perf_counter() - fitted,
            "model_bytes": model_bytes(model),
        },
    )
    shutil.rmtree(folder)


def renumbered(predictions: pl.DataFrame, own: LabelSet, whole: LabelSet) -> pl.DataFrame:
    """Return the rankings of a period with the labels' numbers in the whole label set."""
    number_of = {name: number for number, name in enumerate(whole.hashtags)}
    numbers = [number_of[name] for name in own.hashtags]
    return predictions.select(
        "id",
        pl.col("top_labels").list.eval(
            pl.element().replace_strict(range(len(numbers)), numbers, return_dtype=pl.Int32)
        ),
        "top_scores",
        covered=pl.col("labels").list.len() > 0,
    )


def period_trainer(config: DictConfig, epochs: int, evaluator: Evaluator) -> lightning.Trainer:
    """Build a trainer that learns for a number of epochs without looking at anything else."""
    trainer: lightning.Trainer = build(
        config.trainer,
        callbacks=[evaluator],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        max_epochs=max(epochs, 1),
    )
    return trainer


def put_together(run: RunFolder, corpus: PreparedCorpus, periods: list[Period]) -> dict[str, Any]:
    """Write `predictions.parquet` over all periods, and return its scores and costs."""
    parts = [pl.read_parquet(done_file(run, period).with_suffix(".parquet")) for period in periods]
    costs = [read_json(done_file(run, period)) for period in periods]
    truth = corpus.part("test", ["id", "labels", "n_hashtags", "created_at"]).with_row_index("row")
    order = np.concatenate(list(_rows_of(truth, periods)))
    ranked = pl.concat(parts)[np.argsort(order)]
    predictions = truth.select(
        "id",
        "labels",
        ranked["top_labels"],
        ranked["top_scores"],
        "n_hashtags",
    )
    # Every hashtag has a number, but only those of a period's label set could be given.
    coverage = float(ranked["covered"].mean())  # type: ignore[arg-type]
    scores = keep_rankings(run, run.config, predictions, coverage)
    fit_seconds = sum(cost["fit_seconds"] for cost in costs)
    score_seconds = sum(cost["score_seconds"] for cost in costs)
    return {
        "val": {},
        "test": scores,
        "periods": costs,
        "train_seconds": fit_seconds,
        "test_seconds": score_seconds,
        "posts_per_second": len(truth) / max(score_seconds, 1e-9),
        "model_bytes": costs[-1]["model_bytes"],
    }


def _rows_of(truth: pl.DataFrame, periods: list[Period]) -> Iterator[np.ndarray]:
    """Yield the corpus rows of each period's posts, in the order that the period has them."""
    for period in periods:
        inside = pl.col("created_at").is_between(period.begin, period.end, closed="left")
        yield truth.filter(inside)["row"].to_numpy()


def refit_table(run: RunFolder, slices: Slices) -> str:
    """Return the scores over all test posts and the cost of each fit, for a terminal."""
    metrics = run.metrics
    lines = [
        in_one_line(
            f"{metrics['model']} on {metrics['corpus']}, protocol {metrics['protocol']}, "
            f"all {metrics['test']['open_n']:,} test posts"
        ),
        *(
            f"  {name:<11}{score['mean']:.4f}  [{score['low']:.4f}, {score['high']:.4f}]"
            for name, score in slices.overall.items()
        ),
        "",
        f"  {'period from':<12}{'learned from':>13}{'posts':>9}{'fit, s':>9}{'scoring, s':>12}",
        *(
            f"  {cost['begin'][:10]:<12}{cost['train_posts']:>13,}{cost['posts']:>9,}"
            f"{cost['fit_seconds']:>9.1f}{cost['score_seconds']:>12.1f}"
            for cost in metrics["periods"]
        ),
        f"  {'all':<12}{'':>13}{metrics['test']['open_n']:>9,}"
        f"{metrics['train_seconds']:>9.1f}{metrics['test_seconds']:>12.1f}",
        "",
        f"more in {run.path}: slices.md, figures/slices.png, periods/",
    ]
    return "\n".join(lines)
