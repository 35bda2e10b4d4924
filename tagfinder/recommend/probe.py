"""`python -m tagfinder.recommend.probe RUN`: load a run under limits and end; see `native.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from tagfinder.configuration.build import build, build_model
from tagfinder.configuration.limits import limits
from tagfinder.errors import TagFinderError, in_sentences
from tagfinder.recommend.bundle import read_folder
from tagfinder.recommend.recommender import Recommender
from tagfinder.recommend.saved import is_live


def probe(folder: Path) -> None:
    """Build the recommender of a run from its state, and ask a closed one something."""
    saved = read_folder(folder)
    if is_live(saved.config):
        features = build(saved.config["features"])
        features.load(saved.features_folder)
        build_model(saved.config["model"], saved.label_set, features).restore_state(saved.state)
    else:
        Recommender(saved).suggest("a post of a few words #hashtag")


def limit_this_process() -> None:
    """Limit memory, beyond the use of the imported libraries, and processor time."""
    try:
        import resource
    except ImportError:  # Windows has neither.
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + limits().probe_memory_bytes
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + limits().probe_seconds
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    limit_this_process()
    try:
        with in_sentences():
            probe(Path(sys.argv[1]))
    except TagFinderError as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the process that waits for it
        sys.exit(1)
