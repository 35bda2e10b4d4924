"""How fast both cleanings are, against the report's way, and that their memory does not grow.

The baseline is the way of the report, one post after the other: the same compiled regular
expressions, nltk's TweetTokenizer, and one call of the same lemmatiser for each token. It is
measured on a sample, TagFinder on the whole corpus, in turns. The peak of resident memory is that
of a process of its own, which streams the corpus once, 4 and 16 times.

    python experiments/benchmarks/cleaning.py [CORPUS.parquet]
"""

from __future__ import annotations

import argparse
import html
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lemminflect
import polars as pl
import pyarrow.parquet as pq
import regex
from nltk.tokenize import TweetTokenizer

from tagfinder.commands.clean import load_cleaning
from tagfinder.corpus import cleaning as steps
from tagfinder.corpus.hashtags import HTML_TAG
from tagfinder.corpus.words import choose_lemma, lemma, stop_words

SHARED = Path(os.environ.get("TAGFINDER_SHARED", Path(__file__).parents[3] / "shared"))
CORPUS = SHARED / "data" / "us_congress_2022.parquet"
BATCH_ROWS = 50_000


def called_lemma(word: str) -> str:
    """Call the lemmatiser for a word each time that it comes, as a plain loop does."""
    return choose_lemma(word, lemminflect.getAllLemmas(word))


LOOKUPS = {"report's loop": called_lemma, "loop with a lemma table": lemma}


def plain_loop(lemmatise: Callable[[str], str]) -> Callable[[pl.Series], pl.Series]:
    """Return the report's way of both cleanings, one text after the other."""

    def compiled(pattern: str) -> regex.Pattern[str]:
        plain = re.sub(r"\\x\{(\w+)\}", lambda code: chr(int(code[1], 16)), pattern)
        return regex.compile(plain, regex.VERSION1)

    first = [
        compiled(step.pattern)
        for step in (steps.RemoveUrls(), steps.Replace(HTML_TAG), steps.RemoveEmoji())
    ]
    trailing = compiled(steps.TRAILING_HASHTAGS)
    apostrophes = compiled(steps.INSIDE_WORDS)
    punctuation = compiled(steps.RemovePunctuation(",.!?:;").pattern)
    further = [compiled(steps.RemovePunctuation().pattern), compiled(steps.NOT_LETTERS)]
    tokenizer = TweetTokenizer()
    unwanted = stop_words()

    def clean(text: str) -> str:
        for pattern in first:
            text = pattern.sub(" ", text)
        text = trailing.sub("", html.unescape(text)).lower()
        text = punctuation.sub(" ", apostrophes.sub("", text))
        text = " ".join(lemmatise(token) for token in tokenizer.tokenize(text))
        for pattern in further:
            text = pattern.sub(" ", text)
        return " ".join(token for token in text.split() if token not in unwanted)

    return lambda texts: pl.Series([clean(text) for text in texts])


def batches(corpus: Path, times: int) -> Iterator[pl.Series]:
    """Stream the texts of a corpus, several times over."""
    for _ in range(times):
        for batch in pq.ParquetFile(corpus).iter_batches(BATCH_ROWS, columns=["text"]):
            yield pl.Series(batch.column(0))


class Stopwatch:
    """Counts texts, the seconds that they took, and the processor's seconds on all its cores."""

    def __init__(self) -> None:
        self.texts = 0
        self.seconds = 0.0
        self.core_seconds = 0.0

    def clean(self, work: Callable[[pl.Series], pl.Series], texts: pl.Series) -> pl.Series:
        """Do the work and count it."""
        start, core_start = time.perf_counter(), time.process_time()
        cleaned = work(texts)
        self.seconds += time.perf_counter() - start
        self.core_seconds += time.process_time() - core_start
        self.texts += len(texts)
        return cleaned

    def __str__(self) -> str:
        return f"{self.speed:10,.0f} texts/s   ({self.texts:,} texts)"

    @property
    def speed(self) -> float:
        """Texts per second."""
        return self.texts / self.seconds

    @property
    def core_speed(self) -> float:
        """Texts per second of one core, which other work on the machine hardly changes."""
        return self.texts / self.core_seconds


def compare_speed(corpus: Path, sample_rows: int) -> None:
    """Print texts per second of each way, and how many texts come out the same.

    The ways take turns, batch by batch: what else runs on the machine slows them all alike.
    """
    cleaning = load_cleaning("report")

    def both(texts: pl.Series) -> pl.Series:
        return cleaning.deep_clean(cleaning.clean(texts))

    loops = {name: plain_loop(look_up) for name, look_up in LOOKUPS.items()}
    watches = {name: Stopwatch() for name in ("TagFinder", *loops)}
    equal = 0
    for way in (both, *loops.values()):
        way(pl.Series(["The lemma table is read by the first text."]))
    for texts in batches(corpus, 1):
        cleaned = watches["TagFinder"].clean(both, texts)
        rows = min(len(texts), sample_rows)
        for name, loop in loops.items():
            looped = watches[name].clean(loop, texts[:rows])
        equal += int((looped == cleaned[:rows]).sum())
    for name, watch in watches.items():
        print(f"{name:36s}{watch}")
    columns = watches["TagFinder"]
    for name in loops:
        ratio = columns.speed / watches[name].speed
        core_ratio = columns.core_speed / watches[name].core_speed
        print(
            f"TagFinder / {name:24s}{ratio:10.1f} x   ({core_ratio:.1f} x for each core's second)"
        )
    print(f"threads: {pl.thread_pool_size()}")
    print(f"same text by TagFinder and the loop {equal / watches[name].texts:10.1%}")


def stream(corpus: Path, times: int) -> None:
    """Clean a corpus several times over and print rows and the peak of resident memory."""
    cleaning = load_cleaning("report")
    rows = sum(len(cleaning.deep_clean(cleaning.clean(texts))) for texts in batches(corpus, times))
    print(f"{times:3d} times, {rows:12,} texts   peak {peak_memory():7,.0f} MiB", flush=True)


def peak_memory() -> float:
    """Return the peak of this process in MiB; the usual `ru_maxrss` counts its parent as well."""
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    return int(peak[1]) / 1024


def main() -> None:
    """Measure speed here and memory in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", nargs="?", type=Path, default=CORPUS, help="Parquet with `text`")
    parser.add_argument(
        "--sample", type=int, default=1_000, help="texts of each batch for the loop"
    )
    parser.add_argument("--stream", type=int, metavar="TIMES", help="measure only the memory")
    options = parser.parse_args()
    if options.stream:
        stream(options.corpus, options.stream)
        return
    compare_speed(options.corpus, options.sample)
    for times in (1, 4, 16):
        command = [sys.executable, __file__, str(options.corpus), "--stream", str(times)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
