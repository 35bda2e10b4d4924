"""What speaks for each candidate hashtag of a post: numbers in groups, each from one source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tagfinder.live.asking import Asker, Asking, Question, is_of_another
from tagfinder.live.columns import fading
from tagfinder.live.compiled import compiled
from tagfinder.live.memory import NOBODY, HashtagColumns, PostColumns
from tagfinder.live.names import Letters, bits_of, lengths_of, letters_of, stands_in
from tagfinder.live.places import Places, place_of, placed, put_among
from tagfinder.live.text_index import Neighbours
from tagfinder.live.votes import votes

LONG_AGO = 3_650.0
# Place of a hashtag among an author's latest posts where it is in none of them.
NOT_LATELY = 99


@dataclass(frozen=True)
class Found(Asking):
    """The candidates of a post, and what several groups of evidence read of them.

    Attributes:
        hashtags: (C,) int64 the candidates, ascending.
        places: where each of them stands.
        votes: (G, C, 10) what each group of neighbours says, see `votes`.
        uses: (C, 5) uses by all, fading.
        own_rows: (C,) int64 rows of the author's uses, -1 where there are none.
        own_uses: (C, 3) uses by the author, fading.
        spelled: (C,) how many of the post's words spell each.
        class_logs: (C,) logarithms of the classifier's shares, `LEAST_LOG` where it has none.
    """

    hashtags: np.ndarray
    places: Places
    votes: np.ndarray
    uses: np.ndarray
    own_rows: np.ndarray
    own_uses: np.ndarray
    spelled: np.ndarray
    class_logs: np.ndarray

    def only(self, rows: np.ndarray) -> Found:
        """Return the same of some candidates."""
        of_candidates = ("hashtags", "uses", "own_rows", "own_uses", "spelled", "class_logs")
        kept = {name: getattr(self, name)[rows] for name in of_candidates}
        return replace(self, places=placed(kept["hashtags"]), votes=self.votes[:, rows], **kept)

    @cached_property
    def lengths(self) -> np.ndarray:
        """(C,) int64 characters of the names."""
        return lengths_of(self.memory.hashtags.letters(), self.hashtags)


def found_of(asking: Asking, hashtags: np.ndarray, voters: Sequence[Neighbours]) -> Found:
    """Read what several groups of evidence need of candidates.

    Args:
        asking: the post.
        hashtags: (C,) the candidates, ascending.
        voters: the groups of neighbours.
    """
    memory, question = asking.memory, asking.question
    places, rows = placed(hashtags), np.full(len(hashtags), -1)
    put_among(rows, places, asking.habits.used, asking.habits.rows)
    own_uses = np.zeros((len(hashtags), len(memory.pair_uses.rates)))
    own_uses[rows >= 0] = memory.pair_uses.read(rows[rows >= 0], question.day)
    return Found(
        **vars(asking),
        hashtags=hashtags,
        places=places,
        votes=votes(asking, voters, places),
        uses=memory.uses.read(hashtags, question.day),
        own_rows=rows,
        own_uses=own_uses,
        spelled=spelled_words(places, question),
        class_logs=class_logs(hashtags, question),
    )


HASHTAG_NAMES = (
    *("uses_half_day", "uses_2_days", "uses_week", "uses_month", "uses_half_year"),
    *("uses_ever", "users", "age", "since_last", "rising", "rising_month"),
    *("this_weekday", "same_days_last_year", "length"),
)


def of_hashtags(found: Found) -> np.ndarray:
    """Return (C, 14) what is known of hashtags whoever asks: `HASHTAG_NAMES`."""
    memory, question = found.memory, found.question
    table = np.zeros((len(found.hashtags), len(HASHTAG_NAMES)), np.float32)
    table[:, :5] = found.uses
    _of_hashtags(table, found.hashtags, found.uses, memory.hashtag_columns(), question.day)
    put_among(table[:, 12], found.places, *found.last_year)
    table[:, 13] = found.lengths
    return table


@compiled
def _of_hashtags(
    table: np.ndarray,
    candidates: np.ndarray,
    uses: np.ndarray,
    hashtags: HashtagColumns,
    day: float,
) -> None:
    total, users, first_day, latest_day, _, weekdays = hashtags
    weekday = int(day + 3) % 7
    for place in range(len(candidates)):
        hashtag, row = candidates[place], table[place]
        row[5] = np.log1p(total[hashtag])
        row[6] = np.log1p(users[hashtag])
        row[7] = min(day - first_day[hashtag], LONG_AGO)
        row[8] = min(day - latest_day[hashtag], LONG_AGO)
        row[9] = (uses[place, 1] + 0.1) / (uses[place, 2] + 0.5)
        row[10] = (uses[place, 2] + 0.1) / (uses[place, 4] + 0.5)
        row[11] = weekdays[hashtag, weekday] / max(weekdays[hashtag].sum(), 1e-6)


AUTHOR_NAMES = (
    *("own_week", "own_month", "own_half_year", "own_ever", "own_since"),
    *("own_share_month", "own_share_ever", "own_in_last_5", "own_in_last_20", "own_place"),
    *("posts_month", "posts_ever", "repeats", "like_users", "like_users_most", "like_uses"),
    *("alike_share", "alike_lately", "alike_most"),
)


def of_author(found: Found) -> np.ndarray:
    """Return (C, 19) what the asking author and authors like them do: `AUTHOR_NAMES`."""
    memory, author, day = found.memory, found.question.author, found.question.day
    table = np.zeros((len(found.hashtags), len(AUTHOR_NAMES)), np.float32)
    _of_like_authors(
        table, found.hashtags, memory.hashtag_columns(), memory.post_columns(), found.asker
    )
    latest = memory.author_latest.values
    _of_posts_alike(table[:, 16:], found.places, latest, memory.post_columns(), found.asker)
    if author == NOBODY or author >= len(memory.authors):
        table[:, :13] = np.nan
        return table
    posts_month = memory.author_posts.read(np.array([author]), day)[0, 1]
    ever, repeats = memory.author_total.values[author], memory.author_repeats.values[author]
    own = found.own_rows, found.own_uses
    pairs = memory.pair_total.values, memory.pair_uses.latest.values
    _of_own_uses(table, own, pairs, (posts_month, ever, repeats), day)
    if len(found.habits.latest):
        table[:, 9] = NOT_LATELY
        _of_latest_posts(table, found.places, found.habits.latest, found.habits.posts)
    return table


@compiled
def _of_own_uses(
    table: np.ndarray,
    own: tuple[np.ndarray, np.ndarray],
    pairs: tuple[np.ndarray, np.ndarray],
    author: tuple[float, int, int],
    day: float,
) -> None:
    (rows, uses), (total, latest_day), (posts_month, ever, repeats) = own, pairs, author
    for place in range(len(rows)):
        row, pair = table[place], rows[place]
        row[:3] = uses[place]
        row[3] = total[pair] if pair >= 0 else 0
        row[4] = day - latest_day[pair] if pair >= 0 else LONG_AGO
        row[5] = row[1] / (posts_month + 0.5)
        row[6] = row[3] / (ever + 1)
        row[10], row[11], row[12] = posts_month, np.log1p(ever), repeats / (ever + 1)


@compiled
def _of_latest_posts(
    table: np.ndarray, candidates: Places, latest: np.ndarray, posts: np.ndarray
) -> None:
    for use in range(len(latest)):
        place = place_of(latest[use], candidates)
        if place >= 0:
            row, post = table[place], posts[use]
            row[7] += post < 5
            row[8] += post < 20
            row[9] = min(row[9], post)


@compiled
def _of_like_authors(
    table: np.ndarray,
    candidates: np.ndarray,
    hashtags: HashtagColumns,
    posts: PostColumns,
    asker: Asker,
) -> None:
    _, _, _, _, latest_uses, _ = hashtags
    days, authors, _, _ = posts
    asking_author, now, likeness, _ = asker
    for place in range(len(candidates)):
        others, all_likeness, most, lately = 0, 0.0, 0.0, 0.0
        for use in latest_uses[candidates[place]]:
            if is_of_another(use, authors, asking_author):
                like = np.float64(likeness[authors[use]])
                others += 1
                if like > 0:
                    all_likeness += like
                    most = max(most, like)
                    lately += like * fading(days[use], now, 7.0)
        table[place, 13] = all_likeness / max(others, 1)
        table[place, 14] = most
        table[place, 15] = lately


@compiled
def _of_posts_alike(
    table: np.ndarray,
    candidates: Places,
    author_latest: np.ndarray,
    posts: PostColumns,
    asker: Asker,
) -> None:
    days, _, starts, hashtags = posts
    _, now, likeness, alike = asker
    shares = np.empty(len(table))
    for author in alike:
        like, latest, n_latest = np.float64(likeness[author]), author_latest[author], 0
        for post in latest:
            n_latest += post >= 0
        shares[:] = 0
        for post in latest:
            if post < 0:
                continue
            # Worked out when it is needed: most posts have no candidate.
            lately = -1.0
            for start in range(starts[post], starts[post + 1]):
                place = place_of(hashtags[start], candidates)
                if place >= 0:
                    if lately < 0:
                        lately = like * fading(days[post], now, 7.0)
                    shares[place] += like / n_latest
                    table[place, 1] += lately
        for place in range(len(shares)):
            table[place, 0] += shares[place]
            table[place, 2] = max(table[place, 2], shares[place])


def spelled_words(candidates: Places, question: Question) -> np.ndarray:
    """Return (C,) float32 how many of a post's words spell each hashtag."""
    counts = np.zeros(len(candidates[1]), np.float32)
    if question.spelled:
        spelled = np.fromiter(question.spelled, np.int64, len(question.spelled))
        n_words = np.fromiter(question.spelled.values(), np.float32, len(question.spelled))
        put_among(counts, candidates, spelled, n_words)
    return counts


