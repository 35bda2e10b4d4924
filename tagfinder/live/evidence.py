"""What speaks for each candidate hashtag of a post: numbers in groups, each from one source."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tagfinder.live.ascending import places_among
from tagfinder.live.asking import Asking, Question
from tagfinder.live.memory import NOBODY
from tagfinder.live.votes import Votes, spread

LONG_AGO = 3_650.0


@dataclass(frozen=True)
class Found(Asking):
    """The candidates of a post, and what several groups of evidence read of them.

    Attributes:
        hashtags: (C,) int64 the candidates, ascending.
        votes: (G, C, 10) what each group of neighbours says, by `VOTE_NAMES`.
        uses: (C, 5) uses by all, fading.
        own_rows: (C,) int64 rows of the author's uses, -1 where there are none.
        own_uses: (C, 3) uses by the author, fading.
        spelled: (C,) how many of the post's words spell each.
        class_logs: (C,) logarithms of the classifier's shares, `LEAST_LOG` where it has none.
    """

    hashtags: np.ndarray
    votes: np.ndarray
    uses: np.ndarray
    own_rows: np.ndarray
    own_uses: np.ndarray
    spelled: np.ndarray
    class_logs: np.ndarray

    def only(self, places: np.ndarray) -> Found:
        """Return the same of some candidates."""
        of_candidates = ("hashtags", "uses", "own_rows", "own_uses", "spelled", "class_logs")
        kept = {name: getattr(self, name)[places] for name in of_candidates}
        return replace(self, votes=self.votes[:, places], **kept)

    @cached_property
    def names(self) -> list[str]:
        """The candidates' names."""
        names = self.memory.hashtags.names
        return [names[hashtag] for hashtag in self.hashtags.tolist()]

    @cached_property
    def lengths(self) -> np.ndarray:
        """(C,) int64 characters of the names."""
        return np.fromiter(map(len, self.names), np.int64, len(self.names))


def found_of(asking: Asking, hashtags: np.ndarray, votes: Votes) -> Found:
    """Read what several groups of evidence need of candidates.

    Args:
        asking: the post.
        hashtags: (C,) the candidates, ascending.
        votes: of the groups of neighbours.
    """
    memory, question = asking.memory, asking.question
    rows = np.full(len(hashtags), -1)
    places, there = places_among(hashtags, asking.habits.used)
    rows[places[there]] = asking.habits.rows[there]
    own_uses = np.zeros((len(hashtags), len(memory.pair_uses.rates)))
    own_uses[rows >= 0] = memory.pair_uses.read(rows[rows >= 0], question.day)
    return Found(
        **vars(asking),
        hashtags=hashtags,
        votes=spread(votes, hashtags),
        uses=memory.uses.read(hashtags, question.day),
        own_rows=rows,
        own_uses=own_uses,
        spelled=spelled_words(hashtags, question),
        class_logs=class_logs(hashtags, question),
    )


HASHTAG_NAMES = (
    *("uses_half_day", "uses_2_days", "uses_week", "uses_month", "uses_half_year"),
    *("uses_ever", "users", "age", "since_last", "rising", "rising_month"),
    *("this_weekday", "same_days_last_year", "length"),
)


def of_hashtags(found: Found) -> np.ndarray:
    """Return (C, 14) what is known of hashtags whoever asks: `HASHTAG_NAMES`."""
    memory, day, hashtags, uses = found.memory, found.question.day, found.hashtags, found.uses
    weekdays = memory.weekdays.values[hashtags]
    weekday = int(day + 3) % 7
    last_year, posts = found.last_year
    places, there = places_among(hashtags, last_year)
    table = np.zeros((len(hashtags), len(HASHTAG_NAMES)), np.float32)
    table[:, :5] = uses
    table[:, 5] = np.log1p(memory.total.values[hashtags])
    table[:, 6] = np.log1p(memory.users.values[hashtags])
    table[:, 7] = np.minimum(day - memory.first_day.values[hashtags], LONG_AGO)
    table[:, 8] = np.minimum(day - memory.uses.latest.values[hashtags], LONG_AGO)
    table[:, 9] = (uses[:, 1] + 0.1) / (uses[:, 2] + 0.5)
    table[:, 10] = (uses[:, 2] + 0.1) / (uses[:, 4] + 0.5)
    table[:, 11] = weekdays[:, weekday] / np.maximum(weekdays.sum(axis=1), 1e-6)
    table[places[there], 12] = posts[there]
    table[:, 13] = found.lengths
    return table


AUTHOR_NAMES = (
    *("own_week", "own_month", "own_half_year", "own_ever", "own_since"),
    *("own_share_month", "own_share_ever", "own_in_last_5", "own_in_last_20", "own_place"),
    *("posts_month", "posts_ever", "repeats", "like_users", "like_users_most", "like_uses"),
)


def of_author(found: Found) -> np.ndarray:
    """Return (C, 16) what the asking author and authors like them do: `AUTHOR_NAMES`."""
    memory, question, candidates = found.memory, found.question, found.hashtags
    table = np.zeros((len(candidates), len(AUTHOR_NAMES)), np.float32)
    author = question.author
    table[:, 13:] = _of_like_authors(found)
    if author == NOBODY or author >= len(memory.authors):
        table[:, :13] = np.nan
        return table
    has = found.own_rows >= 0
    rows = found.own_rows[has]
    posts = memory.author_posts.read(np.array([author]), question.day)[0]
    ever = int(memory.author_total.values[author])
    table[:, :3] = found.own_uses
    table[:, 4] = LONG_AGO
    table[has, 3] = memory.pair_total.values[rows]
    table[has, 4] = question.day - memory.pair_uses.latest.values[rows]
    table[:, 5] = table[:, 1] / (posts[1] + 0.5)
    table[:, 6] = table[:, 3] / (ever + 1)
    if len(found.habits.latest):
        table[:, 9] = 99
        places, mine = places_among(candidates, found.habits.latest)
        places, owners = places[mine], found.habits.posts[mine]
        table[:, 7] = np.bincount(places[owners < 5], minlength=len(candidates))
        table[:, 8] = np.bincount(places[owners < 20], minlength=len(candidates))
        # The latest post comes first; of several values for a place the last one written stays.
        table[places[::-1], 9] = owners[::-1]
    table[:, 10], table[:, 11] = posts[1], np.log1p(ever)
    table[:, 12] = memory.author_repeats.values[author] / (ever + 1)
    return table


