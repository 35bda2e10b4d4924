"""Record the digests: `python tests/golden/record.py`, after a change of results that is meant."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from golden_digests import FILE, rounding
from golden_predictions import MODELS, predicted
from golden_world import live_digests

if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TAGFINDER_CACHE"] = f"{folder}/cache"
        digests = {"rounding": rounding(), **live_digests(Path(folder))}
        digests["predictions"] = {
            f"{model}, {name}": value
            for model in MODELS
            for name, value in predicted(model, Path(folder) / model).items()
        }
    FILE.write_text(json.dumps(digests, indent=1, sort_keys=True) + "\n")
