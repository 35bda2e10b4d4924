"""English lemmas and stop words, both from packages that carry their data."""

from __future__ import annotations

import contextlib
import importlib.util
import runpy
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path

import polars as pl

from tagfinder.files import digest_of, read_json, write_json
from tagfinder.paths import cache_dir

# Nouns first, as WordNet's lemmatiser reads a word without a part of speech: `screening` stays a
# noun where lemmatisers that look for the shortest form say `screen`. The auxiliaries come before
# them, because `does` would else be the plural of `doe`.
READINGS = ("AUX", "NOUN", "VERB", "ADJ", "ADV")

# Number of the rules in `choose_lemma`; another number makes cached forms again.
LEMMA_RULES = 1

# What may touch a word without being part of it.
PUNCTUATION = ",.!?:;"

# Words of scikit-learn's list that posts are about, such as bills and fires.
# (Nothman, Qin and Yurchak, "Stop Word Lists in Free Open-source Software Packages", 2018.)
NOT_STOP_WORDS = (
    "amount bill bottom call cry describe detail empty fill fire front full interest mill mine "
    "move name serious side sincere system thick thin top"
)

# The cleaned forms of don't, we've and similar words. Left out are those that are words without
# their apostrophe (hell, shell, ill, shed, wed).
CONTRACTIONS = (
    "aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt mustnt neednt shant "
    "shouldnt wasnt werent wont wouldnt "
    "hed hes hows im itd itll its ive lets shes thatll thats theres theyd theyll theyre theyve "
    "weve whats whens wheres whos whys youd youll youre youve heres"
)

# Texts up to which a plain loop is used.
FEW_TEXTS = 64

Lookup = Callable[[str], str]


@lru_cache(maxsize=2**17)
def lemma(word: str) -> str:
    """Return the dictionary form of a lower-case English word; other words stay unchanged.

    Only words of the dictionary change: a name or a hashtag that ends in `s` is no plural.
    Punctuation around the word stays.
    """
    core = word.strip(PUNCTUATION)
    form = _dictionary_forms().get(core)
    return word if form is None else word.replace(core, form)


@cache
def _dictionary_forms() -> dict[str, str]:
    """Return the dictionary form of every inflected word that lemminflect knows.

    Its tables are read once, because its own look-up copies an entry at each call (7 us a word).
    Reading them takes longer than all else that a short command does, so that the forms are kept
    in the user's cache.
    """
    name = f"lemmas-{version('lemminflect')}-{digest_of([READINGS, LEMMA_RULES])}.json"
    file = cache_dir() / name
    try:
        forms: dict[str, str] = read_json(file)
    except (OSError, ValueError):
        forms = _read_dictionary()
        with contextlib.suppress(OSError):  # without a writable cache, do without
            write_json(file, forms)
    return forms


def _read_dictionary() -> dict[str, str]:
    from lemminflect import config
    from lemminflect.codecs.LemmaLUCodec import LemmaLUCodec
    from lemminflect.codecs.OverridesCodec import OverridesCodec

    readings = LemmaLUCodec.load(config.lemma_lu_fn)
    for word, corrected in OverridesCodec.load(config.lemma_overrides_fn).items():
        readings[word] = readings.get(word, {}) | corrected
    forms = {word: choose_lemma(word, lemmas) for word, lemmas in readings.items()}
    return {word: form for word, form in forms.items() if form != word}


def choose_lemma(word: str, readings: Mapping[str, tuple[str, ...]]) -> str:
    """Choose among the lemmas of each part of speech (AUX, NOUN, ...) that a word can be.

    Of several for one part of speech it is the word itself (data, opera), else the shortest. A
    lemma in `s` has to be the only one: `needs` and `funds` are listed beside `need` and `fund`.
    """
    lemmas = next((readings[reading] for reading in READINGS if reading in readings), ())
    if word in lemmas and not word.endswith("s"):
        return word
    return min(lemmas, key=len, default=word)


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
    if len(texts) <= FEW_TEXTS:
        # PyArrow takes longer to import than a person's few texts to look up.
        found = [None if text is None else " ".join(map(lookup, text.split(" "))) for text in texts]
        return pl.Series(texts.name, found, dtype=pl.String)
    from tagfinder.corpus.word_columns import map_word_columns

    return map_word_columns(texts, lookup)
