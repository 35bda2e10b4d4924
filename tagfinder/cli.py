"""The command line: a table of commands, each imported only when it is called."""

from __future__ import annotations

import difflib
import importlib
import logging
import sys
import traceback

import click

from tagfinder.commands.stopping import ended_by_sigterm
from tagfinder.errors import InputError, TagFinderError, in_sentences
from tagfinder.escaping import PrintableLogRecord, for_terminal

DEBUG = "--debug"

COMMANDS = {
    "collect": "Collect tagged posts from X, Mastodon and Bluesky.",
    "prepare": "Make a multi-label corpus of posts: clean, select, split (Hydra overrides).",
    "train": "Train a recommender, score it, leave a run folder (Hydra overrides).",
    "sweep": "Search for the settings with the best validation score (Optuna).",
    "evaluate": "Score a run again, with its scored weights or checkpoint by checkpoint.",
    "clean": "Show what the cleaning makes of a text.",
    "score": "Score rankings of any recommender against the truth.",
    "compare": "Compare runs post by post: confidence intervals and significance of differences.",
    "combine": "Make one recommender of several runs, with weights learned on validation posts.",
    "report": "Write up runs as one HTML page and Markdown: data, scores, statistics, errors.",
    "recommend": "Suggest hashtags for texts, from a run or a bundle.",
    "update": "Teach a live recommender new posts, or make it forget some.",
    "forget-author": "Delete all posts of an account from a live recommender, and its name.",
    "export": "Write a run's recommender as a bundle of plain files, with a model card.",
    "push": "Put a run's recommender on the Hugging Face Hub, with a model card.",
    "serve": "Serve suggestions over HTTP.",
    "completion": "Print a script that completes commands and keys in a shell.",
    "demo": "Open a web page to try recommenders.",
}


class LazyCommands(click.Group):
    """A group whose help needs none of its commands' modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `tagfinder.commands.<name>` and return its `command`."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tagfinder.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; of an unknown one say which is meant.

        Raises:
            InputError: there is no such command.
        """
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f"did you mean {close[0]}?" if close else "tagfinder --help lists them"
        raise InputError(f"there is no command {name}; {meant}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table instead of importing each for its first line."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tagfinder")
@click.option(
    DEBUG,
    is_flag=True,
    expose_value=False,
    help="Show the traceback of an error as well; before or after the command.",
)
def cli() -> None:
    """Learn from tagged posts which hashtags fit a new one."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; end with 0 (done), 1 (the work failed) or 2 (a wrong request)."""
    logging.setLogRecordFactory(PrintableLogRecord)
    given, debug = without_debug(sys.argv[1:] if arguments is None else arguments)
    try:
        with ended_by_sigterm(), in_sentences():
            cli.main(args=given, prog_name="tagfinder", standalone_mode=True)
    except TagFinderError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"tagfinder: error: {for_terminal(str(error))}", err=True)
        sys.exit(error.exit_code)


def without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Return the arguments without `--debug`, and whether it was there; `--` ends the options."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != DEBUG]
    return [*options, *arguments[end:]], len(options) < end
