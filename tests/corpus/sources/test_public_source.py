from __future__ import annotations

import csv
import hashlib
import html
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from tagfinder.corpus.hashtags import extract
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.corpus.sources.congresstweets import CongressTweets
from tagfinder.corpus.sources.languages import guess_english
from tagfinder.corpus.sources.public import REGISTRY, PublicSource, read_origin
from tagfinder.corpus.sources.public_readers import READERS
from tagfinder.corpus.sources.values import usable_posts
from tagfinder.errors import InputError, WorkError
from tagfinder.files import read_json

T26 = "data/CrisisLexT26/2012_Made_up_Flood/2012_Made_up_Flood-tweets_labeled.csv"
T6 = "data/CrisisLexT6/2012_Made_Up_Flood/2012_Made_Up_Flood-ontopic_offtopic.csv"
EMOTION = "datasets/emotion/train_text.txt"
STANCE = "datasets/stance/climate/val_text.txt"

MEMBER = "data/ RepMadeUp.csv"
NO_MEMBER = "data/list_of_members.csv"
LEADER = "data/notused/MadeUpPM.csv"
FRENCH = "data/nonenglish_original/laurentwauquiez.csv"
TRANSLATED = "data/laurentwauquiez.csv"
CONGRESS_HEADER = "id|user|created_at|text|lang|label|retweet_count|favorite_count\n"
LEADERS_HEADER = (
    "date,username,to,replies,retweets,favorites,text,geo,mentions,hashtags,id,permalink\n"
)


def leader(account: str, number: int, text: str) -> str:
    """A line as GetOldTweets writes it: the time of the line is local and not used."""
    text = text.replace('"', '""')
    where = f"https://twitter.com/{account}/status/{number}"
    return f'2019-12-30 21:34:45,{account},,2,4,2,"{text}",,,,{number},{where}\n'


FILES = {
    MEMBER: CONGRESS_HEADER
    + "1520541613893865473|15394954|Sat Apr 30 23:12:25 +0000 2022|Volunteers at the annual "
    "#fishfry &amp; parade https://t.co/a|en|R|2|5\n"
    '1520541613893865474|15394954|Sat Apr 30 22:12:25 +0000 2022|"She said ""go"" | we went\n\n'
    'https://t.co/b"|und|R|2|5\n'
    "1520541613893865475|15394954|Sat Apr 30 21:12:25 +0000 2022|Feliz día #fiesta|in|R|0|0\n"
    "1520541613893865476|15394954|Sat Apr 30 20:12:25 +0000 2022|a | b|en|R|0|0\n",
    NO_MEMBER: "State;Member of Congress;Name\nOhio 1st;U.S. Representative;Up, Made\n",
    LEADER: LEADERS_HEADER
    + leader(
        "MadeUpPM", 1211762572996820992, "Good talks in # Berlin with @ friend.pic.twitter.com/x"
    )
    + leader("MadeUpPM", 1210751969071005697, "See #TeamUphttps://example.org/1 … &amp; more"),
    FRENCH: LEADERS_HEADER
    + leader("laurentwauquiez", 550576582340145152, "Bonne année ! # Voeux2015"),
    TRANSLATED: LEADERS_HEADER + leader("laurentwauquiez", 550576582340145152, "Happy new year!"),
    T26: (
        "Tweet ID, Tweet Text, Information Source, Information Type, Informativeness\n"
        '"242883454050648064","The river is rising &amp; we are fine #flood http://t.co/a",'
        "Not labeled,Not labeled,Not related\n"
        '"242887379944366080","RT @made_up: stay safe, everyone #flood",Media,Other,Related\n'
        '"242919634125328384","El agua sube por la calle #inundación\n\nhttp://t.co/b",A,B,C\n'
    ),
    T6: (
        "tweet id, tweet, label\n"
        '\'336908711324962817\',"He said ""go"", so we went",on-topic\n'
        "'336908711324962818',\"the RIVER is rising & we are  fine #flood http://t.co/c\",on-topic\n"
        "'242919634125328384',\"the same id as above\",off-topic\n"
    ),
    EMOTION: "@user so happy today #joy \nno tag here,\u2028 one line &lt;3 \n\n",
    STANCE: "The climate is what it is #SemST\nthe climate is what it is #semst\n",
}
CORPORA = {
    "crisislex": [T26, T6],
    "tweeteval": [EMOTION, STANCE],
    "us_congress_2022": [MEMBER, NO_MEMBER],
    "world_leaders": [LEADER, FRENCH, TRANSLATED],
}
LEFT_OUT = {"us_congress_2022": [NO_MEMBER], "world_leaders": [TRANSLATED]}
LICENCES = {"crisislex": "MIT License", "tweeteval": "as stated"}


