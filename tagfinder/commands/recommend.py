"""`tagfinder recommend`: hashtags for texts."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tagfinder.commands.options import (
    DATA_HELP,
    arrived_lines,
    executor_options,
    filter_options,
    require_recommender,
    trust_option,
)
from tagfinder.errors import InputError
from tagfinder.escaping import for_json, for_terminal

if TYPE_CHECKING:
    from tagfinder.recommend.loading import Suggester
    from tagfinder.recommend.suggestion import Suggestions

# Texts that are scored together.
TEXTS = 1024
PARQUET = ".parquet"


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--k", default=5, show_default=True, type=click.IntRange(1), help="Most hashtags.")
@click.option(
    "--threshold",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Least probability of a hashtag.",
)
@click.option("--repeat", is_flag=True, help="Also suggest hashtags that the text has already.")
@click.option("--author", help="Who writes; for recommenders that keep learning.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--model-input", is_flag=True, help="Show the cleaned text too.")
@click.option(
    "--input",
    "source",
    type=click.Path(path_type=Path),
    help="File of posts in any form that data=files reads, instead of texts; of any size. Or a "
    "folder of them, which several workers do file by file.",
)
@click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path),
    help="Parquet file to write: the posts of --input with suggestions. Or a folder: then a file "
    "for each of --input, and existing files are kept.",
)
@click.option("--column", default="text", show_default=True, help="Column of texts in --input.")
@click.option("--data", multiple=True, metavar="KEY=VALUE", help=DATA_HELP)
@filter_options
@executor_options
@trust_option
def command(  # noqa: PLR0917 - one argument for each option
    run: Path,
    texts: tuple[str, ...],
    k: int,
    threshold: float,
    repeat: bool,
    author: str | None,
    as_json: bool,
    model_input: bool,
    source: Path | None,
    target: Path | None,
    column: str,
    data: tuple[str, ...],
    deny: Path | None,
    allow: Path | None,
    executor_name: str,
    jobs: int | None,
    executor_settings: tuple[str, ...],
) -> None:
    """Suggest hashtags for each TEXT, each line of standard input, or each row of a file.

    RUN is a run's folder or a bundle. Probabilities are calibrated; scores are those that the
    evaluator sees.
    """
    if (source is None) != (target is None) or (source and texts):
        raise InputError("give texts, or --input FILE together with --output FILE")
    if source and target and not source.is_dir() and target.suffix != PARQUET:
        raise InputError(f"--output {target} is written as Parquet; name it {target.stem}{PARQUET}")
    require_recommender(run)
    from tagfinder.corpus.hashtag_filter import hashtag_filter
    from tagfinder.recommend.loading import load

    settings: dict[str, Any] = {"k": k, "threshold": threshold, "repeat": repeat, "author": author}
    files = {"column": column, "settings": data}
    if source and target and source.is_dir() and target.suffix != PARQUET:
        from tagfinder.configuration.executors.choice import executor_of
        from tagfinder.recommend.folders import suggest_for_folder

        executor = executor_of(executor_name, jobs, executor_settings)
        rows = suggest_for_folder(
            *(run, source, target, executor),
            deny=deny,
            allow=allow,
            settings=settings | files,
        )
        click.echo(f"{rows:,} posts written to {target}", err=True)
        return
    recommender = load(run, hashtags=hashtag_filter(deny, allow))
    if source and target:
        _suggest_for_file(recommender, source, target, settings | files)
        return
    _hint_at_quotes(texts)
    arguments = [os.fsencode(text) for text in texts]
    if texts and "torch" in sys.modules:
        # On a few short texts threads compute less than they wait for each other, busily.
        sys.modules["torch"].set_num_threads(1)
    for lines in [arguments] if texts else arrived_lines(sys.stdin.buffer):
        for start in range(0, len(lines), TEXTS):
            some = [line.decode(errors="replace") for line in lines[start : start + TEXTS]]
            suggested = recommender.suggest(some, **settings)
            _print(_rendered(suggested, as_json, model_input))


def _hint_at_quotes(texts: Sequence[str]) -> None:
    """Say how to quote where the words of one post may have become several arguments."""
    if len(texts) > 1 and all(len(text.split()) == 1 for text in texts):
        quoted = for_terminal(shlex.quote(" ".join(texts)))
        click.echo(f"each argument is a post; if this is one, quote it: {quoted}", err=True)


def _suggest_for_file(
    recommender: Suggester, source: Path, target: Path, settings: dict[str, Any]
) -> None:
    from tagfinder.recommend.parquet import suggest_for_file

    rows = suggest_for_file(recommender, source, target, **settings)
    click.echo(f"{rows:,} posts written to {target}", err=True)


def _rendered(suggested: Iterable[Suggestions], as_json: bool, model_input: bool) -> Iterable[str]:
    for one in suggested:
        if as_json:
            yield for_json(one.as_dict(model_input=model_input))
        else:
            yield _for_people(one, model_input)


def _for_people(suggested: Suggestions, model_input: bool) -> str:
    lines = [for_terminal(suggested.text)]
    if model_input:
        lines.append(f"  the model reads: {for_terminal(suggested.model_input)}")
    lines += [
        f"  {one.probability:4.0%}  #{for_terminal(one.hashtag)}" for one in suggested.hashtags
    ]
    if not suggested.hashtags:
        lines.append(f"  no suggestion: {suggested.note or 'no hashtag reaches the threshold'}")
    return "\n".join(lines)


def _print(lines: Iterable[str]) -> None:
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    sys.stdout.buffer.flush()
