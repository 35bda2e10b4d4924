from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.corpus.sources.languages import guess_english
from tagfinder.corpus.sources.public import REGISTRY, PublicSource, read_origin
from tagfinder.errors import InputError, WorkError
from tagfinder.files import read_json

T26 = "data/CrisisLexT26/2012_Made_up_Flood/2012_Made_up_Flood-tweets_labeled.csv"
T6 = "data/CrisisLexT6/2012_Made_Up_Flood/2012_Made_Up_Flood-ontopic_offtopic.csv"
EMOTION = "datasets/emotion/train_text.txt"
STANCE = "datasets/stance/climate/val_text.txt"

FILES = {
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
CORPORA = {"crisislex": [T26, T6], "tweeteval": [EMOTION, STANCE]}


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
        path = handler.path.removeprefix("/commit/")
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
            "files": [
                [path, len(FILES[path]), hashlib.sha256(FILES[path].encode()).hexdigest()]
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


@pytest.mark.parametrize(("corpus", "files"), [("crisislex", 32), ("tweeteval", 30)])
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


def test_the_fingerprint_needs_no_network_and_tells_corpora_apart():
    prints = [PublicSource(corpus=corpus).fingerprint() for corpus in CORPORA]
    assert prints[0]["digest"] != prints[1]["digest"]
    json.dumps(prints)


def test_the_guess_of_english_agrees_with_a_real_corpus(shared: Path):
    posts = pl.read_parquet(shared / "data" / "crisislex.parquet", columns=["text", "lang"])
    agreed = (guess_english(posts["text"]).fill_null("") == posts["lang"].fill_null("")).mean()
    assert agreed > 0.9
