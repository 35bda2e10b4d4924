"""BERT for reading texts only, by the tokenizers' and PyTorch's own parts.

Importing Transformers takes three times as long as importing PyTorch. Whoever wants a hashtag for
one post would wait for that. Training and other kinds of encoders keep to Transformers; both give
the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from tagfinder.errors import InputError
from tagfinder.files import read_json

# A configuration of these values, or without the key, is what `BertReader` computes.
PLAIN = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "chunk_size_feed_forward": 0,
}
# Names in `tokenizer_config.json` and in the normaliser of `tokenizer.json`, with the defaults.
NORMALISATION = {
    "do_lower_case": ("lowercase", True),
    "tokenize_chinese_chars": ("handle_chinese_chars", True),
    "strip_accents": ("strip_accents", None),
}
TOKENIZERS = ("BertTokenizer", "BertTokenizerFast")
# What tensors were called in the first releases, which bert-base-uncased still has.
EARLIER_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def is_plain_bert(folder: Path) -> bool:
    """Tell whether `BertReader` computes what an encoder's folder describes."""
    config = read_json(folder / "config.json")
    return config.get("model_type") == "bert" and all(
        config.get(key, value) == value for key, value in PLAIN.items()
    )


def has_plain_tokenizer(folder: Path) -> bool:
    """Tell whether `tokenizer.json` alone says how texts are cut, and the settings agree."""
    files = [folder / name for name in ("tokenizer.json", "tokenizer_config.json")]
    if not all(file.is_file() for file in files):
        return False
    tokenizer, settings = map(read_json, files)
    normaliser = tokenizer.get("normalizer") or {}
    return (
        settings.get("tokenizer_class") in TOKENIZERS
        and normaliser.get("type") == "BertNormalizer"
        and all(
            settings.get(setting, default) == normaliser.get(name)
            for setting, (name, default) in NORMALISATION.items()
        )
    )


class PlainTokenizer:
    """A folder's `tokenizer.json`, called as a tokenizer of Transformers is.

    Args:
        folder: of an encoder.

    Attributes:
        pad_token_id: number that pads short texts.
        all_special_ids: numbers that no text has of itself.
    """

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        padding = read_json(folder / "tokenizer_config.json").get("pad_token", "[PAD]")
        self.pad_token_id = self._tokenizer.token_to_id(padding)
        added = self._tokenizer.get_added_tokens_decoder()
        self.all_special_ids = [number for number, token in added.items() if token.special]

    def __call__(
        self, texts: list[str], *, max_length: int, **_: object
    ) -> dict[str, list[list[int]]]:
        """Return the numbers of each text's word pieces, at most `max_length`."""
        self._tokenizer.enable_truncation(max_length)
        return {"input_ids": [found.ids for found in self._tokenizer.encode_batch_fast(texts)]}


class Hidden(NamedTuple):
    """What an encoder gives: (B, T, D) outputs of its last layer."""

    last_hidden_state: Tensor


class Linear(nn.Linear):
    """A layer without random starting weights, which take longer than reading true ones."""

    def reset_parameters(self) -> None:
        """Leave the memory as it is."""


class Embedding(nn.Embedding):
    """Vectors without random starting values, as in `Linear`."""

    def reset_parameters(self) -> None:
        """Leave the memory as it is."""


class BertReader(nn.Module):
    """BERT (Devlin and others, 2019) without dropout; its tensors have Transformers' names.

    Args:
        config: the `config.json` of an encoder that `is_plain_bert`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = SimpleNamespace(**config)
        self.heads = config["num_attention_heads"]
        size, eps = config["hidden_size"], config["layer_norm_eps"]
        self.embeddings: Any = nn.ModuleDict(
            {
                "word_embeddings": Embedding(config["vocab_size"], size),
                "position_embeddings": Embedding(config["max_position_embeddings"], size),
                "token_type_embeddings": Embedding(config["type_vocab_size"], size),
                "LayerNorm": nn.LayerNorm(size, eps),
            }
        )
        layers = [
            _layer(size, config["intermediate_size"], eps)
            for _ in range(config["num_hidden_layers"])
        ]
        self.encoder: Any = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        # Not computed: states of runs have it.
        self.pooler = nn.ModuleDict({"dense": Linear(size, size)})

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Hidden:
        """Map (B, T) word pieces and a mask, 1 where a piece is real, to (B, T, D) outputs."""
        of = self.embeddings
        hidden = of["word_embeddings"](input_ids) + of["token_type_embeddings"].weight[0]
        hidden = hidden + of["position_embeddings"].weight[: input_ids.shape[1]]
        hidden = of["LayerNorm"](hidden)
        mask = None if attention_mask is None else attention_mask[:, None, None].bool()
        for layer in self.encoder["layer"]:
            hidden = self._through(layer, hidden, mask)
        return Hidden(hidden)

    def _through(self, layer: Any, hidden: Tensor, mask: Tensor | None) -> Tensor:
        attention, own = layer["attention"], layer["attention"]["self"]
        query, key, value = (
            own[name](hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        seen = scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).flatten(2)
        hidden = _added(attention["output"], seen, hidden)
        return _added(layer["output"], gelu(layer["intermediate"]["dense"](hidden)), hidden)


def _layer(size: int, inner: int, eps: float) -> nn.ModuleDict:
    own = {name: Linear(size, size) for name in ("query", "key", "value")}
    attention = {"self": nn.ModuleDict(own), "output": _output(size, size, eps)}
    return nn.ModuleDict(
        {
            "attention": nn.ModuleDict(attention),
            "intermediate": nn.ModuleDict({"dense": Linear(size, inner)}),
            "output": _output(inner, size, eps),
        }
    )


def _output(inner: int, size: int, eps: float) -> nn.ModuleDict:
    return nn.ModuleDict({"dense": Linear(inner, size), "LayerNorm": nn.LayerNorm(size, eps)})


def _added(output: Any, values: Tensor, hidden: Tensor) -> Tensor:
    normed: Tensor = output["LayerNorm"](output["dense"](values) + hidden)
    return normed


def empty_reader(folder: Path) -> BertReader:
    """Return a reader of the folder's shape whose weights a checkpoint will fill."""
    return BertReader(read_json(folder / "config.json")).eval()


def load_reader(folder: Path, file: str) -> BertReader:
    """Return a reader with the weights of a folder, in float32.

    Raises:
        InputError: the file lacks a tensor.
    """
    reader = empty_reader(folder)
    weights = {_present(name): of.float() for name, of in load_file(folder / file).items()}
    lacking = reader.load_state_dict(weights, strict=False, assign=True).missing_keys
    if needed := [name for name in lacking if not name.startswith("pooler.")]:
        raise InputError(f"{folder / file} lacks {needed[0]}; get the encoder again")
    return reader


@cache
def _present(name: str) -> str:
    for earlier, present in EARLIER_NAMES.items():
        name = name.replace(earlier, present)
    return name.removeprefix("bert.")
