"""`tagfinder completion`: a script that completes commands, options, keys and their values."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_TAGFINDER_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    bash: eval "$(tagfinder completion bash)"; zsh: the same with zsh, after compinit; fish:
    tagfinder completion fish | source.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "tagfinder", VARIABLE).source())


def complete_override(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[Any]:
    """Complete `key=value` of the commands that take overrides: groups, keys, options."""
    from tagfinder.configuration.overrides import keys_of, options_of

    key, equals, value = incomplete.partition("=")
    if equals:
        found = [f"{key}={option}" for option in options_of(key) if option.startswith(value)]
        return [CompletionItem(one) for one in found]
    return [CompletionItem(f"{known}=") for known in keys_of() if known.startswith(key)]