class Origin:
    """A server of the files above, which counts requests and can be told to fail."""

    def __init__(self) -> None:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                origin.requests.append(self.path)
                origin.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.requests: list[str] = []
        self.contents = {path: text.encode() for path, text in FILES.items()}
        self.interrupted: set[str] = set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/commit"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(handler.path.removeprefix("/commit/"))
        content = self.contents.get(path)
        if content is None:
            handler.send_error(404)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:20] if path in self.interrupted else content)


@pytest.fixture
def origin() -> Iterator[Origin]:
    served = Origin()
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "downloads"


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    entries = {
        corpus: {
            "repository": "made/up",
            "commit": "0" * 40,
            "licence": LICENCES.get(corpus),
            "left_out": LEFT_OUT.get(corpus, []),
            "files": [
                [path, len(FILES[path].encode()), hashlib.sha256(FILES[path].encode()).hexdigest()]
                for path in paths
            ],
        }
        for corpus, paths in CORPORA.items()
    }
    path = tmp_path / "files.json"
    path.write_text(json.dumps(entries))
    return path


def read(source: PublicSource) -> tuple[pl.DataFrame, dict[str, int]]:
    rejects = Rejects()
    return pl.concat(source.batches(rejects)), rejects.counts


def test_crisislex_is_parsed_from_its_original_files(
    origin: Origin, registry: Path, downloads: Path
):
    source = PublicSource(corpus="crisislex", base_url=origin.url, registry=registry)
    posts, counts = read(source)
    assert source.name == "crisislex"
    assert posts.schema == RAW_SCHEMA
    assert posts.drop("created_at", "hashtags").rows() == [
        (
            "242883454050648064",
            "The river is rising & we are fine #flood http://t.co/a",
            "2012_made_up_flood",
            "en",
        ),
        (
            "242919634125328384",
            "El agua sube por la calle #inundación\n\nhttp://t.co/b",
            "2012_made_up_flood",
            None,
        ),
        ("336908711324962817", 'He said "go", so we went', "2012_made_up_flood", "en"),
    ]
    assert posts["hashtags"].null_count() == 3
    assert counts == {"retweet": 1, "id seen before": 1, "same text as an earlier post": 1}


def test_times_are_derived_from_the_ids(origin: Origin, registry: Path, downloads: Path):
    posts, _ = read(PublicSource(corpus="crisislex", base_url=origin.url, registry=registry))
    assert posts["created_at"][0] == datetime(2012, 9, 4, 7, 15, 2, 659000, tzinfo=UTC)


def test_tweeteval_is_parsed_from_its_original_files(
    origin: Origin, registry: Path, downloads: Path
):
    posts, counts = read(PublicSource(corpus="tweeteval", base_url=origin.url, registry=registry))
    assert posts.select("text", "entity_name", "id", "created_at").rows() == [
        ("@user so happy today #joy", "emotion", None, None),
        ("no tag here,\u2028 one line <3", "emotion", None, None),
        ("The climate is what it is #SemST", "stance/climate", None, None),
    ]
    assert counts == {"no text": 1, "same text as an earlier post": 1}


