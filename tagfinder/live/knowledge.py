"""All that is known of posts: their counts, and where their words and vectors are found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tagfinder.corpus.hashtags import fold
from tagfinder.live.asking import NOTHING, Question
from tagfinder.live.candidates import Trends
from tagfinder.live.classifier import UNCLASSIFIED, Classified, ClassifierSettings
from tagfinder.live.classifiers import Classifiers
from tagfinder.live.memory import NOBODY, Memory, Post
from tagfinder.live.questions import Rows, rows_of
from tagfinder.live.text_index import Entry, Neighbours, TextIndex
from tagfinder.live.vector_index import VectorIndex
from tagfinder.live.words import read, spelled

# Days within which a post is a late one.
LATELY = 14


class Knowledge:
    """What posts taught, and the questions that it answers.

    Args:
        text_index: finds posts by words; empty at first.
        vector_index: finds posts by vectors; None where there is no encoder.
        neighbours: posts that are looked up by words (half as many by vectors).
        late_neighbours: posts of the last two weeks that are looked up by words (half as many by
            vectors).
        own_neighbours: posts of the same author that are looked up.
        most_terms: words of a post by which others are found, its rarest.
        most_candidates: candidates that are kept for a post.
        classifier: `ClassifierSettings` by name; None does without.

    Attributes:
        classifiers: what they learned last; None before.
    """

    def __init__(
        self,
        text_index: TextIndex,
        vector_index: VectorIndex | None = None,
        *,
        neighbours: int = 200,
        late_neighbours: int = 60,
        own_neighbours: int = 30,
        most_terms: int = 16,
        most_candidates: int = 160,
        classifier: Mapping[str, Any] | None = None,
    ) -> None:
        self.use(Memory())
        self.text_index = text_index
        self.vector_index = vector_index
        self.neighbours = neighbours
        self.late_neighbours = late_neighbours
        self.own_neighbours = own_neighbours
        self.most_terms = most_terms
        self.most_candidates = most_candidates
        self.classifier_settings = None if classifier is None else ClassifierSettings(**classifier)
        self.classifiers: Classifiers | None = None

    def use(self, memory: Memory) -> None:
        """Take another memory in place of the present one."""
        self.memory = memory
        self.trends = Trends(memory)

    def teach(
        self,
        posts: Sequence[Post],
        vectors: np.ndarray | None = None,
        numbers: np.ndarray | None = None,
    ) -> None:
        """Take up posts; they are found from the next `text_index.commit()` on.

        Args:
            posts: the posts.
            vectors: (P, D) float32, where there is a vector index.
            numbers: (P,) what they are called, ascending; None takes the next numbers.
        """
        entries = []
        for place, post in enumerate(posts):
            reading = read(post.text)
            asked = None if numbers is None else int(numbers[place])
            number = self.memory.teach(post, reading, asked)
            author = int(self.memory.author_of.values[number])
            entries.append(Entry(number, reading.terms, author))
        self.text_index.add(entries)
        if self.vector_index is not None and vectors is not None and entries:
            self.vector_index.add(np.array([entry.number for entry in entries]), vectors)

    def question(
        self,
        text: str,
        day: float,
        author: str | None,
        parts: Collection[str],
        *,
        vector: np.ndarray | None = None,
        typed: Sequence[str] = (),
    ) -> Question:
        """Look up what is like a post.

        Args:
            text: cleaned, without hashtags.
            day: the moment of asking, in days since 1970.
            author: who writes; None where that is unknown or to be left out.
            parts: which sources are used.
            vector: (D,) of the text, where there is a vector index.
            typed: hashtags that the post has already.
        """
        reading = read(text)
        number_of = self.memory.authors.number_of
        who = number_of.get(author, NOBODY) if author and "author" in parts else NOBODY
        since = self.memory.first_since(int(day - LATELY), int(day))
        sentence = vector if "meaning" in parts else None
        by_meaning = lately_by_meaning = NOTHING
        if self.vector_index is not None and sentence is not None:
            by_meaning = self.vector_index.search(sentence, self.neighbours // 2)
            found = self.vector_index.search(sentence, self.late_neighbours // 2, since)
            lately_by_meaning = self._late(found, day)
        known = self.memory.hashtags.number_of
        rarest = self._rarest(reading.terms)
        return Question(
            day=day,
            author=who,
            words=reading.words,
            terms=reading.terms,
            spelled=spelled(reading.words, known),
            typed=tuple({known[tag]: None for tag in map(fold, typed) if tag in known}),
            by_words=self.text_index.search(rarest, self.neighbours)
            if "words" in parts
            else NOTHING,
            by_author=NOTHING
            if who == NOBODY
            else self.text_index.search(rarest, self.own_neighbours, who),
            by_meaning=by_meaning,
            lately_by_words=self._late(
                self.text_index.search(rarest, self.late_neighbours, since=since), day
            )
            if "words" in parts
            else NOTHING,
            lately_by_meaning=lately_by_meaning,
            vector=sentence,
            classified=self._classified(reading.words, who, sentence, parts),
            writers=self._writers(reading.words, sentence, parts)
            if who == NOBODY
            else UNCLASSIFIED,
        )

    def without_author(self, question: Question, parts: Collection[str]) -> Question:
        """Return a question that has just been asked as it would be if its author were hidden."""
        classified = self._classified(question.words, NOBODY, question.vector, parts)
        writers = self._writers(question.words, question.vector, parts)
        return replace(
            question, author=NOBODY, by_author=NOTHING, classified=classified, writers=writers
        )

    def _classified(
        self, words: Sequence[str], author: int, vector: np.ndarray | None, parts: Collection[str]
    ) -> Classified:
        if self.classifiers is None or "classifier" not in parts:
            return UNCLASSIFIED
        return self.classifiers.hashtags.classify(words, author, vector)

    def _writers(
        self, words: Sequence[str], vector: np.ndarray | None, parts: Collection[str]
    ) -> Classified:
        if self.classifiers is None or "author" not in parts:
            return UNCLASSIFIED
        return self.classifiers.writers.classify(words, vector=vector)

    def classifiers_state(self) -> dict[str, Any] | None:
        """Return the classifiers as plain data, where there are any."""
        if self.classifiers is None:
            return None
        return self.classifiers.state(self.memory)

    def use_classifiers(self, state: dict[str, Any]) -> None:
        """Take what `classifiers_state` returned as the classifiers."""
        self.classifiers = Classifiers.from_state(state, self.memory)

    def _rarest(self, terms: Sequence[str]) -> Sequence[str]:
        if len(terms) <= self.most_terms:
            return terms
        posts = self.memory.associations.posts_with(terms)
        kept = np.sort(np.argsort(posts, kind="stable")[: self.most_terms])
        return [terms[place] for place in kept]

    def _late(self, found: Neighbours, day: float) -> Neighbours:
        """Leave out older posts, which were taught after late ones."""
        late = self.memory.days.values[found.numbers] >= int(day - LATELY)
        return Neighbours(found.numbers[late], found.scores[late])

    def rows(self, question: Question, parts: Collection[str]) -> Rows:
        """Return the candidates of a post and what speaks for each."""
        return rows_of(self.trends, question, parts, self.most_candidates)
