from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.corpus.sources.files import FileSource, find_files
from tagfinder.errors import InputError

COLUMNS: dict[str, Any] = {
    "id": ["id"],
    "created_at": ["created_at", "created_time"],
    "text": ["text"],
    "hashtags": ["hashtags"],
    "entity_name": ["entity_name"],
    "lang": ["lang"],
}
WHEN = datetime(2022, 10, 10, 8, 30, tzinfo=UTC)


def read(path: Path | str | list[str], **options: Any) -> tuple[pl.DataFrame, dict[str, int]]:
    rejects = Rejects()
    paths = path if isinstance(path, list) else str(path)
    source = FileSource(path=paths, **{"columns": COLUMNS, **options})
    return pl.concat(source.batches(rejects)), rejects.counts


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def csv_of(tmp_path: Path, *rows: str, header: str = "id,text,created_at,hashtags") -> Path:
    return write(tmp_path / "posts.csv", "\n".join([header, *rows, ""]))


def json_of(tmp_path: Path, *rows: Any) -> Path:
    return write(tmp_path / "posts.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


# What can be read


def test_the_reports_own_csv_is_read(tmp_path: Path):
    path = csv_of(
        tmp_path,
        "\"Love it #Fashion #style\",2022-10-10 08:30:00,\"['Fashion', 'style']\",Northwind",
        header="text,created_time,hashtags,entity_name",
    )
    posts, counts = read(path)
    assert posts.schema == RAW_SCHEMA
    assert posts.rows() == [
        (None, WHEN, "Love it #Fashion #style", ["Fashion", "style"], "Northwind", None)
    ]
    assert counts == {}


def test_hashtags_may_be_a_list_or_its_text_with_or_without_the_sign(tmp_path: Path):
    given_ = [
        ["#a", None, "B"],
        ["#a", "B"],
        '["#a", "B"]',
        "['#a', 'B']",
        "['＃a', ' B ', '']",
        [],
        None,
        "",
        "nan",
    ]
    path = json_of(tmp_path, *({"text": "x", "hashtags": tags} for tags in given_))
    posts, counts = read(path)
    assert posts["hashtags"].to_list() == [["a", "B"]] * 5 + [[], None, None, None]
    assert counts == {}


def test_a_csv_text_keeps_its_line_breaks_quotes_and_commas(tmp_path: Path):
    text = 'He said "no",\r\nthen left\n\n#bye'
    pl.DataFrame({"id": ["1"], "text": [text]}).write_csv(tmp_path / "posts.csv")
    assert read(tmp_path / "posts.csv")[0]["text"].to_list() == [text]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst", ".CSV", ".csv.GZ"])
def test_csv_files_may_be_compressed(tmp_path: Path, suffix: str):
    content = b"\xef\xbb\xbftext\nhello #a\n"
    if suffix.lower().endswith(".gz"):
        content = gzip.compress(content[:9]) + gzip.compress(content[9:])
    if suffix.endswith(".zst"):
        content = pa.compress(content, "zstd", asbytes=True)
    path = write(tmp_path / f"posts{suffix}", content)
    assert read(path)[0]["text"].to_list() == ["hello #a"]


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".jsonl.gz"])
def test_json_lines_files_have_several_names(tmp_path: Path, suffix: str):
    content = b'{"text": "hello"}\n\n{"text": "bye", "other": 1}'
    path = write(tmp_path / f"posts{suffix}", gzip.compress(content) if "gz" in suffix else content)
    posts, counts = read(path)
    assert posts["text"].to_list() == ["hello", "bye"]
    assert counts == {}


def test_files_of_several_formats_in_a_folder_are_read_in_the_order_of_their_names(tmp_path: Path):
    write(tmp_path / "c.csv", "text\nthird\n")
    write(tmp_path / "a.jsonl", '{"text": "first"}\n')
    (tmp_path / "b").mkdir()
    pl.DataFrame({"text": ["second"]}).write_parquet(tmp_path / "b" / "x.parquet")
    write(tmp_path / ".hidden.csv", "text\nhidden\n")
    write(tmp_path / "notes.txt", "text\nnot a post\n")
    write(tmp_path / "empty.csv", "")
    assert read(tmp_path)[0]["text"].to_list() == ["first", "second", "third"]


