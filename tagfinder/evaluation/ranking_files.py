"""Reads anybody's rankings and true labels from JSON and Parquet files."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from tagfinder.corpus.accounting import say_rows
from tagfinder.corpus.hashtags import HashtagRules, extract
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
from tagfinder.errors import InputError

_BROKEN_JSON = (ValueError, OSError, EOFError, zlib.error, RecursionError)
_NUMBERS = pl.List(pl.Int64)
_NAMES = pl.List(pl.String)
_LARGEST = 2**63 - 1
TRUTH = "labels"
SUGGESTED = "suggested"  # of the page's bulk tab
SUGGESTIONS = "suggested_hashtags"  # of `tagfinder recommend --output`
_EXPECTED = 'expected {"row": [label, ...], ...}'


@dataclass(frozen=True)
class LabelLists:
    """A list of labels for each row of a file.

    Attributes:
        path: the file.
        rows: (N,) String, the rows' names.
        labels: (N,) List(Int64) label indices or List(String) label names.
        n_hashtags: (N,) Int64 where the file says how many hashtags a post really has.
    """

    path: Path
    rows: pl.Series
    labels: pl.Series
    n_hashtags: pl.Series | None = None

    @property
    def named(self) -> bool:
        """Whether labels are names rather than indices."""
        return self.labels.dtype == _NAMES


def read_label_lists(path: Path, column: str) -> LabelLists:
    """Read `{"row": [label, ...]}` from JSON (also `.json.gz`), rows of a Parquet file, or posts.

    Posts may be in any form that `data=files` reads; their labels are their hashtags, folded.

    Args:
        path: the file.
        column: Parquet column with the lists, if there is one of that name; else the file has
            to have just one column of lists. Rows are named by the column `id`, else by the
            first that holds no lists.

    Raises:
        InputError: the file cannot be read as such; the sentence names the row.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.suffix == ".parquet":
        lists = _from_parquet(path, column)
    elif path.name.endswith((".json", ".json.gz")):
        lists = _from_json(path, column)
    else:
        lists = _from_posts(path, column)
    _check_labels(lists)
    return lists


def read_label_names(path: Path) -> list[str]:
    """Read the names of the labels in the order of their indices.

    CSV with a header (the first column), Parquet (the column `hashtag`, else the first), or a
    text file with one name on a line.

    Raises:
        InputError: the file cannot be read, or a name is in it twice.
    """
    names = _names(path)
    repeated = names.filter(names.is_duplicated())
    if len(repeated):
        raise InputError(f"{path}: the label {repeated[0]!r} is in it more than once")
    return names.to_list()


def _names(path: Path) -> pl.Series:
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
            return frame["hashtag" if "hashtag" in frame.columns else frame.columns[0]]
        if path.suffix == ".csv":
            return pl.read_csv(path, infer_schema=False).to_series(0)
        return pl.Series(path.read_text(encoding="utf-8").splitlines(), dtype=pl.String)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: the names of the labels cannot be read ({error})") from error


def _from_posts(path: Path, column: str) -> LabelLists:
    """Read hashtags by post, from the column of labels, one of hashtags, or the texts."""
    columns = {
        "id": ["auto", "row"],
        # A file of rankings has no texts; its rows are told by their names.
        "text": ["auto", "id", "row", column],
        "hashtags": [column, SUGGESTIONS, SUGGESTED, "auto"],
    }
    source = FileSource(
        path=str(path), columns=columns, drop_retweets=False, drop_duplicate_ids=False
    )
    with Rejects() as rejects:
        posts = pl.concat(source.batches(rejects))
    say_rows(path.name, posts.height, rejects)
    given = posts["hashtags"]
    # The texts have true labels, but no ranking.
    if column == TRUTH and given.null_count():
        given = posts.select(pl.coalesce(given, extract(posts["text"]))).to_series()
    numbers = pl.int_range(posts.height, eager=True).cast(pl.String)
    rows = posts.select(pl.coalesce(posts["id"], numbers)).to_series()
    labels = HashtagRules(letters_only=False, stop_words=False).normalise(given).fill_null([])
    if not labels.list.len().sum():
        raise InputError(f"{path}: no column {column!r} and no hashtags in it")
    return LabelLists(path, rows, labels, labels.list.len().cast(pl.Int64))


def _are_posts(content: Any) -> bool:
    """Tell posts from lists of labels by row."""
    if isinstance(content, list):
        return bool(content) and all(isinstance(one, dict) for one in content)
    values = content.values() if isinstance(content, dict) else ()
    return any(isinstance(value, list) and value and isinstance(value[0], dict) for value in values)


