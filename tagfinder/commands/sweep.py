"""`tagfinder sweep`: search for good settings of a recommender."""

from __future__ import annotations

from pathlib import Path

import click

from tagfinder.commands.completion import complete_override
from tagfinder.errors import WorkError

SAMPLERS = {
    "tpe": "optuna.samplers.TPESampler",
    "random": "optuna.samplers.RandomSampler",
    "grid": "optuna.samplers.BruteForceSampler",
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("search")
@click.argument("overrides", nargs=-1, shell_complete=complete_override)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for study.db, sweep.csv and the trials; an existing one is continued.",
)
@click.option("--trials", type=click.IntRange(min=1), help="Trials in all, earlier ones included.")
@click.option(
    "--sampler",
    type=click.Choice(list(SAMPLERS)),
    help="Sampler: tpe (Bayesian, the default), random, or grid (all of a space "
    "without continuous values).",
)
@click.option("--seed", type=int, help="Seed of the sampler.")
def command(  # noqa: PLR0917 - one argument for each option
    search: str,
    overrides: tuple[str, ...],
    out: Path,
    trials: int | None,
    sampler: str | None,
    seed: int | None,
) -> None:
    """Search for the settings with the best validation NDCG@5.

    SEARCH is one of conf/sweep/ (a recommender's name) or a YAML file of your own; OVERRIDES go to
    every trial, as `tagfinder train` takes them. Trials that fall behind end early. Start it
    several times with one --out to search side by side.
    """
    from tagfinder.sweeping.search import load_search
    from tagfinder.sweeping.search import search as search_for
    from tagfinder.sweeping.watch import Watch, raise_failures

    target = {"_target_": SAMPLERS[sampler]} if sampler else None
    what = load_search(search, overrides, trials=trials, sampler=target, seed=seed)

    from tagfinder.runs.train import train

    watch = Watch(out)
    watch.start()
    try:
        study = search_for(what, out, train)
    finally:
        watch.end()
    if not any(trial.state.name == "COMPLETE" for trial in study.trials):
        raise_failures(watch)
        raise WorkError(f"no trial of {out} came to its end; see sweep.csv there")
    best = study.best_trial
    settings = " ".join(f"{key}={value}" for key, value in best.params.items())
    click.echo(f"best of {len(study.trials)} trials: NDCG@5 {best.value:.4f} with {settings}")
    click.echo(f"{out / 'sweep.csv'}")
    raise_failures(watch)
