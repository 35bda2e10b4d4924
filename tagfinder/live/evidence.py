"""What speaks for each candidate hashtag of a post: numbers in groups, each from one source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tagfinder.live.classifier import UNCLASSIFIED, Classified
from tagfinder.live.memory import NOBODY, Memory
from tagfinder.live.text_index import Neighbours

NOTHING = Neighbours(np.empty(0, np.int64), np.empty(0, np.float32))
LONG_AGO = 3_650.0


@dataclass(frozen=True)
class Question:
    """A post whose hashtags are asked for, and what was found for it.

    Attributes:
        day: the moment of asking, in days since 1970.
        author: number of its author, or `NOBODY`.
        words: its words in order.
        terms: those of them by which posts are found.
        spelled: numbers of hashtags that its words spell -> number of words.
        typed: numbers of hashtags that it has already.
        by_words: posts with the same words.
        by_author: posts of the same author with the same words.
        by_meaning: posts whose vectors are near, with cosines as scores.
        lately_by_words: posts of the last days with the same words.
        lately_by_meaning: posts of the last days whose vectors are near.
        vector: (E,) of the text; None without an encoder.
        classified: what the classifier says.
    """

    day: float
    author: int
    words: Sequence[str]
    terms: Sequence[str]
    spelled: dict[int, int]
    typed: tuple[int, ...] = ()
    by_words: Neighbours = NOTHING
    by_author: Neighbours = NOTHING
    by_meaning: Neighbours = NOTHING
    lately_by_words: Neighbours = NOTHING
    lately_by_meaning: Neighbours = NOTHING
    vector: np.ndarray | None = None
    classified: Classified = UNCLASSIFIED


def places_among(there: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find numbers in an ascending row.

    Returns:
        (N,) int64 places in `there`, and (N,) bool, at which of them the wanted number stands.
    """
    if not len(there):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    places = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    return places, there[places] == wanted


@dataclass
class Votes:
    """What neighbours say of hashtags.

    Attributes:
        hashtags: (C,) int64 distinct hashtags of the neighbours, ascending.
        table: (C, V) float32, the first V of `VOTE_NAMES`.
    """

    hashtags: np.ndarray
    table: np.ndarray


VOTE_NAMES = (
    *("sum", "cubes", "most", "posts", "first", "share"),
    *("lately", "this_month", "same_author", "like_authors"),
)
# What is asked of neighbours that are of one author, or of one time, anyway.
FEW_VOTES = VOTE_NAMES[: VOTE_NAMES.index("lately")]


def votes(
    memory: Memory,
    found: Neighbours,
    question: Question,
    likeness: np.ndarray,
    names: tuple[str, ...] = VOTE_NAMES,
) -> Votes:
    """Let neighbours vote for their hashtags.

    Args:
        memory: who the neighbours are.
        found: the neighbours; scores are taken relative to the best one's.
        question: the post that asks.
        likeness: (A,) how much each author is like the asking one.
        names: `VOTE_NAMES` or `FEW_VOTES`.

    Returns:
        For each hashtag of a neighbour: sums of similarities (plain and cubed), the largest, the
        number of neighbours, the place of the first, the share of all cubes; then sums of cubes
        fading in 2 and in 30 days, of the same author, and weighted by the authors' likeness.
    """
    flat, owners = memory.hashtags_at(found.numbers)
    if not len(flat):
        return Votes(np.empty(0, np.int64), np.empty((0, len(names)), np.float32))
    order = np.argsort(flat, kind="stable")
    in_order, owners = flat[order].astype(np.int64), owners[order]
    starts = np.flatnonzero(np.diff(in_order, prepend=-1))
    # Neighbours are sorted, so that a hashtag's first one is its most similar.
    first = owners[starts]
    scores = found.scores.astype(np.float64)
    cubes = (scores / max(scores[0], 1e-9)) ** 3
    weights = [scores, cubes, np.ones(len(scores))]
    if names == VOTE_NAMES:
        age = np.maximum(question.day - memory.days.values[found.numbers], 0)
        authors = memory.author_of.values[found.numbers]
        known = authors != NOBODY
        weights += [
            cubes * np.exp2(-age / 2),
            cubes * np.exp2(-age / 30),
            cubes * (known & (authors == question.author)),
            cubes * np.where(known, likeness[authors], 0),
        ]
    sums = np.add.reduceat(np.stack(weights)[:, owners], starts, axis=1)
    few = [sums[0], sums[1], scores[first], sums[2], first, sums[1] / cubes.sum()]
    return Votes(in_order[starts], np.stack([*few, *sums[3:]], axis=1).astype(np.float32))


