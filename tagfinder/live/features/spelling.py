"""Features of how the words of a post spell a hashtag."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.names import (
    EncodedNames,
    contains_word,
    encode_names,
    lengths_of,
    letter_masks,
)
from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext
from tagfinder.live.tokens import LONGEST_NAME

# Shorter words occur by chance in many names.
SHORTEST_WORD = 3
COLUMNS = (
    Column("spelled", "number of words of the post that spell it", "words", 0, LONGEST_NAME),
    Column("spelled_posts", "posts whose words spelled it, ln(1 + n)", "log posts"),
    Column("spelled_rate", "share of these posts that had it, smoothed", "share", 0, 1.2),
    Column("covered", "share of its letters that longer words of the post cover", "share", 0, 1),
    Column("in_name", "the longest word of the post in its name", "characters"),
)
SPELLED, SPELLED_POSTS, SPELLED_RATE, COVERED, IN_NAME = range(len(COLUMNS))


def compute(context: CandidateContext) -> np.ndarray:
    """Return (C, F) float32 values of `COLUMNS`."""
    statistics, lengths = context.of_query.statistics, context.lengths
    words = {
        word.lstrip("@") for word in context.of_query.query.words if len(word) >= SHORTEST_WORD
    }
    names = statistics.hashtags.encoded()
    covered, longest = _words_in_names(names, context.hashtags, encode_names([*words]))
    table = np.empty((len(lengths), len(COLUMNS)), np.float32)
    counts = statistics.spelled.values, statistics.spelled_and_used.values
    _fill(table, context.hashtags, counts, (context.spelled, covered / lengths, longest))
    return table


@compiled
def _fill(
    table: np.ndarray,
    candidates: np.ndarray,
    counts: tuple[np.ndarray, np.ndarray],
    words: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    (spelled, spelled_and_used), (n_words, covered, longest) = counts, words
    for position in range(len(candidates)):
        row, hashtag = table[position], candidates[position]
        row[SPELLED] = n_words[position]
        row[SPELLED_POSTS] = np.log1p(spelled[hashtag])
        row[SPELLED_RATE] = (spelled_and_used[hashtag] + 0.2) / (spelled[hashtag] + 2.0)
        row[COVERED] = min(covered[position], 1.0)
        row[IN_NAME] = longest[position]


@compiled
def _words_in_names(
    names: EncodedNames, candidates: np.ndarray, words: EncodedNames
) -> tuple[np.ndarray, np.ndarray]:
    """Return (C,) characters of each name that words cover, and (C,) of the longest such word."""
    covered, longest = np.zeros(len(candidates)), np.zeros(len(candidates))
    numbers = np.arange(len(words[1]) - 1)
    lengths, masks = lengths_of(words, numbers), letter_masks(words, numbers)
    masks_of_names = letter_masks(names, candidates)
    for word in range(len(numbers)):
        for position in range(len(candidates)):
            if masks[word] & ~masks_of_names[position]:
                continue
            if contains_word(words, word, names, candidates[position]):
                covered[position] += lengths[word]
                longest[position] = max(longest[position], lengths[word])
    return covered, longest
