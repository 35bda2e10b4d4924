"""`tagfinder demo`: a web page to try recommenders."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import click

from tagfinder.commands.options import require_recommender, trust_option
from tagfinder.errors import InputError


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open a browser.")
@trust_option
def command(runs: tuple[Path, ...], host: str, port: int, browser: bool) -> None:
    """Open a web page for RUNS (run folders or bundles)."""
    if importlib.util.find_spec("streamlit") is None:
        raise InputError("demo needs streamlit: pip install 'tagfinder[demo]'")
    for run in runs:
        require_recommender(run)
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": str(not browser).lower(),
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    page = Path(__file__).parents[1] / "demo" / "page.py"
    paths = [str(run) for run in runs]
    streamlit = [sys.executable, "-m", "streamlit", "run", str(page), *flags, "--", *paths]
    if sys.platform == "win32":
        sys.exit(subprocess.call(streamlit))
    # Replace this process, so that a signal to it ends the page.
    os.execv(sys.executable, streamlit)
