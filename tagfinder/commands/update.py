"""`tagfinder update`: teach a live recommender new posts, or make it forget some."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from tagfinder.commands.options import DATA_HELP, posts_options, trust_option
from tagfinder.errors import InputError


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("posts", nargs=-1, metavar="[FILE]...")
@click.option("--data", multiple=True, metavar="KEY=VALUE", help=DATA_HELP)
@click.option("--delete", "ids", multiple=True, metavar="ID", help="Forget the post of this id.")
@click.option(
    "--delete-file",
    type=click.File(encoding="utf-8"),
    help="Forget the posts of these ids, one a line.",
)
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Forget posts from before a day.")
@click.option(
    "--newest", type=click.IntRange(0), help="Forget all but this number of the newest posts."
)
@posts_options
@trust_option
def command(  # noqa: PLR0917 - one argument for each option
    run: Path,
    posts: tuple[str, ...],
    data: tuple[str, ...],
    ids: tuple[str, ...],
    delete_file: TextIO | None,
    before: datetime | None,
    newest: int | None,
    store: str,
    schema: str,
) -> None:
    """Teach the recommender of RUN the posts of each FILE.

    Files may be in any form that data=files reads.

    Posts are known as soon as they are taught, and durable when this ends. Posts that are known
    already are left as they are, so that it can be repeated. A service may run meanwhile: it
    follows. The classifiers of the hashtags in use and of their authors are trained again when it
    is time to, which takes up to a minute; where a service runs, the service does it.
    """
    listed = [line.strip() for line in delete_file] if delete_file else []
    wanted = [*ids, *(line for line in listed if line)]
    if not (posts or wanted or before or newest is not None):
        raise InputError("nothing to do: give FILEs to teach, or --delete, --before or --newest")
    from tagfinder.recommend.teaching import forget_in, teach_files

    if posts:
        click.echo(teach_files(run, list(posts), data, store=store, schema=schema))
    if wanted or before or newest is not None:
        click.echo(forget_in(run, wanted, before, newest, store=store, schema=schema))
