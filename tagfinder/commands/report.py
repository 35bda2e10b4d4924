"""`tagfinder report`: one page about finished runs."""

from __future__ import annotations

from pathlib import Path

import click

from tagfinder.commands.options import bootstrap_options, trust_option


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for report.html (one file with everything inside) and report.md with figures/.",
)
@bootstrap_options
@trust_option
def command(runs: tuple[Path, ...], out: Path, metric: str, resamples: int, seed: int) -> None:
    """Write up the RUNS: data, settings, scores, statistics, errors, and commands.

    Runs on the same posts are compared with each other. No post is quoted.
    """
    from tagfinder.runs.compare import Statistics
    from tagfinder.runs.finished_runs import open_runs
    from tagfinder.runs.report import write_report

    statistics = Statistics(metric=metric, n_resamples=resamples, seed=seed)
    write_report(open_runs(runs), statistics, out)
    click.echo(str(out / "report.html"))
