"""How much `tagfinder recommend` computes from call to answer, against the import that it needs.

    python experiments/benchmarks/startup.py RUN...

For each run: seconds of processor time of one suggestion in a process of its own, and the ratio to
`import polars`, or to `import torch` for networks. The least of some repetitions, all interleaved.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path

from omegaconf import OmegaConf

REPETITIONS = 5
TEXT = "Sandbags needed at the town hall, the river keeps rising"


def seconds(*arguments: str) -> float:
    """Return the processor time that a Python process takes, of all its threads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    runs = parser.parse_args().runs
    commands = {f"import {name}": ("-c", f"import {name}") for name in ("polars", "torch")}
    commands |= {str(run): ("-m", "tagfinder", "recommend", str(run), TEXT) for run in runs}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(REPETITIONS):
        for name, command in commands.items():
            taken[name].append(seconds(*command))
    least = {name: min(values) for name, values in taken.items()}
    for run in runs:
        neural = "NeuralRecommender" in OmegaConf.load(run / "config.yaml").model._target_
        baseline = "import torch" if neural else "import polars"
        ratio = least[str(run)] / least[baseline]
        print(f"{run}: {least[str(run)]:.2f} s, {ratio:.2f} times {baseline}")
    print(", ".join(f"{name}: {least[name]:.2f} s" for name in ("import polars", "import torch")))


if __name__ == "__main__":
    main()