def spread(found: Votes, candidates: np.ndarray) -> np.ndarray:
    """Return (C, V) votes for candidates, zeros for those that no neighbour has."""
    rows = np.zeros((len(candidates), found.table.shape[1]), np.float32)
    if len(found.hashtags):
        places, has = places_among(found.hashtags, candidates)
        rows[has] = found.table[places[has]]
        rows[~has, VOTE_NAMES.index("first")] = 999
    return rows


def author_likeness(memory: Memory, author: int) -> np.ndarray:
    """Return (A,) float32: who lately used what an author used, one for the author's own.

    Among the latest users of the author's own latest hashtags, each use counts by how few others
    the hashtag has; the sum is taken relative to the largest.
    """
    likeness = np.zeros(max(len(memory.authors), 1), np.float32)
    if author == NOBODY or author >= len(memory.authors):
        return likeness
    own = memory.author_latest.values[author]
    hashtags = np.unique(memory.hashtags_at(own[own >= 0])[0])
    if len(hashtags):
        uses = memory.latest_uses.values[hashtags]
        rarity = 1 / np.log2(2 + memory.users.values[hashtags])
        users = memory.author_of.values[uses]
        valid = (uses >= 0) & (users >= 0)
        weight = np.broadcast_to(rarity[:, None], uses.shape)
        sums = np.bincount(users[valid], weights=weight[valid], minlength=len(likeness))
        sums[author] = 0
        most = sums.max()
        likeness = (sums / most if most > 0 else sums).astype(np.float32)
    likeness[author] = 1
    return likeness


def likely_authors(memory: Memory, found: Neighbours) -> np.ndarray:
    """Return (A,) float32: who writes like a text whose author is unknown, one for the likeliest.

    Args:
        memory: who the neighbours are.
        found: posts with the same words; each counts for its author as in `votes`.
    """
    likeness = np.zeros(max(len(memory.authors), 1), np.float32)
    authors = memory.author_of.values[found.numbers]
    known = authors != NOBODY
    if known.any():
        cubes = (found.scores[known] / max(found.scores[0], 1e-9)) ** 3
        sums = np.bincount(authors[known], weights=cubes, minlength=len(likeness))
        likeness = (sums / sums.max()).astype(np.float32)
    return likeness


HASHTAG_NAMES = (
    *("uses_half_day", "uses_2_days", "uses_week", "uses_month", "uses_half_year"),
    *("uses_ever", "users", "age", "since_last", "rising", "rising_month"),
    *("this_weekday", "same_days_last_year", "length"),
)