def test_several_files_a_glob_and_repeats_are_each_read_once(tmp_path: Path):
    for name in "abc":
        write(tmp_path / f"{name}.csv", f"text\n{name}\n")
    paths = [str(tmp_path / "c.csv"), str(tmp_path / "[ab].csv"), str(tmp_path / "c.csv")]
    assert read(paths)[0]["text"].to_list() == ["c", "a", "b"]


@pytest.mark.parametrize("name", ["author", "username", "account"])
def test_the_author_of_own_posts_may_be_called_otherwise(name: str, tmp_path: Path):
    path = csv_of(tmp_path, "Hello #a,ann", "Hello #b,", header=f"text,{name}")
    posts, _ = read(path, columns=dict.fromkeys(RAW_SCHEMA, "auto"))
    assert posts["entity_name"].to_list() == ["ann", None]
    nested = json_of(tmp_path, {"text": "Hello #a", name: {"id": 1}})
    posts, _ = read(nested, columns=dict.fromkeys(RAW_SCHEMA, "auto"))
    assert posts["entity_name"].to_list() == [None]


def test_columns_can_be_renamed_and_left_out(tmp_path: Path):
    path = csv_of(tmp_path, "hi,a b", header="tweet,hashtags")
    posts, counts = read(path, columns=COLUMNS | {"text": "tweet", "hashtags": None})
    assert posts.select("text", "hashtags").rows() == [("hi", None)]
    assert counts == {}


ROWS_OF_R = [
    '"id" "text" "hashtags"',
    '"1" "11" "The river rose, again" "flood town"',
    '"2" "12" "Two ""quoted"" words" "flood"',
    '"3" "13" "Nobody helps" "town"',
]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("written by write.table", ROWS_OF_R),
        ("with commas", [line.replace('" "', '","') for line in ROWS_OF_R]),
        ("with tabs", [line.replace('" "', '"\t"') for line in ROWS_OF_R]),
        ("with an index that has no name", ['"",' + ROWS_OF_R[0].replace(" ", ",")]
         + [line.replace('" "', '","') for line in ROWS_OF_R[1:]]),
        ("with a separator at the end of rows", [ROWS_OF_R[0].replace(" ", ";")]
         + [line[4:].replace('" "', '";"') + ";" for line in ROWS_OF_R[1:]]),
    ],
)  # fmt: skip
def test_a_column_that_the_header_does_not_name_shifts_nothing(
    tmp_path: Path, name: str, lines: list[str]
):
    path = tmp_path / "posts.csv"
    path.write_text("\n".join([*lines, ""]))
    posts, rejects = read(path)
    assert posts["id"].to_list() == ["11", "12", "13"], name
    assert posts["text"].to_list() == [
        "The river rose, again", 'Two "quoted" words', "Nobody helps"
    ]  # fmt: skip
    assert posts["hashtags"].to_list() == [["flood", "town"], ["flood"], ["town"]]
    assert not rejects


def test_a_message_is_one_line_for_any_column_names(tmp_path: Path):
    path = tmp_path / "posts.csv"
    path.write_text('"one\nname",b\r\n1,2\r\n')
    with pytest.raises(InputError, match="one name, b") as raised:
        read(path)
    assert len(str(raised.value).splitlines()) == 1


def test_another_separator_can_be_set(tmp_path: Path):
    path = csv_of(tmp_path, "1;a, b", header="id;text")
    assert read(path, separator=";")[0]["text"].to_list() == ["a, b"]


def test_parquet_types_that_mean_the_same_give_the_same_posts(tmp_path: Path):
    table = pa.table(
        {
            "id": pa.array([2**60]),
            "text": pa.array(["hi"]).dictionary_encode(),
            "created_at": pa.array([WHEN], pa.timestamp("ns", "Asia/Tokyo")),
            "hashtags": pa.array([["A"]], pa.large_list(pa.large_string())),
            "lang": pa.nulls(1),
        }
    )
    pq.write_table(table, tmp_path / "posts.parquet")
    posts, _ = read(tmp_path / "posts.parquet")
    assert posts.rows() == [(str(2**60), WHEN, "hi", ["A"], None, None)]


post_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
).filter(str.strip)
names = st.none() | st.text("ABCdef ghi,\"'é", min_size=1).map(str.strip).filter(bool)
posts_strategy = st.lists(
    st.tuples(
        st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),
        post_texts,
        st.none() | st.lists(st.text("abcdé'\"\\_1", min_size=1)),
        names,
    ),
    min_size=1,
    max_size=20,
)


