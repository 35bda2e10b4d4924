"""Files of posts with random structure and, for half of them, random bytes put into it."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = (
    *(
        "river",
        "town",
        "jazz",
        "naïve",
        "大雨",
        "#flood",
        "#café",
        "RT @a:",
        "https://t.co/x",
        "café",
    ),
    *(
        '"',
        "'",
        "\n",
        "\r\n",
        "\t",
        ",",
        ";",
        "|",
        "\\",
        '\\"',
        "=1+1",
        "<b>",
        "&amp;",
        "#<i>x</i>",
    ),
    *("\0", "\u2028", "🙂", "٣", "\u200d", "b'x'", "[", "{", "NaN", "null", "…", ""),
)
TIMES: tuple[Any, ...] = (
    *("2020-08-27T13:08:45Z", "Thu Aug 27 13:08:45 +0000 2020", "27.08.2020 13:08", "soon", ""),
    *(1598533725, 1598533725000, 1.5e9, -1, 10**30, None, True, "8/27/2020 1:08 PM", "99999999999"),
    *("2020-08-27 13:08:45 CEST", "0000-00-00", {"$date": "2020-08-27"}, [1], "Thu, 27 Aug 2020"),
)
TAGS: tuple[Any, ...] = (
    *(None, [], ["flood"], ["#flood", None], "flood", "flood town", "#a #b", "a,b", "['a', 'b']"),
    *('["a"]', "<a><b>", "|a|", [{"text": "flood"}], [{"tag": "a"}], [1], {"a": 1}, "[['a']]", 7),
    *("['a' 'b']", "[", "nan", "a;b", [["a"]], ""),
)
SIGNS = (b'"', b"\n", b"{", b"[", b",", b"\0", b"\xff", b"]", b"<")
NAMES = ("p.csv", "p.json", "p.jsonl", "p.parquet", "p.xml", "p.zip", "p.xlsx")
IDS: tuple[Any, ...] = (7, "7", 1294030472427835393, "1.29E+18", 1.29e18, None, "", [1], "a" * 99)


@dataclass(frozen=True)
class RandomFile:
    """A file, and how many posts were put into it.

    Attributes:
        name: of the file.
        content: its bytes.
        posts: how many there are; null where bytes were changed.
    """

    name: str
    content: bytes
    posts: int | None


def text(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(0, 12)))


def plain_post(chance: random.Random) -> dict[str, Any]:
    post = {"id": chance.choice(IDS), "created_at": chance.choice(TIMES), "text": text(chance)}
    post |= {"hashtags": chance.choice(TAGS), "lang": chance.choice(["en", None, 5, ["en"]])}
    return {key: value for key, value in post.items() if chance.random() < 0.9 or key == "text"}


def v1(chance: random.Random) -> dict[str, Any]:
    post = {"id_str": str(chance.randint(1, 10**18)), "full_text": text(chance), "truncated": False}
    post |= {"created_at": chance.choice(TIMES), "entities": {"hashtags": chance.choice(TAGS)}}
    if chance.random() < 0.2:
        post["retweeted_status"] = chance.choice([None, {"full_text": text(chance)}, "x", []])
    return post


def v2(chance: random.Random) -> dict[str, Any]:
    post = {"id": str(chance.randint(1, 10**18)), "text": text(chance), "author_id": "1"}
    post |= {"entities": chance.choice([None, [], {"hashtags": chance.choice(TAGS)}])}
    if chance.random() < 0.2:
        post["referenced_tweets"] = chance.choice(
            [None, "x", [{"type": "retweeted", "id": "1"}], [1]]
        )
    return post


def status(chance: random.Random) -> dict[str, Any]:
    return {
        "id": str(chance.randint(1, 99)),
        "created_at": chance.choice(TIMES),
        "content": f"<p>{text(chance)}",
        "tags": chance.choice(TAGS),
        "account": {"acct": "a"},
        "reblog": chance.choice([None, None, {"content": text(chance)}]),
    }


def event(chance: random.Random) -> dict[str, Any]:
    record = {
        "$type": "app.bsky.feed.post",
        "text": text(chance),
        "createdAt": chance.choice(TIMES),
    }
    record["facets"] = chance.choice([None, [], [1], [{"features": [{"tag": "a"}]}]])
    commit = {"collection": "app.bsky.feed.post", "rkey": "k", "record": record}
    return {"did": "d", "kind": "commit", "commit": commit}


def note(chance: random.Random) -> dict[str, Any]:
    inner = {"type": "Note", "content": text(chance), "tag": chance.choice(TAGS)}
    return {"type": "Create", "object": inner}


Post = dict[str, Any]
MAKERS: tuple[Callable[[random.Random], Post], ...] = (plain_post, v1, v2, status, event, note)


def dumped(value: Any, chance: random.Random) -> str:
    return json.dumps(value, ensure_ascii=chance.random() < 0.5)


def json_lines(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    return chance.choice(["p.jsonl", "p.ndjson", "p.json"]), "".join(
        f"{dumped(post, chance)}\n" for post in posts
    )


def json_array(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    return "p.json", json.dumps(posts, indent=chance.choice([None, 0, 2]))


def pages(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    made = [{"data": posts[i : i + 3], "meta": {}} for i in range(0, len(posts), 3)]
    return json_lines(made, chance) if chance.random() < 0.5 else json_array(made, chance)


def wrapped(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    return "tweets.js", "window.YTD.tweets.part0 = " + json.dumps([{"tweet": p} for p in posts])


def outbox(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    return "outbox.json", json.dumps({"orderedItems": posts}, indent=chance.choice([None, 1]))


def cells(post: Post) -> dict[str, Any]:
    """Return the values as a program would write them into a table."""
    return {key: value if isinstance(value, str) else str(value) for key, value in post.items()}


def table(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    names = ["id", "created_at", "text", "hashtags", "lang"]
    stream = io.StringIO()
    separator = chance.choice(",;\t|")
    writer = csv.writer(stream, delimiter=separator, lineterminator=chance.choice(["\n", "\r\n"]))
    writer.writerow(names)
    writer.writerows([cells(post).get(name, "") for name in names] for post in posts)
    return chance.choice(["p.csv", "p.tsv"] if separator == "\t" else ["p.csv"]), stream.getvalue()


def pandas(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    if chance.random() < 0.5:
        value: Any = {str(row): post for row, post in enumerate(posts)}
    else:
        names = ["id", "text", "hashtags"]
        value = {name: {str(r): p.get(name) for r, p in enumerate(posts)} for name in names}
    return "p.json", json.dumps(value, indent=chance.choice([None, 2]))


def xml(posts: list[Post], chance: random.Random) -> tuple[str, str]:
    rows = [
        f"<row Id='{number}' PostTypeId='1' Body={_attribute(post['text'])} Tags='&lt;a&gt;'/>"
        for number, post in enumerate(posts)
    ]
    return "Posts.xml", "<?xml version='1.0'?>\n<posts>\n" + "\n".join(rows) + "</posts>"


def _attribute(value: str) -> str:
    return quoteattr(value.replace("\0", ""))


TEXTS = (
    *((json_lines, maker) for maker in MAKERS),
    *((json_array, maker) for maker in MAKERS),
    *((table, plain_post), (table, plain_post), (pandas, plain_post), (pages, v2), (wrapped, v1)),
    *((outbox, note), (xml, plain_post)),
)


def parquet(posts: list[Post], chance: random.Random) -> tuple[str, bytes]:
    stream = io.BytesIO()
    columns: dict[str, Any] = {"text": [post["text"] for post in posts]}
    rows = len(posts)
    kinds: tuple[Any, ...] = (
        pa.array(range(rows)),
        pa.array([1.29e18] * rows, pa.float64()),
        pa.nulls(rows),
        pa.array([["a"]] * rows, pa.list_(pa.string())),
        pa.array([{"a": "b"}] * rows),
        pa.array([2**62] * rows, pa.timestamp(chance.choice(["ms", "us", "ns"]))),
        pa.array(["x"] * rows).dictionary_encode(),
        pa.array([b"\xff"] * rows),
        pa.array([True] * rows),
        pa.array([[{"tag": "a"}]] * rows),
    )
    for name in ("id", "created_at", "hashtags", "lang"):
        if chance.random() < 0.6:
            columns[name] = chance.choice(kinds)
    if chance.random() < 0.1:
        columns["text"] = chance.choice(kinds)
    pq.write_table(pa.table(columns), stream)
    return "p.parquet", stream.getvalue()


def workbook(posts: list[Post], chance: random.Random) -> tuple[str, bytes]:
    openpyxl = __import__("openpyxl")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["id", "text"])
    for number, post in enumerate(posts):
        # Excel has no control characters.
        sheet.append([number, "".join(c for c in post["text"] if c >= " ")])
    stream = io.BytesIO()
    book.save(stream)
    return "p.xlsx", stream.getvalue()


def zipped(name: str, content: bytes) -> tuple[str, bytes]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return "p.zip", stream.getvalue()


def packed(name: str, content: bytes, chance: random.Random) -> tuple[str, bytes]:
    packers: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
        ".zst": lambda raw: pa.compress(raw, "zstd", asbytes=True),
    }  # fmt: skip
    suffix = chance.choice([*packers, ".zip"])
    return zipped(name, content) if suffix == ".zip" else (name + suffix, packers[suffix](content))


def broken(content: bytes, chance: random.Random) -> bytes:
    """Return content in which some bytes are others, are missing, or are there twice."""
    raw = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(raw))
        match chance.randint(0, 4):
            case 0:
                raw[at : at + 1] = chance.randbytes(1)
            case 1:
                del raw[at : at + chance.randint(1, 40)]
            case 2:
                raw[at:at] = chance.choice(
                    [b'"', b"\n", b"{", b"[", b",", b"\0", b"\xff", b"]", b"<"]
                )
            case 3:
                raw[at:at] = raw[at : at + 50]
            case _:
                raw[at:] = raw[at:][: chance.randint(0, 200)]
    return bytes(raw)


def random_file(seed: int) -> RandomFile:
    """Return the file of a seed: the same each time."""
    chance = random.Random(seed)
    if chance.random() < 0.03:
        name = chance.choice(
            ["p.csv", "p.json", "p.jsonl", "p.parquet", "p.xml", "p.zip", "p.xlsx"]
        )
        return RandomFile(name, chance.randbytes(chance.randint(0, 3000)), None)
    kind = chance.random()
    size = chance.choice([1, 2, 5, 20])
    if kind < 0.1:
        name, content = parquet([plain_post(chance) for _ in range(size)], chance)
    elif kind < 0.13:
        name, content = workbook([plain_post(chance) for _ in range(size)], chance)
    else:
        write, make = chance.choice(TEXTS)
        name, written = write([make(chance) for _ in range(size)], chance)
        encoding = chance.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"])
        if write is xml or name.endswith(".js"):
            encoding = "utf-8"
        content = written.encode(encoding, "replace")
    changed = chance.random() < 0.5
    if changed:
        content = broken(content, chance)
    if chance.random() < 0.15:
        name, content = packed(name, content, chance)
        if changed and chance.random() < 0.3:
            content = broken(content, chance)
    return RandomFile(name, content, None if changed else size)


def settings_of(seed: int) -> dict[str, Any]:
    """Return settings to read the file of a seed with: mostly none."""
    chance = random.Random(~seed)
    if chance.random() < 0.8:
        return {}
    options: dict[str, list[Any]] = {
        "format": [
            "csv",
            "json",
            "jsonl",
            "parquet",
            "xlsx",
            "xml",
            "twitter_v1",
            "mastodon",
            "plain",
        ],
        "separator": [",", "tab", ";"],
        "quote": [None, "'", '"'],
        "escape": ["\\"],
        "encoding": ["utf-8", "cp1252", "utf-16", "shift_jis"],
        "header": [False],
        "hashtag_separator": [",", " "],
    }
    return {key: chance.choice(options[key]) for key in chance.sample(list(options), 2)}
