"""What counts as a hashtag, and which hashtags may become labels."""

from __future__ import annotations

import polars as pl

from tagfinder.corpus.words import stop_words

# What a hashtag may be made of, for use inside a character class.
WORD = r"\p{L}\p{M}\p{Nd}_"
# A run of such characters that are not all digits: `#covid19` is a hashtag, `#1` is none.
NAME = rf"[{WORD}]*[\p{{L}}\p{{M}}_][{WORD}]*"
HASHTAG = rf"[#＃]{NAME}"
# A hashtag begins where no word, entity, path or other hashtag goes on. The regex engine has no
# look-behind, so that the character before is part of a match.
BEFORE_HASHTAG = rf"(?:^|[^{WORD}&/#])"
LETTERS_ONLY = r"^\p{L}[\p{L}\p{M}]*$"


def extract(texts: pl.Series) -> pl.Series:
    """Return the hashtags of each text.

    A hashtag is `#` or `＃`, not preceded by a letter, mark, digit, `_`, `&`, `/` or `#`, and
    letters, marks, digits and `_` of any script after it, at least one of them not a digit.

    Args:
        texts: String, as published.

    Returns:
        List(String): without `#`, case kept, in order of appearance, repeats kept.
    """
    found = texts.str.extract_all(BEFORE_HASHTAG + HASHTAG)
    return found.list.eval(pl.element().str.replace(r"(?s)^.*[#＃]", ""))


def are_hashtags(names: pl.Series) -> pl.Series:
    """Tell of each name (String, without `#`) whether it is a hashtag: Boolean, null is none."""
    found = extract("#" + names).list
    return ((found.len() == 1) & (found.first() == names)).fill_null(False)


def count_distinct(hashtags: pl.Series) -> pl.Series:
    """Return how many distinct hashtags, in lower case, each post has.

    Args:
        hashtags: List(String), without `#`.

    Returns:
        UInt32, 0 where there is no list.
    """
    return _lower_case(hashtags).list.n_unique().fill_null(0).cast(pl.UInt32)


class HashtagRules:
    """Which hashtags are the same, and which can be labels.

    Args:
        letters_only: leave out hashtags with digits or `_` (`covid19`, `stay_home`).
        stop_words: leave out hashtags that are stop words (`now`, but also `us` and `who`).
    """

    def __init__(self, letters_only: bool, stop_words: bool) -> None:
        self.letters_only = letters_only
        self.stop_words = stop_words

    def normalise(self, hashtags: pl.Series) -> pl.Series:
        """Return the distinct hashtags of each post that the rules allow.

        Args:
            hashtags: List(String), without `#`.

        Returns:
            List(String): lower case, in order of first appearance; null stays null.
        """
        distinct = _lower_case(hashtags).list.unique(maintain_order=True)
        return distinct.list.filter(self._allowed(pl.element()))

    def _allowed(self, hashtag: pl.Expr) -> pl.Expr:
        allowed = hashtag != ""
        if self.letters_only:
            allowed &= hashtag.str.contains(LETTERS_ONLY)
        if self.stop_words:
            allowed &= ~hashtag.is_in(sorted(stop_words()))
        return allowed


def _lower_case(hashtags: pl.Series) -> pl.Series:
    return hashtags.list.drop_nulls().list.eval(pl.element().str.to_lowercase())