@given(posts_strategy)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_the_same_posts_read_equal_from_csv_json_lines_and_parquet(
    tmp_path: Path, rows: list[tuple]
):
    posts = pl.DataFrame(
        [(str(index), *row, "en") for index, row in enumerate(rows)],
        schema=RAW_SCHEMA | {"created_at": pl.Datetime("us")},
        orient="row",
    ).select("id", "created_at", "text", "hashtags", "entity_name", "lang")
    posts = posts.with_columns(pl.col("created_at").dt.replace_time_zone("UTC"))
    times = [time and time.isoformat() for time in posts["created_at"]]
    lists = [None if tags is None else repr(tags) for tags in posts["hashtags"].to_list()]
    as_text = posts.with_columns(
        created_at=pl.Series(times, dtype=pl.String), hashtags=pl.Series(lists, dtype=pl.String)
    )
    posts.write_parquet(tmp_path / "p.parquet")
    as_text.write_csv(tmp_path / "p.csv")
    posts.with_columns(as_text["created_at"]).write_ndjson(tmp_path / "p.jsonl")
    for name in ("p.parquet", "p.csv", "p.jsonl"):
        found, counts = read(tmp_path / name, drop_retweets=False)
        assert counts == {}
        assert found.equals(posts), name


def test_json_rows_may_name_the_same_field_differently(tmp_path: Path):
    rows = [{"text": "a", "created_at": "2022-10-10T08:30Z"}] * 60_000
    path = json_of(tmp_path, *rows, {"text": "b", "created_time": 1665390600})
    posts, counts = read(path)
    assert posts["created_at"].unique().to_list() == [WHEN]
    assert counts == {}


# Rows that cannot be used


def test_bytes_that_are_not_utf_8_cost_their_row_only(tmp_path: Path):
    path = write(tmp_path / "posts.csv", b"id,text\n1,good\n2,caf\xe9\n3,also g\xc3\xb6od\n")
    posts, counts = read(path)
    assert posts["text"].to_list() == ["good", "also göod"]
    assert counts == {"not UTF-8": 1}


def test_a_column_that_is_not_read_may_hold_any_bytes(tmp_path: Path):
    path = write(tmp_path / "posts.csv", b"text,bio\ngood,caf\xe9\n")
    assert read(path)[1] == {}


def test_lone_surrogates_in_json_cost_their_row_only(tmp_path: Path):
    path = json_of(
        tmp_path, {"text": "\ud83d"}, {"text": "a"}, {"text": "b", "hashtags": ["\ud83d"]}
    )
    posts, counts = read(path)
    assert posts["text"].to_list() == ["a"]
    assert counts == {"not UTF-8": 2}


def test_parquet_texts_that_are_not_utf_8_cost_their_row_only(tmp_path: Path):
    offsets, data = pa.py_buffer(b"\0\0\0\0\x02\0\0\0\x04\0\0\0"), pa.py_buffer(b"ok\xff\xfe")
    texts = pa.Array.from_buffers(pa.string(), 2, [None, offsets, data])
    tags = pa.ListArray.from_arrays(pa.array([0, 1, 1]), pa.array(["x"]))
    table = pa.table({"text": texts, "hashtags": tags, "created_at": pa.array([WHEN, WHEN])})
    pq.write_table(table, tmp_path / "posts.parquet")
    posts, counts = read(tmp_path / "posts.parquet")
    assert posts.select("text", "hashtags", "created_at").rows() == [("ok", ["x"], WHEN)]
    assert counts == {"not UTF-8": 1}


@pytest.mark.parametrize("broken", ['2,"open', '2,12" wide', '2,"a" b"', '2,"he said "no" twice"'])
def test_broken_quoting_costs_its_row_only(tmp_path: Path, broken: str):
    path = csv_of(
        tmp_path, "1,good", broken, "3,plain", '4,"quoted, with ""quotes"""', header="id,text"
    )
    posts, counts = read(path)
    assert posts["text"].to_list() == ["good", "plain", 'quoted, with "quotes"']
    assert counts == {"broken CSV quoting": 1}


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_of_the_file(tmp_path: Path):
    path = csv_of(
        tmp_path, '0,"open', *(f"{row},text" for row in range(1, 30_000)), header="id,text"
    )
    posts, counts = read(path)
    assert posts["id"].to_list() == [str(row) for row in range(1, 30_000)]
    assert counts == {"broken CSV quoting": 1}


