"""Cleaning posts of many languages: the language of each post, its words, lemmas and stop words.

All four libraries ship their data; nothing is downloaded. ICU segments words by dictionary
(`experiments/README.md` compares it with others). py3langid detects the language. simplemma has
lemmas and stopwordsiso stop words of about 50 languages.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, ClassVar

import polars as pl

from tagfinder.corpus.hashtags import remove_tags
from tagfinder.corpus.scripts import map_unspaced
from tagfinder.corpus.words import PUNCTUATION, Lookup, lemma, map_words, stop_words
from tagfinder.errors import InputError

UNDETERMINED = "und"
"""BCP 47's code for an undetermined language."""

# Codes that networks give to posts without words, and old codes with their present ones.
NO_LANGUAGE = ("und", "zxx", "mul", "qam", "qct", "qht", "qme", "qst", "art")
RENAMED = {"iw": "he", "in": "id", "ji": "yi", "no": "nb"}
# Languages that a library knows by another code.
LEMMAS_LISTED_AS = {"bs": "hbs", "hr": "hbs", "sr": "hbs"}
STOP_WORDS_LISTED_AS = {"nb": "no", "nn": "no"}
# An apostrophe between two words: l'état, dell'acqua.
ELIDING = ("fr", "it", "ca", "oc", "co", "ht")
APOSTROPHE = r"(\p{L})['’](\p{L})"
NO_WORDS = r"https?://\S+|www\.\S+|pic\.twitter\.com\S+|[@#＃]\S+|[^\p{L}\p{M}\s'’]"
LONGEST_DETECTED = 500
"""Characters of a text from which its language is detected."""


def languages_of(texts: pl.Series, known: pl.Series | None = None) -> pl.Series:
    """Return the language of each post.

    Args:
        texts: String, as published or cleaned.
        known: String, what the network says (`en`, `pt-BR`, null); what it does not say is
            detected.

    Returns:
        String: primary subtag of BCP 47 in lower case, `und` if undetermined.
    """
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
    said = nothing if known is None else known_languages(known)
    unknown = said.is_null()
    if not unknown.any():
        return said
    plain = remove_tags(texts.filter(unknown).fill_null("")).str.replace_all(NO_WORDS, " ")
    short = plain.str.replace_all(r"\s+", " ").str.strip_chars().str.head(LONGEST_DETECTED)
    detected = pl.Series(map(_detect, short.to_list()), dtype=pl.String)
    return said.scatter(unknown.arg_true(), detected)


def known_languages(codes: pl.Series) -> pl.Series:
    """Return the primary subtags of language codes, null if they name none."""
    primary = codes.str.to_lowercase().str.extract(r"^([a-z]{2,3})(?:[-_]|$)")
    return primary.set(primary.is_in(NO_LANGUAGE), None).replace(RENAMED)


@lru_cache(maxsize=2**14)
def _detect(text: str) -> str:
    if not text:
        return UNDETERMINED
    language: str = _package("py3langid").classify(text)[0]
    return RENAMED.get(language, language)


class SegmentWords:
    """Puts blanks between the words of scripts that have none, by ICU's dictionaries."""

    def __call__(self, texts: pl.Series) -> pl.Series:
        """Take a String series and return one of the same length."""
        return map_unspaced(texts, _segment)


def _segment(run: str) -> str:
    words = _package("icu4py.breakers").WordBreaker(run, "root")
    return " ".join(words)


class ByLanguage(ABC):
    """A cleaning step that depends on the language of each text."""

    by_language: ClassVar[bool] = True

    def __call__(self, texts: pl.Series, languages: pl.Series) -> pl.Series:
        """Take a String series and its languages and return one of the same length."""
        for language in languages.unique().drop_nulls().sort():
            of_language = languages == language
            rows = of_language.arg_true()
            texts = texts.scatter(rows, self.clean(texts.filter(of_language), language))
        return texts

    @abstractmethod
    def clean(self, texts: pl.Series, language: str) -> pl.Series:
        """Return the cleaned texts of one language."""


class SplitElisions(ByLanguage):
    """Puts a blank for the apostrophe between two words, in languages that elide: l'état."""

    def clean(self, texts: pl.Series, language: str) -> pl.Series:
        """Return the cleaned texts of one language."""
        return texts.str.replace_all(APOSTROPHE, "$1 $2") if language in ELIDING else texts


class Lemmatise(ByLanguage):
    """Replaces each word by its dictionary form; languages without a table stay.

    Expects lower case and single blanks between words; punctuation may touch a word.
    """

    def clean(self, texts: pl.Series, language: str) -> pl.Series:
        """Return the cleaned texts of one language."""
        lookup = lemmas_of(language)
        return texts if lookup is None else map_words(texts, lookup)


class RemoveStopWords(ByLanguage):
    """Removes the stop words of each language. Expects lower case without punctuation."""

    def clean(self, texts: pl.Series, language: str) -> pl.Series:
        """Return the cleaned texts of one language."""
        stop = stop_words_of(language)
        if not stop:
            return texts
        return map_words(texts, lambda word: "" if word in stop else word)


@cache
def lemmas_of(language: str) -> Lookup | None:
    """Return a function to the dictionary form of a lower-case word, None without a table."""
    if language == "en":
        return lemma
    tables = _package("simplemma.strategies.dictionaries.dictionary_factory")
    listed = LEMMAS_LISTED_AS.get(language, language)
    if listed not in tables.SUPPORTED_LANGUAGES:
        return None
    lemmatize: Callable[..., str] = _package("simplemma").lemmatize

    @lru_cache(maxsize=2**16)
    def look_up(word: str) -> str:
        core = word.strip(PUNCTUATION)
        form = lemmatize(core, lang=listed).lower() if core else core
        return word if form == core else word.replace(core, form)

    return look_up


@cache
def stop_words_of(language: str) -> frozenset[str]:
    """Return the stop words of a language in every form that cleaning gives them."""
    if language == "en":
        return stop_words()
    lists = _package("stopwordsiso")
    listed = STOP_WORDS_LISTED_AS.get(language, language)
    if not lists.has_lang(listed):
        return frozenset()
    separator = " " if language in ELIDING else ""
    plain = {
        part
        for word in lists.stopwords(listed)
        for part in word.lower().replace("'", separator).replace("’", separator).split()
    }
    lookup = lemmas_of(language)
    return frozenset(plain if lookup is None else plain | {lookup(word) for word in plain})


@cache
def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(
            f"cleaning for many languages needs {error.name}: pip install 'tagfinder[languages]'"
        ) from error
