"""Words and options that several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DATA_HELP = "How files are read: a setting of data=files, as in separator=';' or columns.text=body."


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