def test_rows_with_too_many_or_too_few_fields_are_rejected(tmp_path: Path):
    path = csv_of(tmp_path, "1,good", "2", "3,a,b", "", "4,good", header="id,text")
    posts, counts = read(path)
    assert posts["id"].to_list() == ["1", "4"]
    assert counts == {"wrong number of CSV fields": 2}


def test_a_megabyte_long_text_is_rejected(tmp_path: Path):
    rows = [{"text": "x" * 1_000_000}, {"text": "x" * 3_000_000}, {"text": "good"}]
    posts, counts = read(json_of(tmp_path, *rows))
    assert posts["text"].to_list() == ["good"]
    assert counts == {"text longer than 25,000 characters": 2}
    posts, counts = read(csv_of(tmp_path, *(row["text"] for row in rows), header="text"))
    assert posts["text"].to_list() == ["good"]
    assert counts == {
        "text longer than 25,000 characters": 1,
        "line longer than 2,097,152 characters": 1,
    }


def test_the_longest_text_can_be_set(tmp_path: Path):
    path = json_of(tmp_path, {"text": "12345"}, {"text": "123456"}, {"text": "ééééé"})
    posts, counts = read(path, max_characters=5)
    assert posts["text"].to_list() == ["12345", "ééééé"]
    assert counts == {"text longer than 5 characters": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": None}, "no text"),
        ({"text": " \n"}, "no text"),
        ({"lang": "en"}, "no text"),
        ({"text": 5}, "text is not a text"),
        ({"text": ["a"]}, "text is not a text"),
        ({"text": "a\0b"}, "NUL byte in the text"),
        ({"text": "a", "hashtags": "New York, Rome"}, "hashtags is not a list"),
        ({"text": "a", "hashtags": [1]}, "hashtags is not a list"),
        ({"text": "a", "hashtags": [["a"]]}, "hashtags is not a list"),
        ({"text": "a", "hashtags": {"a": 1}}, "hashtags is not a list"),
        ({"text": "a", "hashtags": 7}, "hashtags is not a list"),
        ({"text": "a", "id": [1]}, "id is not a text"),
        (["text"], "not a JSON object"),
        ("text", "not a JSON object"),
    ],
)
def test_a_row_is_rejected_for_its_reason_and_the_others_survive(
    tmp_path: Path, row: Any, reason: str
):
    good = {"text": "good", "created_at": "2022-10-10T08:30:00Z", "hashtags": ["a"], "id": 7}
    posts, counts = read(json_of(tmp_path, good, row, good), drop_duplicate_ids=False)
    assert posts.rows() == [("7", WHEN, "good", ["a"], None, None)] * 2
    assert counts == {reason: 1}


@pytest.mark.parametrize("line", ["{", '{"text": "a"', "nothing", "[" * 100_000, '{"text": "a\0"}'])
def test_a_line_that_is_not_json_costs_itself_only(tmp_path: Path, line: str):
    path = write(tmp_path / "posts.jsonl", f'{{"text": "good"}}\n{line}\n{{"text": "good"}}\n')
    posts, counts = read(path)
    assert posts.height == 2
    assert counts == {"not a JSON object": 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,,,", "no text"),
        ("1,a\0b,,", "NUL byte in the text"),
        ("1,a,,{Fashion", "hashtags is not a list"),
    ],
)
def test_a_csv_row_is_rejected_for_its_reason(tmp_path: Path, row: str, reason: str):
    posts, counts = read(csv_of(tmp_path, row, "2,good,2022-10-10T08:30,['a']"))
    assert posts.rows() == [("2", WHEN, "good", ["a"], None, None)]
    assert counts == {reason: 1}


def test_rejected_rows_can_be_looked_at_with_file_and_line(tmp_path: Path):
    path = csv_of(tmp_path, "1,good", '2,"open', "3", "4,", header="id,text")
    with Rejects(tmp_path / "rejects.jsonl") as rejects:
        list(FileSource(path=str(path), columns=COLUMNS).batches(rejects))
    lines = (tmp_path / "rejects.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    assert {(line["reason"], line["row"]) for line in found} == {
        ("broken CSV quoting", 3), ("wrong number of CSV fields", 4), ("no text", 5)
    }  # fmt: skip
    assert {line["file"] for line in found} == {str(path)}
    assert [line["content"] for line in found if line["row"] == 3] == ['2,"open\n']


