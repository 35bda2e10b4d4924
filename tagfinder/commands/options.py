"""Options, and checks of arguments, that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

from tagfinder.artifacts.trust import VARIABLE, trusted_packages
from tagfinder.errors import InputError

DATA_HELP = "How files are read: a setting of data=files, as in separator=';' or columns.text=body."
# One of these files makes a folder a recommender's: a bundle's list, or a run's configuration.
MARKS = ("bundle.json", "config.yaml")
# As `configuration.executors.choice` has them, without importing it for the help.
EXECUTORS = ("local", "slurm", "ray")
BLOCK_BYTES = 2**20


def _trust(context: click.Context, option: click.Parameter, packages: Sequence[str]) -> None:
    if not packages:
        return
    before = os.environ.get(VARIABLE, "")
    # In the environment, so that processes which this one begins trust the same.
    os.environ[VARIABLE] = ",".join([*trusted_packages(), *packages])
    context.call_on_close(lambda: os.environ.update({VARIABLE: before}))


trust_option = click.option(
    "--trust",
    multiple=True,
    metavar="PACKAGE",
    expose_value=False,
    is_eager=True,
    callback=_trust,
    help="Let the run build classes of this package as well: whoever made the run can then have "
    "it do anything that the package does. Give it several times.",
)

ranks_option = click.option(
    "--k",
    "ks",
    multiple=True,
    default=(3, 5, 10),
    show_default="3, 5, 10",
    type=click.IntRange(min=1),
    help="Ranks at which to score; give it several times.",
)


def bootstrap_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of comparing runs by a paired bootstrap."""
    metric = click.option(
        "--metric", default="ndcg@5", show_default=True, help="Metric of the matrix of differences."
    )
    resamples = click.option(
        "--resamples",
        default=10_000,
        show_default=True,
        type=click.IntRange(min=1),
        help="Resamples of the bootstrap.",
    )
    seed = click.option("--seed", default=1, show_default=True, help="Seed of the bootstrap.")
    return metric(resamples(seed(command)))


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that restrict which hashtags are suggested."""
    deny = click.option(
        "--deny",
        type=click.Path(path_type=Path),
        help="File of hashtags that are never suggested, one a line.",
    )
    allow = click.option(
        "--allow",
        type=click.Path(path_type=Path),
        help="File of the only hashtags that are suggested, one a line.",
    )
    return deny(allow(command))


def posts_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the posts of a live run are kept."""
    store = click.option(
        "--posts",
        "store",
        default="sqlite",
        show_default=True,
        envvar="TAGFINDER_POSTS",
        metavar="sqlite|ADDRESS",
        help="Where the posts of a live run are kept: in its folder, or on a PostgreSQL server "
        "that several machines share (postgresql://user@host/database).",
    )
    schema = click.option(
        "--schema",
        default="tagfinder",
        show_default=True,
        envvar="TAGFINDER_SCHEMA",
        help="Schema of the posts on that server; each run has its own.",
    )
    return store(schema(command))


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--executor`, `--jobs` and `--executor-setting`."""
    options = [
        click.option(
            "--executor",
            "executor_name",
            default="local",
            show_default=True,
            type=click.Choice(EXECUTORS),
            help="Who does the files of a folder: processes here, Slurm jobs or Ray tasks.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1),
            help="How many of them at a time; local takes one for each core.",
        ),
        click.option(
            "--executor-setting",
            "executor_settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="A key of conf/executor/NAME.yaml, such as partition=gpu or address=auto.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def require_recommender(folder: Path) -> None:
    """Refuse a path that holds neither a run nor a bundle.

    Raises:
        InputError: names what the path holds instead.
    """
    if any((folder / mark).is_file() for mark in MARKS):
        return
    if not folder.exists():
        raise InputError(f"{folder}: there is no such folder; name a run or a bundle")
    kind = "is a file" if folder.is_file() else "holds neither a run nor a bundle"
    raise InputError(f"{folder} {kind}; make a run with tagfinder train")


def arrived_lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines that have arrived, without waiting for more."""
    unfinished: list[bytes] = []
    while block := stream.read1(BLOCK_BYTES):  # type: ignore[attr-defined]
        lines, line_break, rest = block.rpartition(b"\n")
        if line_break:
            yield b"".join((*unfinished, lines)).split(b"\n")
            unfinished = []
        unfinished.append(rest)
    if any(unfinished):
        yield [b"".join(unfinished)]
