"""`tagfinder prepare`: a Hydra application."""

from __future__ import annotations

import click

from tagfinder.commands.train import OVERRIDES


@click.command(context_settings=OVERRIDES, add_help_option=False)
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED)
def command(overrides: tuple[str, ...]) -> None:
    """Prepare a corpus, describe it, print its folder."""
    from tagfinder.sweeping.task import run_configured

    run_configured("tagfinder.runs.corpus:prepare_and_describe", overrides, "prepare")
