"""Prepare a corpus: clean, group near-duplicates, split, choose the label set, encode.

Texts pass through in batches: first into a staging file, then, once the label set and the parts
are known, into `posts.parquet`. Per post only its time and its duplicate keys stay in memory.
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tagfinder.corpus.accounting import account, excluded_by_rule, left_out_by
from tagfinder.corpus.encoding import Encoder, Tally
from tagfinder.corpus.prepared import PARTS, PreparedCorpus
from tagfinder.corpus.recipe import FORMAT, Recipe
from tagfinder.corpus.rejects import Rejects
from tagfinder.corpus.splitting import TRAIN
from tagfinder.corpus.staging import NO_TIME, Staged, stage
from tagfinder.errors import InputError
from tagfinder.files import healed_folder, is_whole, write_json
from tagfinder.paths import cache_dir
from tagfinder.progress import say

MOST_NAMED = 5
LIBRARIES = ("tagfinder", "polars", "pyarrow", "numpy", "lemminflect")


def prepare(recipe: Recipe, rejects_file: Path | None = None) -> PreparedCorpus:
    """Prepare a corpus, or return it where it is there already.

    Args:
        recipe: input and configuration.
        rejects_file: where to write the posts that cannot be used, in the format that its name
            says; the corpus is then made again.

    Raises:
        InputError: nothing usable is in the input, or it lacks what the configuration needs.
    """
    digest = recipe.digest
    folder = cache_dir() / "corpora" / f"{recipe.source.name}-{digest}"
    if rejects_file or not is_whole(folder):
        with healed_folder(folder) as fresh, Rejects(rejects_file) as rejects:
            manifest = {"format": FORMAT, "name": recipe.source.name, "digest": digest}
            write_json(fresh / "manifest.json", manifest | _make(recipe, fresh, rejects))
    corpus = PreparedCorpus(folder)
    for line in account(corpus.manifest):
        say(line)
    return corpus


def _make(recipe: Recipe, folder: Path, rejects: Rejects) -> dict[str, object]:
    staged = stage(recipe, folder / "staging.parquet", rejects)
    rows_read = staged.rows + sum(rejects.counts.values())
    if not staged.rows:
        raise _nothing_usable(recipe, rows_read, rejects)
    groups = recipe.split.groups(staged.duplicate_keys, staged.rows)
    parts = recipe.split.assign(np.concatenate(staged.times), groups)
    hashtags = _choose_hashtags(recipe, staged, parts)
    encoder = Encoder(hashtags, parts, groups, recipe.selection.keep_uncovered)
    tally = encoder.write(staged, folder / "posts.parquet", rejects)
    _refuse_empty_parts(recipe, staged, parts, tally, rejects)
    _refuse_labels_without_posts(recipe, hashtags, folder / "posts.parquet", rejects)
    staged.file.unlink()
    _hashtag_table(recipe, hashtags, staged, tally).write_parquet(folder / "hashtags.parquet")
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
            f"data={recipe.source.name}: no hashtag is left to be a label: "
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
            f"data={recipe.source.name}: no post has a time, which split.order=temporal needs; "
            "set data.columns.created_at or created_at_format, or choose split.order=random"
        )
    return InputError(
        f"data={recipe.source.name}: none of {rows_read:,} posts can be used "
        f"({_listed(rejects) or 'the input is empty'})"
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
            f"data={recipe.source.name}: no post of the {part} part has a hashtag of the "
            f"label set: {why}; give more posts, or change split.train, split.val or "
            "selection.top_n"
        )


def _refuse_labels_without_posts(
    recipe: Recipe, hashtags: list[str], posts: Path, rejects: Rejects
) -> None:
    if recipe.selection.top_n is None:
        return  # a numbering of all hashtags, not a label set
    indices = pl.scan_parquet(posts).select(pl.col("labels").explode().unique()).collect()
    without = sorted(set(range(len(hashtags))) - set(indices["labels"]))
    if without:
        names = ", ".join(f"#{hashtags[index]}" for index in without[:MOST_NAMED])
        more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
        raise InputError(
            f"data={recipe.source.name}: the label set has {names}{more}, whose posts are all left "
            f"out ({_listed(rejects)}); choose labels that posts have with "
            "selection.count_on=train, or keep the posts (selection.min_tokens_per_hashtag=0)"
        )


def _most_frequent(counts: Counter[str]) -> str:
    return ", ".join(f"#{name}" for name, _ in counts.most_common(MOST_NAMED))


def _listed(rejects: Rejects) -> str:
    return "; ".join(f"{reason}: {count:,}" for reason, count in sorted(rejects.counts.items()))
