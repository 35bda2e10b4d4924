"""`tagfinder combine`: several finished runs as one recommender."""

from __future__ import annotations

from pathlib import Path

import click

from tagfinder.commands.options import require_recommender


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the new run; must not be there yet.",
)
def command(runs: tuple[Path, ...], out: Path) -> None:
    """Combine the RUNS, which must have the same corpus, split and label set.

    Their weights are learned on the validation part. The new run is scored, calibrated, exported
    and served like any other.
    """
    for run in runs:
        require_recommender(run)
    from tagfinder.runs.combine import combine
    from tagfinder.runs.summary import score_table
    from tagfinder.runs.train import silence_noise

    silence_noise()
    metrics = combine(runs, out)
    click.echo(score_table(metrics))
    for folder, member in metrics["members"].items():
        click.echo(
            f"weight {member['weight']:.2f}  {member['model']} ({folder}), alone "
            f"NDCG@5 {member['test_ndcg@5']:.4f}"
        )
    click.echo(f"run folder: {out}")
