"""Scores of a finished run by slices, beside its other files."""

from __future__ import annotations

import numpy as np

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.errors import InputError
from tagfinder.escaping import for_csv
from tagfinder.evaluation.slice_figure import draw_slices
from tagfinder.evaluation.slices import COLUMNS, Slices, slices_of
from tagfinder.evaluation.variants import variant_ndcg
from tagfinder.files import atomic_path, write_json, write_text
from tagfinder.runs.finished_runs import FinishedRun

SLICES_FILE = "slices.json"
# Of the bootstrap.
RESAMPLES = 1000


def can_be_sliced(run: RunFolder) -> bool:
    """Whether a run was scored as `protocol=live` does: over every hashtag of its corpus."""
    config = run.config
    return bool(config.protocol.name == "live" and config.selection.top_n is None)


def write_slices(run: RunFolder) -> Slices:
    """Write `slices.csv`, `slices.json`, `slices.md` and their figure into a run's folder.

    Args:
        run: with `predictions.parquet` and `metrics.json` of any recommender.

    Raises:
        InputError: the corpus of the run is gone, or does not hold every hashtag.
    """
    finished, config = FinishedRun(run.path.name, run), run.config
    corpus, predictions = _corpus_of_every_hashtag(finished), finished.predictions
    posts = corpus.posts.select(COLUMNS).collect()
    slices = slices_of(posts, predictions, config.protocol.delay_days, RESAMPLES, config.seed)
    with_variants = variant_ndcg(
        predictions["top_labels"],
        predictions["labels"],
        predictions["n_hashtags"].cast(int).to_numpy(),
        corpus.label_set.hashtags,
    )
    title = f"{run.metrics['model']} on {corpus.name}, protocol live"
    draw_slices(slices, title, run.figures)
    with atomic_path(run.path / "slices.csv") as path:
        for_csv(slices.scores).write_csv(path)
    mean = float(np.nanmean(with_variants))
    write_text(
        run.path / "slices.md",
        f"{slices.table(title).markdown()}\n\nNDCG@5 with half credit for variants of a hashtag "
        f"(another number, year or plural): {mean:.3f}\n",
    )
    content = {
        "reachable": slices.reachable,
        "variant_ndcg@5": mean,
        "scores": slices.scores.to_dicts(),
    }
    write_json(run.path / SLICES_FILE, content)
    return slices


def _corpus_of_every_hashtag(finished: FinishedRun) -> PreparedCorpus:
    run, corpus = finished.folder, finished.corpus
    if not can_be_sliced(run):
        raise InputError(
            f"{run.path} was not scored under protocol=live with every hashtag of its corpus "
            "(selection.top_n=null); `tagfinder evaluate RUN --protocol live` does that"
        )
    if corpus is None:
        raise InputError(
            f"{run.path}: its corpus {finished.facts['corpus']['folder']} is gone or changed; "
            "prepare it again with the run's configuration"
        )
    if len(finished.predictions) != corpus.manifest["rows"]["test"]:
        raise InputError(
            f"posts were deleted from {run.path}: its rankings no longer have every test post of "
            "its corpus; to score it by slices, train it again"
        )
    return corpus