def of_hashtags(
    memory: Memory, candidates: np.ndarray, question: Question, same_days: Mapping[int, int]
) -> np.ndarray:
    """Return (C, 14) what is known of hashtags whoever asks: `HASHTAG_NAMES`.

    Args:
        memory: what is known.
        candidates: (C,) hashtags.
        question: the post.
        same_days: hashtag -> posts on the same days of the year before.
    """
    uses = memory.uses.read(candidates, question.day)
    total = memory.total.values[candidates]
    age = np.minimum(question.day - memory.first_day.values[candidates], LONG_AGO)
    since = np.minimum(question.day - memory.uses.latest.values[candidates], LONG_AGO)
    weekdays = memory.weekdays.values[candidates]
    weekday = int(question.day + 3) % 7
    last_year = [same_days.get(hashtag, 0) for hashtag in candidates.tolist()]
    names = memory.hashtags.names
    columns = [
        *uses.T,
        np.log1p(total),
        np.log1p(memory.users.values[candidates]),
        age,
        since,
        (uses[:, 1] + 0.1) / (uses[:, 2] + 0.5),
        (uses[:, 2] + 0.1) / (uses[:, 4] + 0.5),
        weekdays[:, weekday] / np.maximum(weekdays.sum(axis=1), 1e-6),
        last_year,
        [len(names[hashtag]) for hashtag in candidates.tolist()],
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def own_rows(memory: Memory, candidates: np.ndarray, author: int) -> np.ndarray:
    """Return (C,) int64 the rows of an author's uses of hashtags, -1 where there are none."""
    pairs = memory.pairs[author] if 0 <= author < len(memory.pairs) else {}
    return np.array([pairs.get(hashtag, -1) for hashtag in candidates.tolist()], dtype=np.int64)


AUTHOR_NAMES = (
    *("own_week", "own_month", "own_half_year", "own_ever", "own_since"),
    *("own_share_month", "own_share_ever", "own_in_last_5", "own_in_last_20", "own_place"),
    *("posts_month", "posts_ever", "repeats", "like_users", "like_users_most", "like_uses"),
)


def of_author(
    memory: Memory,
    candidates: np.ndarray,
    question: Question,
    likeness: np.ndarray,
    rows: np.ndarray,
) -> np.ndarray:
    """Return (C, 16) what the asking author and authors like them do: `AUTHOR_NAMES`.

    Args:
        memory: what is known.
        candidates: (C,) hashtags, ascending.
        question: the post.
        likeness: (A,) how much each author is like the asking one.
        rows: (C,) of the author's uses (`own_rows`).
    """
    table = np.zeros((len(candidates), len(AUTHOR_NAMES)), np.float32)
    author = question.author
    table[:, 13:] = _of_like_authors(memory, candidates, question, likeness)
    if author == NOBODY or author >= len(memory.authors):
        table[:, :13] = np.nan
        return table
    has = rows >= 0
    posts = memory.author_posts.read(np.array([author]), question.day)[0]
    ever = int(memory.author_total.values[author])
    table[:, 4] = LONG_AGO
    table[has, :3] = memory.pair_uses.read(rows[has], question.day)
    table[has, 3] = memory.pair_total.values[rows[has]]
    table[has, 4] = question.day - memory.pair_uses.latest.values[rows[has]]
    table[:, 5] = table[:, 1] / (posts[1] + 0.5)
    table[:, 6] = table[:, 3] / (ever + 1)
    latest = memory.author_latest.values[author]
    flat, owners = memory.hashtags_at(latest[latest >= 0])
    if len(flat):
        table[:, 9] = 99
        places, mine = places_among(candidates, flat)
        places, owners = places[mine], owners[mine]
        table[:, 7] = np.bincount(places[owners < 5], minlength=len(candidates))
        table[:, 8] = np.bincount(places[owners < 20], minlength=len(candidates))
        # The latest post comes first; of several values for a place the last one written stays.
        table[places[::-1], 9] = owners[::-1]
    table[:, 10], table[:, 11] = posts[1], np.log1p(ever)
    table[:, 12] = memory.author_repeats.values[author] / (ever + 1)
    return table


def _of_like_authors(
    memory: Memory, candidates: np.ndarray, question: Question, likeness: np.ndarray
) -> np.ndarray:
    """Return (C, 3) who else uses hashtags: the last three of `AUTHOR_NAMES`."""
    uses = memory.latest_uses.values[candidates]
    users = memory.author_of.values[uses]
    others = (uses >= 0) & (users >= 0) & (users != question.author)
    like = np.where(others, likeness[users], 0)
    places, columns = np.nonzero(like)
    age = np.maximum(question.day - memory.days.values[uses[places, columns]], 0)
    fading = like[places, columns] * np.exp2(-age / 7)
    return np.stack(
        [
            like.sum(axis=1) / np.maximum(others.sum(axis=1), 1),
            like.max(axis=1),
            np.bincount(places, weights=fading, minlength=len(candidates)),
        ],
        axis=1,
    )


def spelled_words(candidates: np.ndarray, question: Question) -> np.ndarray:
    """Return (C,) float32 how many of a post's words spell each hashtag."""
    counts = np.zeros(len(candidates), np.float32)
    if question.spelled:
        spelled = np.fromiter(question.spelled, np.int64, len(question.spelled))
        n_words = np.fromiter(question.spelled.values(), np.float32, len(question.spelled))
        places, there = places_among(candidates, spelled)
        counts[places[there]] = n_words[there]
    return counts


WORD_NAMES = ("spelled", "spelled_posts", "spelled_rate", "covered", "in_name")


def of_words(memory: Memory, candidates: np.ndarray, question: Question) -> np.ndarray:
    """Return (C, 5) how a post's words spell a hashtag: `WORD_NAMES`.

    The number of words that spell it, the posts whose words did, the share of those that had it,
    the share of its letters that words of the post cover, and the longest word in it.
    """
    names = memory.hashtags.names
    chosen = [names[hashtag] for hashtag in candidates.tolist()]
    long_words = {word.lstrip("@") for word in question.words if len(word) > 2}
    # Most words stand in no name at all, which one look at all names tells.
    all_names = "\n".join(chosen)
    covered, longest = np.zeros(len(chosen)), np.zeros(len(chosen))
    for word in long_words:
        if word in all_names:
            inside = [place for place, name in enumerate(chosen) if word in name]
            covered[inside] += len(word)
            longest[inside] = np.maximum(longest[inside], len(word))
    lengths = np.array([len(name) for name in chosen])
    spelled = memory.spelled.values[candidates]
    return np.stack(
        [
            spelled_words(candidates, question),
            np.log1p(spelled),
            (memory.spelled_and_used.values[candidates] + 0.2) / (spelled + 2.0),
            np.minimum(covered / lengths, 1),
            longest,
        ],
        axis=1,
    ).astype(np.float32)


ASSOCIATION_NAMES = (
    *("together", "together_mean", "information_1", "information_2", "information_3"),
    *("rate_1", "rate_2", "rate_by_rarity", "known_together"),
)
# Posts with a hashtag that are made up, with words as all posts have them: few posts tell little.
MADE_UP_POSTS = 2.0


def of_associations(memory: Memory, candidates: np.ndarray, question: Question) -> np.ndarray:
    """Return (C, 9) how the words of a post go with hashtags: `ASSOCIATION_NAMES`.

    For each word the pointwise mutual information with the hashtag, smoothed (Church and Hanks,
    1990): their sum, which is what naive Bayes adds to a hashtag's frequency, their mean and the
    three highest; the two highest shares of a word's posts that have the hashtag, the mean of these
    shares weighted by the words' rarity, and the number of words that ever stood with it.
    """
    table = np.zeros((len(candidates), len(ASSOCIATION_NAMES)), np.float32)
    if not question.terms:
        return table
    both, with_word = memory.associations.read(question.terms, candidates)
    known = with_word > 0
    if not known.any():
        return table
    both, with_word = both[known].astype(np.float64), with_word[known].astype(np.float64)
    expected = (with_word[:, None] + 0.5) / (memory.n_alive + 1)
    total = np.maximum(memory.total.values[candidates], 1)
    shares = (both + MADE_UP_POSTS * expected) / (total + MADE_UP_POSTS)
    information = np.log(shares / expected)
    rates = both / (with_word + 2)[:, None]
    rarity = np.log((memory.n_alive + 1) / (with_word + 1))
    table[:, 0] = information.sum(axis=0)
    table[:, 1] = information.mean(axis=0)
    highest = np.sort(information, axis=0)[::-1][:3]
    table[:, 2 : 2 + len(highest)] = highest.T
    highest = np.sort(rates, axis=0)[::-1][:2]
    table[:, 5 : 5 + len(highest)] = highest.T
    table[:, 7] = rarity @ rates / max(rarity.sum(), 1e-6)
    table[:, 8] = (both > 0).sum(axis=0)
    return table


CLASS_NAMES = ("classifier_log", "classifier_share", "classifier_place")
# Where the classifier does not know a hashtag.
LEAST_LOG, NO_PLACE = -30.0, 9999


def class_logs(candidates: np.ndarray, question: Question) -> np.ndarray:
    """Return (C,) float32 logarithms of hashtags' shares, `LEAST_LOG` where there is none."""
    found = question.classified
    logs = np.full(len(candidates), LEAST_LOG, np.float32)
    places, known = places_among(found.hashtags, candidates)
    logs[known] = np.maximum(found.logs[places[known]], LEAST_LOG)
    return logs


def of_classifier(candidates: np.ndarray, question: Question) -> np.ndarray:
    """Return (C, 3) what the classifier says of hashtags: `CLASS_NAMES`.

    The logarithm of the hashtag's share, the share, and how many hashtags have a larger one.
    """
    logs = class_logs(candidates, question)
    known = logs > LEAST_LOG
    table = np.zeros((len(candidates), len(CLASS_NAMES)), np.float32)
    table[:, 0] = logs
    table[known, 1] = np.exp(logs[known])
    ascending = np.sort(question.classified.logs)
    higher = len(ascending) - np.searchsorted(ascending, logs, "right")
    table[:, 2] = np.where(known, higher, NO_PLACE)
    return table


POST_NAMES = ("n_words", "hour", "n_candidates", "best_by_words", "best_by_meaning")


def of_post(question: Question, n_candidates: int) -> np.ndarray:
    """Return (C, 5) what is the same for all candidates of a post: `POST_NAMES`."""
    row = [
        len(question.words),
        question.day % 1 * 24,
        n_candidates,
        question.by_words.scores[0] if len(question.by_words.scores) else 0,
        question.by_meaning.scores[0] if len(question.by_meaning.scores) else 0,
    ]
    return np.broadcast_to(np.array(row, np.float32), (n_candidates, len(row)))


TYPED_NAMES = ("with_typed", "with_typed_share")


def of_typed(memory: Memory, candidates: np.ndarray, question: Question) -> np.ndarray:
    """Return (C, 2) how often hashtags stood beside those that were typed: `TYPED_NAMES`."""
    table = np.zeros((len(candidates), len(TYPED_NAMES)), np.float32)
    for typed in question.typed:
        uses = memory.latest_uses.values[typed]
        uses = uses[uses >= 0]
        flat, _ = memory.hashtags_at(uses)
        table[:, 0] += (flat[None, :] == candidates[:, None]).sum(axis=1)
        table[:, 1] += table[:, 0] / max(len(uses), 1)
    return table
