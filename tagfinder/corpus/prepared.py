"""A prepared corpus: the folder that `tagfinder prepare` leaves and all else reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from tagfinder.errors import InputError
from tagfinder.files import read_json

Part = Literal["train", "val", "test"]
POSTS = "posts.parquet"
PARTS: tuple[Part, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class LabelSet:
    """The hashtags that a closed recommender chooses from.

    Attributes:
        hashtags: label index -> hashtag, the most frequent first.
        spellings: label index -> the original spelling that people use most.
        counts: label index -> number of posts of the raw corpus with this hashtag.
        train_counts: label index -> number of training posts with this hashtag.
        n_train: number of training posts.
    """

    hashtags: list[str]
    spellings: list[str]
    counts: list[int]
    train_counts: list[int]
    n_train: int

    def __len__(self) -> int:
        return len(self.hashtags)


class PreparedCorpus:
    """Read access to `posts.parquet`, `hashtags.parquet` and `manifest.json` of one folder.

    Args:
        folder: where `tagfinder prepare` left the corpus.

    Raises:
        InputError: the folder holds no prepared corpus.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "manifest.json").is_file():
            raise InputError(
                f"{folder} holds no prepared corpus (manifest.json is missing); "
                "make one with `tagfinder prepare`"
            )
        self.manifest: dict[str, Any] = read_json(self.folder / "manifest.json")

    @property
    def name(self) -> str:
        """Name of the source, as tables show it."""
        return str(self.manifest["name"])

    @property
    def digest(self) -> str:
        """Digest of input and configuration; equal digests mean equal content."""
        return str(self.manifest["digest"])

    @property
    def label_set(self) -> LabelSet:
        """The label set, in the order of the label indices."""
        table = pl.read_parquet(self.folder / "hashtags.parquet").sort("index")
        return LabelSet(
            hashtags=table["hashtag"].to_list(),
            spellings=table["spelling"].to_list(),
            counts=table["count"].to_list(),
            train_counts=table["train_count"].to_list(),
            n_train=int(self.manifest["rows"]["train"]),
        )

    @property
    def posts(self) -> pl.LazyFrame:
        """All posts, in corpus order, from one file or the files of a folder."""
        return pl.scan_parquet(self.folder / POSTS)

    def part(self, part: Part, columns: Sequence[str]) -> pl.DataFrame:
        """Return some columns of one part, in corpus order."""
        chosen = self.posts.filter(pl.col("split") == part).select(list(columns))
        return chosen.collect()
