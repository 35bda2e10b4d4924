"""Suggests hashtags from a recommender that keeps learning, and teaches it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.configuration.build import build, build_model
from tagfinder.corpus.hashtag_filter import EVERY_HASHTAG, HashtagFilter
from tagfinder.corpus.hashtags import extract, fold
from tagfinder.corpus.schema import conform, in_utc
from tagfinder.errors import InputError
from tagfinder.live.durable import POSTS, Taught
from tagfinder.live.post import Post
from tagfinder.live.postgres_log import PostgresLog
from tagfinder.models.open_vocabulary import OpenVocabulary
from tagfinder.recommend.erasing import erase_from_run
from tagfinder.recommend.saved import Saved
from tagfinder.recommend.suggestion import NOTHING_KNOWN, Suggestion, Suggestions, as_series

MICROSECONDS_A_DAY = 86_400e6
NOTHING_TAUGHT = "nothing has been taught yet"
POSTS_SHOWN = 5


@dataclass(frozen=True)
class Witness:
    """A post that supports a hashtag.

    Attributes:
        day: when it was published, `YYYY-MM-DD`.
        author: who published it; None if unknown.
        text: as it was cleaned.
        similarity: to the text of the query, relative to the most similar post; 0 to 1.
    """

    day: str
    author: str | None
    text: str
    similarity: float


def check_posts_are_there(folder: Path) -> None:
    """Refuse a finished run without its posts, in whose place a new, empty store would be made.

    Raises:
        InputError: the posts are missing or were emptied.
    """
    posts = folder / POSTS
    # A run of a machine that follows a shared log may lack them; they are copied from there.
    is_empty = posts.is_file() and posts.stat().st_size == 0
    is_finished = RunFolder(folder.parent).metrics_file.is_file()
    if not is_finished or (posts.exists() and not is_empty):
        return
    state = "is empty" if is_empty else "is missing"
    raise InputError(
        f"{posts} {state}, but its run was finished with posts; restore the folder "
        f"{folder.name} from a copy, or train the run again"
    )


class LiveSuggester:
    """Suggests hashtags from all posts that it was taught up to the call.

    Several threads may share one suggester, also while it is taught.

    Args:
        saved: recommender, cleaning and features of a run.
        folder: of its posts.
        writable: whether it may be taught.
        hashtags: which hashtags may be suggested.
        log: of posts that several machines share; None keeps them in the folder alone.

    Attributes:
        name: name of the folder that it was loaded from.
        facts: `model`, `corpus` and `protocol` by name, if known.

    Raises:
        InputError: the folder has no such posts, or others than the log.
    """

    def __init__(
        self,
        saved: Saved,
        folder: Path,
        *,
        writable: bool = False,
        hashtags: HashtagFilter = EVERY_HASHTAG,
        log: PostgresLog | None = None,
    ) -> None:
        if log is None:
            check_posts_are_there(folder)
        self._filter = hashtags
        self.name, self.facts = saved.name, saved.facts
        self._calibration = saved.calibration
        self._cleaning = build(saved.config["cleaning"])
        self.features = build(saved.config["features"])
        self.features.load(saved.features_folder)
        module = build_model(saved.config["model"], saved.label_set, self.features)
        module.restore_state(saved.state)
        self._module: OpenVocabulary = module
        self.durable = self._module.open_posts(
            folder,
            writable=writable,
            log=log,
            after_deletions=partial(erase_from_run, folder.parent),
        )

    @property
    def n_hashtags(self) -> int:
        """Number of hashtags that it chooses from."""
        return len(self.durable.knowledge.statistics.hashtags.number_of)

    @property
    def n_posts(self) -> int:
        """Number of posts that it knows."""
        return self.durable.knowledge.statistics.n_alive

    def suggest(
        self,
        texts: str | Sequence[str],
        k: int = 5,
        *,
        threshold: float = 0.0,
        repeat: bool = False,
        author: str | None = None,
        moment: datetime | None = None,
    ) -> list[Suggestions]:
        """Suggest hashtags for texts.

        Args:
            texts: one text or several, as people write them.
            k: most hashtags for a text.
            threshold: least probability of a hashtag.
            repeat: also suggest hashtags that the text has already.
            author: who writes, by the name that the author has in the posts.
            moment: when they are written, UTC if it has no zone; None is right after the newest
                known post.

        Returns:
            For each text its hashtags, best first.
        """
        given = as_series(texts)
        inputs = self.model_input(given)
        typed = extract(given).to_list()
        day = self._day(moment)
        vectors = self.durable.encode(inputs.to_list())
        with self.durable.lock:
            return [
                self._suggestions(
                    *(text, read, typed[row], author, day),
                    vector=None if vectors is None else vectors[row],
                    k=k,
                    threshold=threshold,
                    repeat=repeat,
                )
                for row, (text, read) in enumerate(zip(given, inputs, strict=True))
            ]

    def get_ready(self) -> None:
        """Compile loops and convert trees, so that the first suggestion need not wait."""
        names = self.durable.knowledge.statistics.authors.names
        for author in (None, *names[:1]):
            self.suggest("ready", author=author)

    def model_input(self, texts: pl.Series) -> pl.Series:
        """Return cleaned texts (String to String)."""
        cleaned: pl.Series = self._cleaning.clean(texts)
        return cleaned

    def witnesses(self, text: str, hashtag: str, n: int = POSTS_SHOWN) -> list[Witness]:
        """Return the posts with a hashtag that are most similar to a text, best first."""
        return self.witnesses_of(text, [hashtag], n)[0]

    def witnesses_of(
        self, text: str, hashtags: Sequence[str], n: int = POSTS_SHOWN
    ) -> list[list[Witness]]:
        """Return for each of some hashtags the posts with it that are most similar to a text.

        Args:
            text: as it was given.
            hashtags: in any spelling, without `#`.
            n: most posts for a hashtag, best first.
        """
        [read] = self.model_input(as_series(text))
        statistics = self.durable.knowledge.statistics
        number_of = statistics.hashtags.number_of
        with self.durable.lock:
            query = self.durable.knowledge.query(read, self._day(None), None, {"words"})
            found = query.by_words
            flat, owners = statistics.hashtags_at(found.numbers)
            ranks = [
                np.unique(owners[flat == number_of.get(fold(hashtag), -1)])[:n]
                for hashtag in hashtags
            ]
            numbers = np.unique(found.numbers[np.concatenate(ranks)]).tolist() if ranks else []
            posts = self.durable.store.posts_at(numbers)
        return [
            [
                _witness(posts[int(found.numbers[rank])], found.scores[rank] / found.scores[0])
                for rank in chosen
                if int(found.numbers[rank]) in posts
            ]
            for chosen in ranks
        ]

    def teach(self, posts: pl.DataFrame) -> Taught:
        """Learn posts; when this returns, they are durable and used for suggestions.

        With an encoder, they count by their meaning a little later, when a thread has encoded them.

        Args:
            posts: `text` and, if known, `id`, `created_at`, `hashtags`, `entity_name`, as in any
                corpus (`corpus.schema`). Posts without a hashtag or a time are skipped, and posts
                whose id is known.
        """
        return self.durable.teach(list(self._posts(conform(posts))))

    def train_classifiers(self, *, forgetting: bool = False) -> bool:
        """Train the classifiers if they are due, see `DurableKnowledge.train_classifiers`."""
        return self.durable.train_classifiers(forgetting=forgetting)

    def forget(self, ids: Iterable[str]) -> int:
        """Delete posts by id; return how many were found."""
        return self.durable.forget(ids)

    def forget_author(self, name: str) -> int:
        """Delete all posts of an author, and the name; return how many posts there were."""
        return self.durable.forget_author(name)

    def close(self, wait: float = -1) -> None:
        """Close the files; wait this number of seconds for a training, -1 without limit."""
        self.durable.close(wait)

    def _posts(self, posts: pl.DataFrame) -> Iterator[Post]:
        hashtags = posts["hashtags"]
        extracted = extract(posts["text"])
        tags = hashtags.fill_null(extracted) if hashtags.null_count() else hashtags
        usable = posts.with_columns(
            clean=self.model_input(posts["text"]),
            tags=tags,
            day=pl.col("created_at").dt.timestamp("us") / MICROSECONDS_A_DAY,
        ).filter(pl.col("tags").list.len() > 0, pl.col("day").is_not_null())
        identity = pl.coalesce("id", pl.format("{}-{}", pl.col("text").hash(), pl.col("day")))
        columns = usable.sort("day").select(identity, "day", "entity_name", "clean", "tags")
        for identity, day, author, text, found in columns.iter_rows():
            distinct = {fold(hashtag): hashtag for hashtag in reversed(found)}
            yield Post(identity, day, author, text, tuple(reversed(distinct.values())))

    def _day(self, moment: datetime | None) -> float:
        if moment is None:
            return self.durable.newest_day
        return in_utc(moment).timestamp() / 86_400

    def _suggestions(
        self,
        text: str,
        read: str,
        typed: list[str],
        author: str | None,
        day: float,
        *,
        vector: np.ndarray | None,
        k: int,
        threshold: float,
        repeat: bool,
    ) -> Suggestions:
        if not self.n_posts:
            return Suggestions(text, read, [], NOTHING_TAUGHT)
        knowledge = self.durable.knowledge
        present = [] if repeat else typed
        # Hashtags that may not be suggested leave their places to others.
        most = knowledge.max_candidates if self._filter else k
        hashtags, scores = self._module.suggest(
            knowledge, read, day, most, author=author, typed=present, vector=vector
        )
        names = knowledge.statistics.hashtags.names
        admitted = self._filter.admit([names[hashtag] for hashtag in hashtags])
        hashtags, scores = hashtags[admitted][:k], scores[admitted][:k]
        probabilities = self._calibration.of(author_known=author is not None).probabilities(scores)
        spellings = knowledge.statistics.spellings
        return Suggestions(
            text,
            read,
            [
                Suggestion(spellings[hashtag], float(score), float(probability))
                for hashtag, score, probability in zip(hashtags, scores, probabilities, strict=True)
                if probability >= threshold
            ],
            None if len(hashtags) else NOTHING_KNOWN,
        )


def _witness(post: Post, similarity: float) -> Witness:
    return Witness(_date(post.day), post.author, post.text, float(similarity))


def _date(day: float) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
