"""`tagfinder score`: scores rankings of any origin against the truth."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagfinder.commands.options import executor_options, ranks_option
from tagfinder.errors import InputError

if TYPE_CHECKING:
    from tagfinder.evaluation.score import Judged

ERROR_DEPTH = 10  # errors are always shown by NDCG@10


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--predictions",
    required=True,
    type=click.Path(path_type=Path),
    help='Rankings: JSON {"row": [label, ...best first]} (.json, .json.gz), or Parquet with the '
    "column top_labels, such as a run's predictions.parquet.",
)
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    help='True labels: JSON {"row": [label, ...]}, or Parquet with the column labels; '
    "a run's predictions.parquet holds both.",
)
@ranks_option
@click.option(
    "--samples",
    type=click.IntRange(min=2),
    help="Also give means and 95 % intervals over this number of systematic samples (report: 50).",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Label names in the order of their numbers (CSV with a header, hashtags.parquet, or "
    "lines of text), to match names with numbers.",
)
@click.option(
    "--open",
    "with_open",
    is_flag=True,
    help="Also score every tagged post, a hashtag outside the label set being a miss; "
    "the truth needs the column n_hashtags.",
)
@click.option(
    "--errors",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for figures and numbers of the errors, and the worst rows.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of two folders: where to keep what is scored already; workers elsewhere have to see it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; the default in a pipe.")
@executor_options
def command(  # noqa: PLR0917 - one argument for each option
    predictions: Path,
    truth: Path,
    ks: tuple[int, ...],
    samples: int | None,
    labels: Path | None,
    with_open: bool,
    errors: Path | None,
    work: Path | None,
    executor_name: str,
    jobs: int | None,
    executor_settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Score rankings against true labels; print a table, or one JSON object if piped.

    ndcg@k, map@k, precision@k, recall@k, hit_rate@k and mrr@k are the standard scores,
    report_ndcg@k and report_map@k the definitions of the student report. Rows without true labels
    are left out and counted.

    Two folders are scored file by file, those of one name with each other, and all together.
    """
    if predictions.is_dir() and truth.is_dir():
        if samples or errors:
            raise InputError("--samples and --errors need all rows at once; give two files")
        from tagfinder.configuration.executors.choice import executor_of
        from tagfinder.evaluation.score_folders import score_folders

        executor = executor_of(executor_name, jobs, executor_settings)
        with tempfile.TemporaryDirectory() as temporary:
            found = score_folders(
                *(predictions, truth, executor, work or Path(temporary)),
                ks=sorted(set(ks)),
                labels=labels,
                with_open=with_open,
            )
        _show(found, as_json)
        return
    from tagfinder.evaluation.score import judge, score

    ranks = sorted(set(ks))
    depth = ranks[-1] if errors is None else max(ranks[-1], ERROR_DEPTH)
    judged = judge(predictions, truth, depth, labels)
    result = score(judged, ranks, samples, with_open)
    for note in judged.notes:
        click.echo(f"tagfinder: warning: {note}", err=True)
    if errors is not None:
        _write_errors(judged, predictions, errors)
    _show(result, as_json)


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json or not sys.stdout.isatty():
        click.echo(json.dumps(result, indent=2, allow_nan=False))
        return
    from tagfinder.commands.tables import print_scores

    print_scores(result)


def _write_errors(judged: Judged, predictions: Path, folder: Path) -> None:
    from tagfinder.evaluation.error_counts import judgements_of_files
    from tagfinder.evaluation.error_report import write_errors

    write_errors(judgements_of_files(judged, predictions), folder, folder)
    click.echo(f"tagfinder: wrote {folder}", err=True)
