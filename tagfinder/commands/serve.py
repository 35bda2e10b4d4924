"""`tagfinder serve`: suggestions over HTTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tagfinder.commands.options import (
    filter_options,
    posts_options,
    require_recommender,
    trust_option,
)
from tagfinder.commands.stopping import leave_at_once
from tagfinder.errors import InputError


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--config", type=click.Path(path_type=Path), help="YAML file that replaces some limits."
)
@click.option(
    "--runtime",
    default="torch",
    show_default=True,
    type=click.Choice(["torch", "onnx", "onnx-int8"]),
    help="Runtime; onnx needs bundles that were exported with --onnx or --int8.",
)
@click.option("--teach", is_flag=True, help="Let clients teach: POST /posts, for model=live.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes that answer; each takes the memory of the whole recommender.",
)
@posts_options
@click.option(
    "--keys",
    "key_file",
    type=click.Path(path_type=Path),
    help="File of keys, one a line, one of which clients must send; read again when it changes.",
)
@click.option(
    "--allowed-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Host header that is answered, as *.example.org; may be repeated.",
)
@filter_options
@trust_option
def command(  # noqa: PLR0917 - one argument for each option
    runs: tuple[Path, ...],
    host: str,
    port: int,
    config: Path | None,
    runtime: Any,
    teach: bool,
    workers: int,
    store: str,
    schema: str,
    key_file: Path | None,
    hosts: tuple[str, ...],
    deny: Path | None,
    allow: Path | None,
) -> None:
    """Serve the recommenders of RUNS (run folders or bundles) over HTTP; see /docs.

    Where --keys is given or the environment variable TAGFINDER_API_KEY is set, clients must send a
    key as X-API-Key.
    """
    for run in runs:
        require_recommender(run)
    try:
        from tagfinder.serve.limits import load_limits
        from tagfinder.serve.served import Served
        from tagfinder.serve.server import names_of_host, serve
    except ImportError as error:
        raise InputError(f"serve needs {error.name}: pip install 'tagfinder[serve]'") from error
    limits = load_limits(config)
    allowed = names_of_host(host, [*limits.allowed_hosts, *hosts])
    served = Served(
        runs=runs,
        limits=replace(limits, allowed_hosts=allowed),
        runtime=runtime,
        teach=teach,
        posts=store,
        schema=schema,
        deny=deny,
        allow=allow,
        key_file=key_file,
    )
    serve(served, host, port, workers)
    # A thread that still learns may be deep in a library's code, which Python would wait for.
    # Acknowledged posts are on disk, and interrupted learning is repeated.
    leave_at_once(0)
