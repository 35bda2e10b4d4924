"""Combine finished runs into one recommender with its own run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from scipy.sparse import csr_matrix, vstack

from tagfinder.artifacts.checkpoints import LAST
from tagfinder.artifacts.ownership import owned
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.configuration.build import build, build_model
from tagfinder.corpus.prepared import LabelSet, PreparedCorpus
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.data.ragged import batches_by_length
from tagfinder.errors import InputError
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.files import atomic_path, read_json, write_json
from tagfinder.models.combined import CombinedRecommender
from tagfinder.models.combining import Combination, learn_weights
from tagfinder.models.scoring import BATCH_SIZE
from tagfinder.progress import track
from tagfinder.recommend.saved import CALIBRATION_FILE, Saved, is_live, read_run
from tagfinder.recommend.state_files import save_state
from tagfinder.runs.corpus import corpus_of
from tagfinder.runs.rescore import score_part
from tagfinder.runs.train import calibration_of
from tagfinder.training.modules import module_of, sparse_labels
from tagfinder.training.session import model_bytes

FEWEST = 2
# Numbers (post, member, hashtag) that weights are learned from at most; they are kept in memory.
MOST_NUMBERS = 100_000_000


def combine(folders: Sequence[Path], out: Path) -> dict[str, Any]:
    """Learn how much each run counts on the validation part, score the test part, keep all.

    Args:
        folders: finished runs over the same corpus and label set.
        out: the new run's folder; must not be there yet.

    Returns:
        The new run's scores, as `metrics.json` has them.

    Raises:
        InputError: the runs do not go together, or the folder is there already.
    """
    if out.exists():
        raise InputError(f"--out {out} is there already; name another folder, or remove it")
    runs = [RunFolder.open(folder) for folder in folders]
    check_alike(runs)
    config = combined_config(runs)
    saved = [read_run(run.path) for run in runs]
    features = build(config.features)
    for member, of_member in zip(features.members, saved, strict=True):
        member.load(of_member.features_folder)
    corpus = trained_on(runs[0], config)
    recommender = _recommender(config, corpus.label_set, features, saved)
    data = CorpusDataModule(corpus, features, batch_size=None)
    started = perf_counter()
    combination = learn_weights(*_held_out(recommender, data))
    seconds = perf_counter() - started
    recommender.weights = combination.weights
    run = RunFolder(out)
    with owned(run.path):
        run.describe(config, corpus, features)
        return _scored(run, recommender, data, _facts(runs, combination, seconds))


def check_alike(runs: Sequence[RunFolder]) -> None:
    """Refuse runs that cannot be combined.

    Raises:
        InputError: names the run and the difference.
    """
    if len(runs) < FEWEST:
        raise InputError("name at least two runs to combine")
    first = runs[0]
    for run in runs:
        if is_live(run.plain_config):
            raise InputError(
                f"{run.path} keeps learning (model=live); combine runs over a closed label set"
            )
        _ = run.metrics  # finished runs only
        if read_json(run.run_file)["corpus"]["digest"] != _digest(first):
            raise InputError(
                f"{run.path} was trained on another corpus or split than {first.path}; combine "
                "runs with the same data, cleaning, protocol, selection and split"
            )
        if run.label_set != first.label_set:
            raise InputError(f"{run.path} has another label set than {first.path}")


def _digest(run: RunFolder) -> str:
    return str(read_json(run.run_file)["corpus"]["digest"])


def trained_on(run: RunFolder, config: DictConfig) -> PreparedCorpus:
    """Return the corpus of a run: its own folder, or prepared again if that is gone.

    Raises:
        InputError: it cannot be rebuilt as it was.
    """
    stored = run.facts["corpus"]
    folder = Path(stored["folder"])
    if (folder / "manifest.json").is_file():
        corpus = PreparedCorpus(folder)
        if corpus.digest == stored["digest"]:
            return corpus
    corpus = corpus_of(config)
    if corpus.digest != stored["digest"]:
        raise InputError(
            f"the corpus of {run.path} is gone, and what its configuration prepares now differs; "
            "train the runs again"
        )
    return corpus


def combined_config(runs: Sequence[RunFolder]) -> DictConfig:
    """Return the configuration of a combination: the first run's, with all models in it."""
    configs = [run.config for run in runs]
    changed: dict[str, Any] = {
        "features": {
            "_target_": "tagfinder.data.combined.CombinedFeatures",
            "cleaning": configs[0].cleaning,
            "members": [config.features for config in configs],
        },
        "model": {
            "_target_": "tagfinder.models.combined.CombinedRecommender",
            "_partial_": True,
            "members": [config.model for config in configs],
        },
        "batches": {"batch_size": None},
        "scored_checkpoint": "last",
    }
    config = configs[0].copy()
    for group, values in changed.items():
        config[group] = OmegaConf.create(values)
    return config


