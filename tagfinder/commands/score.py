"""`tagfinder score`: scores anybody's rankings against the truth."""

from __future__ import annotations

import json
from pathlib import Path

import click


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
@click.option(
    "--k",
    "ks",
    multiple=True,
    default=(3, 5, 10),
    show_default="3, 5, 10",
    type=click.IntRange(min=1),
    help="Ranks at which to score; give it several times.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=2),
    help="Also give means and 95 % intervals over so many systematic samples (the report has 50).",
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
def command(  # noqa: PLR0917 - one argument for each option
    predictions: Path,
    truth: Path,
    ks: tuple[int, ...],
    samples: int | None,
    labels: Path | None,
    with_open: bool,
) -> None:
    """Score rankings against true labels and print one JSON object.

    ndcg@k, map@k, precision@k, recall@k, hit_rate@k and mrr@k are the standard scores,
    report_ndcg@k and report_map@k the definitions of the student report. Rows without true labels
    are left out and counted.
    """
    from tagfinder.evaluation.score import judge, score

    ranks = sorted(set(ks))
    judged = judge(predictions, truth, ranks[-1], labels)
    result = score(judged, ranks, samples, with_open)
    for note in judged.notes:
        click.echo(f"tagfinder: warning: {note}", err=True)
    click.echo(json.dumps(result, indent=2, allow_nan=False))
