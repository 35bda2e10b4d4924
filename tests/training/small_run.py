"""A training session on a small made-up corpus, for a process of its own that may be killed."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from made_up import quiet_trainer, small_corpus, write_tiny_encoder

from tagfinder.artifacts.checkpoints import load_weights, scored_checkpoint
from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.data.encoder import Encoder
from tagfinder.data.tokens import TokenFeatures
from tagfinder.data.word_vectors import EmbeddingTables, Scratch
from tagfinder.data.wordpieces import encoder_features
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.models.bert import bert_network
from tagfinder.models.losses import IdfBCE
from tagfinder.models.lstm import LSTMNetwork
from tagfinder.models.neural import NeuralRecommender
from tagfinder.models.optimizers import Adam
from tagfinder.models.text_resnet import TextResNet
from tagfinder.training.modules import module_of
from tagfinder.training.resume import checkpoint_to_resume
from tagfinder.training.session import fit, resumable

# On so few posts validation wavers, so that some of the runs stop early.
PATIENCE = 2


def parts(model: str, folder: Path) -> tuple[Any, Any]:
    """Return features and network of a model."""
    if model in ("lstm", "text_resnet"):
        network = {"lstm": LSTMNetwork, "text_resnet": TextResNet}[model]
        network = partial(network, dropout=0.3, unknown_words=0.2)
        return TokenFeatures(EmbeddingTables(Scratch(24))), network
    trainable = {"bert_frozen": "none", "bert_trained": "all"}[model]
    encoder = Encoder(
        str(write_tiny_encoder(folder / "encoder")), trainable=trainable, max_length=32
    )  # type: ignore[arg-type]
    return encoder_features(encoder), partial(bert_network, dropout=0.3)


class KillWhileSaving(lightning.Callback):
    """Kills the process in the middle of writing the n-th checkpoint."""

    def __init__(self, n: int) -> None:
        self.n = n

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
        self.n -= 1
        if self.n == 0:
            folder = Path(trainer.default_root_dir) / "checkpoints"
            folder.mkdir(exist_ok=True, parents=True)
            (folder / "last.ckpt.partial").write_bytes(b"PK\x03\x04 half a file")
            os.kill(os.getpid(), signal.SIGKILL)


def run(
    folder: Path,
    model: str,
    epochs: int,
    resume: bool | str,
    kill_after_saves: int = 0,
    **trainer_settings: Any,
) -> dict[str, Any]:
    """Train, score the test part, and return weights, scores and history."""
    corpus = small_corpus(folder.parent / "corpus")
    run_dir = folder / "run"
    features, network = parts(model, folder.parent)
    features.fit(corpus)
    checkpoint = checkpoint_to_resume(resume, run_dir / "checkpoints")
    lightning.seed_everything(7, verbose=False)
    recommender = NeuralRecommender(
        corpus.label_set,
        features,
        network=network,
        loss=IdfBCE,
        optimizer=Adam(0.01, weight_decay=0.01, warmup_steps=3, lr_decay=0.8),
    )
    module = module_of(recommender)
    data = CorpusDataModule(corpus, features, batch_size=32, seed=7, pool=2)
    evaluator = Evaluator(ks=[1, 5], threshold=0.3, open=False, top_k=5, run_dir=run_dir)
    kept = resumable(run_dir, 7, 2, patience=PATIENCE)
    callbacks = kept.callbacks
    if kill_after_saves:
        callbacks.append(KillWhileSaving(kill_after_saves))
    trainer = quiet_trainer(
        max_epochs=epochs,
        callbacks=[evaluator, *callbacks],
        default_root_dir=str(run_dir),
        enable_checkpointing=True,
        **trainer_settings,
    )
    fit(trainer, module, data, checkpoint, "tagfinder train resume=auto")
    last = {name: value.clone() for name, value in module.state_dict().items()}
    load_weights(module, scored_checkpoint(run_dir / "checkpoints", "best"))
    trainer.validate(module, data, verbose=False)
    trainer.test(module, data, verbose=False)
    return {
        "last": last,
        "weights": module.state_dict(),
        "results": evaluator.results,
        "history": kept.history.epochs,
        "best": kept.checkpoints.state_dict(),
        "stopped": [callback.wait_count for callback in callbacks if hasattr(callback, "patience")],
    }


def run_and_keep(
    folder: Path, model: str, epochs: int, resume: bool | str, kill_after_saves: int = 0
) -> None:
    """Leave what `run` returns in `done.pt`."""
    torch.set_num_threads(1)
    done = run(folder, model, epochs, resume, kill_after_saves)
    torch.save(done, folder / "done.pt")
