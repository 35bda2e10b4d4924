"""LibMultiLabel's linear one-vs-rest on given texts; runs in an environment of its own.

    python libmultilabel_peer.py TASK.json SCORES.npy

TASK.json holds `train` and `test` texts and the label numbers of the `train` texts. The decision
values of the test texts go to SCORES.npy; its cost is printed as JSON. All settings are the
package's own defaults: scikit-learn's TF-IDF of words, liblinear in a thread for each core.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from libmultilabel import linear


def main(task_file: str, scores_file: str) -> None:
    """Train, score, and say how long the training took."""
    task = json.loads(Path(task_file).read_text())
    dataset = {
        "data_format": "dataframe",
        "train": {"x": task["train"], "y": task["labels"]},
        "test": {"x": task["test"], "y": [[] for _ in task["test"]]},
        "classes": list(range(task["n_labels"])),
    }
    start, core_start = time.perf_counter(), time.process_time()
    preprocessor = linear.Preprocessor().fit(dataset)
    train = preprocessor.transform({name: dataset[name] for name in ("data_format", "train")})
    features_done = time.perf_counter()
    model = linear.train_1vsrest(train["train"]["y"], train["train"]["x"], verbose=False)
    seconds = {
        "total": time.perf_counter() - start,
        "classifier": time.perf_counter() - features_done,
        "cores": time.process_time() - core_start,
    }
    test = preprocessor.vectorizer.transform(task["test"])
    np.save(scores_file, model.predict_values(test).astype(np.float32))
    print(json.dumps({"version": version("libmultilabel"), "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
