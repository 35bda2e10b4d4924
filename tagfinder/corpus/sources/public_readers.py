"""Readers of the files of public corpora, each in the form in which its repository has them."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from tagfinder.corpus.multilingual import UNDETERMINED
from tagfinder.corpus.sources.blocks import ROWS, Block, Broken, block_of_values, make_block
from tagfinder.corpus.sources.columns import Columns
from tagfinder.corpus.sources.delimited import read_csv
from tagfinder.corpus.sources.streams import Lines, open_text
from tagfinder.errors import WorkError

TWITTER_EPOCH_MS = 1_288_834_974_657
CRISISLEX_COLUMNS = Columns({"id": ["Tweet ID", "tweet id"], "text": ["Tweet Text", "tweet"]})
CONGRESS_COLUMNS = Columns({"id": "id", "created_at": "created_at", "text": "text", "lang": "lang"})
LEADERS_COLUMNS = Columns({"id": "id", "text": "text", "entity_name": "username"})

# The accounts of world_leaders that do not post in English.
LANGUAGES_OF_LEADERS = {
    "EmmanuelMacron": "fr",
    "JoseAMeadeK": "es",
    "KingSalman": "ar",
    "LulaOficial": "pt",
    "alferdez": "es",
    "jairbolsonaro": "pt",
    "laurentwauquiez": "fr",
    "lopezobrador_": "es",
    "mauriciomacri": "es",
}

# Errors of GetOldTweets: addresses touch the word before them, and a blank separates `#` and `@`
# from the name.
GLUED_ADDRESS = r"(\S)(pic\.twitter\.com/|https?://)"
LOOSE_SIGN = r"([#＃@]) +([\p{L}\p{M}\p{N}_])"
# congresstweets puts a quoted post behind the post that quotes it.
QUOTED_POST = r"(?s)\s+QT @.*$"


def read_crisislex(path: Path) -> Iterator[Block]:
    """Read a file of CrisisLexT6 or T26: CSV with ids in quotes, named after the event's folder."""
    for block in read_csv(path, CRISISLEX_COLUMNS):
        ids = block.rows["id"].str.extract(r"(\d+)")
        rows = block.rows.with_columns(
            id=ids,
            created_at=_times_of_ids(ids),
            text=_decoded(block.rows["text"]),
            entity_name=pl.lit(path.parent.name.lower()),
        )
        yield Block(rows, block.broken)


def read_tweeteval(path: Path) -> Iterator[Block]:
    """Read a file with one text a line, in the folder of its task."""
    task = path.parent.as_posix().rpartition("/datasets/")[2]
    with open_text(path) as stream:
        lines = Lines(stream)
        while texts := [_decode(line) for line in islice(lines, ROWS)]:
            lines.begin()
            numbers = list(range(lines.number - len(texts) + 1, lines.number + 1))
            fields = {"text": texts, "entity_name": [task] * len(texts)}
            yield make_block(numbers, fields, Broken())


def read_us_congress_2022(path: Path) -> Iterator[Block]:
    """Read a file of one member: fields between `|`, Twitter's times and codes of languages."""
    for block in read_csv(path, CONGRESS_COLUMNS, "|"):
        rows = block.rows.with_columns(
            text=_decoded(block.rows["text"]),
            lang=block.rows["lang"].set(block.rows["lang"] == UNDETERMINED, None),
            entity_name=pl.lit(path.stem.strip()),
        )
        yield Block(rows, block.broken)


def read_world_leaders(path: Path) -> Iterator[Block]:
    """Read a file of GetOldTweets: CSV whose joined and broken rows are repaired."""
    for block in read_csv(path, LEADERS_COLUMNS):
        language = block.rows["entity_name"].replace_strict(
            LANGUAGES_OF_LEADERS, default="en", return_dtype=pl.String
        )
        rows = block.rows.with_columns(
            created_at=_times_of_ids(block.rows["id"]),
            text=repaired(_decoded(block.rows["text"])),
            lang=language,
        )
        yield Block(rows, block.broken)


def read_congresstweets(path: Path) -> Iterator[Block]:
    """Read a file of one day: a JSON array of posts; quoted posts are taken off.

    Raises:
        WorkError: the file is no such array.
    """
    try:
        posts = json.loads(path.read_bytes())
        fields = {
            "id": [post["id"] for post in posts],
            "created_at": [post["time"] for post in posts],
            "text": [_decode(post["text"]) for post in posts],
            "entity_name": [post["screen_name"] for post in posts],
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkError(
            f"{path}: not a day of congresstweets; delete it to fetch it again"
        ) from error
    block = block_of_values(list(range(1, len(posts) + 1)), fields, Broken())
    if block.rows.height:
        text = pl.col("text").str.replace(QUOTED_POST, "")
        block = Block(block.rows.with_columns(text), block.broken)
    yield block


READERS: dict[str, Callable[[Path], Iterator[Block]]] = {
    "crisislex": read_crisislex,
    "tweeteval": read_tweeteval,
    "us_congress_2022": read_us_congress_2022,
    "world_leaders": read_world_leaders,
}


def repaired(texts: pl.Series) -> pl.Series:
    """Put a blank before addresses that touch a word, and none between a sign and its name."""
    return texts.str.replace_all(LOOSE_SIGN, "$1$2").str.replace_all(GLUED_ADDRESS, "$1 $2")


def _times_of_ids(ids: pl.Series) -> pl.Series:
    """Return the milliseconds since 1970 that Twitter's ids hold."""
    numbers = ids.cast(pl.Int64, strict=False)
    return (numbers // 2**22 + TWITTER_EPOCH_MS).cast(pl.Datetime("ms"))


def _decoded(texts: pl.Series) -> pl.Series:
    return pl.Series([text and _decode(text) for text in texts], dtype=pl.String)


def _decode(text: str) -> str:
    return html.unescape(text).strip()
