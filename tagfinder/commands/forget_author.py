"""`tagfinder forget-author`: delete all that a live recommender has of an account."""

from __future__ import annotations

from pathlib import Path

import click

from tagfinder.commands.options import posts_options, trust_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@posts_options
@trust_option
def command(run: Path, name: str, store: str, schema: str) -> None:
    """Delete all posts of the author NAME from RUN, and the name.

    NAME is written as in the posts. When this ends, no file of RUN has the posts, their ids, the
    words and hashtags that only they had, or the name. A service may run meanwhile: it follows.
    """
    from tagfinder.recommend.teaching import forget_author_in

    click.echo(forget_author_in(run, name, store=store, schema=schema))