def test_members_of_congress_are_parsed_from_their_original_files(
    origin: Origin, registry: Path, downloads: Path
):
    source = PublicSource(corpus="us_congress_2022", base_url=origin.url, registry=registry)
    posts, counts = read(source)
    assert posts.drop("hashtags").rows() == [
        (
            "1520541613893865473",
            datetime(2022, 4, 30, 23, 12, 25, tzinfo=UTC),
            "Volunteers at the annual #fishfry & parade https://t.co/a",
            "RepMadeUp",
            "en",
        ),
        (
            "1520541613893865474",
            datetime(2022, 4, 30, 22, 12, 25, tzinfo=UTC),
            'She said "go" | we went\n\nhttps://t.co/b',
            "RepMadeUp",
            "en",
        ),
        (
            "1520541613893865475",
            datetime(2022, 4, 30, 21, 12, 25, tzinfo=UTC),
            "Feliz día #fiesta",
            "RepMadeUp",
            "in",
        ),
    ]
    assert counts == {"wrong number of CSV fields": 1}
    assert origin.requests == ["/commit/data/%20RepMadeUp.csv"]


def test_texts_that_getoldtweets_garbled_are_repaired(
    origin: Origin, registry: Path, downloads: Path
):
    source = PublicSource(corpus="world_leaders", base_url=origin.url, registry=registry)
    posts, _ = read(source)
    assert posts.select("text", "entity_name", "lang").rows() == [
        ("Good talks in #Berlin with @friend. pic.twitter.com/x", "MadeUpPM", "en"),
        ("See #TeamUp https://example.org/1 … & more", "MadeUpPM", "en"),
        ("Bonne année ! #Voeux2015", "laurentwauquiez", "fr"),
    ]
    assert posts["created_at"][2] == datetime(2015, 1, 1, 8, 57, 41, 105000, tzinfo=UTC)
    assert extract(posts["text"]).to_list() == [["Berlin"], ["TeamUp"], ["Voeux2015"]]


@pytest.mark.parametrize("corpus", ["us_congress_2022", "world_leaders"])
def test_posts_of_the_fixed_files_come_out_of_their_raw_form(
    corpus: str, shared: Path, tmp_path: Path
):
    """Rows of the fixed file, written as the origin has them, are read as they are there."""
    fixed = pl.read_parquet(shared / "data" / f"{corpus}.parquet").sample(300, seed=4)
    fixed = fixed.filter(~pl.col("text").str.contains("^RT @"))
    for account, rows in fixed.partition_by("entity_name", as_dict=True).items():
        path = tmp_path / f"{account[0]}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            if corpus == "world_leaders":
                stream.write(LEADERS_HEADER)
                for id_, text in rows.select("id", "text").rows():
                    torn = text.replace("#", "# ").replace(" pic.twitter.com/", "pic.twitter.com/")
                    stream.write(leader(account[0], int(id_), html.escape(torn, quote=False)))
            else:
                stream.write(CONGRESS_HEADER)
                lines = csv.writer(stream, delimiter="|", lineterminator="\n")
                for id_, time, text, lang in rows.select("id", "created_at", "text", "lang").rows():
                    when = time.strftime("%a %b %d %H:%M:%S +0000 %Y")
                    lines.writerow(
                        [id_, 1, when, html.escape(text, quote=False), lang or "und", "R", 0, 0]
                    )
        block = pl.concat(
            usable_posts(block, path, 25_000, Rejects()) for block in READERS[corpus](path)
        )
        columns = ["id", "created_at", "text", "entity_name"]
        assert block.select(columns).equals(rows.select(columns))
        if corpus == "world_leaders":
            assert block["lang"].equals(rows["lang"])


def test_size_and_licence_are_shown_once_before_a_download(
    origin: Origin, registry: Path, downloads: Path, capsys: pytest.CaptureFixture[str]
):
    for corpus, terms in (
        ("crisislex", "licence: MIT License"),
        ("world_leaders", "the origin states no licence"),
    ):
        source = PublicSource(corpus=corpus, base_url=origin.url, registry=registry)
        read(source)
        said = capsys.readouterr().err
        assert f"{corpus}: downloading 2 files, 0.0 MB, from {origin.url}; {terms}" in said
        read(source)
        assert "downloading" not in capsys.readouterr().err