WORD_NAMES = ("spelled", "spelled_posts", "spelled_rate", "covered", "in_name")


def of_words(found: Found) -> np.ndarray:
    """Return (C, 5) how a post's words spell a hashtag: `WORD_NAMES`.

    The number of words that spell it, the posts whose words did, the share of those that had it,
    the share of its letters that words of the post cover, and the longest word in it.
    """
    memory, lengths = found.memory, found.lengths
    words = {word.lstrip("@") for word in found.question.words if len(word) > 2}
    covered, longest = _in_names(memory.hashtags.letters(), found.hashtags, letters_of([*words]))
    table = np.empty((len(lengths), len(WORD_NAMES)), np.float32)
    spelled = memory.spelled.values, memory.spelled_and_used.values
    _of_words(table, found.hashtags, spelled, (found.spelled, covered / lengths, longest))
    return table


@compiled
def _of_words(
    table: np.ndarray,
    candidates: np.ndarray,
    posts: tuple[np.ndarray, np.ndarray],
    words: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    (spelled, spelled_and_used), (n_words, covered, longest) = posts, words
    for place in range(len(candidates)):
        row, hashtag = table[place], candidates[place]
        row[0] = n_words[place]
        row[1] = np.log1p(spelled[hashtag])
        row[2] = (spelled_and_used[hashtag] + 0.2) / (spelled[hashtag] + 2.0)
        row[3] = min(covered[place], 1.0)
        row[4] = longest[place]


@compiled
def _in_names(
    names: Letters, candidates: np.ndarray, words: Letters
) -> tuple[np.ndarray, np.ndarray]:
    covered, longest = np.zeros(len(candidates)), np.zeros(len(candidates))
    numbers = np.arange(len(words[1]) - 1)
    lengths, bits = lengths_of(words, numbers), bits_of(words, numbers)
    there = bits_of(names, candidates)
    for word in range(len(numbers)):
        for place in range(len(candidates)):
            if bits[word] & ~there[place]:
                continue
            if stands_in(words, word, names, candidates[place]):
                covered[place] += lengths[word]
                longest[place] = max(longest[place], lengths[word])
    return covered, longest


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
    table = np.zeros((len(found.hashtags), len(ASSOCIATION_NAMES)))
    both, with_word = memory.associations.read(terms, found.hashtags)
    total = memory.total.values[found.hashtags]
    _of_associations(table, both, with_word, total, memory.n_alive + 1)
    return table.astype(np.float32)


@compiled
def _of_associations(
    table: np.ndarray, both: np.ndarray, with_word: np.ndarray, total: np.ndarray, n_posts: int
) -> None:
    n_words, all_rarity = 0, 0.0
    for word in range(len(with_word)):
        posts = np.float64(with_word[word])
        if not posts:
            continue
        expected, rarity = (posts + 0.5) / n_posts, np.log(n_posts / (posts + 1))
        all_rarity += rarity
        for candidate in range(len(table)):
            row, together = table[candidate], np.float64(both[word, candidate])
            in_all = max(total[candidate], 1) + MADE_UP_POSTS
            share = (together + MADE_UP_POSTS * expected) / in_all
            information, rate = np.log(share / expected), together / (posts + 2)
            row[0] += information
            _keep_highest(row[2:5], information, n_words)
            _keep_highest(row[5:7], rate, n_words)
            row[7] += rarity * rate
            row[8] += together > 0
        n_words += 1
    if n_words:
        table[:, 1] = table[:, 0] / n_words
        table[:, 7] /= max(all_rarity, 1e-6)


@compiled
def _keep_highest(highest: np.ndarray, value: float, n_before: int) -> None:
    """Put a value in its place among the highest ones of `n_before` others, highest first."""
    place = min(n_before, len(highest))
    while place > 0 and highest[place - 1] < value:
        if place < len(highest):
            highest[place] = highest[place - 1]
        place -= 1
    if place < len(highest):
        highest[place] = value


CLASS_NAMES = ("classifier_log", "classifier_share", "classifier_place")
# Where the classifier does not know a hashtag.
LEAST_LOG, NO_PLACE = -30.0, 9999


def class_logs(candidates: np.ndarray, question: Question) -> np.ndarray:
    """Return (C,) float32 logarithms of hashtags' shares, `LEAST_LOG` where there is none."""
    logs = np.full(len(candidates), LEAST_LOG, np.float32)
    _put_logs(logs, candidates, question.classified.labels, question.classified.logs)
    return logs


@compiled
def _put_logs(
    row: np.ndarray, candidates: np.ndarray, labels: np.ndarray, logs: np.ndarray
) -> None:
    label = 0
    for place in range(len(candidates)):
        while label < len(labels) and labels[label] < candidates[place]:
            label += 1
        if label < len(labels) and labels[label] == candidates[place]:
            row[place] = max(logs[label], row[place])


def of_classifier(found: Found) -> np.ndarray:
    """Return (C, 3) what the classifier says of hashtags: `CLASS_NAMES`.

    The logarithm of the hashtag's share, the share, and how many hashtags have a larger one.
    """
    logs = found.class_logs
    known = logs > LEAST_LOG
    table = np.zeros((len(logs), len(CLASS_NAMES)), np.float32)
    table[:, 0] = logs
    table[known, 1] = np.exp(logs[known])
    ascending = found.question.classified.ascending
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
