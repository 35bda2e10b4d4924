"""`tagfinder compare`: finished runs, post by post."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size

import click

from tagfinder.commands.options import bootstrap_options, ranks_option, trust_option
from tagfinder.errors import InputError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for comparison.md, .tex and .json, scores.csv, differences.csv, and a figure.",
)
@ranks_option
@click.option(
    "--samples",
    default=50,
    show_default=True,
    type=click.IntRange(min=2),
    help="Systematic samples of the student report's intervals.",
)
@bootstrap_options
@trust_option
def command(  # noqa: PLR0917 - one argument for each option
    runs: tuple[Path, ...],
    out: Path,
    ks: tuple[int, ...],
    metric: str,
    samples: int,
    resamples: int,
    seed: int,
) -> None:
    """Compare the RUNS, which must have been scored on the same posts.

    Runs that differ only in their seed count as one recommender: name several seeds of each, so
    that a difference holds for other seeds too. Means with two kinds of 95 % intervals, differences
    of all pairs with Holm-corrected p-values. The page goes to standard output too.
    """
    from tagfinder.runs.compare import Statistics, compare_runs, write_comparison
    from tagfinder.runs.finished_runs import open_runs

    if len(runs) < 2:
        raise InputError("name at least two runs to compare")
    statistics = Statistics(tuple(sorted(set(ks))), metric, samples, resamples, seed)
    compared = compare_runs(open_runs(runs), statistics)
    write_comparison(compared, out)
    shown = sys.stdout.isatty()
    click.echo(compared.text(get_terminal_size().columns) if shown else compared.markdown())
    click.echo(f"tagfinder: wrote {out}", err=True)
