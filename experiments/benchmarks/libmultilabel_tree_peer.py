"""LibMultiLabel's label tree on given features; runs in an environment of its own.

    python libmultilabel_tree_peer.py FOLDER K

FOLDER holds `train_features.npz`, `train_labels.npz` and `test_features.npz`. The K best labels of
the test posts go to `ranked.npy` in it; its cost is printed as JSON. All settings are the
package's own defaults.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from libmultilabel import linear
from scipy.sparse import load_npz

BATCH = 256


def main(folder: str, k: str) -> None:
    """Train, rank, and print the cost."""
    names = ("train_features", "train_labels", "test_features")
    train, labels, test = (load_npz(Path(folder) / f"{name}.npz") for name in names)
    begun = time.perf_counter()
    model = linear.train_tree(labels.astype(float), train, verbose=False)
    trained = time.perf_counter()
    best = []
    for start in range(0, test.shape[0], BATCH):
        values = model.predict_values(test[start : start + BATCH])
        values = values.toarray() if hasattr(values, "toarray") else values
        best.append(np.argsort(-values, axis=1)[:, : int(k)])
    ended = time.perf_counter()
    np.save(Path(folder) / "ranked.npy", np.concatenate(best))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "train_seconds": trained - begun,
        "posts_per_second": test.shape[0] / (ended - trained),
        "core_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