def _of_like_authors(found: Found) -> np.ndarray:
    """Return (C, 3) who else uses hashtags: the last three of `AUTHOR_NAMES`."""
    memory, question, likeness = found.memory, found.question, found.likeness
    uses = memory.latest_uses.values[found.hashtags]
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
            np.bincount(places, weights=fading, minlength=len(found.hashtags)),
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


def of_words(found: Found) -> np.ndarray:
    """Return (C, 5) how a post's words spell a hashtag: `WORD_NAMES`.

    The number of words that spell it, the posts whose words did, the share of those that had it,
    the share of its letters that words of the post cover, and the longest word in it.
    """
    memory, lengths = found.memory, found.lengths
    covered, longest = np.zeros(len(lengths)), np.zeros(len(lengths))
    # A look at all names at once, because most words stand in none.
    all_names = "\n".join(found.names)
    ends = (np.cumsum(lengths + 1) - 1).tolist()
    for word in {word.lstrip("@") for word in found.question.words if len(word) > 2}:
        at = all_names.find(word)
        while at >= 0:
            place = bisect_right(ends, at)
            covered[place] += len(word)
            longest[place] = max(longest[place], len(word))
            at = all_names.find(word, ends[place])
    spelled = memory.spelled.values[found.hashtags]
    return np.stack(
        [
            found.spelled,
            np.log1p(spelled),
            (memory.spelled_and_used.values[found.hashtags] + 0.2) / (spelled + 2.0),
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


def of_associations(found: Found) -> np.ndarray:
    """Return (C, 9) how the words of a post go with hashtags: `ASSOCIATION_NAMES`.

    For each word the pointwise mutual information with the hashtag, smoothed (Church and Hanks,
    1990): their sum, which is what naive Bayes adds to a hashtag's frequency, their mean and the
    three highest; the two highest shares of a word's posts that have the hashtag, the mean of these
    shares weighted by the words' rarity, and the number of words that ever stood with it.
    """
    memory, terms = found.memory, found.question.terms
    table = np.zeros((len(found.hashtags), len(ASSOCIATION_NAMES)), np.float32)
    if not terms:
        return table
    both, with_word = memory.associations.read(terms, found.hashtags)
    known = with_word > 0
    if not known.any():
        return table
    both, with_word = both[known].astype(np.float64), with_word[known].astype(np.float64)
    expected = (with_word[:, None] + 0.5) / (memory.n_alive + 1)
    total = np.maximum(memory.total.values[found.hashtags], 1)
    shares = (both + MADE_UP_POSTS * expected) / (total + MADE_UP_POSTS)
    information = np.log(shares / expected)
    rates = both / (with_word + 2)[:, None]
    rarity = np.log((memory.n_alive + 1) / (with_word + 1))
    table[:, 0] = information.sum(axis=0)
    table[:, 1] = table[:, 0] / len(information)
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


def of_classifier(found: Found) -> np.ndarray:
    """Return (C, 3) what the classifier says of hashtags: `CLASS_NAMES`.

    The logarithm of the hashtag's share, the share, and how many hashtags have a larger one.
    """
    logs = found.class_logs
    known = logs > LEAST_LOG
    table = np.zeros((len(logs), len(CLASS_NAMES)), np.float32)
    table[:, 0] = logs
    table[known, 1] = np.exp(logs[known])
    ascending = np.sort(found.question.classified.logs)
    higher = len(ascending) - np.searchsorted(ascending, logs, "right")
    table[:, 2] = np.where(known, higher, NO_PLACE)
    return table


POST_NAMES = ("n_words", "hour", "n_candidates", "best_by_words", "best_by_meaning")


def of_post(found: Found) -> np.ndarray:
    """Return (C, 5) what is the same for all candidates of a post: `POST_NAMES`."""
    question, n_candidates = found.question, len(found.hashtags)
    row = [
        len(question.words),
        question.day % 1 * 24,
        n_candidates,
        question.by_words.scores[0] if len(question.by_words.scores) else 0,
        question.by_meaning.scores[0] if len(question.by_meaning.scores) else 0,
    ]
    return np.broadcast_to(np.array(row, np.float32), (n_candidates, len(row)))


TYPED_NAMES = ("with_typed", "with_typed_share")


def of_typed(found: Found) -> np.ndarray:
    """Return (C, 2) how often hashtags stood beside those that were typed: `TYPED_NAMES`."""
    memory, candidates = found.memory, found.hashtags
    table = np.zeros((len(candidates), len(TYPED_NAMES)), np.float32)
    for typed in found.question.typed:
        uses = memory.latest_uses.values[typed]
        uses = uses[uses >= 0]
        flat, _ = memory.hashtags_at(uses)
        table[:, 0] += (flat[None, :] == candidates[:, None]).sum(axis=1)
        table[:, 1] += table[:, 0] / max(len(uses), 1)
    return table
