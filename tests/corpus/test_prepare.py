"""Preparing a corpus, end to end on small inputs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from composed import prepared

from tagfinder.corpus.encoding import EARLIER_COPY, UNCOVERED_TRAIN
from tagfinder.corpus.prepared import PARTS, PreparedCorpus
from tagfinder.corpus.staging import NO_HASHTAG, NOTHING_LEFT, TOO_FEW_TOKENS
from tagfinder.errors import InputError


@pytest.fixture(scope="session")
def posts_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty posts a minute apart: topics that change over time, copies, and unusable ones."""
    file = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    texts = [
        f"the river rises again near bridge number {word} #Flood"
        for word in "one two three four five six seven eight nine ten eleven twelve".split()
    ]
    texts += [
        f"{word} sandbags are needed at the town hall #flood #Help"
        for word in "many more some few".split()
    ]
    texts += [
        f"school reopens after the storm says teacher {word} #School #back2school"
        for word in "ada ben cleo dora emil finn gina hugo".split()
    ]
    texts += ["this bot says the same thing every day #flood https://t.co/x"] * 12
    texts += ["no hashtag here at all", "#flood #help", "short #flood", "river and rain #2022"]
    rows = [
        {"id": str(i), "text": text, "created_at": f"2022-01-01T00:{i:02d}:00Z"}
        for i, text in enumerate(texts)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def tweets_of(corpus: PreparedCorpus) -> pl.DataFrame:
    return pl.read_parquet(corpus.folder / "posts.parquet")


def test_denied_hashtags_are_no_labels_and_a_changed_list_is_another_corpus(
    posts_file: Path, tmp_path: Path
) -> None:
    deny = tmp_path / "deny"

    def labels() -> list[str]:
        given = ("data=files", f"data.path={posts_file}", f"selection.deny={deny}")
        return prepared(*given, "selection.top_n=2").label_set.hashtags

    deny.write_text("#Flood\n")
    assert labels() == ["school", "help"]
    deny.write_text("#help\n")
    assert labels() == ["flood", "school"]


def test_labels_point_into_the_label_set_and_counts_add_up(posts_file: Path) -> None:
    corpus = prepared("data=files", f"data.path={posts_file}", "selection.top_n=2")
    tweets, labels = tweets_of(corpus), corpus.label_set
    assert labels.hashtags == ["flood", "school"]
    assert labels.spellings == ["flood", "School"]
    train = tweets.filter(pl.col("split") == "train")["labels"].explode().value_counts()
    assert dict(train.rows()) == dict(enumerate(labels.train_counts))
    for text, indices in tweets.select("text", "labels").iter_rows():
        expected = [i for i, tag in enumerate(labels.hashtags) if f"#{tag}" in text.lower()]
        assert indices == expected


def test_every_row_is_kept_or_counted_under_its_reason(posts_file: Path) -> None:
    corpus = prepared("data=files", f"data.path={posts_file}", "selection.top_n=2")
    manifest = corpus.manifest
    reasons = manifest["rows_left_out"]
    assert manifest["rows_read"] == 40
    assert sum(manifest["rows"].values()) + sum(reasons.values()) == 40
    assert reasons[NO_HASHTAG] == 2
    assert reasons[NOTHING_LEFT] == 1
    assert reasons[TOO_FEW_TOKENS] == 1


def test_rejected_posts_can_be_read_with_their_reasons(posts_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "rejects.jsonl"
    prepared("data=files", f"data.path={posts_file}", "selection.top_n=2", f"rejects={file}")
    rejected = [json.loads(line) for line in file.read_text().splitlines()]
    assert Counter(row["reason"] for row in rejected)[NO_HASHTAG] == 2
    assert any(row.get("text") == "no hashtag here at all" for row in rejected)


def test_the_same_input_and_configuration_give_the_same_content(
    posts_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ("data=files", f"data.path={posts_file}", "protocol=honest")
    first = prepared(*overrides)
    monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path))
    again = prepared(*overrides)
    assert first.folder != again.folder
    for name in ("posts.parquet", "hashtags.parquet", "manifest.json"):
        assert (first.folder / name).read_bytes() == (again.folder / name).read_bytes()


def test_a_prepared_corpus_is_not_made_again(posts_file: Path) -> None:
    overrides = ("data=files", f"data.path={posts_file}", "selection.top_n=2")
    file = prepared(*overrides).folder / "posts.parquet"
    before = file.stat().st_mtime_ns
    prepared(*overrides)
    assert file.stat().st_mtime_ns == before


def test_report_protocol_keeps_inline_hashtags_as_words_and_covered_posts_only() -> None:
    tweets = tweets_of(prepared("data=synthetic", "data.rows=2000", "protocol=report"))
    assert (tweets["labels"].list.len() > 0).all()
    inline = tweets.filter(pl.col("text").str.contains(r"^\w+ #fashion\b"))
    assert inline["clean"].str.contains(r"\bfashion\b").all()


def test_honest_protocol_keeps_the_future_and_copies_out_of_training() -> None:
    corpus = prepared("data=synthetic", "data.rows=4000", "protocol=honest")
    tweets = tweets_of(corpus)
    spans = [tweets.filter(pl.col("split") == part)["created_at"] for part in PARTS]
    assert spans[0].max() < spans[1].min()  # type: ignore[operator]
    assert spans[1].max() < spans[2].min()  # type: ignore[operator]
    assert (tweets.group_by("group").agg(pl.col("split").n_unique())["split"] == 1).all()
    assert corpus.manifest["rows_left_out"][EARLIER_COPY] > 0


def test_honest_protocol_takes_every_hashtag_out_and_keeps_uncovered_posts_for_open_scores() -> (
    None
):
    corpus = prepared("data=synthetic", "data.rows=4000", "protocol=honest", "selection.top_n=5")
    tweets = tweets_of(corpus)
    uncovered = tweets.filter(pl.col("labels").list.len() == 0)
    assert set(uncovered["split"].unique()) == {"val", "test"}
    assert (uncovered["n_hashtags"] > 0).all()
    assert corpus.manifest["rows_left_out"][UNCOVERED_TRAIN] > 0
    only_tag = tweets.filter(pl.col("text").str.to_lowercase().str.count_matches("nowplaying") == 1)
    tagged = only_tag.filter(pl.col("text").str.to_lowercase().str.contains("#nowplaying"))
    assert not tagged["clean"].str.contains("nowplaying").any()


def test_the_label_set_can_be_chosen_from_the_training_part_only(posts_file: Path) -> None:
    late = prepared(
        *("data=files", f"data.path={posts_file}", "protocol=report", "split=temporal"),
        *("selection.top_n=2", "selection.count_on=train", "split.train=0.35"),
    )
    assert late.label_set.hashtags == ["flood", "help"]


def test_temporal_order_without_times_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("text\n" + "rain falls on the town today #flood\n" * 5)
    with pytest.raises(InputError, match="split.order=temporal needs"):
        prepared("data=files", f"data.path={file}", "protocol=honest")


def test_nothing_usable_says_why(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("text\nno hashtag in this one\n")
    with pytest.raises(InputError, match="none of 1 posts can be used .no hashtag: 1"):
        prepared("data=files", f"data.path={file}")


def test_a_part_without_labels_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("text\nrain falls on the town today #flood\n")
    with pytest.raises(InputError, match="part has a hashtag of the label set"):
        prepared("data=files", f"data.path={file}")


def test_real_tweets_under_the_report_protocol_give_the_known_sizes(shared: Path) -> None:
    file = shared / "data" / "crisislex.parquet"
    manifest = prepared("data=files", f"data.path={file}", "data.name=crisislex").manifest
    assert manifest["rows_read"] == 18_722
    total = sum(manifest["rows"].values())
    assert total + sum(manifest["rows_left_out"].values()) == 18_722
    # The split is drawn over all tagged posts before the label set thins the parts.
    assert [round(manifest["rows"][part] / total, 1) for part in PARTS] == [0.5, 0.3, 0.2]


def test_the_live_protocol_leaves_no_post_and_no_hashtag_out(posts_file: Path) -> None:
    corpus = prepared("data=files", f"data.path={posts_file}", "protocol=live")
    tweets, labels = tweets_of(corpus), corpus.label_set
    assert corpus.manifest["rows_left_out"] == {NO_HASHTAG: 2}
    assert corpus.manifest["rows"] == {"train": 23, "val": 7, "test": 8}
    assert sorted(labels.hashtags) == ["back2school", "flood", "help", "school"]
    assert (tweets["labels"].list.len() == tweets["n_hashtags"]).all()
    assert not tweets["clean"].str.contains("[#/]").any()
    assert (tweets["clean"] == "").any()
    copies = tweets.filter(
        text=pl.lit("this bot says the same thing every day #flood https://t.co/x")
    )
    assert copies["group"].n_unique() == 1
    assert copies["split"].unique().sort().to_list() == ["test", "val"]


def test_hashtags_written_with_an_entity_do_not_stay_in_the_text(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    rows = [
        {"text": f"Rain &amp; wind &#35;Flood {i} @town #flood", "created_at": f"2022-01-{i:02d}"}
        for i in range(1, 11)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    corpus = prepared("data=files", f"data.path={file}", "protocol=live")
    assert tweets_of(corpus)["clean"][0] == "Rain & wind 1 @town"
