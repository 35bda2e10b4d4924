"""Word vectors, an encoder that is trained further and the rest take steps of their own size."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from made_up import quiet_trainer, small_corpus

from tagfinder.data.datamodule import CorpusDataModule
from tagfinder.data.encoder import Encoder
from tagfinder.data.tokens import TokenFeatures
from tagfinder.data.word_vectors import EmbeddingTables, Scratch
from tagfinder.data.wordpieces import encoder_features
from tagfinder.models.bert import bert_network
from tagfinder.models.losses import IdfBCE
from tagfinder.models.lstm import LSTMNetwork
from tagfinder.models.neural import NeuralRecommender
from tagfinder.models.optimizers import Adam
from tagfinder.training.modules import module_of


def step_sizes(features: Any, network: Any, folder: Path) -> dict[str, float]:
    """Return the learning rate of each parameter that is trained."""
    corpus = small_corpus(folder / "corpus")
    features.fit(corpus)
    recommender = NeuralRecommender(
        corpus.label_set,
        features,
        network=network,
        loss=IdfBCE,
        optimizer=Adam(0.01, word_vector_lr_factor=10.0, encoder_lr_factor=0.01),
    )
    module = module_of(recommender)
    trainer = quiet_trainer(max_epochs=1, default_root_dir=str(folder))
    trainer.fit(module, CorpusDataModule(corpus, features, batch_size=32, seed=1, pool=1))
    names = {parameter: name for name, parameter in module.named_parameters()}
    return {
        names[parameter]: group["initial_lr"]
        for group in trainer.optimizers[0].param_groups
        for parameter in group["params"]
    }


def test_words_take_larger_steps_than_the_network(tmp_path: Path) -> None:
    sizes = step_sizes(TokenFeatures(EmbeddingTables(Scratch(8))), LSTMNetwork, tmp_path)
    words = {name for name in sizes if "embedding" in name}
    assert words
    assert {sizes[name] for name in words} == {0.01 * 10.0}
    assert {sizes[name] for name in sizes.keys() - words} == {0.01}


def test_an_encoder_takes_smaller_steps_than_the_layer_on_it(
    tmp_path: Path, tiny_encoder: Path
) -> None:
    encoder = Encoder(str(tiny_encoder), trainable="last_n", trainable_layers=1, max_length=32)
    sizes = step_sizes(encoder_features(encoder), partial(bert_network, dropout=0.0), tmp_path)
    layer = {"network.linear.weight", "network.linear.bias"}
    assert {sizes[name] for name in layer} == {0.01}
    assert {sizes[name] for name in sizes.keys() - layer} == {0.01 * 0.01}
    assert all("layer.1." in name for name in sizes.keys() - layer)
