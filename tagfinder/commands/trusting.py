"""The option `--trust` of every command that opens a run."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from tagfinder.artifacts.trust import VARIABLE, trusted_packages


def _trust(context: click.Context, option: click.Parameter, packages: Sequence[str]) -> None:
    if not packages:
        return
    before = os.environ.get(VARIABLE, "")
    # In the environment, so that processes which this one begins trust the same.
    os.environ[VARIABLE] = ",".join([*trusted_packages(), *packages])
    context.call_on_close(lambda: os.environ.update({VARIABLE: before}))


trust_option = click.option(
    "--trust",
    multiple=True,
    metavar="PACKAGE",
    expose_value=False,
    is_eager=True,
    callback=_trust,
    help="Let the run build classes of this package as well: whoever made the run can then have "
    "it do anything that the package does. Give it several times.",
)
