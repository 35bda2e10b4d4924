"""Names that have changed: what earlier versions wrote into a run is read by its present name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tagfinder.errors import InputError

TARGETS = {
    "tagfinder.data.sampling.EachOnce": "tagfinder.data.sampling.NoSampling",
    "tagfinder.live.features.LiveFeatures": "tagfinder.live.timeline.LiveFeatures",
    "tagfinder.live.tantivy_index.TantivyIndex": "tagfinder.live.search.tantivy_index.TantivyIndex",
}
"""Old `_target_` -> new one, so that saved runs load."""

KEYS = {
    "optimizer.decay": "optimizer.lr_decay",
    "optimizer.word_vectors": "optimizer.word_vector_lr_factor",
    "optimizer.encoder": "optimizer.encoder_lr_factor",
    "model.parts": "model.sources",
    "model.judge_posts": "model.train_posts_before_val",
    "model.learn_posts": "model.train_posts_val",
    "model.learn_candidates": "model.train_candidates",
    "model.ranker.trees": "model.ranker.num_iterations",
    "model.ranker.leaves": "model.ranker.num_leaves",
    "model.ranker.least_in_leaf": "model.ranker.min_data_in_leaf",
    "model.ranker.share_of_columns": "model.ranker.feature_fraction",
    "model.ranker.share_of_rows": "model.ranker.bagging_fraction",
    "model.ranker.apart": "model.ranker.unknown_author_objectives",
    "model.ranker.apart_from": "model.ranker.unknown_author_min_posts",
    "model.knowledge.late_neighbours": "model.knowledge.recent_neighbours",
    "model.knowledge.own_neighbours": "model.knowledge.author_neighbours",
    "model.knowledge.most_terms": "model.knowledge.max_terms",
    "model.knowledge.most_candidates": "model.knowledge.max_candidates",
    "model.knowledge.classifier.every_days": "model.knowledge.classifier.interval_days",
    "model.knowledge.classifier.days": "model.knowledge.classifier.window_days",
    "model.knowledge.classifier.least_uses": "model.knowledge.classifier.min_uses",
    "model.knowledge.classifier.epochs_again": "model.knowledge.classifier.warm_start_epochs",
}
"""Old dotted key -> new one, in the same place; the old key on a command line is answered so."""


def upgraded(config: Any) -> Any:
    """Return a saved configuration, plain data, with present names instead of earlier ones."""
    return _upgraded(config, "")


def check_renamed(overrides: Sequence[str]) -> None:
    """Refuse an override that uses an earlier name.

    Raises:
        InputError: names the present one.
    """
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if key in KEYS:
            raise InputError(f"{override}: {key} is called {KEYS[key]} now")


def _present_name(key: str) -> str:
    # A saved configuration is resolved: `optimizer` is also in `model.optimizer`, and a complete
    # model is among the members of a combination.
    renamed = (new for old, new in KEYS.items() if key == old or key.endswith(f".{old}"))
    return next(renamed, key).rpartition(".")[2]


def _upgraded(value: Any, path: str) -> Any:
    if isinstance(value, list):
        return [_upgraded(inner, path) for inner in value]
    if not isinstance(value, dict):
        return value
    present = {}
    for key, inner in value.items():
        of_key = f"{path}.{key}" if path else str(key)
        present[_present_name(of_key)] = _upgraded(inner, of_key)
    if present.get("_target_") in TARGETS:
        present["_target_"] = TARGETS[present["_target_"]]
    return present
