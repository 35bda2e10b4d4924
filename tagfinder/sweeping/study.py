"""A study in a file: what was tried and how it scored, shared by processes and restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytorch_lightning as lightning

from tagfinder.sweeping.job import PrunedError

STUDY_FILE = "study.db"
NAME = "tagfinder"
SCORE = "val/ndcg@5"


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


class PruningCallback(lightning.Callback):
    """Tells a study the validation NDCG@5 of each epoch and ends the run if the study says so.

    Args:
        storage: file of the study's database.
        trial: number of the trial in it.
        pruner: decides from the scores of all trials, epoch by epoch.
    """

    def __init__(self, storage: str, trial: int, pruner: optuna.pruners.BasePruner) -> None:
        study = open_study(storage, pruner=pruner)
        frozen = study.get_trials(deepcopy=False)[trial]
        self._trial = optuna.trial.Trial(study, frozen._trial_id)
        self._told = set(frozen.intermediate_values)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Report the epoch; scores are there because validation comes before.

        Raises:
            PrunedError: the trial is not worth continuing.
        """
        epoch = trainer.current_epoch + 1
        if SCORE not in trainer.callback_metrics:
            return
        score = float(trainer.callback_metrics[SCORE])
        # A trial that continues after its process died may come to an epoch a second time.
        if epoch not in self._told:
            self._trial.report(score, epoch)
        if self._trial.should_prune():
            raise PrunedError(
                f"NDCG@5 {score:.4f} after epoch {epoch} is below that of other trials"
            )
