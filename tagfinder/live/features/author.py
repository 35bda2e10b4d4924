"""Features of what the author of a post, and authors similar to them, use."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.arrays import decay
from tagfinder.live.counts.statistics import HashtagColumns, PostColumns
from tagfinder.live.features.author_context import AuthorContext, is_of_other_author
from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext
from tagfinder.live.features.limits import LONG_AGO, NOT_RECENTLY
from tagfinder.live.index_map import IndexMap, lookup
from tagfinder.live.post import NO_AUTHOR

SHORT_HISTORY, LONG_HISTORY = 5, 20
HALF_LIFE = 7.0
COLUMNS = (
    Column("own_week", "uses by the author, half-life 7 days", "posts", optional=True),
    Column("own_month", "the same with a half-life of 30 days", "posts", optional=True),
    Column("own_half_year", "the same with a half-life of 180 days", "posts", optional=True),
    Column("own_ever", "posts of the author with the hashtag", "posts", optional=True),
    Column(
        "own_since",
        "time since the author last used it",
        "days",
        -np.inf,
        LONG_AGO,
        optional=True,
    ),
    Column(
        "own_share_month",
        "own_month relative to the author's posts, half-life 30 days, smoothed",
        "ratio",
        optional=True,
    ),
    Column("own_share_ever", "share of the author's posts with it", "share", 0, 1, optional=True),
    Column("own_in_last_5", "how many of the author's last 5 posts have it", "posts", 0, 5, True),
    Column("own_in_last_20", "the same of the last 20 posts", "posts", 0, 20, True),
    Column(
        "own_place",
        f"position of the latest of the author's posts with it, 0 for the newest; {NOT_RECENTLY} "
        "if the last 64 have it not, 0 for an author without posts",
        "position",
        0,
        NOT_RECENTLY,
        optional=True,
    ),
    Column("posts_month", "posts of the author, half-life 30 days", "posts", optional=True),
    Column("posts_ever", "posts of the author, ln(1 + n)", "log posts", optional=True),
    Column(
        "repeats",
        "share of the author's posts with a hashtag that the author had used before",
        "share",
        0,
        1,
        optional=True,
    ),
    Column(
        "like_users",
        "mean similarity to the author of the hashtag's latest 16 users, or, if the author is "
        "unknown, mean probability that they wrote the post",
        "similarity",
        0,
        1,
    ),
    Column("like_users_most", "the highest of these", "similarity", 0, 1),
    Column("like_uses", "their sum, decayed with a half-life of 7 days", "similarity"),
    Column(
        "alike_share",
        "sum over the 20 most similar authors of similarity times the share of their last 64 posts "
        "with the hashtag",
        "similarity",
    ),
    Column(
        "alike_lately",
        "similarity of these authors, added for each of the posts, half-life 7 days",
        "similarity",
    ),
    Column("alike_most", "the largest term of alike_share", "similarity", 0, 1),
)
(
    OWN_WEEK,
    OWN_MONTH,
    OWN_HALF_YEAR,
    OWN_EVER,
    OWN_SINCE,
    OWN_SHARE_MONTH,
    OWN_SHARE_EVER,
    OWN_IN_LAST_5,
    OWN_IN_LAST_20,
    OWN_PLACE,
    POSTS_MONTH,
    POSTS_EVER,
    REPEATS,
    LIKE_USERS,
    LIKE_USERS_MOST,
    LIKE_USES,
    ALIKE_SHARE,
    ALIKE_LATELY,
    ALIKE_MOST,
) = range(len(COLUMNS))


def compute(context: CandidateContext) -> np.ndarray:
    """Return (C, F) float32 values of `COLUMNS`; those of an unknown author's own are NaN."""
    of_query = context.of_query
    statistics, author, day = of_query.statistics, of_query.query.author, of_query.query.day
    posts = statistics.post_columns()
    table = np.zeros((len(context.hashtags), len(COLUMNS)), np.float32)
    _fill_latest_users(
        table, context.hashtags, statistics.hashtag_columns(), posts, of_query.author
    )
    latest_posts = statistics.author_latest.values
    _fill_similar_authors(table, context.index, latest_posts, posts, of_query.author)
    if author == NO_AUTHOR or author >= len(statistics.authors):
        table[:, : REPEATS + 1] = np.nan
        return table
    posts_month = statistics.author_posts.read(np.array([author]), day)[0, 1]
    ever = statistics.author_total.values[author]
    repeats = statistics.author_repeats.values[author]
    own = context.own_rows, context.own_uses
    pairs = statistics.pair_total.values, statistics.pair_uses.latest.values
    _fill_own_uses(table, own, pairs, (posts_month, ever, repeats), day)
    history = of_query.history
    if len(history.latest):
        table[:, OWN_PLACE] = NOT_RECENTLY
        _fill_latest_posts(table, context.index, history.latest, history.posts)
    return table


