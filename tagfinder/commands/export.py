"""`tagfinder export`: a run's recommender as a bundle of plain files."""

from __future__ import annotations

from pathlib import Path

import click

from tagfinder.commands.options import require_recommender, trust_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--license",
    "license_name",
    help="Licence of the bundle, as SPDX or the Hugging Face Hub calls it, such as apache-2.0.",
)
@click.option("--onnx", is_flag=True, help="Also write a neural recommender as an ONNX graph.")
@click.option("--int8", is_flag=True, help="Also write an ONNX graph with 8-bit weights.")
@trust_option
def command(run: Path, folder: Path, license_name: str | None, onnx: bool, int8: bool) -> None:
    """Write the recommender of RUN into FOLDER, with a model card; print FOLDER.

    The bundle holds JSON, safetensors and fastText's binary, no pickle, and works without the run.
    """
    require_recommender(run)
    from tagfinder.recommend.export import export_bundle

    export_bundle(run, folder, license_name, onnx=onnx, int8=int8)
    click.echo(folder)
