"""Cleaning posts: steps that are put together in `conf/cleaning/`.

The default steps are those of the report (2.2.1). Every step is a pure function of a batch of rows:
the result for a text does not depend on the rows around it, so that any engine can split the work.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol, cast

import polars as pl

from tagfinder.corpus.hashtags import CUT, HASHTAG, NAME, SIGN, mark_cuts, remove_tags
from tagfinder.corpus.multilingual import languages_of
from tagfinder.corpus.scripts import cut_into_pairs
from tagfinder.corpus.words import lemma, map_words, stop_words
from tagfinder.errors import InputError

# A t.co address ends with its ASCII letters and digits, in front of any other script. Old posts
# were cut at 140 characters, inside an address (`http://t.co/ab…`, `htt…`).
URL = "|".join(
    (
        r"https?://t\.co/[a-z0-9]*(?:…|\.{3})?",
        r'https?://[^\s<>"]*',
        r"\bhtt(?:ps?)?(?::/{0,2})?(?:…|\.{3})",
        r'pic\.twitter\.com/[^\s<>"]*',
        r"\bt\.co/[a-z0-9]+(?:…|\.{3})?",
        r'\bwww\.[^\s<>"]+',
    )
)
# The lengths are bounded because Python refuses to read numbers of thousands of digits.
HTML_ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"
# Key caps (1️⃣), then pictures, skin tones, flags, joiners and variation selectors.
EMOJI = (
    r"[0-9#*]\x{FE0F}?\x{20E3}"
    r"|[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}"
    r"\x{200D}\x{FE0E}\x{FE0F}\x{20E3}\x{E0020}-\x{E007F}]+"
)
# More is removed than `extract` finds: `#one#two` and `word#tag` give the answer away
# as well. At the end, only signs may be between and after hashtags: a mention or a word
# ends the run.
TRAILING_HASHTAGS = rf"(?:{HASHTAG}[^\p{{L}}\p{{N}}_@#＃]*)+$"
# A hashtag in an address is removed with the rest of the address.
FRAGMENT = rf"((?i:https?://|\bwww\.)[^\s<>\"#＃]*){SIGN}[^\s<>\"]*"
ANY_HASHTAG = rf"{FRAGMENT}|(?:{HASHTAG})+"
# Soft hyphens, joiners and direction marks are invisible and occur inside words.
INSIDE_WORDS = r"['’‘´`＇\p{Cf}]"
NOT_LETTERS = r"(?:^|\s)\p{M}\S*|\S*[^\p{L}\p{M}\s]\S*"

# How often HTML may have been escaped; further escapes stay.
MOST_ESCAPED = 5

# Fewest rows for which another thread pays.
ROWS_PER_THREAD = 5_000

InlineHashtags = Literal["keep", "drop"]


class Step(Protocol):
    """One step of a cleaning: a pure function of a batch of texts."""

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""


class StepByLanguage(Protocol):
    """A step that also needs the language of each text; such steps have `by_language = True`."""

    def __call__(self, texts: pl.Series, languages: pl.Series) -> pl.Series:
        """Take texts and their languages, both String, and return texts of the same length."""


class Cleaning:
    """The first and the further cleaning of a corpus.

    Args:
        first: steps from the published text to the text that every recommender may read.
        further: steps from there to the bare words for TF-IDF and FastText.
        inline_hashtags: `keep` leaves hashtags to the steps. `drop` takes every hashtag out of the
            text before the first step, at any position and inside any HTML, so that
            no choice of steps can leak one.

    Raises:
        InputError: `inline_hashtags` is neither, or a step cannot be called.
    """

    def __init__(
        self,
        first: Sequence[Step | StepByLanguage],
        further: Sequence[Step | StepByLanguage],
        inline_hashtags: InlineHashtags = "keep",
    ) -> None:
        if inline_hashtags not in ("keep", "drop"):
            raise InputError(
                f"cleaning.inline_hashtags is {inline_hashtags!r}; use keep (hashtags inside a "
                "text stay as words) or drop (no hashtag stays)"
            )
        for name, steps in (("first", first), ("further", further)):
            for number, step in enumerate(steps):
                if not callable(step):
                    raise InputError(
                        f"cleaning.{name}[{number}] is {str(step)[:100]!r}, not a step: it needs a "
                        "_target_ (conf/cleaning/)"
                    )
        self.first = tuple(first)
        self.further = tuple(further)
        self.inline_hashtags = inline_hashtags

    def languages(self, texts: pl.Series, known: pl.Series | None = None) -> pl.Series | None:
        """Return the language of each text where a step asks for it, else None.

        Args:
            texts: String, as published.
            known: String, languages as the network gives them; null is detected.
        """
        by_language = any(getattr(step, "by_language", False) for step in self.first + self.further)
        return languages_of(texts, known) if by_language else None

    def clean(self, texts: pl.Series, languages: pl.Series | None = None) -> pl.Series:
        """Return the first cleaning of texts as published.

        Args:
            texts: String.
            languages: as `languages` returned them; None detects them if needed.

        Returns:
            String.
        """
        dropped = (RemoveHtml(), RemoveHashtags()) if self.inline_hashtags == "drop" else ()
        if languages is None:
            languages = self.languages(texts)
        return _in_threads((*dropped, *self.first), texts, languages)

    def deep_clean(self, cleaned: pl.Series, languages: pl.Series | None = None) -> pl.Series:
        """Return the further cleaning of what `clean` returned, arguments as there."""
        if languages is None:
            languages = self.languages(cleaned)
        return _in_threads(self.further, cleaned, languages)


def _in_threads(
    steps: Sequence[Step | StepByLanguage], texts: pl.Series, languages: pl.Series | None
) -> pl.Series:
    """Apply the steps to slices of the rows at once: Polars gives one expression one core."""
    rows = max(ROWS_PER_THREAD, -(-len(texts) // pl.thread_pool_size()))
    slices = [slice(start, start + rows) for start in range(0, len(texts), rows)]

    def apply(part: slice) -> pl.Series:
        return _in_order(steps, texts[part], None if languages is None else languages[part])

    if len(slices) <= 1:
        return _in_order(steps, texts, languages)
    with ThreadPoolExecutor(len(slices)) as pool:
        return pl.concat(pool.map(apply, slices), rechunk=True)


def _in_order(
    steps: Sequence[Step | StepByLanguage], texts: pl.Series, languages: pl.Series | None
) -> pl.Series:
    for step in steps:
        if getattr(step, "by_language", False):
            texts = cast("StepByLanguage", step)(texts, cast("pl.Series", languages))
        else:
            texts = cast("Step", step)(texts)
    return texts


class Replace:
    """Replaces each match of a regular expression.

    Args:
        pattern: in the syntax of Rust's regex crate: Unicode, no look-around, linear time.
        replacement: text instead of each match; `$1` is the first group.

    Raises:
        InputError: the pattern is not a valid one.
    """

    def __init__(self, pattern: str, replacement: str = " ") -> None:
        self.pattern = pattern
        self.replacement = replacement
        try:
            self(pl.Series([""]))
        except pl.exceptions.ComputeError as error:
            raise InputError(f"cleaning pattern {pattern!r} is not valid: {error}") from error

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        return texts.str.replace_all(self.pattern, self.replacement)


class RemoveUrls(Replace):
    """Removes addresses with http(s) or www, bare t.co and pic.twitter.com ones, and cut ones."""

    def __init__(self) -> None:
        super().__init__(f"(?i){URL}")


class RemoveHtml:
    """Removes HTML tags and replaces entities (`&amp;`) by their characters.

    HTML that was escaped several times (`&amp;lt;b&amp;gt;`) is removed as well. A tag leaves a
    blank, but none inside a word or hashtag (`#<span>flood</span>`).
    """

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        for _ in range(MOST_ESCAPED):
            # Collectors that escape twice leave `&amp;amp;` behind.
            untagged = remove_tags(texts).str.replace_all("&(?:amp;)+", "&")
            found = untagged.str.extract_all(HTML_ENTITY).explode().drop_nulls().unique().to_list()
            if not found:
                return untagged
            texts = untagged.str.replace_many(found, [html.unescape(entity) for entity in found])
        return texts


class RemoveEmoji(Replace):
    """Removes emoji of every kind: sequences, flags, skin tones, key caps."""

    def __init__(self) -> None:
        super().__init__(EMOJI)


class RemoveTrailingHashtags(Replace):
    """Removes the hashtags at the end of a text, with the signs between and after them.

    Addresses hide that a hashtag is the last, therefore `RemoveUrls` comes before.
    """

    def __init__(self) -> None:
        super().__init__(TRAILING_HASHTAGS, "")


class RemoveHashtags(Replace):
    """Removes every hashtag, at any position."""

    def __init__(self) -> None:
        super().__init__(ANY_HASHTAG, "$1 ")


class RemoveCutHashtags(Replace):
    """Removes truncated hashtags (`#floo…`), which are neither hashtags nor words."""

    def __init__(self) -> None:
        super().__init__(rf"{HASHTAG}{CUT}", " ")

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        return super().__call__(mark_cuts(texts))


class HashtagsToWords(Replace):
    """Takes the `#` off a hashtag and leaves its word."""

    def __init__(self) -> None:
        super().__init__(rf"[#＃]+({NAME})", "$1")


class LowerCase:
    """Turns letters of every script to lower case."""

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        return texts.str.to_lowercase()


class JoinApostrophes(Replace):
    """Closes the gap of an apostrophe or an invisible character: don't becomes dont."""

    def __init__(self) -> None:
        super().__init__(INSIDE_WORDS, "")


