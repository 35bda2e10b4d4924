"""`tagfinder evaluate`: scores a finished run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import click

from tagfinder.commands.options import require_recommender, trust_option


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--checkpoint",
    default="scored",
    show_default=True,
    help="scored (the weights of the run's own scores), best, last, all (every "
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
@click.option(
    "--protocol",
    type=click.Choice(["live"]),
    help="live: order all posts by time, and score each with the posts known the day before; "
    "the run's recommender is retrained for that, see --refit. The result is a run folder "
    "within RUN. A run with model=live is scored by slices only.",
)
@click.option(
    "--refit",
    default="never",
    show_default=True,
    type=click.Choice(["never", "monthly", "weekly"]),
    help="With --protocol: when the recommender is retrained, on all posts known by then. "
    "never fits once, when the test part begins. Repeating a stopped call continues it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@trust_option
def command(
    run: Path,
    *,
    checkpoint: str,
    part: Literal["val", "test"],
    with_errors: bool,
    protocol: str | None,
    refit: Literal["never", "monthly", "weekly"],
    as_json: bool,
) -> None:
    """Score the run in the folder RUN again, with the weights it was scored with or by epoch.

    With these weights on the test part, the run's folder also gets figures/ (confusions, ROC and
    precision-recall curves, scores by label, length and month, calibration), errors.json,
    worst_posts.md (it quotes posts) and thresholds.json.
    """
    require_recommender(run)
    from tagfinder.runs.error_analysis import analyse_run, effect_table
    from tagfinder.runs.rescore import evaluate, evaluation_table
    from tagfinder.runs.train import silence_noise

    silence_noise()
    if protocol is not None:
        _over_time(run, protocol, refit, as_json)
        return
    effect: dict[str, Any] = {}
    if with_errors and checkpoint == "scored" and part == "test":
        row, effect = analyse_run(run)
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


def _over_time(
    folder: Path, protocol: str, refit: Literal["never", "monthly", "weekly"], as_json: bool
) -> None:
    from tagfinder.artifacts.manifest import changing
    from tagfinder.artifacts.ownership import owned, traced
    from tagfinder.artifacts.run_folder import RunFolder
    from tagfinder.runs.refit import evaluate_over_time, refit_table
    from tagfinder.runs.slices import can_be_sliced, write_slices

    run = RunFolder.open(folder)
    if can_be_sliced(run):
        with owned(run.path), traced(run.path), changing(run.path, "slices.*", "figures/*"):
            slices = write_slices(run)
        shown = slices.table(f"{folder.name}, protocol {protocol}").markdown()
    else:
        run, slices = evaluate_over_time(folder, protocol, refit)
        shown = refit_table(run, slices)
    if as_json:
        click.echo(json.dumps({"run": str(run.path), **slices.overall}, allow_nan=False))
    else:
        click.echo(shown)