DAY = json.dumps(
    [
        {
            "id": "877527850420776961",
            "screen_name": "RepMadeUp",
            "time": "2017-06-21T10:05:17-04:00",
            "link": "https://www.twitter.com/RepMadeUp/statuses/877527850420776961",
            "text": "Thanks to the volunteers &amp; all #DoH17 https://t.co/a QT @other no #mine",
            "source": "Twitter Web Client",
            "user_id": "17513304",
        },
        {
            "id": "877628169028632576",
            "screen_name": "RepMadeUp",
            "time": "2017-06-21T16:43:55-04:00",
            "text": "RT @other is not theirs #theirs",
        },
    ]
)


@pytest.fixture
def daily(origin: Origin, downloads: Path) -> Callable[..., CongressTweets]:
    origin.contents |= {"data/2017-06-21.json": DAY.encode(), "data/2017-06-23.json": b"[]"}

    def daily(since: str = "2017-06-21", until: str = "2017-06-24") -> CongressTweets:
        return CongressTweets(since=since, until=until, base_url=origin.url)

    return daily


def test_a_range_of_days_of_congresstweets_is_read(
    daily: Callable[..., CongressTweets], origin: Origin, capsys: pytest.CaptureFixture[str]
):
    rejects = Rejects()
    posts = pl.concat(daily().batches(rejects))
    assert "3 files, about 3.0 MB" in capsys.readouterr().err
    assert posts.schema == RAW_SCHEMA
    assert posts.drop("hashtags").rows() == [
        (
            "877527850420776961",
            datetime(2017, 6, 21, 14, 5, 17, tzinfo=UTC),
            "Thanks to the volunteers & all #DoH17 https://t.co/a",
            "RepMadeUp",
            "en",
        )
    ]
    assert rejects.counts == {"retweet": 1}
    assert rejects.notes == [f"congresstweets: 1 of 3 days have no file at {origin.url}"]
    origin.server.shutdown()
    again = Rejects()
    assert pl.concat(daily().batches(again)).equals(posts), "what was downloaded is kept"
    assert again.notes == rejects.notes
    assert "downloading" not in capsys.readouterr().err


def test_the_days_of_congresstweets_decide_its_fingerprint(daily: Callable[..., CongressTweets]):
    assert daily().fingerprint() == daily().fingerprint()
    assert daily().fingerprint() != daily(until="2017-06-22").fingerprint()


@pytest.mark.parametrize(
    ("since", "until", "error", "words"),
    [
        ("2017-6", "2017-07-01", InputError, "data.since=2017-6: a day is written like 2022-01-31"),
        ("2017-07-01", "2017-07-01", InputError, "data.since=2017-07-01 is not before"),
        (
            "2016-01-01",
            "2016-01-02",
            WorkError,
            "no day from 2016-01-01 .* the first is 2017-06-21",
        ),
    ],
)
def test_invalid_days_are_refused_in_one_sentence(
    daily: Callable[..., CongressTweets], since: str, until: str, error: type[Exception], words: str
):
    with pytest.raises(error, match=words):
        list(daily(since, until).batches(Rejects()))


def test_a_damaged_day_is_named(daily: Callable[..., CongressTweets], origin: Origin):
    origin.contents["data/2017-06-21.json"] = b'{"a": '
    with pytest.raises(WorkError, match=r"2017-06-21\.json: not a day of congresstweets"):
        list(daily().batches(Rejects()))


def test_the_second_use_needs_no_network(origin: Origin, registry: Path, downloads: Path):
    source = PublicSource(corpus="crisislex", base_url=origin.url, registry=registry)
    first, _ = read(source)
    assert len(origin.requests) == 2
    assert (downloads / "crisislex" / T26).read_bytes() == FILES[T26].encode()
    origin.server.shutdown()
    second, _ = read(source)
    assert second.equals(first)
    assert len(origin.requests) == 2


