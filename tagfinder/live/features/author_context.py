"""The author of a query: their earlier uses, and similar authors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.statistics import HashtagColumns, PostColumns, PostStatistics
from tagfinder.live.features.query import Query
from tagfinder.live.index_map import distinct
from tagfinder.live.post import NO_AUTHOR

# Similar authors whose posts are read.
MOST_SIMILAR = 20
# The author of a query as compiled loops read it; a plain tuple, see `PostColumns`.
AuthorContext = tuple[int, float, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class AuthorHistory:
    """An author's earlier uses; empty if the author is unknown.

    Attributes:
        latest: (M,) int32 hashtags of the latest posts.
        posts: (M,) int64 position of each one's post among the latest posts; 0 is the newest.
        used: (U,) int32 every hashtag that was ever used, in any order.
        rows: (U,) int64 rows of the author's counts of these hashtags.
    """

    latest: np.ndarray
    posts: np.ndarray
    used: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class QueryContext:
    """A query with everything that does not depend on its candidates.

    Attributes:
        statistics: counts of all posts.
        query: the post.
        author: see `author_context`.
        history: what the author has used.
        last_year: hashtags of the same days of the year before, ascending, and their posts.
    """

    statistics: PostStatistics
    query: Query
    author: AuthorContext
    history: AuthorHistory
    last_year: tuple[np.ndarray, np.ndarray]


def author_history(statistics: PostStatistics, author: int) -> AuthorHistory:
    """Return an author's earlier uses."""
    if not 0 <= author < len(statistics.authors):
        nothing = np.empty(0, np.int64)
        return AuthorHistory(nothing, nothing, nothing, nothing)
    latest = statistics.author_latest.values[author]
    return AuthorHistory(*statistics.hashtags_at(latest[latest >= 0]), *statistics.pairs.of(author))


def author_context(
    statistics: PostStatistics, query: Query, history: AuthorHistory, *, guess: bool
) -> AuthorContext:
    """Return the author of a query, and which authors are similar.

    Args:
        statistics: counts of all posts.
        query: the post.
        history: what its author has used.
        guess: if the author is unknown, take the authors who may have written the post.

    Returns:
        The author's number or `NO_AUTHOR`; the day; (A,) float32 similarity of each author to this
        one, or, if the author is unknown, the probability that they wrote the post; and (N,) int64
        the most similar authors, best first, without this one.
    """
    author = query.author
    if author == NO_AUTHOR and guess:
        similarity = likely_authors(statistics, query)
    else:
        similarity = author_similarity(statistics, author, history)
    others = similarity.copy()
    if author != NO_AUTHOR:
        others[author] = 0
    most_similar = np.arange(len(others))
    if len(others) > MOST_SIMILAR:
        most_similar = np.argpartition(-others, MOST_SIMILAR)[:MOST_SIMILAR]
    most_similar = most_similar[np.argsort(-others[most_similar], kind="stable")]
    return author, query.day, similarity, most_similar[others[most_similar] > 0]


def author_similarity(
    statistics: PostStatistics, author: int, history: AuthorHistory
) -> np.ndarray:
    """Return the (A,) float32 overlap of other authors' recent hashtags with an author's, 0 to 1.

    Each of the latest uses of the author's latest hashtags counts for its user, the more the fewer
    users the hashtag has. Sums are divided by the largest; the author's own value is one.

    Args:
        statistics: counts of all posts.
        author: the author; all values are zero for `NO_AUTHOR`.
        history: what the author has used.
    """
    similarity = np.zeros(max(len(statistics.authors), 1), np.float32)
    if author == NO_AUTHOR or author >= len(statistics.authors):
        return similarity
    latest = distinct(history.latest)
    columns = statistics.hashtag_columns(), statistics.post_columns()
    _add_users(similarity, latest, *columns, author)
    similarity[author] = 1
    return similarity


@compiled
def is_of_other_author(post: int, authors: np.ndarray, author: int) -> bool:
    """Return whether a post (-1 for none) has a known author other than `author`."""
    return post >= 0 and authors[post] not in (NO_AUTHOR, author)


@compiled
def _add_users(
    similarity: np.ndarray,
    latest: np.ndarray,
    hashtags: HashtagColumns,
    posts: PostColumns,
    author: int,
) -> None:
    _, users, _, _, latest_uses, _ = hashtags
    _, authors, _, _ = posts
    for hashtag in latest:
        rarity = 1 / np.log2(2.0 + users[hashtag])
        for use in latest_uses[hashtag]:
            if is_of_other_author(use, authors, author):
                similarity[authors[use]] += rarity
    highest = similarity.max()
    if highest > 0:
        similarity /= highest


def likely_authors(statistics: PostStatistics, query: Query) -> np.ndarray:
    """Return (A,) float32 probabilities that each author wrote a post of unknown author.

    Half of it comes from the classifier of authors, a quarter each from the authors of neighbours
    by words and by vectors, weighted by `neighbour_weights`. The sum is one, or zero if there is
    nothing to judge by.
    """
    shares = np.zeros(max(len(statistics.authors), 1), np.float32)
    _, authors, _, _ = statistics.post_columns()
    for found in (query.by_words, query.by_meaning):
        _add_authors(shares, found.numbers, found.scores, authors)
    shares[query.writers.labels] += 2 * np.exp(query.writers.logs)
    return shares / max(shares.sum(), np.float32(1e-9))


@compiled
def neighbour_weights(scores: np.ndarray) -> np.ndarray:
    """Return (K,) float64 weights of neighbours: cubes of scores relative to the highest.

    Args:
        scores: (K,), descending.
    """
    weights = np.empty(len(scores))
    for position in range(len(scores)):
        relative = np.float64(scores[position]) / max(np.float64(scores[0]), 1e-9)
        weights[position] = relative**3
    return weights


@compiled
def _add_authors(
    shares: np.ndarray, numbers: np.ndarray, scores: np.ndarray, authors: np.ndarray
) -> None:
    """Add the shares of the neighbours' authors, which sum to one."""
    of_authors, weights = np.zeros(len(shares)), neighbour_weights(scores)
    for position in range(len(numbers)):
        author = authors[numbers[position]]
        if author != NO_AUTHOR:
            of_authors[author] += weights[position]
    total = of_authors.sum()
    if total > 0:
        shares += of_authors / total