def _recommender(
    config: DictConfig, label_set: LabelSet, features: Any, saved: Sequence[Saved]
) -> CombinedRecommender:
    recommender: CombinedRecommender = build_model(config.model, label_set, features)
    states = {str(number): of_member.state for number, of_member in enumerate(saved)}
    recommender.restore({"weights": recommender.weights, "members": states})
    return recommender


def _held_out(
    recommender: CombinedRecommender, data: CorpusDataModule
) -> tuple[np.ndarray, csr_matrix]:
    """Return (N, M, L) log-odds and (N, L) labels of validation posts with a known hashtag."""
    dataset = data.dataset("val")
    rows = np.flatnonzero(dataset.labels.lengths)
    if not len(rows):
        raise InputError("no validation post has a hashtag of the label set; nothing to learn from")
    most = max(MOST_NUMBERS // (len(recommender.members) * len(recommender.label_set)), 1)
    rows = rows[:: -(-len(rows) // most)]
    odds, labels = [], []
    batches = batches_by_length(dataset.texts.lengths, BATCH_SIZE, rows)
    for batch in track(batches, "scoring the validation part"):
        found = dataset[batch]
        odds.append(recommender.log_odds(found.inputs))
        labels.append(sparse_labels(found.labels, len(recommender.label_set)))
    return np.concatenate(odds), vstack(labels).tocsr()


def _facts(
    members: Sequence[RunFolder], combination: Combination, seconds: float
) -> dict[str, Any]:
    return {
        "train_seconds": seconds,
        "members": {
            str(member.path): {
                "model": member.metrics["model"],
                "weight": float(of_member.mean()),
                "test_ndcg@5": member.metrics["test"]["ndcg@5"],
            }
            for member, of_member in zip(members, combination.weights, strict=False)
        },
        "held_out": combination.held_out,
        "penalty": combination.penalty,
    }


def _scored(
    run: RunFolder,
    recommender: CombinedRecommender,
    data: CorpusDataModule,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Score validation and test part, write everything into the run's folder."""
    module = module_of(recommender)
    evaluator: Evaluator = build(run.config.evaluation, run_dir=str(run.path))
    score_part(module, data, "val", [evaluator])
    started = perf_counter()
    score_part(module, data, "test", [evaluator])
    test_seconds = perf_counter() - started
    state = module.state_dict()
    save_state(state, run.state)
    run.checkpoints.mkdir(exist_ok=True)
    with atomic_path(run.checkpoints / LAST) as path:
        torch.save({"state_dict": state, "epoch": 0}, path)
    write_json(run.path / CALIBRATION_FILE, calibration_of(evaluator.rankings))
    rows = data.corpus.manifest["rows"]
    metrics = {
        **evaluator.results,
        "protocol": run.config.protocol.name,
        "corpus": data.corpus.name,
        "model": "combined",
        "seed": run.config.seed,
        "rows": rows,
        "epochs": 1,
        **facts,
        "test_seconds": test_seconds,
        "posts_per_second": rows["test"] / max(test_seconds, 1e-9),
        "model_bytes": model_bytes(module),
    }
    write_json(run.metrics_file, metrics)
    run.finish()
    return metrics