@compiled
def _fill_own_uses(
    table: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    pairs: tuple[np.ndarray, np.ndarray],
    author: tuple[float, int, int],
    day: float,
) -> None:
    (rows, uses), (total, latest_day), (posts_month, ever, repeats) = own, pairs, author
    for position in range(len(rows)):
        row, pair = table[position], rows[position]
        row[OWN_WEEK : OWN_HALF_YEAR + 1] = uses[position]
        row[OWN_EVER] = total[pair] if pair >= 0 else 0
        row[OWN_SINCE] = day - latest_day[pair] if pair >= 0 else LONG_AGO
        row[OWN_SHARE_MONTH] = row[OWN_MONTH] / (posts_month + 0.5)
        row[OWN_SHARE_EVER] = row[OWN_EVER] / (ever + 1)
        row[POSTS_MONTH], row[POSTS_EVER] = posts_month, np.log1p(ever)
        row[REPEATS] = repeats / (ever + 1)


@compiled
def _fill_latest_posts(
    table: np.ndarray, candidates: IndexMap, latest: np.ndarray, posts: np.ndarray
) -> None:
    for use in range(len(latest)):
        position = lookup(latest[use], candidates)
        if position >= 0:
            row, post = table[position], posts[use]
            row[OWN_IN_LAST_5] += post < SHORT_HISTORY
            row[OWN_IN_LAST_20] += post < LONG_HISTORY
            row[OWN_PLACE] = min(row[OWN_PLACE], post)


@compiled
def _fill_latest_users(
    table: np.ndarray,
    candidates: np.ndarray,
    hashtags: HashtagColumns,
    posts: PostColumns,
    author_context: AuthorContext,
) -> None:
    _, _, _, _, latest_uses, _ = hashtags
    days, authors, _, _ = posts
    author, now, similarity, _ = author_context
    for position in range(len(candidates)):
        n_others, total, highest, recent = 0, 0.0, 0.0, 0.0
        for use in latest_uses[candidates[position]]:
            if is_of_other_author(use, authors, author):
                similar = np.float64(similarity[authors[use]])
                n_others += 1
                if similar > 0:
                    total += similar
                    highest = max(highest, similar)
                    recent += similar * decay(days[use], now, HALF_LIFE)
        row = table[position]
        row[LIKE_USERS] = total / max(n_others, 1)
        row[LIKE_USERS_MOST] = highest
        row[LIKE_USES] = recent


@compiled
def _fill_similar_authors(
    table: np.ndarray,
    candidates: IndexMap,
    latest_posts: np.ndarray,
    posts: PostColumns,
    author_context: AuthorContext,
) -> None:
    days, _, starts, hashtags = posts
    _, now, similarity, most_similar = author_context
    shares = np.empty(len(table))
    for author in most_similar:
        similar, latest, n_latest = np.float64(similarity[author]), latest_posts[author], 0
        for post in latest:
            n_latest += post >= 0
        shares[:] = 0
        for post in latest:
            if post < 0:
                continue
            # Computed only when it is needed: most posts have no candidate.
            recent = -1.0
            for start in range(starts[post], starts[post + 1]):
                position = lookup(hashtags[start], candidates)
                if position >= 0:
                    if recent < 0:
                        recent = similar * decay(days[post], now, HALF_LIFE)
                    shares[position] += similar / n_latest
                    table[position, ALIKE_LATELY] += recent
        for position in range(len(shares)):
            row = table[position]
            row[ALIKE_SHARE] += shares[position]
            row[ALIKE_MOST] = max(row[ALIKE_MOST], shares[position])
