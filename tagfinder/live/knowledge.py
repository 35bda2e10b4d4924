"""Everything that posts have taught: their counts, and indexes of their words and vectors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np

from tagfinder.configuration.types import ArgumentsOf, NonNegativeInt, PositiveInt
from tagfinder.corpus.hashtags import Spelling, fold
from tagfinder.live.classify.classifier import NO_OUTPUT, ClassifierOutput, ClassifierSettings
from tagfinder.live.classify.classifiers import Classifiers
from tagfinder.live.counts.statistics import PostStatistics
from tagfinder.live.features.candidates import Trends
from tagfinder.live.features.query import NO_NEIGHBOURS, Query
from tagfinder.live.features.table import Candidates, candidate_features
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.search.text_index import Entry, Neighbours, TextIndex
from tagfinder.live.search.vector_index import VectorIndex
from tagfinder.live.tokens import spelled_hashtags, tokenize

# Age in days up to which a post is recent.
RECENT_DAYS = 14


class Knowledge:
    """Learns posts one by one, and answers queries.

    Args:
        text_index: finds posts by words; empty at first.
        vector_index: finds posts by vectors; None without an encoder.
        neighbours: posts that are looked up by words (half as many by vectors).
        recent_neighbours: posts of the last two weeks that are looked up by words (half as many by
            vectors).
        author_neighbours: posts of the same author that are looked up.
        max_terms: words of a post by which others are found, its rarest.
        max_matches: posts that a search may go through. Words are used, the rarest first, until
            their posts are more; the rarest is always used. Of recent posts, the newest are
            searched.
        max_candidates: candidates that are kept for a post.
        classifier: arguments of `ClassifierSettings`; None does without classifiers.
        spelling: how suggestions spell hashtags, see `HashtagRules`.

    Attributes:
        classifiers: trained last; None before.
    """

    def __init__(
        self,
        text_index: TextIndex,
        vector_index: VectorIndex | None = None,
        *,
        neighbours: NonNegativeInt = 200,
        recent_neighbours: NonNegativeInt = 60,
        author_neighbours: NonNegativeInt = 30,
        max_terms: PositiveInt = 16,
        max_matches: PositiveInt = 400_000,
        max_candidates: PositiveInt = 160,
        classifier: Annotated[Mapping[str, Any], ArgumentsOf(ClassifierSettings)] | None = None,
        spelling: Spelling = "most_used",
    ) -> None:
        self._readable = spelling == "readable"
        self.use(PostStatistics())
        self.text_index = text_index
        self.vector_index = vector_index
        self.neighbours = neighbours
        self.recent_neighbours = recent_neighbours
        self.author_neighbours = author_neighbours
        self.max_terms = max_terms
        self.max_matches = max_matches
        self.max_candidates = max_candidates
        self.classifier_settings = None if classifier is None else ClassifierSettings(**classifier)
        self.classifiers: Classifiers | None = None

    def use(self, statistics: PostStatistics) -> None:
        """Replace the counts."""
        statistics.readable = self._readable
        self.statistics = statistics
        self.trends = Trends(statistics)

    def teach(
        self,
        posts: Sequence[Post],
        vectors: np.ndarray | None = None,
        numbers: np.ndarray | None = None,
        *,
        indexed: bool = True,
    ) -> None:
        """Learn posts; searches find them after the next `text_index.commit()`.

        Args:
            posts: the posts.
            vectors: (P, D) float32, if there is a vector index.
            numbers: (P,) their numbers, ascending; None takes the next numbers.
            indexed: whether to add them to the text index, which another process may do.
        """
        entries = []
        for position, post in enumerate(posts):
            tokens = tokenize(post.text)
            wanted = None if numbers is None else int(numbers[position])
            number = self.statistics.teach(post, tokens, wanted)
            author = int(self.statistics.author_of.values[number])
            entries.append(Entry(number, tokens.terms, author))
        if indexed:
            self.text_index.add(entries)
        if self.vector_index is not None and vectors is not None and entries:
            self.vector_index.add(np.array([entry.number for entry in entries]), vectors)

    def query(
        self,
        text: str,
        day: float,
        author: str | None,
        sources: Collection[str],
        *,
        vector: np.ndarray | None = None,
        typed: Sequence[str] = (),
    ) -> Query:
        """Find the neighbours of a post, and classify it.

        Args:
            text: cleaned, without hashtags.
            day: time of the query, in days since 1970.
            author: who writes; None if unknown or not to be used.
            sources: which sources are used.
            vector: (D,) of the text, if there is a vector index.
            typed: hashtags that the post has already.
        """
        tokens = tokenize(text)
        numbers, hashtags = self.statistics.authors.number_of, self.statistics.hashtags.number_of
        number = numbers.get(author, NO_AUTHOR) if author and "author" in sources else NO_AUTHOR
        known = number != NO_AUTHOR
        terms = self._rarest(tokens.terms)
        since = self.statistics.first_since(int(day - RECENT_DAYS), int(day))
        since = max(since, self.statistics.n_posts - self.max_matches)
        by_words = recent_by_words = by_author = NO_NEIGHBOURS
        if "words" in sources:
            by_words = self.text_index.search(terms, self.neighbours)
            found = self.text_index.search(terms, self.recent_neighbours, since=since)
            recent_by_words = self._recent(found, day)
        if known:
            by_author = self.text_index.search(terms, self.author_neighbours, number)
        sentence = vector if "meaning" in sources else None
        by_meaning = recent_by_meaning = NO_NEIGHBOURS
        if self.vector_index is not None and sentence is not None:
            by_meaning = self.vector_index.search(sentence, self.neighbours // 2)
            found = self.vector_index.search(sentence, self.recent_neighbours // 2, since)
            recent_by_meaning = self._recent(found, day)
        distinct = dict.fromkeys(hashtags[tag] for tag in map(fold, typed) if tag in hashtags)
        return Query(
            day=day,
            author=number,
            words=tokens.words,
            terms=tokens.terms,
            spelled=spelled_hashtags(tokens.words, hashtags),
            typed=tuple(distinct),
            by_words=by_words,
            by_author=by_author,
            by_meaning=by_meaning,
            recent_by_words=recent_by_words,
            recent_by_meaning=recent_by_meaning,
            vector=sentence,
            classified=self._classified(tokens.words, number, sentence, sources),
            writers=NO_OUTPUT if known else self._writers(tokens.words, sentence, sources),
        )

    def without_author(self, query: Query, sources: Collection[str]) -> Query:
        """Return the query of the same post with its author hidden."""
        classified = self._classified(query.words, NO_AUTHOR, query.vector, sources)
        writers = self._writers(query.words, query.vector, sources)
        return replace(
            query, author=NO_AUTHOR, by_author=NO_NEIGHBOURS, classified=classified, writers=writers
        )

    def candidates(self, query: Query, sources: Collection[str]) -> Candidates:
        """Return the candidates of a query with their features."""
        return candidate_features(self.trends, query, sources, self.max_candidates)

    def classifiers_state(self) -> dict[str, Any] | None:
        """Return the classifiers as plain data; None before they were trained."""
        if self.classifiers is None:
            return None
        return self.classifiers.state(self.statistics)

    def use_classifiers(self, state: dict[str, Any]) -> None:
        """Replace the classifiers by what `classifiers_state` returned."""
        self.classifiers = Classifiers.from_state(state, self.statistics)

    def _classified(
        self,
        words: Sequence[str],
        author: int,
        vector: np.ndarray | None,
        sources: Collection[str],
    ) -> ClassifierOutput:
        if self.classifiers is None or "classifier" not in sources:
            return NO_OUTPUT
        return self.classifiers.hashtags.classify(words, author, vector)

    def _writers(
        self, words: Sequence[str], vector: np.ndarray | None, sources: Collection[str]
    ) -> ClassifierOutput:
        if self.classifiers is None or "author" not in sources:
            return NO_OUTPUT
        return self.classifiers.writers.classify(words, vector=vector)

    def _rarest(self, terms: Sequence[str]) -> Sequence[str]:
        """Return the words to search for, in their order."""
        if not terms:
            return terms
        posts = self.statistics.associations.posts_with(terms)
        rarest = np.argsort(posts, kind="stable")[: self.max_terms]
        used = np.cumsum(posts[rarest]) <= self.max_matches
        used[0] = True
        return [terms[position] for position in np.sort(rarest[used])]

    def _recent(self, found: Neighbours, day: float) -> Neighbours:
        """Remove older posts, which may have been taught after recent ones."""
        recent = self.statistics.days.values[found.numbers] >= int(day - RECENT_DAYS)
        return Neighbours(found.numbers[recent], found.scores[recent])
