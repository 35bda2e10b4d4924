"""One small export of each form, made up, and the posts that are in it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
from tagfinder.corpus.sources.forms.registry import FORMS
from tagfinder.errors import InputError

AUTO: dict[str, Any] = dict.fromkeys(
    ("id", "created_at", "text", "hashtags", "entity_name", "lang"), "auto"
)
WHEN = datetime(2020, 8, 27, 13, 8, 45, tzinfo=UTC)
TEXT = "River rises in town #flood"
ISO = "2020-08-27T13:08:45.000Z"
TWITTER = "Thu Aug 27 13:08:45 +0000 2020"


def read(path: Path | str, **options: Any) -> tuple[pl.DataFrame, Rejects]:
    rejects = Rejects()
    columns = AUTO | options.pop("columns", {})
    source = FileSource(path=str(path), columns=columns, **options)
    return pl.concat(source.batches(rejects)), rejects


def written(tmp_path: Path, name: str, content: Any) -> Path:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


V1 = {
    "id": 7,
    "id_str": "7",
    "created_at": TWITTER,
    "full_text": TEXT,
    "entities": {"hashtags": [{"text": "flood", "indices": [20, 26]}]},
    "user": {"screen_name": "ada"},
    "lang": "en",
}
CUT = {**V1, "text": "River rises… https://t.co/x", "truncated": True}
STREAMED = {key: value for key, value in CUT.items() if key not in ("full_text", "entities")}
STREAMED["extended_tweet"] = {"full_text": TEXT, "entities": V1["entities"]}
V2 = {
    "id": "7",
    "text": TEXT,
    "created_at": ISO,
    "author_id": "9",
    "lang": "en",
    "entities": {"hashtags": [{"start": 20, "end": 26, "tag": "flood"}]},
}
ACTIVITY = {
    "id": "7",
    "objectType": "activity",
    "verb": "post",
    "postedTime": ISO,
    "body": "River rises… ",
    "long_object": {"body": TEXT, "twitter_entities": {"hashtags": [{"text": "flood"}]}},
    "actor": {"preferredUsername": "ada"},
    "twitter_lang": "en",
}
PAGE = {"data": [V2], "includes": {"users": [{"id": "9", "username": "ada"}]}, "meta": {}}
STATUS = {
    "id": "7",
    "created_at": ISO,
    "content": '<p>River rises in town <a href="https://m.example/tags/flood">#<span>flood</span></a>',
    "language": "en",
    "tags": [{"name": "flood", "url": "https://m.example/tags/flood"}],
    "account": {"acct": "ada"},
    "reblogs_count": 0,
}
NOTE = {
    "id": "7",
    "type": "Note",
    "published": ISO,
    "attributedTo": "ada",
    "content": STATUS["content"],
    "tag": [
        {"type": "Mention", "href": "https://m.example/bob", "name": "@bob"},
        {"type": "Hashtag", "href": "https://m.example/tags/flood", "name": "#flood"},
    ],
}
RECORD = {
    "$type": "app.bsky.feed.post",
    "createdAt": ISO,
    "text": TEXT,
    "langs": ["en"],
    "facets": [{"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "flood"}]}],
}
EVENT = {
    "did": "ada",
    "kind": "commit",
    "commit": {
        "operation": "create",
        "collection": "app.bsky.feed.post",
        "rkey": "7",
        "record": RECORD,
    },
}
VIEW = {"uri": "7", "cid": "c", "author": {"handle": "ada"}, "record": RECORD}
SCRAPED = {
    "id": 7,
    "url": "u",
    "date": "2020-08-27T13:08:45+00:00",
    "rawContent": TEXT,
    "renderedContent": "River rises in town #flood",
    "hashtags": ["flood"],
    "user": {"username": "ada"},
    "lang": "en",
}
XML = (
    '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n  <row Id="7" PostTypeId="1" '
    'CreationDate="2020-08-27T13:08:45.000" Title="River rises" '
    'Body="&lt;p&gt;in town #flood&lt;/p&gt;" Tags="{tags}" OwnerUserId="ada" />\n'
    '  <row Id="8" PostTypeId="2" CreationDate="2020-08-27T13:08:45.000" '
    'Body="&lt;code&gt;#include&lt;/code&gt;" />\n</posts>\n'
)
TWINT = (
    "id,conversation_id,created_at,date,time,timezone,username,tweet,language,hashtags\n"
    f"7,7,2020-08-27 15:08:45 CEST,2020-08-27,15:08:45,+0200,ada,{TEXT},en,\"['flood']\"\n"
)
DOCNOW = (
    "id,tweet_url,created_at,parsed_created_at,user_screen_name,text,tweet_type,hashtags,lang\n"
    f"7,u,{TWITTER},2020-08-27 13:08:45+00:00,ada,{TEXT},original,flood,en\n"
)
TWARC = (
    "id,conversation_id,author_id,created_at,text,lang,entities.hashtags,author.username\n"
    f'7,7,9,{ISO},{TEXT},en,"[{{""start"": 20, ""end"": 26, ""tag"": ""flood""}}]",ada\n'
)

EXPORTS: dict[str, tuple[str, Any]] = {
    "twitter_v1": ("tweets.jsonl", lines(V1)),
    "twitter_v1, an array": ("tweets.json", json.dumps([V1], indent=2)),
    "twitter_v1, a search": ("tweets.json", {"statuses": [V1], "search_metadata": {}}),
    "twitter_v1, streamed": ("stream.jsonl", lines({"delete": {"status": {"id": 1}}}, STREAMED)),
    "twitter_v1, a retweet": (
        "tweets.jsonl",
        lines({**CUT, "text": "RT @ada: River…", "retweeted_status": V1}),
    ),
    "twitter_v2": ("pages.jsonl", lines(PAGE, {"meta": {"result_count": 0}})),
    "twitter_v2, one object": ("page.json", json.dumps(PAGE, indent=1)),
    "twitter_v2, an array": ("pages.json", [PAGE]),
    "twitter_v2, flattened": ("tweets.jsonl", lines({**V2, "author": {"username": "ada"}})),
    "twitter_v2, one tweet": ("tweet.json", {"data": V2, "includes": PAGE["includes"]}),
    "twarc_csv": ("tweets.csv", TWARC),
    "docnow_csv": ("tweets.csv", DOCNOW),
    "activity_streams": ("activities.jsonl", lines(ACTIVITY)),
    "twitter_archive": ("tweets.js", "window.YTD.tweets.part0 = " + json.dumps([{"tweet": V1}])),
    "twitter_archive, bare": ("tweets.json", json.dumps([{"tweet": V1}], indent=2)),
    "snscrape": ("posts.jsonl", lines(SCRAPED)),
    "snscrape, older": (
        "posts.jsonl",
        lines({key: value for key, value in SCRAPED.items() if "Content" not in key}
              | {"content": TEXT, "hashtags": None}),
    ),
    "twint": ("tweets.csv", TWINT),
    "twint, JSON": (
        "tweets.json",
        lines({"id": 7, "conversation_id": "7", "date": "2020-08-27", "time": "15:08:45",
               "timezone": "+0200", "username": "ada", "tweet": TEXT, "language": "en",
               "hashtags": ["flood"]}),
    ),
    "mastodon": ("statuses.json", [STATUS]),
    "mastodon, boosted": ("statuses.json", [{**STATUS, "content": "", "reblog": STATUS}]),
    "activitypub": (
        "outbox.json",
        {"@context": "https://www.w3.org/ns/activitystreams", "type": "OrderedCollection",
         "orderedItems": [{"type": "Create", "object": NOTE}]},
    ),
    "activitypub, notes": ("notes.jsonl", lines(NOTE)),
    "bluesky": ("events.jsonl", lines(EVENT, {"did": "x", "kind": "identity", "identity": {}})),
    "bluesky, views": ("feed.json", {"feed": [{"post": VIEW}], "cursor": "c"}),
    "bluesky, records": (
        "records.json",
        {"records": [{"uri": "7", "cid": "c", "value": RECORD}], "cursor": "c"},
    ),
    "stack_exchange": ("Posts.xml", XML.format(tags="&lt;flood&gt;")),
    "stack_exchange, a table": (
        "questions.csv",
        "Id,Title,Body,Tags,CreationDate\n"
        "7,River rises,<p>in town #flood</p>,<flood><c++>,2020-08-27 13:08:45\n",
    ),
    "stack_exchange, API": (
        "questions.json",
        {"items": [{"question_id": 7, "title": "River rises", "body": "in town #flood",
                    "tags": ["flood"], "creation_date": 1598533725}], "has_more": False},
    ),
    "stack_exchange, newer": ("Posts.xml", XML.format(tags="|flood|")),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_the_posts_of_an_export_are_read_without_settings(tmp_path: Path, name: str):
    posts, rejects = read(written(tmp_path, *EXPORTS[name]), drop_retweets=False)
    first = posts.row(0, named=True)
    assert first["text"].replace("\n\n", " ") == TEXT
    assert first["created_at"] == WHEN
    assert (first["hashtags"] or ["flood"])[0].lstrip("#") == "flood"
    assert first["id"] == (None if name == "bluesky, record" else "7")
    if not name.startswith("stack"):
        assert first["entity_name"] in ("ada", None)
        assert posts.height == 1
    assert set(rejects.counts) <= {"not a post"}


def test_every_form_has_an_export_here():
    assert {name.partition(",")[0] for name in EXPORTS} == set(FORMS) - {"plain"}


@pytest.mark.parametrize("name", ["twitter_v1, a retweet", "mastodon, boosted"])
def test_a_repost_is_left_out_as_one(tmp_path: Path, name: str):
    path = written(tmp_path, *EXPORTS[name])
    rejects = Rejects()
    with pytest.raises(InputError, match="1 retweet"):
        list(FileSource(path=str(path), columns=AUTO).batches(rejects))


def test_an_announced_post_that_is_only_an_address_is_counted(tmp_path: Path):
    items = [
        {"type": "Create", "object": NOTE},
        {"type": "Announce", "id": "8", "published": ISO, "object": "https://m.example/9"},
    ]
    posts, rejects = read(written(tmp_path, "outbox.json", {"orderedItems": items}))
    assert posts.height == 1
    assert rejects.counts == {"repost whose text is not in the file": 1}


def test_code_in_an_answer_gives_no_hashtags(tmp_path: Path):
    posts, _ = read(written(tmp_path, *EXPORTS["stack_exchange"]))
    assert posts["hashtags"].to_list() == [["flood"], []]


FRAME = {"id": [7, 8], "text": [TEXT, "Night of jazz #jazz"], "lang": ["en", "en"]}
PANDAS: dict[str, Any] = {
    "columns": {name: {"0": column[0], "1": column[1]} for name, column in FRAME.items()},
    "index": {
        str(row): {name: column[row] for name, column in FRAME.items()} for row in range(2)
    },
    "records": [{name: column[row] for name, column in FRAME.items()} for row in range(2)],
    "split": {
        "columns": list(FRAME),
        "index": [0, 1],
        "data": [[column[row] for column in FRAME.values()] for row in range(2)],
    },
    "table": {
        "schema": {"fields": []},
        "data": [{name: column[row] for name, column in FRAME.items()} for row in range(2)],
    },
    "lists": FRAME,
}  # fmt: skip


@pytest.mark.parametrize("orient", PANDAS)
@pytest.mark.parametrize("indent", [None, 2])
def test_every_orientation_of_pandas_is_read(tmp_path: Path, orient: str, indent: int | None):
    path = written(tmp_path, "posts.json", json.dumps(PANDAS[orient], indent=indent))
    posts, rejects = read(path)
    assert posts.select("id", "text").rows() == [("7", TEXT), ("8", "Night of jazz #jazz")]
    assert rejects.counts == {}


def test_values_without_names_are_read_by_number(tmp_path: Path):
    path = written(tmp_path, "posts.json", [[7, TEXT], [8, "jazz"]])
    posts, _ = read(path, columns={"text": 2, "id": 1})
    assert posts.select("id", "text").rows() == [("7", TEXT), ("8", "jazz")]


@pytest.mark.parametrize(
    "content",
    ['{"id": 7, "text": "a"},\n{"id": 8, "text": "b"},\n',
     "{'id': 7, 'text': 'a'}\n{'id': 8, 'text': \"b\"}\n"],
)  # fmt: skip
def test_lines_that_are_almost_json_are_read(tmp_path: Path, content: str):
    posts, rejects = read(written(tmp_path, "posts.jsonl", content))
    assert posts.select("id", "text").rows() == [("7", "a"), ("8", "b")]
    assert rejects.counts == {}


# Paths


NESTED = {"post": {"body": TEXT, "tags": [{"name": "flood"}, {"name": "town"}]}, "key": 7}


def test_nested_records_are_read_by_path(tmp_path: Path):
    path = written(tmp_path, "posts.jsonl", lines(NESTED))
    posts, _ = read(path, columns={"text": "post.body", "hashtags": "post.tags", "id": "key"})
    assert posts.select("id", "text", "hashtags").row(0) == ("7", TEXT, ["flood", "town"])
    posts, _ = read(path, columns={"text": "post.body", "hashtags": "post.tags.name"})
    assert posts["hashtags"][0].to_list() == ["flood", "town"]


def test_structs_of_parquet_are_read_by_path(tmp_path: Path):
    pq.write_table(pa.Table.from_pylist([NESTED, {"post": None, "key": 8}]), tmp_path / "p.parquet")
    columns = {"text": "post.body", "hashtags": "post.tags", "id": "key"}
    posts, rejects = read(tmp_path / "p.parquet", columns=columns)
    assert posts.select("id", "text", "hashtags").rows() == [("7", TEXT, ["flood", "town"])]
    assert rejects.counts == {"no text": 1}


def test_a_column_that_is_named_like_a_path_wins(tmp_path: Path):
    path = written(tmp_path, "posts.jsonl", lines({"post.body": TEXT, "post": {"body": "other"}}))
    assert read(path, columns={"text": "post.body"})[0]["text"].to_list() == [TEXT]


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.csv"])
def test_an_empty_field_does_not_hide_the_next_alternative(tmp_path: Path, name: str):
    rows = [{"body": "", "note": TEXT}, {"body": TEXT, "note": "other"}]
    table = f'body,note\n"",{TEXT}\n{TEXT},other\n'
    path = written(tmp_path, name, lines(*rows) if name.endswith("jsonl") else table)
    assert read(path, columns={"text": ["body", "note"]})[0]["text"].to_list() == [TEXT, TEXT]


def test_two_columns_can_be_joined(tmp_path: Path):
    path = written(tmp_path, "posts.csv", f"day,clock,text\n2020-08-27,13:08:45,{TEXT}\n")
    assert read(path, columns={"created_at": "day+clock"})[0]["created_at"][0] == WHEN


# Containers


def workbook(rows: list[list[Any]]) -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_a_spreadsheet_is_read_and_its_rounded_ids_are_named(tmp_path: Path):
    rows = [
        ["id", "text", "created_at"],
        [1294030472427835393, TEXT, datetime(2020, 8, 27, 13, 8, 45)],
        [1294030472427835394, "jazz", None],
    ]
    posts, rejects = read(written(tmp_path, "posts.xlsx", workbook(rows)))
    assert posts["text"].to_list() == [TEXT, "jazz"]
    assert posts["created_at"].to_list() == [WHEN, None]
    assert posts["id"].to_list() == [None, None]
    assert rejects.counts == {}
    assert [(rows, "rounded" in what) for what, rows in rejects.remarks.items()] == [(2, True)]


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress),
     (".zst", lambda content: pa.compress(content, "zstd", asbytes=True))],
)  # fmt: skip
@pytest.mark.parametrize("named", [True, False])
def test_compressed_files_may_have_any_name(tmp_path: Path, suffix: str, pack: Any, named: bool):
    name = f"posts.jsonl{suffix if named else ''}"
    assert read(written(tmp_path, name, pack(lines(V1).encode())))[0].height == 1


def archive(members: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return stream.getvalue()


def test_an_archive_gives_the_posts_of_its_members(tmp_path: Path):
    frame = io.BytesIO()
    pl.DataFrame({"id": ["3"], "text": ["third"]}).write_parquet(frame)
    members = {
        "data/like.js": 'window.YTD.like.part0 = [{"like": {"tweetId": "1", "fullText": "no"}}]',
        "data/tweets.js": "window.YTD.tweets.part0 = " + json.dumps([{"tweet": V1}]),
        "more/posts.csv": "id,text\n2,second\n",
        "more/posts.parquet": frame.getvalue(),
        "__MACOSX/posts.csv": "text\nno\n",
        "readme.txt": "text\nno\n",
    }
    posts, rejects = read(written(tmp_path, "archive.zip", archive(members)))
    assert posts["id"].to_list() == ["7", "2", "3"]
    assert rejects.counts == {}
    assert rejects.notes == ["archive.zip: 3 of its 6 files are no files of posts"]


def test_an_archive_without_posts_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no file of posts in it"):
        read(written(tmp_path, "archive.zip", archive({"picture.png": b"x"})))


def test_small_files_cannot_fill_the_memory(tmp_path: Path):
    bomb = gzip.compress(b"text\n" + b"a" * 10_000_000)
    with pytest.raises(InputError, match="max_unpacked_bytes"):
        read(written(tmp_path, "posts.csv.gz", bomb), max_unpacked_bytes=1_000_000)
    with pytest.raises(InputError, match="max_document_bytes"):
        read(
            written(tmp_path, "posts.json", json.dumps([{"text": "a" * 3_000_000}])),
            max_document_bytes=1_000_000,
        )
    with pytest.raises(InputError, match="max_document_bytes"):
        read(written(tmp_path, "p.xlsx", workbook([["text"], ["a"]])), max_document_bytes=1_000)
    deep = "[" * 100_000 + "]" * 100_000
    with pytest.raises(InputError):
        read(written(tmp_path, "deep.json", deep))


# Tables


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"id\ttext\n7\ta, b\n", {}),
        (b"id;text\n7;a, b\n", {}),
        (b"sep=;\r\nid;text\r\n7;a, b\r\n", {}),
        (b"id|text\n7|a, b\n", {}),
        (b"id/text\n7/a, b\n", {"separator": "/"}),
        (b"id,text\n7,a\\, b\n", {"escape": "\\"}),
        (b"id,text\n7,'a, b'\n", {"quote": "'"}),
        ("id,text\n7,\"a, b\"\n".encode("utf-16"), {}),
        ("id,text\n7,\"a, b\"\n".encode("utf-16-le"), {}),
        (b"7\ta, b\n", {"header": False, "columns": {"id": 1, "text": 2}}),
        (b'id,text\n7,"b\'a, b\'"\n', {}),
    ],
)  # fmt: skip
def test_tables_are_read_however_they_separate_and_quote(
    tmp_path: Path, content: bytes, options: dict[str, Any]
):
    posts, rejects = read(written(tmp_path, "posts.csv", content), **options)
    assert posts.select("id", "text").rows() == [("7", "a, b")]
    assert rejects.counts == {}


def rows_with_a_quote(separator: str) -> str:
    rows = [f"{10**17 + n}{separator}text of post {n}" for n in range(40)]
    rows[5] = f'{10**17 + 5}{separator}"he said so'
    rows[25] = f'{10**17 + 25}{separator}and then"'
    return "\n".join([f"id{separator}text", *rows, ""])


@pytest.mark.parametrize(("separator", "said"), [("\t", "tab"), (",", "','"), (";", "';'")])
def test_a_quote_that_would_fuse_posts_is_no_quote_where_lines_are_whole_posts(
    tmp_path: Path, separator: str, said: str
):
    posts, rejects = read(written(tmp_path, "posts.csv", rows_with_a_quote(separator)))
    assert posts.height == 40
    assert rejects.notes == [f"posts.csv: read with data.separator={said} data.quote=null"]


def test_an_ambiguous_quote_that_would_fuse_posts_is_refused(tmp_path: Path):
    content = rows_with_a_quote(",").replace("text of post 3\n", '"text, quoted"\n')
    with pytest.raises(InputError, match=r"line 7: .* runs over 21 lines, .*data\.quote=null"):
        read(written(tmp_path, "posts.csv", content))
    unquoted, rejects = read(written(tmp_path, "posts.csv", content), quote=None)
    assert unquoted.height == 39
    assert rejects.counts == {"wrong number of CSV fields": 1}
    trusted, _ = read(written(tmp_path, "posts.csv", content), quote='"')
    assert trusted.height == 20


def test_a_fused_record_far_into_a_file_is_refused(tmp_path: Path):
    before = "".join(f"{10**17 + n}\tpost {n} of many in this file\n" for n in range(60_000))
    fused = f'{10**17}\t"opens\n{10**17 + 1}\tin between\n{10**17 + 2}\tcloses"\n'
    path = written(tmp_path, "posts.tsv", "id\ttext\n" + before + fused)
    with pytest.raises(InputError, match=r"line 60002: .* over 3 lines"):
        read(path)


@pytest.mark.parametrize(
    "order", [["id", "text"], ["text", "id"], ["text", "at", "id"], ["at", "text", "id"]]
)
def test_a_text_of_many_lines_is_one_post(tmp_path: Path, order: list[str]):
    text = "A poem:\n\nroses, red\nviolets, blue\n12\n" * 5
    ids = [str(10**17 + n) for n in range(30)]
    frame = pl.DataFrame({"id": ids, "text": [text] * 30, "at": ["2020-08-27"] * 30})
    frame = pl.concat([frame.with_columns(text=pl.lit("one line"), id="1" + pl.col("id")), frame])
    frame.select(order).write_csv(tmp_path / "posts.csv")
    posts, _ = read(tmp_path / "posts.csv")
    assert posts["text"].to_list() == ["one line"] * 30 + [text] * 30


def test_a_text_of_many_lines_is_one_post_where_all_have_many(tmp_path: Path):
    text = "A poem:\n\nroses, red\nviolets, blue\n12\n" * 5
    ids = [str(10**17 + n) for n in range(30)]
    pl.DataFrame({"id": ids, "text": [text] * 30}).write_csv(tmp_path / "posts.csv")
    assert read(tmp_path / "posts.csv")[0]["text"].to_list() == [text] * 30


def test_one_name_of_two_columns_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="more than one column named text"):
        read(written(tmp_path, "posts.csv", "text,text\na,b\n"))


@pytest.mark.parametrize("setting", [{"separator": "ab"}, {"quote": ""}, {"encoding": "no-such"},
                                     {"format": "word"}])  # fmt: skip
def test_a_setting_without_meaning_is_refused(tmp_path: Path, setting: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(setting))):
        read(written(tmp_path, "posts.csv", "text\na\n"), **setting)


def test_the_form_can_be_said(tmp_path: Path):
    path = written(tmp_path, "posts.jsonl", lines({"id": 7, "content": "<p>River &amp; town</p>"}))
    assert read(path)[0]["text"].to_list() == ["<p>River &amp; town</p>"]
    assert read(path, format="mastodon")[0]["text"].to_list() == ["River & town"]
    assert read(written(tmp_path, "x.csv", lines({"text": "a"})), format="jsonl")[0].height == 1


# Times and types


def test_a_bad_time_costs_the_time_and_not_the_post(tmp_path: Path):
    path = written(tmp_path, "posts.jsonl", lines({"text": "a", "created_at": "soon"}))
    posts, rejects = read(path)
    assert posts["created_at"].to_list() == [None]
    assert rejects.counts == {}
    assert list(rejects.remarks.values()) == [1]


@pytest.mark.parametrize(
    ("times", "first"),
    [(["03/04/2020", "27/08/2020"], "2020-04-03"), (["03/04/2020", "08/27/2020"], "2020-03-04")],
)
def test_day_and_month_are_distinguished_by_the_whole_column(
    tmp_path: Path, times: list[str], first: str
):
    path = written(tmp_path, "p.jsonl", lines(*({"text": "a", "created_at": t} for t in times)))
    assert str(read(path)[0]["created_at"][0].date()) == first


def test_dates_that_can_be_read_both_ways_are_asked_for(tmp_path: Path):
    path = written(tmp_path, "p.jsonl", lines({"text": "a", "created_at": "03/04/2020"}))
    with pytest.raises(InputError, match="created_at_format=dmy or mdy"):
        read(path)
    posts, _ = read(path, columns={"created_at_format": "dmy"})
    assert str(posts["created_at"][0].date()) == "2020-04-03"


def test_types_of_parquet_that_can_mean_a_field_do(tmp_path: Path):
    tags = pa.array([["flood"]], pa.list_(pa.string(), 1))
    table = pa.table(
        {
            "id": pa.array([7], pa.decimal128(20, 0)),
            "text": [TEXT],
            "entity_name": pa.array([99], pa.int64()),
            "created_at": pa.array([1598533725.0]),
            "hashtags": tags,
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    row = read(tmp_path / "p.parquet")[0].row(0, named=True)
    assert row == {"id": "7", "text": TEXT, "entity_name": "99", "created_at": WHEN,
                   "hashtags": ["flood"], "lang": None}  # fmt: skip


def test_texts_that_are_written_as_bytes_are_read(tmp_path: Path):
    table = pa.table({"text": pa.array([TEXT.encode(), b"caf\xe9", None])})
    pq.write_table(table, tmp_path / "p.parquet")
    posts, rejects = read(tmp_path / "p.parquet")
    assert posts["text"].to_list() == [TEXT]
    assert rejects.counts == {"not UTF-8": 1, "no text": 1}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_parquet_out_of_range_are_none(tmp_path: Path, unit: str):
    second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    far = 2**50 if unit == "s" else 2**62  # Parquet has no seconds: they are written as ms
    counts = pa.array([1598533725 * second, far, -far], pa.timestamp(unit))
    pq.write_table(
        pa.table({"text": ["a", "b", "c"], "created_at": counts}), tmp_path / "p.parquet"
    )
    assert read(tmp_path / "p.parquet")[0]["created_at"].to_list() == [WHEN, None, None]


def test_an_unreadable_column_of_hashtags_is_refused(tmp_path: Path):
    path = written(tmp_path, "posts.csv", 'text,hashtags\na,"New York, Rome"\n')
    with pytest.raises(InputError) as caught:
        read(path)
    assert "data.hashtag_separator" in str(caught.value)
    assert "data.columns.hashtags=null" in str(caught.value)
    assert read(path, hashtag_separator=",")[0]["hashtags"].to_list() == [["New York", "Rome"]]


# The documentation


def test_the_table_of_forms_lists_every_form_with_its_columns():
    documentation = (Path(__file__).parents[3] / "docs" / "data.md").read_text()
    rows = [line for line in documentation.splitlines() if line.startswith("| `")]
    table = {row.split("`")[1]: row for row in rows}
    for name, form in FORMS.items():
        for column in (*form.columns.get("text", ()), *form.columns.get("hashtags", ())):
            assert f"`{column}`" in table[name], (name, column)


def rows_of(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": str(number), "text": f"{TEXT} {number}", **fields} for number in range(count)]


@pytest.mark.parametrize(
    ("fields", "setting"),
    [
        ({"tags": ["flood"], "date": ISO}, "data.columns.hashtags=tags"),
        ({"entities": {"hashtags": [{"tag": "a"}]}}, "data.columns.hashtags=entities.hashtags"),
        ({"Topics": "flood, rain", "date": ISO}, "data.columns.hashtags=Topics"),
        ({"hashtags": [], "when": ISO}, "data.columns.created_at=when"),
        ({"hashtags": [], "Post Created": ISO}, "data.columns.created_at=\"'Post Created'\""),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_a_column_that_is_not_read_but_seems_to_have_a_field_is_named(
    tmp_path: Path, fields: dict[str, Any], setting: str, suffix: str
) -> None:
    frame, file = pl.DataFrame(rows_of(5, **fields)), tmp_path / f"posts{suffix}"
    if suffix == ".csv":
        cells = [
            {name: value if isinstance(value, str) else json.dumps(value) for name, value in row}
            for row in map(dict.items, frame.to_dicts())
        ]
        pl.DataFrame(cells).write_csv(file)
    elif suffix == ".parquet":
        frame.write_parquet(file)
    else:
        file.write_text(lines(*frame.to_dicts()))
    _, rejects = read(file)
    assert len(rejects.notes) == 1
    assert setting in rejects.notes[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"hashtags": ["flood"], "created_at": ISO, "tags": ["other"]},
        {"hashtags": ["flood"], "date": "soon", "when": ISO},
        {"likes": "7", "user": {"name": "ada"}},
    ],
)
def test_nothing_is_named_where_each_field_is_read_or_none_seems_to_be_it(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    file = written(tmp_path, "posts.jsonl", lines(*rows_of(5, **fields)))
    assert read(file)[1].notes == []
    columns = {"hashtags": None, "created_at": None}
    file = written(tmp_path, "posts.jsonl", lines(*rows_of(5, tags=["a"], when=ISO)))
    assert read(file, columns=columns)[1].notes == []


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "preamble",
    [
        "Exported from Acme\n\n",
        "Report:,Bulk Download\nBrand:,Acme\nFrom:,Fri May 01 00:00:00 UTC 2020\n\n\n",
        '"A title, that is\nquoted"\n',
    ],
)
def test_lines_before_the_header_are_found_and_can_be_skipped(
    tmp_path: Path, separator: str, preamble: str
) -> None:
    rows = [["Query Id", "Date", "Full Text"]]
    rows += [[str(number), "2020-08-27", f"{TEXT} {number}"] for number in range(8)]
    table = "\n".join(separator.join(row) for row in rows)
    file = written(tmp_path, "posts.csv", preamble + table)
    before = preamble.count("\n")
    with pytest.raises(InputError, match=rf"line {before + 1}: data.skip_lines={before}$"):
        read(file)
    posts, _ = read(file, skip_lines=before, columns={"text": "Full Text"})
    assert posts["text"].to_list() == [f"{TEXT} {number}" for number in range(8)]


def test_rows_before_the_header_of_a_sheet_can_be_skipped(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Report", "Acme"], [None, None], ["id", "text"], [1, TEXT]):
        book.active.append(row)
    book.save(tmp_path / "posts.xlsx")
    posts, _ = read(tmp_path / "posts.xlsx", skip_lines=2)
    assert posts["text"].to_list() == [TEXT]


BINARY = {
    b"SQLite format 3\0": "database of SQLite",
    b"ARROW1\0\0": "Arrow or Feather",
    b"\x89HDF\r\n": "HDF5",
    b"Obj\x01\0": "Avro",
    b"RDX2\nX\n\0": "file of R",
    b"\x80\x04\x95\0": "pickle of Python",
    b"7z\xbc\xaf\x27\x1c": "archive; unpack",
    b"$FL2@(#)\0": "SPSS",
    b"\xd0\xcf\x11\xe0\0": "old or a protected Excel",
    b"%PDF-1.4\n": "a document",
    b"x" * 257 + b"ustar\0": "tar archive; unpack",
}


@pytest.mark.parametrize("begin", list(BINARY), ids=list(BINARY.values()))
@pytest.mark.parametrize("name", ["posts.db", "posts.csv", "posts.jsonl", "posts.txt"])
def test_a_file_of_another_kind_is_named(tmp_path: Path, begin: bytes, name: str) -> None:
    file = written(tmp_path, name, begin + bytes(400))
    with pytest.raises(InputError, match=BINARY[begin]):
        read(file)


@pytest.mark.parametrize("text", ["ORC,text\n1,a b c\n", "RDX;text\n1;a b c\n", "X\n\ntext\n"])
def test_a_text_is_not_taken_for_a_binary_file(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, "posts.csv", text)
    with pytest.raises(InputError) as told:
        read(file, columns={"text": "no"})
    assert "a file of" not in str(told.value)


def test_values_as_mongodb_exports_them_are_read(tmp_path: Path) -> None:
    rows = [
        {"_id": {"$oid": "5f"}, "id": {"$numberLong": "1298533725123456789"}, "text": TEXT}
        | {"created_at": {"$date": when}, "hashtags": ["flood"]}
        for when in (ISO, {"$numberLong": "1598533725000"})
    ]
    posts, _ = read(written(tmp_path, "posts.jsonl", lines(rows[0], {**rows[1], "id": "2"})))
    assert posts["id"].to_list() == ["1298533725123456789", "2"]
    assert posts["created_at"].to_list() == [WHEN, WHEN]


def test_a_text_in_parts_is_joined(tmp_path: Path) -> None:
    parts = ["River rises in town ", {"type": "hashtag", "text": "#flood"}]
    rows = [{"id": 1, "text": parts}, {"id": 2, "text": [1]}, {"id": 3, "text": [{"a": "b"}]}]
    posts, rejects = read(written(tmp_path, "posts.jsonl", lines(*rows)))
    assert posts["text"].to_list() == [TEXT]
    assert rejects.counts == {"text is not a text": 2}
