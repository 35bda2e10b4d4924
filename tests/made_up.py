"""A small corpus of made-up posts and a small encoder of random weights."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytorch_lightning as lightning
import torch

from tagfinder.corpus.prepared import PreparedCorpus

TOPICS = ["flood", "election", "football", "music", "space"]


def small_corpus(folder: Path, n: int = 240) -> PreparedCorpus:
    """Write a prepared corpus of made-up posts: a topic's words decide its hashtag."""
    if (folder / "manifest.json").is_file():
        return PreparedCorpus(folder)
    rng = np.random.default_rng(0)
    topics = rng.integers(len(TOPICS), size=n)
    texts = [
        " ".join(
            rng.choice([f"{TOPICS[topic]}{i}" for i in range(4)] + [f"word{i}" for i in range(20)])
            for _ in range(rng.integers(1, 12))
        )
        for topic in topics
    ]
    second = rng.integers(len(TOPICS), size=n)
    labels = [
        sorted({int(a), int(b)} if b == 0 else {int(a)})
        for a, b in zip(topics, second, strict=True)
    ]
    split = np.array(["train", "train", "train", "val", "test"])[np.arange(n) % 5]
    tweets = pl.DataFrame(
        {
            "id": [str(i) for i in range(n)],
            "text": texts,
            "clean": texts,
            "deep_clean": texts,
            "labels": pl.Series(labels, dtype=pl.List(pl.Int32)),
            "n_hashtags": pl.Series([len(row) for row in labels], dtype=pl.UInt32),
            "split": split,
        }
    )
    train = tweets.filter(split=pl.lit("train"))
    counts = np.bincount(train["labels"].explode().to_numpy(), minlength=len(TOPICS))
    folder.mkdir(parents=True, exist_ok=True)
    tweets.write_parquet(folder / "posts.parquet")
    pl.DataFrame(
        {
            "index": range(len(TOPICS)),
            "hashtag": TOPICS,
            "spelling": TOPICS,
            "count": counts,
            "train_count": counts,
        }
    ).write_parquet(folder / "hashtags.parquet")
    manifest = {"name": "small", "digest": "small", "rows": {"train": len(train)}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return PreparedCorpus(folder)


def write_posts_of_a_year(file: Path, n: int = 400) -> Path:
    """Write raw posts spread over a year: a word decides the hashtag, topics come and go."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnop"))
    words = ["".join(word) for word in rng.choice(letters, (200, 6))]
    begin = datetime(2021, 1, 1, tzinfo=UTC)
    days = np.sort(rng.uniform(0, 365, n))
    topics = [words[topic] for topic in (days // 60).astype(int) + rng.integers(3, size=n)]
    pl.DataFrame(
        {
            "id": [f"post {i}" for i in range(n)],
            "created_at": [begin + timedelta(days=float(day)) for day in days],
            "entity_name": [f"author {i % 9}" for i in range(n)],
            "text": [
                f"{' '.join(rng.choice(words, 8))} {topic} #{topic} #with{topic}"
                for topic in topics
            ],
        }
    ).write_parquet(file)
    return file


def write_posts_with_many_hashtags(file: Path, n_hashtags: int, n: int) -> Path:
    """Write raw posts with two of many hashtags each, which its own words decide."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnop"))
    hashtags = np.unique(["".join(word) for word in rng.choice(letters, (2 * n_hashtags, 7))])
    hashtags = rng.permutation(hashtags)[:n_hashtags]
    words = [f"w{''.join(word)}" for word in rng.choice(letters, (500, 4))]
    chosen = hashtags[(rng.random((n, 2)) ** 1.2 * n_hashtags).astype(int)]
    pl.DataFrame(
        {
            "id": [f"post {i}" for i in range(n)],
            "created_at": [
                datetime(2021, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * i) for i in range(n)
            ],
            "entity_name": [f"author {i % 50}" for i in range(n)],
            "text": [
                f"{' '.join(rng.choice(words, 4))} about{a} near{a} about{b} near{b} #{a} #{b}"
                for a, b in chosen
            ],
        }
    ).write_parquet(file)
    return file


def write_tiny_encoder(folder: Path) -> Path:
    """Write a BERT of random weights with a vocabulary of the made-up words."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    if folder.is_dir():
        return folder
    partial_folder = folder.with_name(f"{folder.name}.{os.getpid()}")
    partial_folder.mkdir(parents=True)
    words = [f"{topic}{i}" for topic in TOPICS for i in range(4)] + [f"word{i}" for i in range(20)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (partial_folder / "vocab.txt").write_text("\n".join(vocabulary))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(partial_folder)
    tokenizer = BertTokenizerFast(vocab=str(partial_folder / "vocab.txt"))
    tokenizer.save_pretrained(partial_folder)
    partial_folder.rename(folder)
    return folder


def quiet_trainer(**settings: Any) -> lightning.Trainer:
    """Return a trainer on the CPU that writes and prints nothing of its own."""
    quiet = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
        "num_sanity_val_steps": 0,
    }
    return lightning.Trainer(**quiet | settings)
