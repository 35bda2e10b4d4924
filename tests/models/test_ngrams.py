"""Counting n-grams in columns gives what scikit-learn's loop gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from tagfinder.errors import InputError
from tagfinder.models.ngrams import count_ngrams

WORDS = ["flood", "Flood", "117th", "a", "é", "हिन्दी", "日本", "x_1", "½", "don't", "...", "-"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), min_size=1)


@settings(deadline=None)
@given(TEXTS, st.sampled_from([(1, 1), (1, 2), (2, 3)]), st.integers(1, 3))
def test_the_counts_are_those_of_scikit_learn(
    texts: list[str], ngram_range: tuple[int, int], min_posts: int
) -> None:
    reference = CountVectorizer(
        ngram_range=ngram_range, min_df=min_posts, token_pattern=r"\w+", lowercase=False
    )
    try:
        expected = reference.fit_transform(texts)
    except ValueError:  # nothing is left
        with pytest.raises(InputError, match=r"model\.min_posts"):
            count_ngrams(texts, ngram_range, min_posts=min_posts)
        return
    names, counts = count_ngrams(texts, ngram_range, min_posts=min_posts)
    assert names == reference.get_feature_names_out().tolist()
    np.testing.assert_array_equal(counts.toarray(), expected.toarray())


def test_the_most_used_ngrams_are_kept() -> None:
    names, counts = count_ngrams(["b b a", "c a b"], (1, 2), max_features=2)
    assert names == ["a", "b"]
    assert counts.toarray().tolist() == [[1, 2], [1, 1]]
