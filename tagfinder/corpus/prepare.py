"""Prepare a corpus: clean, group near-duplicates, split, choose the label set, encode.

The posts are cut into partitions, which any number of workers clean and, once the label set and
the parts are known, encode. In between one worker decides what needs all posts; it holds a few
numbers for each post, and looks up what it compares near-duplicates by on disk.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.configuration.executors import Executor
from tagfinder.configuration.executors.local import LocalExecutor
from tagfinder.configuration.executors.units import Facts, each_once, ready
from tagfinder.corpus.accounting import account, excluded_by_rule, left_out_by
from tagfinder.corpus.encoding import Encoder, Tally
from tagfinder.corpus.prepared import PARTS, POSTS, PreparedCorpus
from tagfinder.corpus.recipe import FORMAT, Recipe
from tagfinder.corpus.rejects import RecordedRejects, Rejects
from tagfinder.corpus.splitting import TRAIN
from tagfinder.corpus.staging import NO_TIME, REFUSED, REJECTED, Staged, cut, stage_partition
from tagfinder.corpus.staging import POSTS as STAGED_POSTS
from tagfinder.errors import InputError
from tagfinder.files import healed_folder, is_whole, link_or_copy, read_json, write_json
from tagfinder.paths import cache_dir
from tagfinder.progress import say

MOST_NAMED = 5
LIBRARIES = ("tagfinder", "polars", "pyarrow", "numpy", "lemminflect")


PARTITION_ROWS = 100_000
LOCAL = LocalExecutor(jobs=1)
HASHTAGS = "hashtags.json"


def prepare(
    recipe: Recipe,
    rejects_file: Path | None = None,
    executor: Executor = LOCAL,
    partition_rows: int = PARTITION_ROWS,
) -> PreparedCorpus:
    """Prepare a corpus, or return it if it is in the cache.

    Finished partitions stay until the corpus is complete, so that repeating a stopped call
    continues it, and two calls share the work.

    Args:
        recipe: input and configuration.
        rejects_file: where to write the posts that cannot be used, in the format that its name
            says; the corpus is then made again.
        executor: does the partitions.
        partition_rows: posts of a partition; does not change the content of the corpus.

    Raises:
        InputError: the input has no usable post, or lacks what the configuration needs.
    """
    digest = recipe.digest
    folder = cache_dir() / "corpora" / f"{recipe.source.name}-{digest}"
    if rejects_file or not is_whole(folder):
        with Rejects(rejects_file) as rejects:
            making = _Making(recipe, folder, executor, partition_rows, rejects, bool(rejects_file))
            try:
                making.publish({"format": FORMAT, "name": recipe.source.name, "digest": digest})
            except FileNotFoundError:
                # Another process has published the corpus and removed the work that both shared.
                # A file of rejects would be incomplete then, so that this call has to fail.
                if rejects_file or not is_whole(folder):
                    raise
            except InputError:
                making.discard()
                raise
        making.discard()
    corpus = PreparedCorpus(folder)
    for line in account(corpus.manifest):
        say(line)
    return corpus


@dataclass
class _Making:
    """A corpus that is being made.

    Attributes:
        recipe: input and configuration.
        folder: of the corpus.
        executor: does the partitions.
        partition_rows: posts of a partition.
        rejects: takes the rows that are left out, in the order of the corpus.
        with_rejects: the rejected posts themselves are wanted.
    """

    recipe: Recipe
    folder: Path
    executor: Executor
    partition_rows: int
    rejects: Rejects
    with_rejects: bool

    @property
    def work(self) -> Path:
        """Folder of the finished partitions."""
        kind = "rejects" if self.with_rejects else "work"
        return self.folder.with_name(f".{self.folder.name}.{kind}")

    def discard(self) -> None:
        """Remove the folder of finished partitions."""
        shutil.rmtree(self.work, ignore_errors=True)

    def publish(self, manifest: dict[str, Any]) -> None:
        """Do the missing work, and move the corpus into the cache."""
        names = self._cut()
        staged = self._stage(names)
        if not staged.rows:
            rows_read = sum(self.rejects.counts.values())
            raise _nothing_usable(self.recipe, rows_read, self.rejects)
        parts, hashtags = self._plan(staged)
        rows_read = staged.rows + sum(self.rejects.counts.values())
        tally = self._encode(staged)
        with healed_folder(self.folder) as fresh:
            self._gather(staged, fresh / POSTS)
            _refuse_empty_parts(self.recipe, staged, parts, tally, self.rejects)
            _refuse_labels_without_posts(self.recipe, hashtags, fresh / POSTS, self.rejects)
            table = _hashtag_table(self.recipe, hashtags, staged, tally)
            table.write_parquet(fresh / "hashtags.parquet")
            facts = _facts(self.recipe, rows_read, staged, tally, self.rejects)
            write_json(fresh / "manifest.json", manifest | facts)

    def _once(
        self, step: str, make: Callable[[], Callable[[str], Facts]], names: list[str], what: str
    ) -> list[Facts]:
        # One unit alone is done here: another process would take longer to begin.
        executor = LOCAL if len(names) == 1 else self.executor
        return each_once(
            executor, self.work / step, make, names, f"{what} {self.recipe.source.name}"
        )

    def _cut(self) -> list[str]:
        folder = self.work / "raw"
        make = ready(cut, self.recipe.source, folder, self.partition_rows, self.with_rejects)
        try:
            [facts] = self._once("raw", make, ["all"], "reading")
        except InputError:
            if (folder / REFUSED).is_file():
                self.rejects.take_over(read_json(folder / REFUSED), folder / REJECTED)
            raise
        self.rejects.take_over(facts, folder / REJECTED)
        names: list[str] = facts["partitions"]
        return names

    def _stage(self, names: list[str]) -> Staged:
        folder, raw = self.work / "staged", self.work / "raw"
        make = ready(stage_partition, self.recipe.steps, raw, folder, self.with_rejects)
        facts = self._once("staged", make, names, "cleaning")
        for name, found in zip(names, facts, strict=True):
            self.rejects.take_over(found, folder / name / REJECTED)
        return Staged([folder / name for name in names], [found["rows"] for found in facts])

    def _plan(self, staged: Staged) -> tuple[np.ndarray, list[str]]:
        folder = self.work / "plan"
        self._once("plan", ready(_plan, self.recipe, staged, folder), ["all"], "dividing")
        hashtags: list[str] = read_json(folder / HASHTAGS)
        return np.load(folder / "parts.npy"), hashtags

    def _encode(self, staged: Staged) -> Tally:
        folder = self.work / "encoded"
        make = partial(
            _encoder,
            self.work / "plan",
            {path.name: staged.rows_of(path).start for path in staged.folders},
            self.work / "staged",
            folder,
            keep_uncovered=self.recipe.selection.keep_uncovered,
            with_rejects=self.with_rejects,
        )
        names = [path.name for path in staged.folders]
        tally = Tally()
        for name, facts in zip(names, self._once("encoded", make, names, "encoding"), strict=True):
            self.rejects.take_over(facts, folder / f"{name}.rejected")
            tally.take_over(facts)
        return tally

    def _gather(self, staged: Staged, target: Path) -> None:
        """Put the encoded partitions where the corpus has its posts: one file, or a folder."""
        files = [self.work / "encoded" / f"{path.name}.parquet" for path in staged.folders]
        if len(files) == 1:
            shutil.copyfile(files[0], target)
            return
        target.mkdir()
        for file in files:
            link_or_copy(file, target / file.name)


def _plan(recipe: Recipe, staged: Staged, folder: Path, _name: str) -> Facts:
    """Decide over all posts: near-duplicate groups, parts, and the label set."""
    groups = recipe.split.groups(staged.folders, staged.rows)
    parts = recipe.split.assign(staged.times(), groups)
    np.save(folder / "groups.npy", groups)
    np.save(folder / "parts.npy", parts)
    write_json(folder / HASHTAGS, _choose_hashtags(recipe, staged, parts))
    return {}


def _encoder(
    plan: Path,
    firsts: dict[str, int],
    staged: Path,
    target: Path,
    *,
    keep_uncovered: bool,
    with_rejects: bool,
) -> Callable[[str], Facts]:
    """Return a function that encodes a partition by its name; called once in each worker."""
    encoder = Encoder(
        read_json(plan / HASHTAGS),
        np.load(plan / "parts.npy", mmap_mode="r"),
        np.load(plan / "groups.npy", mmap_mode="r"),
        keep_uncovered,
    )

    def encode(name: str) -> Facts:
        rejects = RecordedRejects(with_rejects)
        posts, file = staged / name / STAGED_POSTS, target / f"{name}.parquet"
        tally = encoder.write(posts, firsts[name], file, rejects)
        return {**tally.facts(), **rejects.save(target / f"{name}.rejected")}

    return encode


def _facts(
    recipe: Recipe, rows_read: int, staged: Staged, tally: Tally, rejects: Rejects
) -> dict[str, object]:
    """Return the manifest of the corpus."""
    return {
        "config": recipe.config,
        "source": recipe.fingerprint,
        "rows_read": rows_read,
        "rows": {part: tally.rows[part] for part in PARTS},
        "rows_with_labels": {part: tally.rows_with_labels[part] for part in PARTS},
        "rows_left_out": dict(sorted(rejects.counts.items())),
        "notes": rejects.notes,
        "remarks": dict(sorted(rejects.remarks.items())),
        "distinct_hashtags": len(staged.counts),
        "hashtags_left_out": _hashtags_left_out(recipe, staged),
        "languages": dict(sorted(staged.languages.items(), key=lambda item: (-item[1], item[0]))),
        "versions": {library: version(library) for library in LIBRARIES},
    }


def _choose_hashtags(recipe: Recipe, staged: Staged, parts: np.ndarray) -> list[str]:
    on_train = recipe.selection.count_on == "train"
    counts = staged.counts_of(parts == TRAIN) if on_train else staged.counts
    hashtags = recipe.selection.choose(counts, staged.counts)
    if not hashtags:
        rules = _hashtags_left_out(recipe, staged).items()
        why = "; ".join(left_out_by(rule, found) for rule, found in rules)
        raise InputError(
            f"corpus {recipe.source.name}: no hashtag is left to be a label: "
            f"{why or 'the training part has none'}"
        )
    return hashtags


def _hashtags_left_out(recipe: Recipe, staged: Staged) -> dict[str, list[list[Any]]]:
    least = recipe.selection.min_count
    rare = Counter({name: posts for name, posts in staged.counts.items() if posts < least})
    return excluded_by_rule(recipe.rules, staged.excluded, rare, least)


def _hashtag_table(
    recipe: Recipe, hashtags: list[str], staged: Staged, tally: Tally
) -> pl.DataFrame:
    spellings = recipe.rules.spellings(hashtags, staged.spellings)
    return pl.DataFrame(
        {
            "index": pl.Series(range(len(hashtags)), dtype=pl.Int32),
            "hashtag": hashtags,
            "spelling": spellings,
            "count": [staged.counts[hashtag] for hashtag in hashtags],
            "train_count": [tally.train_counts[index] for index in range(len(hashtags))],
        }
    )


def _nothing_usable(recipe: Recipe, rows_read: int, rejects: Rejects) -> InputError:
    if rejects.counts.get(NO_TIME):
        return InputError(
            f"corpus {recipe.source.name}: no post has a time, which split.order=temporal needs; "
            "set data.columns.created_at or created_at_format, or choose split.order=random"
        )
    return InputError(
        f"corpus {recipe.source.name}: none of {rows_read:,} posts can be used "
        f"({'; '.join((_listed(rejects) or 'the input is empty', *rejects.notes))})"
    )


def _refuse_empty_parts(
    recipe: Recipe, staged: Staged, parts: np.ndarray, tally: Tally, rejects: Rejects
) -> None:
    for number, part in enumerate(PARTS):
        if tally.rows_with_labels[part]:
            continue
        here, trained = staged.counts_of(parts == number), staged.counts_of(parts == TRAIN)
        newer = here and not here.keys() & trained.keys()
        why = (
            f"its hashtags ({_most_frequent(here)}) are in no post of the training part, they are "
            "newer"
            if newer and recipe.split.order == "temporal"
            else _listed(rejects) or f"it has {_most_frequent(here) or 'no hashtags'}"
        )
        raise InputError(
            f"corpus {recipe.source.name}: no post of the {part} part has a hashtag of the "
            f"label set: {why}; give more posts, or change split.train, split.val or "
            "selection.top_n"
        )


def _refuse_labels_without_posts(
    recipe: Recipe, hashtags: list[str], posts: Path, rejects: Rejects
) -> None:
    if recipe.selection.top_n is None:
        return  # a numbering of all hashtags, not a label set
    used = pl.scan_parquet(posts).select(pl.col("labels").explode().unique())
    indices = used.collect(engine="streaming")
    without = sorted(set(range(len(hashtags))) - set(indices["labels"]))
    if without:
        names = ", ".join(f"#{hashtags[index]}" for index in without[:MOST_NAMED])
        more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
        raise InputError(
            f"corpus {recipe.source.name}: the label set has {names}{more}, whose posts are all "
            f"left out ({_listed(rejects)}); choose labels that posts have with "
            "selection.count_on=train, or keep the posts (selection.min_tokens_per_hashtag=0)"
        )


def _most_frequent(counts: Counter[str]) -> str:
    return ", ".join(f"#{name}" for name, _ in counts.most_common(MOST_NAMED))


def _listed(rejects: Rejects) -> str:
    return "; ".join(f"{reason}: {count:,}" for reason, count in sorted(rejects.counts.items()))
