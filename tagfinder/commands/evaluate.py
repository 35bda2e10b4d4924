"""`tagfinder evaluate`: scores a finished run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    default="scored",
    show_default=True,
    help="scored (the weights that the run's own scores stand for), best, last, all (every "
    "checkpoint that stayed: quality, seconds and size by epoch), or the path of a checkpoint.",
)
@click.option(
    "--part",
    default="test",
    show_default=True,
    type=click.Choice(["val", "test"]),
    help="Part of the run's corpus to score.",
)
@click.option(
    "--errors/--no-errors",
    "with_errors",
    default=True,
    show_default=True,
    help="Also look at the errors of the scored weights on the test part: figures, numbers, the "
    "worst posts, and thresholds tuned on the validation part, all in the run's folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(
    run: Path, checkpoint: str, part: Literal["val", "test"], with_errors: bool, as_json: bool
) -> None:
    """Score the run in the folder RUN again, with the weights it was scored with or by epoch.

    With these weights on the test part, the run's folder also gets figures/ (confusions, ROC and
    precision-recall curves, scores by label, length and month, calibration), errors.json,
    worst_posts.md (it quotes posts) and thresholds.json.
    """
    from tagfinder.evaluate import evaluate, evaluation_table
    from tagfinder.run_errors import effect_table, examine
    from tagfinder.train import silence_noise

    silence_noise()
    effect: dict[str, Any] = {}
    if with_errors and checkpoint == "scored" and part == "test":
        row, effect = examine(run)
        rows = [row]
    else:
        rows = evaluate(run, checkpoint, part)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, allow_nan=False))
    else:
        click.echo(evaluation_table(rows, f"{run.name}, {part} part"))
        if effect:
            click.echo(effect_table(effect).markdown())
