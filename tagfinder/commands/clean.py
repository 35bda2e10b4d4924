"""`tagfinder clean`: show the cleaned form of a text."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from tagfinder.commands.options import arrived_lines
from tagfinder.errors import InputError
from tagfinder.escaping import for_terminal
from tagfinder.paths import conf_dir

if TYPE_CHECKING:
    from tagfinder.corpus.cleaning import Cleaning


@click.command()
@click.option("--further", is_flag=True, help="Continue to the bare words for TF-IDF and FastText.")
@click.option(
    "--inline-hashtags",
    type=click.Choice(["keep", "drop"]),
    help="Hashtags inside the text: keep them as words, or drop every hashtag.",
)
@click.option(
    "--cleaning",
    "name",
    default="report",
    show_default=True,
    metavar="NAME",
    help="A cleaning of the configuration: report, multilingual, light, live or none.",
)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
def command(further: bool, inline_hashtags: str | None, name: str, texts: tuple[str, ...]) -> None:
    """Clean each TEXT, or each line of standard input; print one cleaned line for each."""
    cleaning = load_cleaning(name, inline_hashtags)
    broken = 0
    for lines in [list(map(os.fsencode, texts))] if texts else arrived_lines(sys.stdin.buffer):
        decoded = [line.decode(errors="replace") for line in lines]
        broken += sum(text.encode() != line for text, line in zip(decoded, lines, strict=True))
        _print_lines(cleaning, decoded, further)
    if broken:
        click.echo(f"tagfinder: warning: {broken} lines were not all valid UTF-8", err=True)


def load_cleaning(name: str, inline_hashtags: str | None = None) -> Cleaning:
    """Build a packaged cleaning; `inline_hashtags` overrides its own choice.

    Raises:
        InputError: there is no cleaning of that name.
    """
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    files = {path.stem: path for path in sorted((conf_dir() / "cleaning").glob("*.yaml"))}
    if name not in files:
        raise InputError(f"--cleaning: there is no {name!r}; choose from {', '.join(files)}")
    config = OmegaConf.load(files[name])
    if inline_hashtags is not None:
        config.inline_hashtags = inline_hashtags
    cleaning: Cleaning = instantiate(config)
    return cleaning


def _print_lines(cleaning: Cleaning, lines: list[str], further: bool) -> None:
    import polars as pl

    texts = pl.Series(lines, dtype=pl.String)
    languages = cleaning.languages(texts)
    cleaned = cleaning.clean(texts, languages)
    if further:
        cleaned = cleaning.deep_clean(cleaned, languages)
    # A pipe gets the cleaned text, a terminal gets it with control characters escaped.
    shown = map(for_terminal, cleaned) if sys.stdout.isatty() else cleaned
    sys.stdout.buffer.write("".join(f"{line}\n" for line in shown).encode())
    sys.stdout.buffer.flush()
