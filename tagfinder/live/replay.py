"""Going through posts in order of time, each asked about before it is taught.

At every moment only posts older than a delay are known, so that what a post is suggested never
depends on itself, on copies of the same day, or on anything later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagfinder.corpus.hashtags import fold
from tagfinder.data.vector_store import StoredVectors
from tagfinder.live.asking import Question
from tagfinder.live.classifiers import Classifiers
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.memory import Post
from tagfinder.live.questions import Rows

# What is older than the delay is taught at the start of each hour: one commit for many posts.
STEP = 1 / 24
BLOCK = 10_000


@dataclass(frozen=True)
class Asked:
    """A post with its candidates.

    Attributes:
        position: of the post in the timeline.
        question: what was found for it.
        rows: its candidates and what speaks for each.
        truth: (C,) bool, which of them it has.
    """

    position: int
    question: Question
    rows: Rows
    truth: np.ndarray


class Replay:
    """Posts of a timeline, taught as time goes on.

    Args:
        knowledge: what is taught; empty at first.
        posts: the timeline, in order of `day`.
        delay: days that a post must be old to be known.
        vectors: (N, D) of the posts, where there is a vector index; may lie on disk.
        classifiers: what `Knowledge.classifiers_state` returned before the first post that is asked
            about; None begins with nothing.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        posts: Sequence[Post],
        delay: float,
        vectors: np.ndarray | StoredVectors | None = None,
        classifiers: dict[str, Any] | None = None,
    ) -> None:
        self.knowledge = knowledge
        self.posts = posts
        self.delay = delay
        self.vectors = vectors
        self._classifiers = classifiers
        self.days = np.array([post.day for post in posts])
        self.taught = 0
        self._hour = -np.inf

    def teach_before(self, day: float) -> None:
        """Teach all posts that are older than a day, and make them found."""
        end = int(np.searchsorted(self.days, day))
        while self.taught < end:
            block = slice(self.taught, min(self.taught + BLOCK, end))
            vectors = None if self.vectors is None else self.vectors[block]
            self.knowledge.teach(self.posts[block], vectors)
            self.taught = block.stop
        self.knowledge.text_index.commit()

    def asked(self, position: int, parts: Collection[str], *, with_author: bool = True) -> Asked:
        """Return a post with its candidates, after teaching what was known in its hour.

        Args:
            position: of the post in the timeline; not before those asked about earlier.
            parts: which sources are used.
            with_author: whether the author is known.
        """
        post = self.posts[position]
        if post.day >= self._hour + STEP:
            self._hour = np.floor(post.day / STEP) * STEP
            self.teach_before(self._hour - self.delay)
            if "classifier" in parts:
                self._bring_classifiers_to(self._hour - self.delay)
        author = post.author if with_author else None
        vector = None if self.vectors is None else self.vectors[position : position + 1][0]
        question = self.knowledge.question(post.text, post.day, author, parts, vector=vector)
        return self._answered(position, question, parts)

    def without_author(self, asked: Asked, parts: Collection[str]) -> Asked:
        """Return a post that has just been asked about as it would be if its author were hidden."""
        hidden = self.knowledge.without_author(asked.question, parts)
        return self._answered(asked.position, hidden, parts)

    def _bring_classifiers_to(self, day: float) -> None:
        knowledge = self.knowledge
        settings = knowledge.classifier_settings
        if settings is None:
            return
        if self._classifiers is not None:
            knowledge.use_classifiers(self._classifiers)
            self._classifiers = None
        period, before = settings.period_of(day), knowledge.classifiers
        if before is None or before.period != period:
            index = knowledge.vector_index
            knowledge.classifiers = Classifiers.of_posts(
                period,
                enumerate(self.posts[: self.taught]),
                knowledge.memory,
                settings,
                before=before,
                vectors_of=None if index is None else index.vectors_of,
            )

    def _answered(self, position: int, question: Question, parts: Collection[str]) -> Asked:
        rows = self.knowledge.rows(question, parts)
        number_of = self.knowledge.memory.hashtags.number_of
        true = [number_of.get(fold(tag), -1) for tag in self.posts[position].hashtags]
        return Asked(position, question, rows, np.isin(rows.hashtags, true))