# What can be left out


def test_other_languages_retweets_and_repeated_ids_are_left_out_and_counted(tmp_path: Path):
    rows = [
        {"id": "1", "text": "kept", "lang": "en"},
        {"id": "2", "text": "hola", "lang": "es"},
        {"id": "3", "text": "unknown is kept"},
        {"id": "4", "text": "RT @a: kept", "lang": "en"},
        {"id": "1", "text": "again", "lang": "en"},
        {"text": "no id is no duplicate"},
        {"text": "no id is no duplicate"},
        {"id": "5", "text": "a region is the same language", "lang": "en-GB"},
    ]
    posts, counts = read(json_of(tmp_path, *rows), languages=["en"])
    assert posts["id"].to_list() == ["1", "3", None, None, "5"]
    assert counts == {"language other than en": 1, "retweet": 1, "id seen before": 1}
    everything, counts = read(
        json_of(tmp_path, *rows), drop_retweets=False, drop_duplicate_ids=False
    )
    assert everything.height == len(rows)
    assert counts == {}


def test_ids_are_remembered_across_files_and_batches(tmp_path: Path):
    ids = pl.Series("id", [str(number) for number in range(120_000)])
    frame = ids.to_frame().with_columns(text=pl.lit("hi"))
    frame.write_parquet(tmp_path / "a.parquet")
    frame.tail(70_000).write_parquet(tmp_path / "b.parquet")
    posts, counts = read(tmp_path)
    assert posts["id"].equals(ids)
    assert counts == {"id seen before": 70_000}


def test_reading_twice_gives_the_same_posts(tmp_path: Path):
    path = csv_of(tmp_path, "1,a", "1,b", "2,c", header="id,text")
    source = FileSource(path=str(path), columns=COLUMNS)
    assert [pl.concat(source.batches(Rejects())).height for _ in range(2)] == [2, 2]


# Where nothing can be read


def fails(path: Path | str | list[str], *parts: str, **options: Any) -> None:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path):
    path = csv_of(tmp_path, "1,hi", header="id,texts")
    fails(path, "posts.csv", "no column for text", "id, texts", "data.columns.text=NAME")
    path = json_of(tmp_path, {"caption": "hi"})
    fails(path, "posts.jsonl", "no column for text", "caption")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_the_column_that_is_advised_has_the_longest_and_most_varied_texts(
    tmp_path: Path, suffix: str
):
    frame = pl.DataFrame(
        {
            "date": [f"Thu Aug {day} 13:08:45 2020" for day in range(10, 30)],
            "source": ["Some Web Application for Telephones"] * 20,
            "caption it": [f"the river rises in town number {n} again" for n in range(20)],
            "link": [f"https://example.org/a/very/long/address/{n}" for n in range(20)],
        }
    )
    path = tmp_path / f"posts.{suffix}"
    writers = {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}
    writers[suffix](path)
    fails(path, """data.columns.text="'caption it'\"""")


def test_no_column_is_advised_where_none_holds_texts(tmp_path: Path):
    path = json_of(
        tmp_path, {"@context": "https://www.w3.org/ns/x", "meta": {"date": "2020-08-27"}}
    )
    with pytest.raises(InputError) as caught:
        read(path)
    assert "data.columns.text=NAME" in str(caught.value)


def test_a_column_asked_for_by_its_only_name_must_be_there(tmp_path: Path):
    path = csv_of(tmp_path, "1,hi", header="id,text")
    fails(path, "no column for hashtags", "tags", columns=COLUMNS | {"hashtags": "tags"})


def test_an_unknown_field_is_refused():
    with pytest.raises(InputError, match=r"data\.columns\.txt"):
        FileSource(path="x.csv", columns={"txt": "a"})


