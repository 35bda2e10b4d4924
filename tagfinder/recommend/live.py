"""Hashtags for texts from a recommender that keeps learning, and how it is taught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from tagfinder.configuration.build import build, build_model
from tagfinder.corpus.hashtag_filter import EVERY_HASHTAG, HashtagFilter
from tagfinder.corpus.hashtags import extract, fold
from tagfinder.corpus.schema import conform
from tagfinder.live.durable import DurableKnowledge, Taught
from tagfinder.live.memory import Post
from tagfinder.models.live import LiveRecommender, best_of
from tagfinder.recommend.saved import Saved
from tagfinder.recommend.suggestion import NOTHING_KNOWN, Suggestion, Suggestions, as_series

MICROSECONDS_A_DAY = 86_400e6
NOTHING_TAUGHT = "nothing has been taught yet"
POSTS_SHOWN = 5


@dataclass(frozen=True)
class Witness:
    """A post that spoke for a hashtag.

    Attributes:
        day: when it was published, `YYYY-MM-DD`.
        author: who published it, where that is known.
        text: what was read of it.
        similarity: to the text that was asked about, relative to the most similar post; 0 to 1.
    """

    day: str
    author: str | None
    text: str
    similarity: float


class LiveSuggester:
    """Suggests hashtags from all posts that it was taught, up to the last call.

    One suggester may be used by several threads at once, also while it is taught.

    Args:
        saved: ranker, cleaning and features, as a run or a bundle keeps them.
        folder: of the posts that are known.
        writable: whether it may be taught; one process at a time.
        hashtags: which hashtags may be suggested.

    Attributes:
        name: name of the folder that it was loaded from.
        facts: `model`, `corpus` and `protocol` by name, where they are known.

    Raises:
        InputError: another process teaches it, or the folder holds no such posts.
    """

    def __init__(
        self,
        saved: Saved,
        folder: Path,
        *,
        writable: bool = False,
        hashtags: HashtagFilter = EVERY_HASHTAG,
    ) -> None:
        self._filter = hashtags
        self.name, self.facts = saved.name, saved.facts
        self._calibration = saved.calibration
        self._cleaning = build(saved.config["cleaning"])
        self.features = build(saved.config["features"])
        self.features.load(saved.features_folder)
        self._module: LiveRecommender = build_model(
            saved.config["model"], saved.label_set, self.features
        )
        self._module.load_state_dict(saved.state)
        # Without an encoder meaning is no part.
        self._encodes = "meaning" in self._module.parts
        self.durable = DurableKnowledge(
            folder,
            encode=self.features.vectors_of if self._encodes else None,
            dimension=self.features.dimension,
            writable=writable,
            settings=self._module.knowledge_settings,
            open_index=self._module.text_index,
        )

    @property
    def n_hashtags(self) -> int:
        """How many hashtags it chooses from."""
        return len(self.durable.knowledge.memory.hashtags)

    @property
    def n_posts(self) -> int:
        """How many posts it knows."""
        return self.durable.knowledge.memory.n_alive

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
            repeat: suggest hashtags that stand in the text already as well.
            author: who writes, by the name that the posts have for their authors.
            moment: when they are written; None is right after the newest post that is known.

        Returns:
            For each text its hashtags, best first.
        """
        given = as_series(texts)
        inputs = self.model_input(given)
        typed = extract(given).to_list()
        day = self._day(moment)
        vectors = self.features.vectors_of(inputs.to_list()) if self._encodes else None
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
        """Do what the first suggestion would wait for: loops are compiled, trees put down."""
        names = self.durable.knowledge.memory.authors.names
        for author in (None, *names[:1]):
            self.suggest("ready", author=author)

    def model_input(self, texts: pl.Series) -> pl.Series:
        """Return what cleaning leaves of texts (String to String)."""
        cleaned: pl.Series = self._cleaning.clean(texts)
        return cleaned

    def witnesses(self, text: str, hashtag: str, n: int = POSTS_SHOWN) -> list[Witness]:
        """Return the posts with a hashtag that are most like a text, the most similar first."""
        return self.witnesses_of(text, [hashtag], n)[0]

    def witnesses_of(
        self, text: str, hashtags: Sequence[str], n: int = POSTS_SHOWN
    ) -> list[list[Witness]]:
        """Return for each of some hashtags the posts with it that are most like a text.

        Args:
            text: as it was given.
            hashtags: in any spelling, without `#`.
            n: most posts for a hashtag, the most similar first.
        """
        [read] = self.model_input(as_series(text))
        number_of = self.durable.knowledge.memory.hashtags.number_of
        with self.durable.lock:
            question = self.durable.knowledge.question(read, self._day(None), None, {"words"})
            found = question.by_words
            flat, owners = self.durable.knowledge.memory.hashtags_at(found.numbers)
            places = [
                np.unique(owners[flat == number_of.get(fold(hashtag), -1)])[:n]
                for hashtag in hashtags
            ]
            numbers = np.unique(found.numbers[np.concatenate(places)]).tolist() if places else []
            posts = self.durable.store.posts_at(numbers)
        return [
            [
                _witness(posts[int(found.numbers[place])], found.scores[place] / found.scores[0])
                for place in chosen
                if int(found.numbers[place]) in posts
            ]
            for chosen in places
        ]

    def teach(self, posts: pl.DataFrame) -> Taught:
        """Take up posts; when this returns they are durable, and suggestions know them.

        Args:
            posts: `text` and, where known, `id`, `created_at`, `hashtags`, `entity_name`, as in
                any corpus (`corpus.schema`). Posts without a hashtag or a time are left out, as
                are those whose id is known.
        """
        return self.durable.teach(list(self._posts(conform(posts))))

    def learn_classes(self, *, forgetting: bool = False) -> bool:
        """Learn the classifiers anew where it is time to (`DurableKnowledge.learn_classes`)."""
        wanted = "classifier" in self._module.parts
        return wanted and self.durable.learn_classes(forgetting=forgetting)

    def forget(self, ids: Iterable[str]) -> int:
        """Delete posts by id for good; return how many were there."""
        return self.durable.forget(ids)

    def close(self, wait: float = -1) -> None:
        """Let go of the files; wait so many seconds for what is being learned, -1 to its end."""
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
        return moment.timestamp() / 86_400

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
        module, knowledge = self._module, self.durable.knowledge
        assert module.rankers is not None
        present = [] if repeat else typed
        question = knowledge.question(read, day, author, module.parts, vector=vector, typed=present)
        rows = knowledge.rows(question, module.parts)
        # Those that may not be suggested leave their places to others.
        most = len(rows.hashtags) if self._filter else k
        hashtags, scores = best_of(question, rows, module.rankers, most)
        names = knowledge.memory.hashtags.names
        admitted = self._filter.admit([names[hashtag] for hashtag in hashtags])
        hashtags, scores = hashtags[admitted][:k], scores[admitted][:k]
        probabilities = self._calibration.probabilities(scores)
        spellings = knowledge.memory.spellings
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
