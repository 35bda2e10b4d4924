"""A training session in two processes; Lightning starts the second one by running this again.

python two_processes.py FOLDER MODEL
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from small_run import run

if __name__ == "__main__":
    torch.set_num_threads(1)
    target, name = sys.argv[1:]
    done = run(Path(target), name, 2, False, devices=2, strategy="ddp")
    torch.save(done, Path(target) / f"done{os.environ.get('LOCAL_RANK', '0')}.pt")
