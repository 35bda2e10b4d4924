"""`tagfinder train`: a Hydra application."""

from __future__ import annotations

import click

OVERRIDES = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@click.command(context_settings=OVERRIDES, add_help_option=False)
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def command(overrides: tuple[str, ...]) -> None:
    """Train a recommender, score it, leave a run folder."""
    from tagfinder.sweeping.task import run_configured

    run_configured("tagfinder.runs.train:train", overrides, "train")
