"""`tagfinder train`: a Hydra application."""

from __future__ import annotations

import click

from tagfinder.commands.completion import complete_override
from tagfinder.commands.show import SHOW, show_config

OVERRIDES = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@click.command(context_settings=OVERRIDES, add_help_option=False)
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_override)
def command(overrides: tuple[str, ...]) -> None:
    """Train a recommender, score it, leave a run folder.

    OVERRIDES are key=value, as in model=fasttext; --show prints the configuration instead.
    """
    if SHOW in overrides:
        show_config(overrides)
        return
    from tagfinder.sweeping.task import run_configured

    run_configured("tagfinder.runs.train:train", overrides, "train")
