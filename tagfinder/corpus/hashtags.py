"""The definition of hashtags, and which hashtags may become labels.

The definition is that of Unicode Standard Annex #31, UAX31-R8 (hashtag identifiers), with the
characters that twitter-text puts in the place of the annex's defaults. `docs/hashtags.md` lists the
rules and where they differ from twitter-text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import polars as pl

from tagfinder.corpus.words import stop_words
from tagfinder.errors import InputError

# All patterns are for use with Rust's regex crate, which needs linear time.
# Variation selectors and the key cap only change how the character before them looks.
LOOKS = r"\p{Variation_Selector}\x{20E3}"
# Characters inside a name beside letters, marks and digits: `_`, zero-width (non-)joiner, and
# the word-internal punctuation of Cyrillic, Hebrew, Japanese, Tibetan and Catalan.
INSIDE_NAMES = (
    r"_\x{200C}\x{200D}\x{A67E}\x{05BE}\x{05F3}\x{05F4}\x{FF5E}\x{301C}\x{309B}\x{309C}"
    r"\x{30A0}\x{30FB}\x{3003}\x{0F0B}\x{0F0C}\x{B7}"
)
WORD = rf"\p{{L}}\p{{M}}\p{{Nd}}{INSIDE_NAMES}"
LETTER = rf"[[\p{{L}}\p{{M}}]--[{LOOKS}]]"
# A name has at least one letter: `#covid19` is a hashtag, `#1`, `#_` and the key cap `#️⃣` are none.
NAME = rf"(?:[[{WORD}]--[\x{{FE0F}}\x{{20E3}}]][{WORD}]*)?{LETTER}[{WORD}]*"
SIGN = r"[#＃]"
HASHTAG = SIGN + NAME
# A hashtag begins where no word or entity (`&#39;`) continues; an emoji may touch it.
BEFORE_HASHTAG = rf"(?:^|[{LOOKS}]|[^{WORD}&])"
# After a name, these mean that it is not a hashtag: `#one#two`, `#http://…`.
NO_HASHTAG_BEFORE = rf"(?:{SIGN}|://)"
# Texts were cut at a length, possibly inside a hashtag, and marked with an ellipsis.
CUT = "…"

# An address ends at a blank, a quotation mark, an angle bracket, a bracket that it did not open, or
# CJK or full-width punctuation.
_IN_ADDRESS = r"[^\s<>\"“”()\x{3000}-\x{3002}\x{3008}-\x{301B}\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF20}]"
_REST_OF_ADDRESS = rf"(?:{_IN_ADDRESS}|\({_IN_ADDRESS}*\))*"
# t.co addresses end with ASCII letters and digits. Without `https://` or `www.` an address needs a
# domain of ASCII letters and a path.
ADDRESS = "|".join(
    (
        r"https?://t\.co/[A-Za-z0-9]+",
        rf"https?://{_REST_OF_ADDRESS}",
        rf"\bwww\.{_REST_OF_ADDRESS}",
        rf"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{{2,}}/{_REST_OF_ADDRESS}",
    )
)
# Tags whose attributes are well formed, so that `a <b #c d> e` keeps its hashtag; and comments.
_ATTRIBUTE = r"\s+[a-zA-Z0-9_:.-]+(?:\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s<>\"']*))?"
HTML_TAG = rf"</?[a-zA-Z][a-zA-Z0-9_:-]*(?:{_ATTRIBUTE})*\s*/?>|<!(?:--[^<>]*--|[a-zA-Z][^<>]*)>"
# Tags inside a word, and the ones that Mastodon puts between sign and name: `#<span>flood</span>`.
INSIDE_WORD_TAGS = (
    rf"({SIGN})(?:{HTML_TAG})+|</?(?:span|wbr|b|i|em|strong|u|mark|font|bdi)(?:{_ATTRIBUTE})*\s*/?>"
)
# Joiners have no meaning alone, but some scripts need them between letters.
LETTERS_ONLY = r"^\p{L}[\p{L}\p{M}\x{200C}\x{200D}]*$"

_ENDS = rf"(?:{CUT}|{NO_HASHTAG_BEFORE})"
_TOKENS = rf"(?i:{ADDRESS})|{BEFORE_HASHTAG}{HASHTAG}{_ENDS}?"
_WHOLE_HASHTAG = rf"^(?s:.)?{HASHTAG}$"

# Three dots mark a cut only at the end of a text about as long as posts could be, 140 characters;
# in shorter ones people write them.
LENGTH_OF_CUT_TEXTS = 130
_CUT_BY_DOTS = rf"({HASHTAG})\.\.\.(\s*(?i:{ADDRESS})?\s*)$"

Spelling = Literal["most_used", "readable"]


def extract(texts: pl.Series) -> pl.Series:
    """Return the hashtags of each text, by the rules in `docs/hashtags.md`.

    HTML tags do not count; nor do hashtags inside an address and the ones that were cut.

    Args:
        texts: String, as published.

    Returns:
        List(String): without `#`, case kept, in order of appearance, repeats kept.
    """
    if not texts.str.contains(SIGN).any():
        return pl.Series(texts.name, [[]], dtype=pl.List(pl.String)).new_from_index(0, len(texts))
    found = mark_cuts(remove_tags(texts)).str.extract_all(_TOKENS)
    hashtag = pl.element().filter(pl.element().str.contains(_WHOLE_HASHTAG))
    name = hashtag.str.replace(rf"^(?s:.)?{SIGN}", "").str.replace_all(f"[{LOOKS}]", "")
    return found.list.eval(name)


def remove_tags(texts: pl.Series) -> pl.Series:
    """Replace each HTML tag by a blank, or by nothing inside a word or hashtag."""
    joined = texts.str.replace_all(INSIDE_WORD_TAGS, "$1")
    return joined.str.replace_all(HTML_TAG, " ")


def mark_cuts(texts: pl.Series) -> pl.Series:
    """Put `…` for the three dots where a long text was cut inside its last hashtag."""
    marked = texts.str.replace(_CUT_BY_DOTS, f"${{1}}{CUT}${{2}}")
    return marked.zip_with(texts.str.len_chars() >= LENGTH_OF_CUT_TEXTS, texts)


def fold(hashtag: str) -> str:
    """Return the form in which hashtags are compared: equal hashtags have equal forms.

    It is the canonical caseless form of Unicode (chapter 3.13) in NFC, with full-width and
    half-width characters replaced by the usual ones and without variation selectors.

    Examples:
        >>> fold("Straße"), fold("ＮＨＫ"), fold("ΟΔΟΣ") == fold("οδος")
        ('strasse', 'nhk', True)
    """
    if hashtag.isascii():
        return hashtag.lower()
    usual = _HALF_AND_FULL_WIDTH.sub(lambda run: unicodedata.normalize("NFKC", run[0]), hashtag)
    shown = _LOOKS.sub("", usual)
    caseless = unicodedata.normalize("NFD", shown).casefold()
    return unicodedata.normalize("NFC", caseless)


# Not the full-width tilde: its normal form cannot be in a name, and Japanese uses it as a wave dash
# (U+301C).
_HALF_AND_FULL_WIDTH = re.compile("[\uff10-\uff5d\uff66-\uffdc]+")
_LOOKS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef\u20e3]")


def are_hashtags(names: pl.Series) -> pl.Series:
    """Return whether each name (String, without `#`) is a hashtag: Boolean, false for null."""
    found = extract("#" + names).list
    return ((found.len() == 1) & (found.first() == names)).fill_null(False)


def count_distinct(hashtags: pl.Series) -> pl.Series:
    """Return how many distinct hashtags, compared by `fold`, each post has.

    Args:
        hashtags: List(String), without `#`.

    Returns:
        UInt32, 0 if there is no list.
    """
    return _folded(hashtags).list.n_unique().fill_null(0).cast(pl.UInt32)


class HashtagRules:
    """Which hashtags are the same, which can be labels, and how suggestions spell them.

    Args:
        letters_only: leave out hashtags with digits or `_` (`covid19`, `stay_home`).
        stop_words: leave out hashtags that are stop words (`now`, but also `us` and `who`).
        spelling: `most_used` shows a hashtag as most people write it; `readable` prefers the most
            used spelling that marks its words (`BuildBackBetter`, `build_back`), if there is one.
            Screen readers need that.

    Raises:
        InputError: `spelling` is neither.
    """

    def __init__(
        self, letters_only: bool, stop_words: bool, spelling: Spelling = "most_used"
    ) -> None:
        if spelling not in ("most_used", "readable"):
            raise InputError(
                f"hashtags.spelling is {spelling!r}; use most_used (as most people write it) or "
                "readable (as most of those write it who mark its words)"
            )
        self.letters_only = letters_only
        self.stop_words = stop_words
        self.spelling = spelling

    def normalise(self, hashtags: pl.Series) -> pl.Series:
        """Return the distinct hashtags of each post that the rules allow.

        Args:
            hashtags: List(String), without `#`.

        Returns:
            List(String): as `fold` gives them, in order of first appearance; null stays null.
        """
        distinct = _folded(hashtags).list.unique(maintain_order=True)
        return distinct.list.filter(self._allowed(pl.element()))

    def spellings(self, hashtags: Sequence[str], uses: Mapping[str, int]) -> list[str]:
        """Return how suggestions spell each hashtag.

        Args:
            hashtags: as `fold` gives them.
            uses: spelling -> number of uses.
        """
        composed: Counter[str] = Counter()
        for spelling, count in uses.items():
            composed[unicodedata.normalize("NFC", spelling)] += count
        best: dict[str, tuple[bool, int, str]] = dict.fromkeys(hashtags, (False, 0, ""))
        for spelling, count in composed.items():
            hashtag = fold(spelling)
            if hashtag in best:
                preferred = self.spelling == "readable" and marks_words(spelling)
                best[hashtag] = max(best[hashtag], (preferred, count, spelling))
        return [best[hashtag][2] or hashtag for hashtag in hashtags]

    def _allowed(self, hashtag: pl.Expr) -> pl.Expr:
        allowed = hashtag != ""
        if self.letters_only:
            allowed &= hashtag.str.contains(LETTERS_ONLY)
        if self.stop_words:
            allowed &= ~hashtag.is_in(sorted(stop_words()))
        return allowed


def marks_words(spelling: str) -> bool:
    """Return whether a spelling shows where its words begin.

    Examples:
        >>> [marks_words(name) for name in ("BuildBack", "stay_home", "Covid19", "NASA", "usA")]
        [True, True, False, False, False]
    """
    if "_" in spelling.strip("_"):
        return True
    return any(
        capital.isupper() and next_one.islower() and (not before.isupper() or after.islower())
        for before, capital, next_one, after in zip(
            spelling, spelling[1:], spelling[2:], f"{spelling[3:]} ", strict=False
        )
    )


def _folded(hashtags: pl.Series) -> pl.Series:
    present = hashtags.list.drop_nulls()
    names = present.explode(empty_as_null=False).drop_nulls().unique().to_list()
    forms = [fold(name) for name in names]
    return present.list.eval(
        pl.element().replace_strict(names, forms, default=None, return_dtype=pl.String)
    )