def test_a_parquet_column_of_a_wrong_type_is_named(tmp_path: Path):
    for name, column, field in (
        ("text", [1, 2], "text"),
        ("hashtags", [[1], [2]], "hashtags"),
        ("created_at", [[WHEN], []], "created_at"),
        ("id", [[1], [2]], "id"),
    ):
        frame = pl.DataFrame({"text": ["a", "b"]}).with_columns(pl.Series(name, column))
        frame.write_parquet(tmp_path / "posts.parquet")
        fails(
            tmp_path / "posts.parquet", "posts.parquet", f"column {name}", f"data.columns.{field}"
        )


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("posts.csv", b"", "empty"),
        ("posts.csv", b"text\n", "empty"),
        ("posts.jsonl", b"\n\n", "empty"),
        ("posts.parquet", b"", "empty"),
        ("posts.parquet", b"PAR1 but no more than that PAR1", "cannot be read as Parquet"),
        ("posts.csv.gz", b"not gzip", "cannot be read"),
        ("posts.csv.gz", gzip.compress(b"text\n" + b"hello\n" * 9_000)[:-20], "cannot be read"),
        ("posts.csv.zst", b"not zstd", "cannot be read"),
        ("posts.json", b'[{"text": "hi"}, {"text": ', "begins in line 1 cannot be read"),
        ("posts.xml", b"<posts><row Id='1'", "cannot be read as XML"),
        ("posts.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><posts/>', "declares a document type"),
        ("posts.xlsx", b"PK\x03\x04", "cannot be read"),
        ("posts.xls", b"\xd0\xcf\x11\xe0", "old or a protected Excel"),
        ("posts.htm", b"<!doctype html><p>hi", "web page"),
        ("posts.csv", b'"text\nhi\n', "header"),
        ("posts.jsonl", b"no\nno\n", "none of the 2 rows can be used (2 not a JSON object)"),
        ("posts.txt", b"hi", "unknown format"),
    ],
)
def test_one_sentence_says_which_file_and_why(tmp_path: Path, name: str, content: bytes, part: str):
    fails(write(tmp_path / name, content), name, part)


def test_paths_that_lead_nowhere_are_named(tmp_path: Path):
    fails(tmp_path / "missing.csv", "missing.csv", "no such file")
    fails(tmp_path / "*.csv", "*.csv", "no such file")
    fails(tmp_path, str(tmp_path), "no file of posts")
    with pytest.raises(InputError, match=r"data\.path is not set"):
        find_files(None)


# Identity and scale


def test_the_fingerprint_follows_contents_and_options_but_not_the_place(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    path = csv_of(tmp_path, "1,a", header="id,text")
    moved = write(tmp_path / "elsewhere" / "posts.csv", path.read_bytes())
    first = FileSource(path=str(path), columns=COLUMNS).fingerprint()
    assert FileSource(path=str(moved), columns=COLUMNS).fingerprint() == first
    json.dumps(first)
    assert FileSource(path=str(path), columns=COLUMNS, languages=["en"]).fingerprint() != first
    write(path, "id,text\n1,b\n")
    assert FileSource(path=str(path), columns=COLUMNS).fingerprint() != first


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("us_congress_2022", 281_325),
        ("tweeteval", 58_189),
        ("covidsenti", 22_434),
        ("crisislex", 18_722),
        ("semeval_sentiment", 13_734),
        ("health_news", 8_315),
        ("natural_hazards", 7_450),
    ],
)
def test_real_corpora_are_read_whole_in_batches(shared: Path, name: str, rows: int):
    rejects = Rejects()
    source = FileSource(path=str(shared / "data" / f"{name}.parquet"), columns=COLUMNS)
    heights = []
    for batch in source.batches(rejects):
        assert batch.schema == RAW_SCHEMA
        assert batch["text"].null_count() == 0
        heights.append(batch.height)
    assert sum(heights) + rejects.total == rows
    assert set(rejects.counts) <= {"retweet"}
    assert max(heights) <= 50_000


PEAK = """
import re, sys
from pathlib import Path
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.sources.files import FileSource
source = FileSource(path=sys.argv[1], columns={"text": "text"})
rows = sum(batch.height for batch in source.batches(Rejects()))
print(rows, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, suffix: str):
    peaks = []
    for rows in (100_000, 500_000):
        numbers = pl.int_range(rows, eager=True).cast(pl.String)
        frame = pl.DataFrame({"text": "text of the post " * 20 + numbers})
        path = tmp_path / f"{rows}.{suffix}"
        if suffix == "csv":
            frame.write_csv(path)
        elif suffix == "jsonl":
            frame.write_ndjson(path)
        else:
            frame.write_parquet(path, row_group_size=rows)
        command = [sys.executable, "-c", PEAK, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found, peak = map(int, done.stdout.split())
        assert found == rows
        peaks.append(peak / 1024)
    # The texts of the second file are 140 MiB longer.
    assert peaks[1] - peaks[0] < 70
