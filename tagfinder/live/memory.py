"""What is known of posts and hashtags, without their texts: who used what, when, how often.

Everything is counted as posts come and can be taken back post by post, so that teaching,
forgetting and asking cost the same whatever the number of posts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from tagfinder.corpus.hashtags import fold
from tagfinder.live.associations import Associations
from tagfinder.live.columns import Column, Fading
from tagfinder.live.compiled import compiled
from tagfinder.live.names import Names
from tagfinder.live.words import Reading, spelled

# Days after which a use of a hashtag counts half: by all, and by one author.
HALF_LIVES = (0.5, 2.0, 7.0, 30.0, 180.0)
AUTHOR_HALF_LIVES = (7.0, 30.0, 180.0)
WEEKDAY_HALF_LIFE = 56.0
# Latest uses that are kept for each hashtag, and latest posts for each author.
LATEST_USES = 16
LATEST_POSTS = 64
NOBODY = -1
SECONDS = 86_400.0


@dataclass(frozen=True)
class Post:
    """One post as the live recommender learns it.

    Attributes:
        id: what the post is called where it comes from; unique.
        day: when it was published, in days since 1970-01-01 UTC.
        author: who published it; None where that is unknown.
        text: cleaned, without any hashtag or URL.
        hashtags: as they were typed, without `#`, distinct whatever their case.
    """

    id: str
    day: float
    author: str | None
    text: str
    hashtags: tuple[str, ...]


# Columns that compiled loops read: plain tuples, because what was compiled is kept on disk by the
# types that it was compiled for, and could not be read any more when a class of ours changed.
PostColumns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
HashtagColumns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Memory:
    """Counts over all posts that were taught and not forgotten.

    Attributes:
        hashtags: lower-case hashtag <-> number.
        spellings: hashtag -> how most people write it.
        authors: author <-> number.
        n_posts: posts ever taught; the number of the next one.
        n_alive: posts taught and not forgotten.
        days: post number -> day.
        author_of: post number -> author's number, or `NOBODY`.
        uses: hashtag -> its uses by all, fading.
        total: hashtag -> posts with it.
        first_day: hashtag -> day of its first use.
        users: hashtag -> distinct authors.
        latest_uses: hashtag -> numbers of the latest posts with it, -1 where there are fewer.
        weekdays: hashtag -> uses on each day of the week, fading.
        author_posts: author -> posts, fading.
        author_latest: author -> numbers of the latest posts.
        pairs: author -> hashtag -> row of what is known of the two together.
        pair_hashtag: hashtag of a pair.
        pair_before: the same author's pair before, -1 for the first.
        last_pair: author -> the latest of their pairs, -1 where there is none.
        pair_uses: uses of a hashtag by an author, fading.
        pair_total: posts of an author with a hashtag.
        by_date: whole day -> hashtag -> posts.
        first_of_date: whole day -> lowest number of a post of that day.
        spelled: hashtag -> posts whose words spell it.
        spelled_and_used: hashtag -> those of them that have it.
        associations: word and hashtag -> posts.
    """

    def __init__(self) -> None:
        self.hashtags, self.authors = Names(), Names()
        self.spellings: list[str] = []
        self.spelling_votes = Column(np.int32)
        self.n_posts = self.n_alive = 0
        self.days = Column(np.float64)
        self.author_of = Column(np.int32, fill=NOBODY)
        self.hashtag_starts = Column(np.int64)
        self.hashtag_values = Column(np.int32)
        self.uses = Fading(HALF_LIVES)
        self.total = Column(np.int32)
        self.first_day = Column(np.float64, fill=np.inf)
        self.users = Column(np.int32)
        self.latest_uses = Column(np.int32, LATEST_USES, fill=-1)
        self.weekdays = Column(np.float32, 7)
        self.weekday_day = Column(np.float64)
        self.author_posts = Fading(AUTHOR_HALF_LIVES)
        self.author_total = Column(np.int32)
        self.author_repeats = Column(np.int32)
        self.author_latest = Column(np.int32, LATEST_POSTS, fill=-1)
        self.pairs: list[dict[int, int]] = []
        self.n_pairs = 0
        self.pair_hashtag = Column(np.int32)
        self.pair_before = Column(np.int32)
        self.last_pair = Column(np.int32, fill=-1)
        self.pair_uses = Fading(AUTHOR_HALF_LIVES)
        self.pair_total = Column(np.int32)
        self.by_date: dict[int, Counter[int]] = {}
        self.first_of_date: dict[int, int] = {}
        self.spelled = Column(np.int32)
        self.spelled_and_used = Column(np.int32)
        self.associations = Associations()

    def teach(self, post: Post, reading: Reading, number: int | None = None) -> int:
        """Count a post.

        Args:
            post: the post.
            reading: what is read of its text.
            number: what it is called from now on, higher than any before; None takes the next.

        Returns:
            The post's number.
        """
        number = self.n_posts if number is None else number
        self._skip_to(number)
        typed = {fold(hashtag): hashtag for hashtag in post.hashtags}
        hashtags = [self.hashtags.number(hashtag) for hashtag in typed]
        author = NOBODY if post.author is None else self.authors.number(post.author)
        self._make_room(number, len(hashtags))
        self.days.values[number] = post.day
        self.first_of_date.setdefault(int(post.day), number)
        self.author_of.values[number] = author
        start = self.hashtag_starts.values[number]
        self.hashtag_values.values[start : start + len(hashtags)] = hashtags
        self.hashtag_starts.values[number + 1] = start + len(hashtags)
        self.n_posts += 1
        self.n_alive += 1
        if author != NOBODY:
            _push(self.author_latest.values[author], number)
            pairs = self.pairs[author]
            self.author_repeats.values[author] += any(hashtag in pairs for hashtag in hashtags)
        for hashtag, spelling in zip(hashtags, typed.values(), strict=True):
            self._vote_for_spelling(hashtag, spelling)
            _push(self.latest_uses.values[hashtag], number)
            self.first_day.values[hashtag] = min(self.first_day.values[hashtag], post.day)
        self._count(post.day, author, hashtags, reading, 1)
        return number

    def forget(self, number: int, reading: Reading) -> None:
        """Take back what `teach` counted for a post that is still there."""
        hashtags = self.hashtags_at(np.array([number]))[0].tolist()
        author = int(self.author_of.values[number])
        self._count(float(self.days.values[number]), author, hashtags, reading, -1)
        for hashtag in hashtags:
            latest = self.latest_uses.values[hashtag]
            latest[latest == number] = -1
        if author != NOBODY:
            latest = self.author_latest.values[author]
            latest[latest == number] = -1
        self.author_of.values[number] = NOBODY
        self.n_alive -= 1

    def hashtags_at(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the hashtags of posts, all in one row: (M,) hashtags and the posts' positions.

        Args:
            numbers: (P,) post numbers.

        Returns:
            (M,) int32 hashtag numbers and (M,) int64 positions in `numbers`.
        """
        return _gathered(self.hashtag_starts.values, self.hashtag_values.values, numbers)

    def post_columns(self) -> PostColumns:
        """Return what is known of posts, as it is until the next one is taught.

        Returns:
            By number of the post: (N,) float64 days, (N,) int32 authors, `NOBODY` where nobody is
            known, and (N,) int64 where the hashtags begin (the next post's is where they end);
            then (M,) int32 the hashtags of all posts.
        """
        return (
            self.days.values,
            self.author_of.values,
            self.hashtag_starts.values,
            self.hashtag_values.values,
        )

    def hashtag_columns(self) -> HashtagColumns:
        """Return what is known of hashtags, as it is until the next post is taught.

        Returns:
            By number of the hashtag: (H,) int32 posts, (H,) int32 distinct authors, (H,) float64
            first day, (H,) float64 latest day, (H, 16) int32 numbers of the latest posts, -1 where
            there are fewer, (H, 7) float32 uses on each day of the week, fading.
        """
        return (
            self.total.values,
            self.users.values,
            self.first_day.values,
            self.uses.latest.values,
            self.latest_uses.values,
            self.weekdays.values,
        )

    def uses_between(self, first: int, last: int) -> dict[int, int]:
        """Return hashtag -> posts on the whole days from `first` to `last`, both included."""
        sums: Counter[int] = Counter()
        for day in range(first, last + 1):
            sums.update(self.by_date.get(day, {}))
        return sums

    def first_since(self, first: int, last: int) -> int:
        """Return the lowest number of a post on whole days, or the next post's where none is."""
        dates = range(first, last + 1)
        return min(self.first_of_date.get(date, self.n_posts) for date in dates)

    def _skip_to(self, number: int) -> None:
        """Let numbers that were never taught stand for posts without anything."""
        if number > self.n_posts:
            self._make_room(number, 0)
            end = self.hashtag_starts.values[self.n_posts]
            self.hashtag_starts.values[self.n_posts : number + 1] = end
            self.n_posts = number

    def _vote_for_spelling(self, hashtag: int, spelling: str) -> None:
        # Boyer and Moore's vote: a spelling that more than half use is found in one pass.
        if hashtag == len(self.spellings):
            self.spellings.append(spelling)
        votes = self.spelling_votes.values
        if self.spellings[hashtag] == spelling:
            votes[hashtag] += 1
        elif votes[hashtag] > 0:
            votes[hashtag] -= 1
        else:
            self.spellings[hashtag] = spelling

    def _count(
        self, day: float, author: int, hashtags: list[int], reading: Reading, sign: int
    ) -> None:
        of_day = self.by_date.setdefault(int(day), Counter())
        weekday = int(day + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday
        for hashtag in hashtags:
            self.uses.add(hashtag, day, sign)
            self.total.values[hashtag] += sign
            of_day[hashtag] += sign
            self._count_weekday(hashtag, day, weekday, sign)
        if author != NOBODY:
            self.author_posts.add(author, day, sign)
            self.author_total.values[author] += sign
            for hashtag in hashtags:
                self._count_pair(author, hashtag, day, sign)
        self.associations.add(reading.terms, hashtags, sign)
        used = set(hashtags)
        for hashtag in spelled(reading.words, self.hashtags.number_of):
            self.spelled_and_used.values[hashtag] += sign * (hashtag in used)
            # A post that is taken back was not counted for hashtags that are younger than it.
            least = self.spelled_and_used.values[hashtag]
            self.spelled.values[hashtag] = max(self.spelled.values[hashtag] + sign, least)

    def _count_weekday(self, hashtag: int, day: float, weekday: int, sign: int) -> None:
        faded = 0.5 ** ((day - self.weekday_day.values[hashtag]) / WEEKDAY_HALF_LIFE)
        if faded < 1:
            self.weekdays.values[hashtag] *= faded
            self.weekday_day.values[hashtag] = day
            faded = 1.0
        self.weekdays.values[hashtag, weekday] += sign / faded

    def _count_pair(self, author: int, hashtag: int, day: float, sign: int) -> None:
        row = self.pairs[author].get(hashtag)
        if row is None:
            row = self.add_pair(author, hashtag)
            self.users.values[hashtag] += 1
        self.pair_uses.add(row, day, sign)
        self.pair_total.values[row] += sign

    def add_pair(self, author: int, hashtag: int) -> int:
        """Return the row of an author and a hashtag that they use for the first time."""
        row = self.pairs[author][hashtag] = self.n_pairs
        self.n_pairs += 1
        for of_pairs in (self.pair_hashtag, self.pair_before, self.pair_uses, self.pair_total):
            of_pairs.reach(row + 1)
        self.pair_hashtag.values[row] = hashtag
        self.pair_before.values[row] = self.last_pair.values[author]
        self.last_pair.values[author] = row
        return row

    def pairs_of(self, author: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (U,) int32 hashtags that an author ever used, and (U,) int64 the pairs' rows."""
        last = int(self.last_pair.values[author])
        return _chained(
            self.pair_hashtag.values, self.pair_before.values, last, len(self.pairs[author])
        )

    def _make_room(self, number: int, n_hashtags: int) -> None:
        for column in (self.days, self.author_of, self.hashtag_starts):
            column.reach(number + 2)
        self.hashtag_values.reach(int(self.hashtag_starts.values[number]) + n_hashtags)
        # The columns of hashtags have the same room, as have those of authors.
        if len(self.hashtags) > len(self.total.values):
            for of_hashtags in (
                *(self.uses, self.total, self.first_day, self.users, self.latest_uses),
                *(self.weekdays, self.weekday_day, self.spelled, self.spelled_and_used),
                self.spelling_votes,
            ):
                of_hashtags.reach(len(self.hashtags))
        if len(self.authors) > len(self.author_total.values):
            for of_authors in (
                *(self.author_posts, self.author_total, self.author_repeats, self.author_latest),
                self.last_pair,
            ):
                of_authors.reach(len(self.authors))
        while len(self.pairs) < len(self.authors):
            self.pairs.append({})


def _push(latest: np.ndarray, number: int) -> None:
    """Put a post before the others of a short list, the oldest of which falls out."""
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
    for place in range(len(numbers)):
        for start in range(starts[numbers[place]], starts[numbers[place] + 1]):
            gathered[end] = values[start]
            owners[end] = place
            end += 1
    return gathered, owners


@compiled
def _chained(
    hashtags: np.ndarray, before: np.ndarray, last: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    used, rows = np.empty(size, hashtags.dtype), np.empty(size, np.int64)
    row = last
    for place in range(size - 1, -1, -1):
        used[place], rows[place] = hashtags[row], row
        row = before[row]
    return used, rows
