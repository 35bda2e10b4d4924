"""English lemmas and stop words, both from packages that carry their data."""

from __future__ import annotations

import importlib.util
import runpy
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

# Nouns first, as WordNet's lemmatiser reads a word when nobody says what it is: `screening` stays a
# noun where lemmatisers that look for the shortest form say `screen`. The auxiliaries come before
# them, because `does` would else be the plural of `doe`.
READINGS = ("AUX", "NOUN", "VERB", "ADJ", "ADV")

# Letters of the longest word that is looked up: what is longer would only fill the memory.
LONGEST = 40

# Words of scikit-learn's list that have a meaning of their own: posts are about bills and fires.
# (Nothman, Qin and Yurchak, "Stop Word Lists in Free Open-source Software Packages", 2018.)
NOT_STOP_WORDS = (
    "amount bill bottom call cry describe detail empty fill fire front full interest mill mine "
    "move name serious side sincere system thick thin top"
)

# What cleaning makes of don't, we've and the like. Left out is what is a word without its
# apostrophe (hell, shell, ill, shed, wed).
CONTRACTIONS = (
    "aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt mustnt neednt shant "
    "shouldnt wasnt werent wont wouldnt "
    "hed hes hows im itd itll its ive lets shes thatll thats theres theyd theyll theyre theyve "
    "weve whats whens wheres whos whys youd youll youre youve heres"
)

Lookup = Callable[[str], str]


def lemma(word: str) -> str:
    """Return the dictionary form of a lower-case English word; any other word is returned as it is.

    Only words of the dictionary change: a name or a hashtag that ends in `s` is no plural.
    """
    if len(word) > LONGEST or not (word.isascii() and word.isalpha()):
        return word
    return _look_up(word)


@lru_cache(maxsize=2**17)
def _look_up(word: str) -> str:
    from lemminflect import getAllLemmas

    readings = getAllLemmas(word)
    for reading in READINGS:
        if reading in readings:
            return _choose(word, readings[reading])
    return word


def _choose(word: str, lemmas: tuple[str, ...]) -> str:
    """Return the word itself where it is a lemma (data, opera), else the shortest.

    A lemma in `s` has to be the only one: `needs` and `funds` are listed beside `need` and `fund`.
    """
    if word in lemmas and not word.endswith("s"):
        return word
    return min(lemmas, key=len)


@cache
def stop_words() -> frozenset[str]:
    """Return the lower-case English words that carry no meaning, in every form cleaning gives them.

    They are scikit-learn's without the content words in it, the contractions without their
    apostrophe, and the lemmas of all these.
    """
    plain = _scikit_learn_stop_words() - set(NOT_STOP_WORDS.split()) | set(CONTRACTIONS.split())
    return plain | {lemma(word) for word in plain}


def _scikit_learn_stop_words() -> frozenset[str]:
    """Read `sklearn.feature_extraction.text.ENGLISH_STOP_WORDS` without two seconds of imports."""
    package = importlib.util.find_spec("sklearn")
    assert package is not None and package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0])
    words: frozenset[str] = runpy.run_path(str(folder / "feature_extraction" / "_stop_words.py"))[
        "ENGLISH_STOP_WORDS"
    ]
    return words


def map_words(texts: pl.Series, lookup: Lookup) -> pl.Series:
    """Replace each blank-separated word of each text by what `lookup` says.

    `lookup` is called once for each distinct word of the batch. Null stays null.
    """
    if texts.is_empty():
        return texts
    words = pc.split_pattern(_large_strings(texts), " ")
    distinct = words.values.dictionary_encode()
    looked_up = _large_strings(pl.Series(map(lookup, distinct.dictionary.to_pylist())))
    lists = pa.LargeListArray.from_arrays(
        words.offsets.cast(pa.int64()), looked_up.take(distinct.indices), mask=words.is_null()
    )
    return pl.Series(texts.name, lists).list.join(" ")


def _large_strings(texts: pl.Series) -> pa.Array:
    return texts.cast(pl.String).to_arrow().cast(pa.large_string())
