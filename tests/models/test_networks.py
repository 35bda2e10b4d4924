"""A post's scores depend neither on its batch nor on its padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from tagfinder.corpus.prepared import LabelSet
from tagfinder.data.encoder import Encoder
from tagfinder.data.features import Features, PlainTexts, require_features
from tagfinder.data.tokens import PADDING, RESERVED, UNKNOWN, TokenFeatures, Vocabulary
from tagfinder.data.word_vectors import EmbeddingTable, EmbeddingTables, Scratch
from tagfinder.data.wordpieces import encoder_features
from tagfinder.errors import InputError
from tagfinder.models.bert import bert_network
from tagfinder.models.embeddings import WordEmbedding
from tagfinder.models.linear import OneVsRest
from tagfinder.models.losses import IdfBCE
from tagfinder.models.lstm import LSTMNetwork
from tagfinder.models.network import RecommenderNetwork
from tagfinder.models.neural import NeuralRecommender
from tagfinder.models.optimizers import Adam
from tagfinder.models.packed import Packing
from tagfinder.models.text_resnet import Convolution, TextResNet
from tagfinder.models.tfidf import TfidfRecommender

N_WORDS = 30
N_LABELS = 4


def token_features() -> TokenFeatures:
    features = TokenFeatures(EmbeddingTables(Scratch(12)))
    words = [f"word{i}" for i in range(N_WORDS)]
    features.vocabulary = Vocabulary(RESERVED + words, [0, 0] + [1] * N_WORDS)
    features.tables = features.embedding.tables(features.vocabulary.words, [], [])
    return features


@pytest.fixture(scope="module")
def networks(tiny_encoder: Path) -> dict[str, tuple[nn.Module, int]]:
    """Networks that have seen some batches, in evaluation mode, and their padding."""
    torch.manual_seed(0)
    tokens = token_features()
    pieces = encoder_features(Encoder(str(tiny_encoder), trainable="all"))
    built = {
        "lstm": (LSTMNetwork(tokens, N_LABELS), 0),
        "text_resnet": (TextResNet(tokens, N_LABELS), 0),
        "bert": (bert_network(pieces, N_LABELS), pieces.padding),
    }
    for network, _ in built.values():
        network.train()
        for _ in range(3):
            network(torch.randint(2, N_WORDS, (8, 15)))
        network.eval()
    return built


def padded(texts: list[list[int]], width: int, padding: int) -> Tensor:
    return torch.tensor([text + [padding] * (width - len(text)) for text in texts])


@pytest.mark.parametrize("name", ["lstm", "text_resnet", "bert"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(
        st.lists(st.integers(2, N_WORDS), min_size=1, max_size=40), min_size=1, max_size=6
    ),
    more=st.integers(0, 20),
)
def test_scores_depend_neither_on_the_batch_nor_on_its_padding(
    networks: dict[str, tuple[nn.Module, int]], name: str, texts: list[list[int]], more: int
) -> None:
    network, padding = networks[name]
    with torch.no_grad():
        alone = torch.cat([network(torch.tensor([text])) for text in texts])
        together = network(padded(texts, max(map(len, texts)) + more, padding))
    assert torch.allclose(torch.sigmoid(alone), torch.sigmoid(together), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["lstm", "text_resnet"])
def test_a_text_without_words_has_finite_scores_that_do_not_depend_on_the_batch(
    networks: dict[str, tuple[nn.Module, int]], name: str
) -> None:
    network, _ = networks[name]
    with torch.no_grad():
        alone = network(torch.zeros(1, 1, dtype=torch.int64))
        together = network(padded([[], [3, 4, 5, 6, 7, 8, 9, 10]], 12, 0))
    assert torch.isfinite(alone).all()
    assert torch.allclose(alone[0], together[0], atol=1e-5)


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("size", [3, 7])
def test_a_convolution_of_packed_texts_is_that_of_each_text_alone(halves: bool, size: int) -> None:
    lengths = torch.tensor([3, 8, 1, 5])
    packing = Packing.of(lengths, 10)
    rows = torch.randn(int(lengths.sum()), 4)
    convolution = Convolution(4, 6, size)
    after = packing.halved() if halves else packing
    found = convolution(rows, packing.windows(size, after if halves else None))
    weight = convolution.weight.view(6, size, 4).transpose(1, 2)
    expected = [
        functional.conv1d(text.T[None], weight, stride=2 if halves else 1, padding=size // 2)[0].T
        for text in rows.split(lengths.tolist())
    ]
    assert torch.allclose(found, torch.cat(expected), atol=1e-5)
    means = torch.stack([text.mean(0) for text in expected])
    assert torch.allclose(after.means(found), means, atol=1e-5)


def test_a_batch_of_one_short_text_can_be_trained_on() -> None:
    network = TextResNet(token_features(), N_LABELS).train()
    assert torch.isfinite(network(torch.tensor([[3, 0]]))).all()


def test_training_on_a_batch_changes_the_same_whether_it_is_padded_further_or_not() -> None:
    texts = [list(rng_words(length)) for length in range(20, 60)]
    gradients = []
    for width in (60, 90):
        torch.manual_seed(0)
        network = TextResNet(token_features(), N_LABELS, dropout=0.0).train()
        network(padded(texts, width, 0)).square().mean().backward()
        gradients.append([p.grad for p in network.parameters() if p.grad is not None])
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, atol=1e-3 * float(b.abs().max()) + 1e-6)


def rng_words(length: int) -> list[int]:
    return np.random.default_rng(length).integers(2, N_WORDS, length).tolist()


def test_constant_word_vectors_are_not_trained() -> None:
    features = token_features()
    values = np.ones((len(features.vocabulary), 3), dtype=np.float32)
    features.tables.append(EmbeddingTable("glove", 3, False, 1.0, 1.0, values))
    network = LSTMNetwork(features, N_LABELS)
    trainable, constant = network.embedding.parts
    assert trainable.weight.requires_grad and not constant.weight.requires_grad
    assert network.embedding(torch.tensor([[2]])).shape == (1, 1, 15)


def test_only_the_last_layers_of_an_encoder_are_trained(tiny_encoder: Path) -> None:
    features = encoder_features(Encoder(str(tiny_encoder), trainable="last_n", trainable_layers=1))
    network = bert_network(features, N_LABELS)
    assert all(module.training for module in network.modules()), "its dropout must work"
    trained = {name for name, p in network.named_parameters() if p.requires_grad}
    assert any("layer.1." in name for name in trained)
    assert not any("layer.0." in name or "embeddings" in name for name in trained)


def test_a_frozen_encoder_gives_a_text_the_same_vector_in_any_batch(
    tiny_encoder: Path,
) -> None:
    features = encoder_features(Encoder(str(tiny_encoder), precision="bfloat16"))
    texts = pl.Series(["flood1", "flood1 music2 word3", "space0 word1 word2", "", "word5 " * 20])
    together = features.encode(texts).take(np.arange(5))
    alone = torch.cat([features.encode(texts[i : i + 1]).take(np.array([0])) for i in range(5)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_words_are_read_as_unknown_in_training_only_and_padding_never() -> None:
    features = token_features()
    embedding = WordEmbedding(features.tables, len(features.vocabulary), unknown=0.5)
    tokens = torch.tensor([[5] * 50 + [PADDING] * 50])
    word, unknown, nothing = embedding.eval()(torch.tensor([5, UNKNOWN, PADDING]))
    assert torch.equal(embedding(tokens)[0, 0], word)
    seen = embedding.train()(tokens)[0]
    share = (seen[:50] == unknown).all(dim=1).float().mean()
    assert 0.2 < share < 0.8
    assert torch.equal(seen[50:], nothing.expand(50, -1))


class NoBias(RecommenderNetwork):
    """Bag of words whose output layer has no bias, registered before a layer of attention."""

    def __init__(self, features: Features, n_labels: int) -> None:
        super().__init__()
        tokens = require_features(features, TokenFeatures, "NoBias")
        self.words = WordEmbedding(tokens.tables, len(tokens.vocabulary))
        self.out = nn.Linear(self.words.dimension, n_labels, bias=False)
        self.attention = nn.Linear(self.words.dimension, 1)

    @property
    def output_layer(self) -> nn.Linear:
        return self.out

    def forward(self, tokens: Tensor) -> Tensor:
        words = self.words(tokens)
        shares = torch.softmax(self.attention(words), dim=1)
        logits: Tensor = self.out((shares * words).sum(dim=1))
        return logits


class Undeclared(NoBias):
    """A network that names no output layer."""

    output_layer = None  # type: ignore[assignment]


def recommender(network: Any, features: Any = None) -> NeuralRecommender:
    names, counts = [f"label{i}" for i in range(N_LABELS)], [8, 4, 2, 0]
    labels = LabelSet(names, names, counts, counts, n_train=16)
    return NeuralRecommender(
        labels,
        features or token_features(),
        network=network,
        loss=IdfBCE,
        optimizer=Adam(0.01),
    )


def test_an_output_layer_starts_at_the_frequencies_of_the_hashtags() -> None:
    bias = recommender(LSTMNetwork).network.linear.bias.detach()
    assert torch.sigmoid(bias).tolist() == pytest.approx([9 / 18, 5 / 18, 3 / 18, 1 / 18])


@pytest.mark.parametrize("network", [NoBias, Undeclared])
def test_a_network_may_have_no_bias_or_name_no_output_layer(network: type[nn.Module]) -> None:
    scores = recommender(network).score(torch.tensor([[2, 3], [4, 0]]))
    assert scores.shape == (2, N_LABELS)


def test_an_output_layer_of_another_size_is_refused_in_one_sentence() -> None:
    class Wrong(NoBias):
        @property
        def output_layer(self) -> nn.Linear:
            return self.attention

    with pytest.raises(InputError, match="1 logits for 4 hashtags"):
        recommender(Wrong)


@pytest.mark.parametrize(("network", "option"), [(LSTMNetwork, "tokens"), (TextResNet, "tokens")])
def test_a_network_says_which_features_it_reads(network: type[nn.Module], option: str) -> None:
    with pytest.raises(InputError, match=f"not PlainTexts; choose features={option}"):
        recommender(network, PlainTexts())


def test_models_of_plain_texts_say_so() -> None:
    labels = recommender(LSTMNetwork).label_set
    with pytest.raises(InputError, match="choose features=plain"):
        TfidfRecommender(labels, token_features(), OneVsRest())