def test_a_file_that_was_damaged_in_the_cache_is_fetched_again(
    origin: Origin, registry: Path, downloads: Path
):
    source = PublicSource(corpus="crisislex", base_url=origin.url, registry=registry)
    first, _ = read(source)
    (downloads / "crisislex" / T6).write_text("damaged")
    assert read(source)[0].equals(first)
    assert len(origin.requests) == 3


def fails(source: PublicSource, *parts: str) -> None:
    with pytest.raises(WorkError) as caught:
        read(source)
    for part in (*parts, "data=synthetic", "TAGFINDER_CACHE"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_bytes_than_expected_are_refused_and_not_kept(
    origin: Origin, registry: Path, downloads: Path
):
    origin.contents[T6] = b"tweet id, tweet, label\n'1',\"something else\",on-topic\n"
    fails(PublicSource(corpus="crisislex", base_url=origin.url, registry=registry), T6, "SHA-256")
    kept = [path for path in downloads.rglob("*") if path.is_file()]
    assert kept == [downloads / "crisislex" / T26]


def test_a_download_that_breaks_off_leaves_no_half_file(
    origin: Origin, registry: Path, downloads: Path
):
    origin.interrupted = {T26}
    source = PublicSource(corpus="crisislex", base_url=origin.url, registry=registry)
    fails(source, T26, "broke")
    assert [path for path in downloads.rglob("*") if path.is_file()] == []
    origin.interrupted = set()
    assert read(source)[0].height == 3


def test_a_file_that_is_not_there_is_named(origin: Origin, registry: Path, downloads: Path):
    del origin.contents[T6]
    fails(PublicSource(corpus="crisislex", base_url=origin.url, registry=registry), T6, "404")


def test_no_connection_is_one_sentence(origin: Origin, registry: Path, downloads: Path):
    origin.server.shutdown()
    origin.server.server_close()
    source = PublicSource(corpus="crisislex", base_url=origin.url, registry=registry)
    fails(source, T26, origin.url, "no connection")


def test_a_cache_that_cannot_be_written_is_one_sentence(
    origin: Origin, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path / "file"))
    fails(PublicSource(corpus="crisislex", base_url=origin.url, registry=registry), T26)


def test_an_unknown_corpus_is_refused():
    with pytest.raises(InputError, match=r"data\.corpus=sentiment140 .*crisislex, tweeteval"):
        PublicSource(corpus="sentiment140")


@pytest.mark.parametrize(
    ("corpus", "files"),
    [("crisislex", 32), ("tweeteval", 30), ("us_congress_2022", 538), ("world_leaders", 25)],
)
def test_the_packaged_registry_names_whole_and_fixed_files(corpus: str, files: int):
    origin = read_origin(corpus)
    assert len(origin.commit) == 40
    assert origin.url.startswith("https://raw.githubusercontent.com/")
    assert len({file.path for file in origin.files}) == files
    assert all(len(file.sha256) == 64 and file.bytes > 0 for file in origin.files)


def test_the_packaged_registry_is_that_of_the_published_origins(shared: Path):
    published = read_json(shared / "data" / "origins.json")["corpora"]
    for corpus, entry in published.items():
        mine = read_json(REGISTRY)[corpus]
        assert (mine["repository"], mine["commit"]) == (entry["repository"], entry["commit"])
        files = [[file["path"], file["bytes"], file["sha256"]] for file in entry["files"]]
        assert mine["files"] == files
        assert set(mine.get("left_out", ())) <= {file["path"] for file in entry["files"]}


def test_the_fingerprint_needs_no_network_and_differs_between_corpora():
    prints = [PublicSource(corpus=corpus).fingerprint() for corpus in CORPORA]
    assert prints[0]["digest"] != prints[1]["digest"]
    json.dumps(prints)


def test_the_guess_of_english_agrees_with_a_real_corpus(shared: Path):
    posts = pl.read_parquet(shared / "data" / "crisislex.parquet", columns=["text", "lang"])
    agreed = (guess_english(posts["text"]).fill_null("") == posts["lang"].fill_null("")).mean()
    assert agreed > 0.9
