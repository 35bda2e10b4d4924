"""`tagfinder prepare`: a Hydra application."""

from __future__ import annotations

import click

from tagfinder.commands.completion import complete_override
from tagfinder.commands.show import SHOW, show_config
from tagfinder.commands.train import OVERRIDES


@click.command(context_settings=OVERRIDES, add_help_option=False)
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_override)
def command(overrides: tuple[str, ...]) -> None:
    """Prepare a corpus, describe it, print its folder."""
    if SHOW in overrides:
        show_config(overrides)
        return
    from tagfinder.sweeping.task import run_configured

    run_configured("tagfinder.runs.corpus:prepare_and_describe", overrides, "prepare")
