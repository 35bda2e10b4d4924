"""Words and options that several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

DATA_HELP = "How files are read: a setting of data=files, as in separator=';' or columns.text=body."


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
