"""`tagfinder push`: a run's recommender to the Hugging Face Hub."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from tagfinder.commands.options import require_recommender, trust_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("repository", metavar="OWNER/NAME")
@click.option(
    "--license",
    "license_name",
    help="Licence of the bundle, as SPDX or the Hugging Face Hub calls it, such as apache-2.0.",
)
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--revision", help="Branch to push to; the main one by default.")
@trust_option
def command(
    run: Path, repository: str, license_name: str | None, private: bool, revision: str | None
) -> None:
    """Put the recommender of RUN into a repository of the Hugging Face Hub, with its model card.

    Log in by `hf auth login`, or set HF_TOKEN. Prints the address of the commit.
    """
    require_recommender(run)
    from tagfinder.recommend.export import export_bundle
    from tagfinder.recommend.hub import upload

    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        export_bundle(run, bundle, license_name)
        message = f"tagfinder push {run.absolute().name}"
        address = upload(bundle, repository, message=message, private=private, revision=revision)
    click.echo(address)
