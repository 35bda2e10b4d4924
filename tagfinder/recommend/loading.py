"""Opens every kind of recommender: a run's folder or a bundle, closed or live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from tagfinder.corpus.hashtag_filter import EVERY_HASHTAG, HashtagFilter
from tagfinder.errors import InputError, in_sentences
from tagfinder.recommend.bundle import read_saved
from tagfinder.recommend.saved import is_live

if TYPE_CHECKING:
    from tagfinder.live.postgres_log import PostgresLog
    from tagfinder.recommend.live import LiveSuggester
    from tagfinder.recommend.recommender import Recommender, Runtime

KNOWLEDGE = "knowledge"
# The posts are in the run's folder, or in this schema of a server.
SQLITE, SCHEMA = "sqlite", "tagfinder"

# Each kind is imported where a folder holds one: the other's libraries take seconds.
Suggester: TypeAlias = Union["Recommender", "LiveSuggester"]
"""Suggests hashtags: from a closed label set, or with an open vocabulary."""


def load(
    path: str | Path,
    device: str = "cpu",
    runtime: Runtime = "torch",
    *,
    teach: bool = False,
    posts: str = SQLITE,
    schema: str = SCHEMA,
    hashtags: HashtagFilter = EVERY_HASHTAG,
    trust: str | Sequence[str] = (),
) -> Suggester:
    """Load a run's folder or a bundle.

    Args:
        path: the folder.
        device: where networks compute: `cpu`, `cuda`.
        runtime: `torch`, or for bundles with such a graph `onnx` or `onnx-int8`.
        teach: open it so that it can be taught. Several processes may; each follows the others.
        posts: where the posts of a run are kept that keeps learning: `sqlite`, in its folder, or
            the address of a PostgreSQL server (`postgresql://…`) that several machines share.
        schema: of the posts on that server.
        hashtags: which hashtags may be suggested (`hashtag_filter(deny=…, allow=…)`).
        trust: packages besides tagfinder whose classes the run may name. Whoever made the run can
            then have anything done that these packages do.

    Raises:
        TagFinderError: the folder is neither, is incomplete, was changed, is not safe to load, or
            cannot be taught.

    Example:
        >>> import tagfinder
        >>> recommender = tagfinder.load("runs/mine")              # doctest: +SKIP
        >>> recommender.suggest(["New in my closet: a tote bag"])  # doctest: +SKIP
    """
    saved = read_saved(path, trust)
    if is_live(saved.config):
        from tagfinder.recommend.live import LiveSuggester

        with in_sentences():
            log = _log(posts, schema) if teach else None
            folder = Path(path) / KNOWLEDGE
            return LiveSuggester(saved, folder, writable=teach, hashtags=hashtags, log=log)
    if teach:
        raise InputError(
            f"{path} holds a recommender over a closed set of hashtags, which only training "
            "changes; tagfinder train model=live makes one that can be taught"
        )
    from tagfinder.recommend.recommender import Recommender

    with in_sentences():
        return Recommender(saved, device, runtime, hashtags)


def _log(posts: str, schema: str) -> PostgresLog | None:
    if posts == SQLITE:
        return None
    from tagfinder.live.postgres_log import PostgresLog

    return PostgresLog(posts, schema)
