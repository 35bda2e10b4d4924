"""Counts of posts, hashtags and authors, without texts: who used what, when and how often.

Each post is counted when it is taught and subtracted when it is forgotten. Both cost the same
however many posts there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagfinder.corpus.hashtags import fold, marks_words
from tagfinder.live.compiled import compiled
from tagfinder.live.counts.arrays import GrowableArray
from tagfinder.live.counts.associations import Associations
from tagfinder.live.counts.counter import (
    Axis,
    Counter,
    DecayedCounter,
    create_counts,
    declared_counters,
)
from tagfinder.live.counts.names import Names
from tagfinder.live.counts.pairs import Pairs
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.tokens import Tokens, spelled_hashtags

# Half-lives in days of uses of a hashtag: by all authors, by one author, on a weekday.
HALF_LIVES = (0.5, 2.0, 7.0, 30.0, 180.0)
AUTHOR_HALF_LIVES = (7.0, 30.0, 180.0)
WEEKDAY_HALF_LIFE = 56.0
# Latest uses that are kept for each hashtag, and latest posts for each author.
LATEST_USES = 16
LATEST_POSTS = 64
WEEKDAYS = 7

# Arrays that compiled loops read. They are plain tuples: an argument of a class of ours costs six
# to eight times as much per call when the compiled code comes from the disk cache.
PostColumns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
HashtagColumns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class PostStatistics:
    """Counts of all posts that were taught and not forgotten.

    A new count is one more declaration here, and what fills it: `teach`, or `_count` if it can be
    subtracted.

    Attributes:
        hashtags: lower-case hashtag <-> number.
        spellings: hashtag -> how most people write it.
        readable: whether a spelling that marks its words is preferred to one that does not.
        authors: author <-> number.
        n_posts: posts ever taught; the number of the next one.
        n_alive: posts taught and not forgotten.
        hashtag_starts: post -> where its hashtags begin in `hashtag_values`.
        hashtag_values: hashtags of all posts, one after the other.
        pairs: author and hashtag -> row of the pair's counts.
        first_of_date: whole day -> lowest number of a post of that day.
        associations: word and hashtag -> posts.
    """

    days = Counter("post", "time, in days since 1970", np.float64)
    author_of = Counter("post", "number of the author, -1 if unknown", fill=NO_AUTHOR)
    forgotten = Counter("post", "whether it was forgotten", np.bool_)
    uses = DecayedCounter("hashtag", "posts with it", HALF_LIVES)
    total = Counter("hashtag", "posts with it")
    first_day = Counter("hashtag", "day of its first use", np.float64, fill=np.inf)
    users = Counter("hashtag", "distinct authors who used it")
    latest_uses = Counter(
        "hashtag", "numbers of the latest posts with it, -1 for none", width=LATEST_USES, fill=-1
    )
    weekdays = Counter(
        "hashtag",
        f"posts with it by weekday (Monday first), half-life {WEEKDAY_HALF_LIFE:g} days",
        np.float32,
        width=WEEKDAYS,
    )
    weekday_day = Counter("hashtag", "day until which `weekdays` are decayed", np.float64)
    spelled = Counter("hashtag", "posts whose words spell it")
    spelled_and_used = Counter("hashtag", "posts whose words spell it and that have it")
    spelling_votes = Counter("hashtag", "votes for its spelling, see `_vote_for_spelling`")
    author_posts = DecayedCounter("author", "posts of the author", AUTHOR_HALF_LIVES)
    author_total = Counter("author", "posts of the author")
    author_repeats = Counter("author", "posts with a hashtag that the author had used before")
    author_latest = Counter(
        "author", "numbers of the latest posts, -1 for none", width=LATEST_POSTS, fill=-1
    )
    pair_uses = DecayedCounter("pair", "posts of the author with the hashtag", AUTHOR_HALF_LIVES)
    pair_total = Counter("pair", "posts of the author with the hashtag")

    def __init__(self, *, readable: bool = False) -> None:
        create_counts(self)
        self.hashtags, self.authors = Names(), Names()
        self.spellings: list[str] = []
        self.readable = readable
        self.n_posts = self.n_alive = 0
        self.hashtag_starts = GrowableArray(np.int64)
        self.hashtag_values = GrowableArray(np.int32)
        self.pairs = Pairs()
        self.first_of_date: dict[int, int] = {}
        self.associations = Associations()

    def teach(self, post: Post, tokens: Tokens, number: int | None = None) -> int:
        """Count a post.

        Args:
            post: the post.
            tokens: of its text.
            number: its number, higher than any before; None takes the next.

        Returns:
            The post's number.
        """
        number = self.n_posts if number is None else number
        self._skip_to(number)
        typed = {fold(hashtag): hashtag for hashtag in post.hashtags}
        hashtags = [self.hashtags.number(hashtag) for hashtag in typed]
        author = NO_AUTHOR if post.author is None else self.authors.number(post.author)
        self._grow(number, len(hashtags))
        self.days.values[number] = post.day
        self.first_of_date.setdefault(int(post.day), number)
        self.author_of.values[number] = author
        start = self.hashtag_starts.values[number]
        self.hashtag_values.values[start : start + len(hashtags)] = hashtags
        self.hashtag_starts.values[number + 1] = start + len(hashtags)
        self.n_posts += 1
        self.n_alive += 1
        if author != NO_AUTHOR:
            _push(self.author_latest.values[author], number)
            is_repeat = any(self.pairs.row(author, hashtag) >= 0 for hashtag in hashtags)
            self.author_repeats.values[author] += is_repeat
        for hashtag, spelling in zip(hashtags, typed.values(), strict=True):
            self._vote_for_spelling(hashtag, spelling)
            _push(self.latest_uses.values[hashtag], number)
            self.first_day.values[hashtag] = min(self.first_day.values[hashtag], post.day)
        self._count(post.day, author, hashtags, tokens, 1)
        return number

    def forget(self, number: int, tokens: Tokens) -> None:
        """Subtract what `teach` counted for a post that has not been forgotten yet.

        The names of its author and hashtags are erased where no other post has them.
        """
        hashtags = self.hashtags_at(np.array([number]))[0].tolist()
        author = int(self.author_of.values[number])
        self._count(float(self.days.values[number]), author, hashtags, tokens, -1)
        for hashtag in hashtags:
            latest = self.latest_uses.values[hashtag]
            latest[latest == number] = -1
        if author != NO_AUTHOR:
            latest = self.author_latest.values[author]
            latest[latest == number] = -1
            if not self.author_total.values[author]:
                self.authors.remove(author)
        for hashtag in hashtags:
            if not self.total.values[hashtag]:
                self.hashtags.remove(hashtag)
                self.spellings[hashtag] = ""
        self.author_of.values[number] = NO_AUTHOR
        self.forgotten.values[number] = True
        self.n_alive -= 1

    def size(self, axis: Axis) -> int:
        """Return how many rows of an axis are in use."""
        if axis == "post":
            return self.n_posts
        if axis == "pair":
            return len(self.pairs)
        return len(self.hashtags if axis == "hashtag" else self.authors)

    def hashtags_at(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashtags of posts, concatenated.

        Args:
            numbers: (P,) post numbers.

        Returns:
            (M,) int32 hashtag numbers and (M,) int64 positions of their posts in `numbers`.
        """
        return _gathered(self.hashtag_starts.values, self.hashtag_values.values, numbers)

    def post_columns(self) -> PostColumns:
        """Return counts by post, valid until the next post is taught.

        Returns:
            By number of the post: (N,) float64 days, (N,) int32 authors (`NO_AUTHOR` if unknown),
            and (N,) int64 where the hashtags begin (they end where the next post's begin); then
            (M,) int32 the hashtags of all posts.
        """
        return (
            self.days.values,
            self.author_of.values,
            self.hashtag_starts.values,
            self.hashtag_values.values,
        )

    def hashtag_columns(self) -> HashtagColumns:
        """Return counts by hashtag, valid until the next post is taught.

        Returns:
            By number of the hashtag: (H,) int32 posts, (H,) int32 distinct authors, (H,) float64
            first day, (H,) float64 latest day, (H, 16) int32 numbers of the latest posts (-1 for
            none), (H, 7) float32 decayed uses by weekday.
        """
        return (
            self.total.values,
            self.users.values,
            self.first_day.values,
            self.uses.latest.values,
            self.latest_uses.values,
            self.weekdays.values,
        )

    def uses_between(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashtags of posts on the whole days from `first` to `last`, both included.

        Returns:
            (H,) int32 hashtags, ascending, and (H,) int64 posts with each.
        """
        days, forgotten = self.days.values[: self.n_posts], self.forgotten.values[: self.n_posts]
        numbers = np.flatnonzero((days >= first) & (days < last + 1) & ~forgotten)
        return np.unique(self.hashtags_at(numbers)[0], return_counts=True)

    def first_since(self, first: int, last: int) -> int:
        """Return the lowest number of a post of some whole days, or the next number if none has."""
        dates = range(first, last + 1)
        return min(self.first_of_date.get(date, self.n_posts) for date in dates)

    def _skip_to(self, number: int) -> None:
        """Treat numbers that were never taught as posts without hashtags."""
        if number > self.n_posts:
            self._grow(number, 0)
            end = self.hashtag_starts.values[self.n_posts]
            self.hashtag_starts.values[self.n_posts : number + 1] = end
            self.n_posts = number

    def posts_with(self, hashtag: int, most: int) -> np.ndarray:
        """Return the numbers of the newest posts that had a hashtag, ascending.

        Args:
            hashtag: its number.
            most: how many; deleted posts count.
        """
        end = self.hashtag_starts.values[self.n_posts]
        places = np.flatnonzero(self.hashtag_values.values[:end] == hashtag)[-most:]
        starts = self.hashtag_starts.values[: self.n_posts + 1]
        numbers: np.ndarray = np.searchsorted(starts, places, side="right") - 1
        return numbers

    def spell(self, hashtag: int, spellings: Sequence[str]) -> None:
        """Repeat the vote for a hashtag's spelling with those of some posts, in their order."""
        self.spellings[hashtag], self.spelling_votes.values[hashtag] = spellings[0], 0
        for spelling in spellings:
            self._vote_for_spelling(hashtag, spelling)

    def _vote_for_spelling(self, hashtag: int, spelling: str) -> None:
        # Boyer and Moore's vote finds a spelling that more than half use in one pass.
        if hashtag == len(self.spellings):
            self.spellings.append(spelling)
        votes = self.spelling_votes.values
        if self.readable:
            preferred, other = marks_words(self.spellings[hashtag]), marks_words(spelling)
            if other and not preferred:
                self.spellings[hashtag] = spelling
                votes[hashtag] = 0
            elif preferred and not other:
                return
        if self.spellings[hashtag] == spelling:
            votes[hashtag] += 1
        elif votes[hashtag] > 0:
            votes[hashtag] -= 1
        else:
            self.spellings[hashtag] = spelling

    def _count(
        self, day: float, author: int, hashtags: list[int], tokens: Tokens, sign: int
    ) -> None:
        weekday = weekday_of(day)
        for hashtag in hashtags:
            self.uses.add(hashtag, day, sign)
            self.total.values[hashtag] += sign
            self._count_weekday(hashtag, day, weekday, sign)
        if author != NO_AUTHOR:
            self.author_posts.add(author, day, sign)
            self.author_total.values[author] += sign
            for hashtag in hashtags:
                self._count_pair(author, hashtag, day, sign)
        self.associations.add(tokens.terms, hashtags, sign)
        used = set(hashtags)
        for hashtag in spelled_hashtags(tokens.words, self.hashtags.number_of):
            self.spelled_and_used.values[hashtag] += sign * (hashtag in used)
            # A forgotten post was not counted for hashtags that appeared after it.
            least = self.spelled_and_used.values[hashtag]
            self.spelled.values[hashtag] = max(self.spelled.values[hashtag] + sign, least)

    def _count_weekday(self, hashtag: int, day: float, weekday: int, sign: int) -> None:
        decayed = 0.5 ** ((day - self.weekday_day.values[hashtag]) / WEEKDAY_HALF_LIFE)
        if decayed < 1:
            self.weekdays.values[hashtag] *= decayed
            self.weekday_day.values[hashtag] = day
            decayed = 1.0
        self.weekdays.values[hashtag, weekday] += sign / decayed

    def _count_pair(self, author: int, hashtag: int, day: float, sign: int) -> None:
        row = self.pairs.row(author, hashtag)
        if row < 0:
            row = self.pairs.add(author, hashtag)
            self._grow_axis("pair", len(self.pairs))
            self.users.values[hashtag] += 1
        self.pair_uses.add(row, day, sign)
        self.pair_total.values[row] += sign

    def _grow(self, number: int, n_hashtags: int) -> None:
        """Make room for a post, its hashtags and its author."""
        self._grow_axis("post", number + 1)
        self.hashtag_starts.grow_to(number + 2)
        self.hashtag_values.grow_to(int(self.hashtag_starts.values[number]) + n_hashtags)
        self._grow_axis("hashtag", len(self.hashtags))
        self._grow_axis("author", len(self.authors))

    def _grow_axis(self, axis: Axis, size: int) -> None:
        names = COUNTS_OF_AXIS[axis]
        # All arrays of an axis have the same capacity; the last one is no `DecayedCounts`.
        if size > len(getattr(self, names[-1]).values):
            self.reserve(axis, size)

    def reserve(self, axis: Axis, size: int) -> None:
        """Make room for at least `size` rows in all arrays of an axis."""
        for name in COUNTS_OF_AXIS[axis]:
            getattr(self, name).grow_to(size)


COUNTERS = declared_counters(PostStatistics)
COUNTS_OF_AXIS: dict[Axis, list[str]] = {
    axis: [counter.name for counter in COUNTERS if counter.axis == axis]
    for axis in ("post", "hashtag", "author", "pair")
}


@compiled
def weekday_of(day: float) -> int:
    """Return the weekday of a day since 1970, 0 for Monday."""
    return int(day + 3) % WEEKDAYS  # 1970-01-01 was a Thursday


def _push(latest: np.ndarray, number: int) -> None:
    """Insert a post at the front of a list of fixed length; the oldest drops out."""
    latest[1:] = latest[:-1]
    latest[0] = number


@compiled
def _gathered(
    starts: np.ndarray, values: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    size = 0
    for number in numbers:
        size += starts[number + 1] - starts[number]
    gathered = np.empty(size, values.dtype)
    owners = np.empty(size, np.int64)
    end = 0
    for position in range(len(numbers)):
        for start in range(starts[numbers[position]], starts[numbers[position] + 1]):
            gathered[end] = values[start]
            owners[end] = position
            end += 1
    return gathered, owners
