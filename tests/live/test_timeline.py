"""Posts of a prepared corpus in the order of time."""

from __future__ import annotations

import polars as pl
from composed import prepared

from tagfinder.corpus.hashtags import fold
from tagfinder.live.timeline import Timeline, _distinct_ids


def test_posts_carry_the_spelling_that_people_use_most() -> None:
    corpus = prepared("data.rows=300", "protocol=live")
    spelling_of = dict(zip(corpus.label_set.hashtags, corpus.label_set.spellings, strict=True))
    timeline = Timeline(corpus, "clean")
    used = {hashtag for post in timeline.posts for hashtag in post.hashtags}
    assert used == {spelling_of[fold(hashtag)] for hashtag in used}
    assert any(hashtag != hashtag.lower() for hashtag in used)


def test_repeated_and_missing_ids_are_replaced_by_positions() -> None:
    posts = pl.DataFrame({"id": ["a", "b", "a", None, None]})
    assert _distinct_ids(posts).to_list() == ["a", "b", "row-2", "row-3", "row-4"]
