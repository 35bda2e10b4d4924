"""Derive the statistics behind `data=synthetic` from the report's published figures.

    python experiments/derive_synthetic_world.py FOLDER

FOLDER holds `tables.json` (Table 3: how frequent each of the 50 labels is),
`hashtags_repository.csv` (the 200 most frequent hashtags) and `truth.json.gz` (the labels of the
27,703 posts of the test set). Only aggregates are kept: how often each set of labels occurs, which
is the truth's co-occurrence fitted to Table 3's frequencies.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from tagfinder.files import read_json, write_text

TARGET = Path(__file__).parents[1] / "tagfinder/corpus/sources/synthetic_world.json"
LABELS = 50
ROUNDS = 100
TOTAL = 1_000_000


def derive(folder: Path) -> dict[str, object]:
    """Return hashtags, their frequencies, sets of labels with counts, and further hashtags."""
    with (folder / "hashtags_repository.csv").open(encoding="utf-8") as stream:
        counted = [(row["Hashtag"], int(row["Count"])) for row in csv.DictReader(stream)]
    table3 = read_json(folder / "tables.json")["table3_label_frequency"]
    with gzip.open(folder / "truth.json.gz", "rt") as stream:
        sets = Counter(tuple(labels) for labels in json.load(stream).values())
    frequencies = [round(table3[str(label)], 6) for label in range(LABELS)]
    weights = fit(sets, frequencies)
    return {
        "about": "Statistics of the report '#TagFinder: Hashtags Recommendation On Twitter': "
        "Table 3, the label sets of its published truth (how often in a million posts, fitted to "
        "Table 3), and the hashtag counts of its public repository. "
        "Made by experiments/derive_synthetic_world.py.",
        "hashtags": [name for name, _ in counted[:LABELS]],
        "frequencies": frequencies,
        "label_sets": [
            [list(labels), round(w)] for labels, w in zip(sorted(sets), weights, strict=True)
        ],
        "others": dict(counted[LABELS:]),
    }


def fit(sets: Counter[tuple[int, ...]], frequencies: list[float]) -> np.ndarray:
    """Return weights of the sorted sets, close to their counts, with the given label frequencies.

    Iterative proportional fitting: each label's sets and all others are scaled in turn.
    """
    ordered = sorted(sets)
    weights = np.array([sets[labels] for labels in ordered], float)
    weights /= weights.sum()
    holds = np.array([[label in labels for labels in ordered] for label in range(LABELS)])
    for _ in range(ROUNDS):
        for has, wanted in zip(holds, frequencies, strict=True):
            present = weights[has].sum()
            weights *= np.where(has, wanted / present, (1 - wanted) / (1 - present))
    return weights * TOTAL


if __name__ == "__main__":
    lines = (
        f" {json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}"
        for name, value in derive(Path(sys.argv[1])).items()
    )
    write_text(TARGET, "{\n" + ",\n".join(lines) + "\n}\n")
