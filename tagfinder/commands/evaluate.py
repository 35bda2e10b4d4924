"""`tagfinder evaluate`: scores a finished run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    help="last, all (every checkpoint that stayed: quality, seconds and size by epoch), "
    "or the path of a checkpoint.",
)
@click.option(
    "--part",
    default="test",
    show_default=True,
    type=click.Choice(["val", "test"]),
    help="Part of the run's corpus to score.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(run: Path, checkpoint: str, part: Literal["val", "test"], as_json: bool) -> None:
    """Score the run in the folder RUN again, with its last weights or by epoch."""
    from tagfinder.evaluate import evaluate, evaluation_table
    from tagfinder.train import silence_noise

    silence_noise()
    rows = evaluate(run, checkpoint, part)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, allow_nan=False))
    else:
        click.echo(evaluation_table(rows, f"{run.name}, {part} part"))
