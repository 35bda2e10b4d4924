"""A corpus cut for a period: only posts from before the period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from composed import prepared
from made_up import write_posts_of_a_year

from tagfinder.corpus.periods import Cutting, periods_of
from tagfinder.corpus.selection import Selection

TIMES = pl.Series(
    [
        datetime(2021, 12, 30, 8, tzinfo=UTC),
        datetime(2022, 1, 2, 23, tzinfo=UTC),
        datetime(2022, 1, 3, 0, tzinfo=UTC),
        datetime(2022, 3, 1, 12, tzinfo=UTC),
    ]
)


def names(rhythm: str) -> list[str]:
    return [period.name for period in periods_of(TIMES, rhythm)]  # type: ignore[arg-type]


def test_periods_are_calendar_ones_with_posts_and_begin_with_the_first_post() -> None:
    assert names("never") == ["2021-12-30"]
    assert names("monthly") == ["2021-12-30", "2022-01-01", "2022-03-01"]
    assert names("weekly") == ["2021-12-30", "2022-01-03", "2022-02-28"]


def test_each_post_is_in_one_period() -> None:
    for rhythm in ("never", "monthly", "weekly"):
        periods = periods_of(TIMES, rhythm)  # type: ignore[arg-type]
        for time in TIMES:
            assert sum(period.begin <= time < period.end for period in periods) == 1


def test_training_posts_and_label_set_are_older_than_the_delay(tmp_path: Path) -> None:
    file = write_posts_of_a_year(tmp_path / "posts.parquet")
    whole = prepared("data=files", f"data.path={file}", "protocol=live")
    posts = pl.read_parquet(whole.folder / "posts.parquet")
    test = posts.filter(split=pl.lit("test"))
    delay = timedelta(days=30)
    folder = tmp_path / "cut"
    folder.mkdir()
    period = periods_of(test["created_at"], "monthly")[1]
    cutting = Cutting(whole, delay, Selection(top_n=5, count_on="train"))
    corpus = cutting.cut(folder, period)
    known = posts.filter(pl.col("created_at") < period.begin - delay)
    counts = known["labels"].explode().value_counts(sort=True)["count"].to_list()
    assert corpus.label_set.train_counts == counts[:5]
    assert corpus.label_set.counts == corpus.label_set.train_counts
    trained = corpus.part("train", ["created_at", "labels"])
    assert trained["created_at"].max() < period.begin - delay
    assert (trained["labels"].list.len() > 0).all()
    judged = corpus.part("test", ["id", "labels"])
    inside = pl.col("created_at").is_between(period.begin, period.end, closed="left")
    assert judged["id"].to_list() == test.filter(inside)["id"].to_list()
    hashtags = whole.label_set.hashtags
    for post, true in zip(judged["labels"], test.filter(inside)["labels"], strict=True):
        given = {corpus.label_set.hashtags[label] for label in post}
        assert given == {hashtags[label] for label in true} & set(corpus.label_set.hashtags)
