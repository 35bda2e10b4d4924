"""Facts of each model on the page: a distinct name, its training, posts of its corpus."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.corpus.hashtags import HASHTAG
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.errors import InputError
from tagfinder.files import read_json
from tagfinder.recommend.bundle import BUNDLE_FILE

SYNTHETIC = "synthetic"
SCORES = {"open_ndcg@5": "NDCG@5 over all tagged posts", "ndcg@5": "NDCG@5"}
N_EXAMPLES = 5
# Characters that an example has without its hashtags and addresses.
SHORTEST, LONGEST = 40, 200
ADDRESS = r"https?://\S+"
# For a model whose corpus is not on this machine. Made up.
EXAMPLES = (
    "The market fell again today, and bitcoin with it. Which stocks are you buying now?",
    "New in my closet: a vintage denim jacket, size M, worn twice. Make me an offer!",
    "We are hiring engineers who care about cyber security and new technology",
    "Enter to win a bluetooth speaker and a gift card! Ends in ten days",
    "Carved the last pumpkin with the kids, the costumes are ready for tonight",
)


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Name each folder by the shortest end of its path that no other one has.

    >>> distinct_names([Path("/runs/a/mine"), Path("/runs/b/mine"), Path("/runs/other")])
    ['a/mine', 'b/mine', 'other']
    """
    whole = [path.absolute().parts for path in paths]

    def name(parts: tuple[str, ...]) -> str:
        for length in range(1, len(parts) + 1):
            if sum(other[-length:] == parts[-length:] for other in whole) == 1:
                return Path(*parts[-length:]).as_posix()
        return Path(*parts).as_posix()

    return [name(parts) for parts in whole]


def facts_of(folder: Path) -> str:
    """Describe in one line how a run or bundle was trained and how it scored.

    Parts that its folder does not tell are left out.
    """
    run = RunFolder(folder)
    metrics = read_json(run.metrics_file) if run.metrics_file.is_file() else {}
    is_bundle = (folder / BUNDLE_FILE).is_file()
    facts = read_json(folder / BUNDLE_FILE).get("facts", {}) if is_bundle else metrics
    corpus = facts.get("corpus")
    shown = [facts.get("model")]
    if corpus:
        shown.append("made-up (synthetic) posts" if corpus == SYNTHETIC else f"corpus {corpus}")
    if "protocol" in facts:
        shown.append(f"protocol {facts['protocol']}")
    scores = metrics.get("test", {})
    if best := next((name for name in SCORES if name in scores), None):
        shown.append(f"{SCORES[best]} {scores[best]:.2f}")
    # A bundle's files have the time of their download.
    if metrics and not is_bundle:
        finished = datetime.fromtimestamp(run.metrics_file.stat().st_mtime, UTC)
        shown.append(f"trained {finished.date().isoformat()}")
    return " · ".join(str(part) for part in shown if part)


def examples_of(folder: Path) -> tuple[str, ...]:
    """Return posts to try: some of the test part of a run's corpus, without hashtags.

    Where the corpus is not on this machine they are made up.
    """
    try:
        corpus = PreparedCorpus(Path(read_json(RunFolder(folder).run_file)["corpus"]["folder"]))
        posts = corpus.part("test", ["text", "labels"])
    except (InputError, OSError, KeyError):
        return EXAMPLES
    found: dict[int, str] = {}
    posts = posts.filter(pl.col("labels").list.len() > 0)
    for text, labels in zip(without_tail(posts["text"]), posts["labels"], strict=True):
        if labels[0] not in found and "#" not in text and SHORTEST <= len(text) <= LONGEST:
            found[labels[0]] = text
        if len(found) == N_EXAMPLES:
            break
    return tuple(found.values()) or EXAMPLES


def without_tail(texts: pl.Series) -> pl.Series:
    """Return posts without their addresses and the hashtags at their end (String to String).

    Hashtags in the middle stay, because sentences need them.

    >>> without_tail(pl.Series(["Rain &amp; #wind today #storm #ok https://t.co/x"])).to_list()
    ['Rain & #wind today']
    """
    without_addresses = texts.str.replace_all(ADDRESS, " ")
    rest = without_addresses.str.replace(rf"(?:(?:^|\s+){HASHTAG})+\s*$", "")
    readable = [" ".join(html.unescape(text).split()) for text in rest]
    return pl.Series(readable, dtype=pl.String)
