"""Search for good settings: Optuna proposes, each trial is a run in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from tagfinder.artifacts.ownership import alone_in
from tagfinder.configuration.application import run_hydra
from tagfinder.configuration.build import build
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir
from tagfinder.sweeping.job import run_job
from tagfinder.sweeping.records import JobRecord, read_record
from tagfinder.sweeping.study import STUDY_FILE, open_study

GROUP = "sweep"
DEFAULTS = "default"
ANY_NETWORK = "neural"


@dataclass(frozen=True)
class Search:
    """A search: the settings to try.

    Attributes:
        overrides: what every trial is called with.
        space: key -> values that it may have.
        trials: trials in all, finished ones included.
        sampler: `_target_` and arguments of an Optuna sampler, without its seed.
        pruner: `_target_` and arguments of an Optuna pruner.
        seed: of the sampler.
    """

    overrides: list[str]
    space: dict[str, BaseDistribution]
    trials: int
    sampler: dict[str, Any]
    pruner: dict[str, Any]
    seed: int


def ready_searches() -> list[str]:
    """Return the names of the searches in `conf/sweep/`."""
    names = {file.stem for file in (conf_dir() / GROUP).glob("*.yaml")}
    return sorted(names - {DEFAULTS})


def load_search(name: str, overrides: Sequence[str], **settings: Any) -> Search:
    """Read a search of `conf/sweep/`, or one from a file.

    Args:
        name: name of a ready search, or path of a YAML file.
        overrides: further overrides of every trial.
        **settings: replace the search's own where they are not None.

    Raises:
        InputError: there is no such search, or it cannot be understood.
    """
    file = Path(name) if name.endswith(".yaml") else conf_dir() / GROUP / f"{name}.yaml"
    if not file.is_file() or name == DEFAULTS:
        raise InputError(
            f"{name}: there is no such search; it is one of {', '.join(ready_searches())}, "
            "or a path that ends with .yaml (a network of your own: "
            f"tagfinder sweep {ANY_NETWORK} model={name})"
        )
    defaults = _read(conf_dir() / GROUP / f"{DEFAULTS}.yaml")
    own = {key: value for key, value in settings.items() if value is not None}
    merged = defaults | _read(file) | own
    unknown = merged.keys() - {"overrides", "space", *defaults}
    if unknown or not merged.get("space"):
        what = f"unknown keys {', '.join(sorted(unknown))}" if unknown else "no space"
        raise InputError(f"{file}: {what}; a search has overrides, {', '.join(defaults)} and space")
    space = {key: build(distribution) for key, distribution in merged.pop("space").items()}
    given = {override.partition("=")[0] for override in overrides}
    begin = [o for o in merged.pop("overrides", []) if o.partition("=")[0] not in given]
    return Search(overrides=[*begin, *overrides], space=space, **merged)


def _read(file: Path) -> dict[str, Any]:
    content: Any = OmegaConf.to_container(OmegaConf.load(file))
    if not isinstance(content, dict):
        raise InputError(f"{file} is not a mapping of keys to values")
    return content


def search(what: Search, folder: Path, train: Callable[[DictConfig], float]) -> optuna.Study:
    """Run trials until there are as many as requested; trials of earlier calls count.

    Several processes may work on one folder. A trial that died with its process continues first.

    Args:
        what: the space, and how to look through it.
        folder: gets `study.db`, `sweep.csv` and a folder for each trial.
        train: gives the best validation score of a configuration.

    Raises:
        InputError: the folder holds another search.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_same_search(what, folder)
    while trial := _next_trial(what, folder):
        _run_trial(what, trial, folder, train)
    return open_study(folder / STUDY_FILE)


def _check_same_search(what: Search, folder: Path) -> None:
    asked = {
        "overrides": what.overrides,
        "space": {key: repr(distribution) for key, distribution in what.space.items()},
    }
    study = open_study(folder / STUDY_FILE)
    if not study.user_attrs:
        study.set_user_attr("search", asked)
    elif study.user_attrs["search"] != asked:
        raise InputError(
            f"{folder} holds another search, with {study.user_attrs['search']}; "
            "continue with the same space and overrides, or name another folder"
        )


def _next_trial(what: Search, folder: Path) -> Trial | None:
    study = open_study(folder / STUDY_FILE)
    trials = study.get_trials(deepcopy=False)
    for frozen in trials:
        if frozen.state == TrialState.RUNNING and _is_abandoned(folder, frozen):
            return Trial(study, frozen._trial_id)
    if len(trials) >= what.trials:
        return None
    # One seed would propose the same again in each process and after each restart.
    study.sampler = build(what.sampler, seed=what.seed + len(trials))
    return study.ask(what.space)


def _is_abandoned(folder: Path, frozen: FrozenTrial) -> bool:
    with alone_in(_folder_of_trial(folder, frozen.number)) as alone:
        return alone


def _folder_of_trial(folder: Path, number: int) -> Path:
    return folder / f"trial-{number:03d}"


def _run_trial(
    what: Search, trial: Trial, folder: Path, train: Callable[[DictConfig], float]
) -> None:
    trial_folder = _folder_of_trial(folder, trial.number)
    chosen = [f"{key}={value}" for key, value in trial.params.items()]

    def task(config: DictConfig) -> None:
        pruning = {
            "_target_": "tagfinder.sweeping.study.PruningCallback",
            "storage": str(folder / STUDY_FILE),
            "trial": trial.number,
            "pruner": what.pruner,
        }
        config.callbacks = {**config.callbacks, "pruning": pruning}
        run_job(train, config, sweep=folder.absolute().name)

    try:
        run_hydra(task, [*what.overrides, *chosen, f"run_dir={trial_folder}"], "train")
    except InputError:
        # The keys of the space are wrong for every trial: trying them all is useless.
        trial.study.tell(trial, state=TrialState.FAIL)
        raise
    record = read_record(trial_folder)
    if record is not None and record.status not in ("running", "stopped"):
        _tell(trial, record)


def _tell(trial: Trial, record: JobRecord) -> None:
    if record.status == "ok" and record.score is not None:
        trial.study.tell(trial, record.score)
    else:
        pruned = record.status == "pruned"
        trial.study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)
