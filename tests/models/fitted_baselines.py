"""Recommenders that learn from a whole part, trained on made-up posts by a real trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from made_up import quiet_trainer, small_corpus

from tagfinder.artifacts.checkpoints import load_checkpoint
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.data.features import PlainTexts
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.models.base import WholePartRecommender
from tagfinder.training.modules import module_of

POSTS = ["flood0 flood1 word3", "music2 word1", "", "nobody ever wrote this"]


def train(
    make: Callable[..., WholePartRecommender], folder: Path, batch_size: int | None = None
) -> tuple[WholePartRecommender, dict[str, float], Path]:
    """Fit on the small corpus.

    Returns:
        The recommender, its test scores, and a checkpoint.
    """
    corpus = small_corpus(folder / "corpus")
    features = PlainTexts()
    model = make(label_set=corpus.label_set, features=features)
    data = CorpusDataModule(corpus, features, batch_size=batch_size)
    evaluator = Evaluator(ks=[1, 3], threshold=0.3, open=False, top_k=3, run_dir=folder)
    trainer = quiet_trainer(max_epochs=3, callbacks=[evaluator])
    module = module_of(model)
    trainer.fit(module, data)
    trainer.test(module, data, verbose=False)
    trainer.save_checkpoint(folder / "model.ckpt")
    return model, evaluator.results["test"], folder / "model.ckpt"


def reloaded(
    make: Callable[..., WholePartRecommender], model: WholePartRecommender, checkpoint: Path
) -> WholePartRecommender:
    """Make a new recommender and give it a checkpoint's state, without unpickling."""
    twin = make(label_set=model.label_set, features=model.features)
    twin.restore_state(load_checkpoint(checkpoint)["state_dict"])
    return twin


def scores(model: WholePartRecommender, posts: Any = POSTS) -> np.ndarray:
    """Score posts and check what every recommender promises of its scores."""
    values = model.score(posts)
    assert values.shape == (len(posts), len(model.label_set))
    assert values.dtype == np.float32
    assert bool(((values >= 0) & (values <= 1)).all())
    return values