class RemovePunctuation(Replace):
    """Replaces each character that is not a letter, mark, number or white space by a blank.

    Args:
        keep: characters that stay.
    """

    def __init__(self, keep: str = "") -> None:
        kept = "".join(f"\\x{{{ord(character):X}}}" for character in keep)
        super().__init__(rf"[^\p{{L}}\p{{M}}\p{{N}}\s{kept}]+")


class RemoveNonLetterWords(Replace):
    """Removes words with anything but letters in them: 2022, 3m, covid19."""

    def __init__(self) -> None:
        super().__init__(NOT_LETTERS)


class RemoveStopWords(Replace):
    """Removes English stop words. Expects lower case without punctuation."""

    def __init__(self) -> None:
        super().__init__(rf"\b(?:{'|'.join(sorted(stop_words()))})\b ?", "")


class CutIntoPairs:
    """Makes words of each two neighbouring characters in scripts without blanks (`scripts.py`)."""

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        return cut_into_pairs(texts)


class Lemmatise:
    """Puts the dictionary form of each English word in its place: allies becomes ally.

    Expects lower case and single blanks between words; punctuation may touch a word.
    """

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        return map_words(texts, lemma)


class FoldWhitespace(Replace):
    """Makes one blank of each run of white space and strips the ends."""

    def __init__(self) -> None:
        # Single blanks, which are nearly all, are no match: five times as fast as `\s+`.
        super().__init__(r"\s\s+|[^\S ]")

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        return super().__call__(texts).str.strip_chars()