def _from_json(path: Path, column: str) -> LabelLists:
    content = _parsed(path)
    if _are_posts(content):
        return _from_posts(path, column)
    if not isinstance(content, dict):
        raise InputError(f"{path}: {_EXPECTED}, found {_kind(content)}")
    for row, labels in content.items():
        if not isinstance(labels, list):
            raise InputError(f"{path}: row {row!r} is {_kind(labels)}; {_EXPECTED}")
    labels = pl.Series(content.values(), dtype=_json_label_type(path, content))
    return LabelLists(path, pl.Series(content.keys(), dtype=pl.String), labels)


def _parsed(path: Path) -> Any:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=lambda pairs: _distinct(path, pairs))
    except _BROKEN_JSON as error:
        raise InputError(f"{path}: not a readable JSON file ({error})") from error


def _distinct(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in content if names.count(name) > 1)
        raise InputError(f"{path}: row {twice!r} is in it more than once")
    return content


def _json_label_type(path: Path, content: dict[str, list[Any]]) -> pl.DataType:
    found = set(map(type, chain.from_iterable(content.values())))
    if found <= {int}:
        _refuse_huge_numbers(path, content)
        return _NUMBERS
    if found == {str}:
        return _NAMES
    odd = next(kind for kind in (*sorted(found - {int, str}, key=str), str) if kind in found)
    row = next(name for name, labels in content.items() if odd in map(type, labels))
    raise InputError(
        f"{path}: row {row!r} holds a label of type {odd.__name__}; "
        "labels must be all numbers from 0 or all strings"
    )


def _refuse_huge_numbers(path: Path, content: dict[str, list[int]]) -> None:
    if max(map(abs, chain.from_iterable(content.values())), default=0) > _LARGEST:
        row = next(
            name for name, labels in content.items() if max(map(abs, labels), default=0) > _LARGEST
        )
        raise InputError(f"{path}: row {row!r} holds a label that is too large a number")


def _from_parquet(path: Path, column: str) -> LabelLists:
    try:
        frame = pl.read_parquet(path)
        if _holds_posts(frame, column):
            return _from_posts(path, column)
        return _from_frame(path, frame, column)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error


def _holds_posts(frame: pl.DataFrame, column: str) -> bool:
    """Tell posts, and what `tagfinder recommend` made of some, from lists of labels by row."""
    names = set(frame.columns)
    if column not in names and column != TRUTH and SUGGESTIONS in names:
        return True
    flat = not any(kind.is_nested() for kind in frame.dtypes)
    return flat and bool({column, "text" if column == TRUTH else SUGGESTED} & names)


def _from_frame(path: Path, frame: pl.DataFrame, column: str) -> LabelLists:
    labels = frame[_list_column(path, frame, column)]
    inner = getattr(labels.dtype, "inner", None)
    if inner != pl.String and not (inner is not None and inner.is_integer()):
        raise InputError(f"{path}: column {labels.name!r} is {labels.dtype}; expected {_NUMBERS}")
    named = labels.cast(_NAMES if inner == pl.String else _NUMBERS).fill_null([])
    counts = frame["n_hashtags"].cast(pl.Int64) if "n_hashtags" in frame.columns else None
    return LabelLists(path, frame[_row_column(path, frame)].cast(pl.String), named, counts)


def _list_column(path: Path, frame: pl.DataFrame, preferred: str) -> str:
    if preferred in frame.columns:
        return preferred
    lists = [name for name, kind in frame.schema.items() if kind.base_type() in {pl.List, pl.Array}]
    if len(lists) != 1:
        raise InputError(
            f"{path}: no column {preferred!r}, and {len(lists)} columns of lists among "
            f"{frame.columns}; name the one to use {preferred!r}"
        )
    return lists[0]


def _row_column(path: Path, frame: pl.DataFrame) -> str:
    plain: Iterable[str] = (n for n, kind in frame.schema.items() if not kind.is_nested())
    name = "id" if "id" in frame.columns else next(iter(plain), None)
    if name is None:
        raise InputError(f"{path}: no column names the rows; add one called 'id'")
    return name


def _check_labels(lists: LabelLists) -> None:
    wrong = pl.element().is_null() if lists.named else pl.element().is_null() | (pl.element() < 0)
    bad = lists.rows.filter(lists.labels.list.eval(wrong).list.any())
    if len(bad):
        raise InputError(
            f"{lists.path}: row {bad[0]!r} holds a label that is null or negative; "
            "labels are numbers from 0 or strings"
        )


def _kind(value: Any) -> str:
    names = {"dict": "an object", "list": "a list", "str": "a string"}
    return names.get(type(value).__name__, repr(value))
