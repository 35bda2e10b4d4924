"""What the neighbours of a post say of hashtags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tagfinder.live.ascending import begins, distinct, places_among
from tagfinder.live.asking import Asking
from tagfinder.live.memory import NOBODY
from tagfinder.live.text_index import Neighbours


@dataclass(frozen=True)
class Votes:
    """What several groups of neighbours say of hashtags.

    Attributes:
        groups: (M,) int64 which group says it, ascending.
        hashtags: (M,) int64 of what, ascending within a group and each once.
        table: (M, 10) float32 `VOTE_NAMES`.
        n_groups: groups that there are, with those that say nothing.
    """

    groups: np.ndarray
    hashtags: np.ndarray
    table: np.ndarray
    n_groups: int


VOTE_NAMES = (
    *("sum", "cubes", "most", "posts", "first", "share"),
    *("lately", "this_month", "same_author", "like_authors"),
)
# What is asked of neighbours that are of one author, or of one time, anyway.
FEW_VOTES = VOTE_NAMES[: VOTE_NAMES.index("lately")]
# Place of the first neighbour where no neighbour has a hashtag.
NO_NEIGHBOUR = 999


def votes(asking: Asking, found: Sequence[Neighbours]) -> Votes:
    """Let groups of neighbours vote for their hashtags, each group by itself.

    Args:
        asking: the post.
        found: the groups; scores are taken relative to the best one's of the group.

    Returns:
        For each hashtag of a neighbour: sums of similarities (plain and cubed), the largest, the
        number of neighbours, the place of the first, the share of all cubes; then sums of cubes
        fading in 2 and in 30 days, of the same author, and weighted by the authors' likeness.
    """
    memory, question = asking.memory, asking.question
    # All groups in one pass, because a pass costs much the same whatever its length.
    sizes = np.array([len(group.numbers) for group in found])
    numbers = np.concatenate([group.numbers for group in found])
    flat, owners = memory.hashtags_at(numbers)
    if not len(flat):
        nothing = np.empty(0, np.int64)
        return Votes(nothing, nothing, np.empty((0, len(VOTE_NAMES)), np.float32), len(found))
    group_of = np.repeat(np.arange(len(found)), sizes)
    starts_of_groups = np.cumsum(sizes) - sizes
    scores = np.concatenate([group.scores for group in found]).astype(np.float64)
    best = [max(group.scores[0], 1e-9) if len(group.scores) else 1.0 for group in found]
    cubes = (scores / np.array(best)[group_of]) ** 3
    age = np.maximum(question.day - memory.days.values[numbers], 0)
    authors = memory.author_of.values[numbers]
    known = authors != NOBODY
    weights = np.stack(
        [
            scores,
            cubes,
            np.ones(len(scores)),
            cubes * np.exp2(-age / 2),
            cubes * np.exp2(-age / 30),
            cubes * (known & (authors == question.author)),
            cubes * np.where(known, asking.likeness[authors], 0),
        ]
    )
    n_hashtags = len(memory.hashtags)
    keys = group_of[owners] * n_hashtags + flat
    order = np.argsort(keys, kind="stable")
    keys, owners = keys[order], owners[order]
    starts = np.flatnonzero(begins(keys))
    groups, hashtags = np.divmod(keys[starts], n_hashtags)
    # Neighbours are sorted, so that a hashtag's first one is its most similar.
    first = owners[starts]
    sums = np.add.reduceat(weights[:, owners], starts, axis=1)
    all_cubes = np.bincount(group_of, weights=cubes, minlength=len(found))
    few = [
        *(sums[0], sums[1], scores[first], sums[2]),
        *(first - starts_of_groups[groups], sums[1] / all_cubes[groups]),
    ]
    table = np.stack([*few, *sums[3:]], axis=1).astype(np.float32)
    return Votes(groups, hashtags, table, len(found))


def spread(found: Votes, candidates: np.ndarray) -> np.ndarray:
    """Return (G, C, 10) each group's votes for candidates, zeros for those that nobody has."""
    tables = np.zeros((found.n_groups, len(candidates), len(VOTE_NAMES)), np.float32)
    tables[distinct(found.groups), :, VOTE_NAMES.index("first")] = NO_NEIGHBOUR
    # Typed and forgotten hashtags have votes but are no candidates.
    places, there = places_among(candidates, found.hashtags)
    tables[found.groups[there], places[there]] = found.table[there]
    return tables
