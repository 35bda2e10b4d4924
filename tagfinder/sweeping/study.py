"""A study in a file: what was tried, what came out, across processes and restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna

STUDY_FILE = "study.db"
NAME = "tagfinder"


def open_study(file: str | Path, **settings: Any) -> optuna.Study:
    """Open the study in a SQLite file, or begin it; the highest score is the best.

    Args:
        file: the database.
        **settings: sampler and pruner, as `optuna.create_study` takes them.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Processes that share the file wait for each other instead of failing.
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": 60}}
    )
    return optuna.create_study(
        study_name=NAME, storage=storage, direction="maximize", load_if_exists=True, **settings
    )
