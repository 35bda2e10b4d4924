"""`tagfinder serve`: suggestions over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

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
    help="What computes; onnx needs bundles that were exported with --onnx or --int8.",
)
@click.option("--teach", is_flag=True, help="Let clients teach: POST /posts, for model=live.")
def command(  # noqa: PLR0917 - one argument for each option
    runs: tuple[Path, ...], host: str, port: int, config: Path | None, runtime: Any, teach: bool
) -> None:
    """Serve the recommenders of RUNS (run folders or bundles) over HTTP; see /docs.

    Where the environment variable TAGFINDER_API_KEY is set, clients must send it as X-API-Key.
    """
    from tagfinder.recommend.live import LiveSuggester
    from tagfinder.recommend.loading import load

    try:
        from tagfinder.serve.app import api_key_from_environment, create_app
        from tagfinder.serve.limits import load_limits
        from tagfinder.serve.server import serve
    except ImportError as error:
        raise InputError(f"serve needs {error.name}: pip install 'tagfinder[serve]'") from error
    limits = load_limits(config)
    recommenders = [load(run, runtime=runtime, teach=teach) for run in runs]
    for recommender in recommenders:
        if isinstance(recommender, LiveSuggester):
            recommender.get_ready()
    serve(create_app(recommenders, limits, api_key_from_environment()), host, port, limits)
