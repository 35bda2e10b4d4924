"""Write a run's recommender as a bundle: plain files and a model card."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tagfinder import __version__
from tagfinder.artifacts.run_folder import LIBRARIES, RunFolder
from tagfinder.errors import InputError
from tagfinder.files import atomic_path, sha256_of, write_json, write_text
from tagfinder.recommend.bundle import (
    BUNDLE_FILE,
    CARD,
    COPIED,
    FEATURES,
    FORMAT,
    KIND,
    LABELS,
    content_of,
)
from tagfinder.recommend.card import model_card
from tagfinder.recommend.licence import check_licence
from tagfinder.recommend.onnx_export import write_graph
from tagfinder.recommend.recommender import Recommender
from tagfinder.recommend.saved import is_live, read_run
from tagfinder.recommend.state_files import save_state


def export_bundle(
    run: Path,
    target: Path,
    license_name: str | None = None,
    *,
    onnx: bool = False,
    int8: bool = False,
) -> None:
    """Write a run's recommender as a bundle with its model card.

    Args:
        run: folder of a finished run.
        target: the bundle; must not be there yet.
        license_name: the licence that the bundle is given under, as SPDX or the Hugging Face Hub
            calls it.
        onnx: also write a neural recommender as an ONNX graph.
        int8: also write a graph whose weights are 8-bit integers.

    Raises:
        InputError: the run is not finished or keeps learning, the target is there already, or the
            licence is unknown.
    """
    license_name = check_licence(license_name) if license_name is not None else None
    if target.exists():
        raise InputError(f"{target} is there already; name another folder, or remove it")
    saved = read_run(run)
    if is_live(saved.config):
        raise InputError(
            f"{run} suggests from the posts that it was taught, which a bundle does not hold; "
            "copy the run's folder to move it, where you may pass its posts on"
        )
    metrics = RunFolder.open(run).metrics
    with atomic_path(target) as folder:
        folder.mkdir()
        save_state(saved.state, folder)
        write_json(folder / LABELS, asdict(saved.label_set))
        shutil.copytree(saved.features_folder, folder / FEATURES)
        for name in COPIED:
            if (run / name).is_file():
                shutil.copyfile(run / name, folder / name)
        if onnx or int8:
            write_graph(Recommender(saved), folder, int8=int8)
        write_text(folder / CARD, model_card(saved, run, metrics, license_name))
        write_manifest(folder, without_local_paths(saved.config), saved.facts)


def write_manifest(folder: Path, config: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write `bundle.json` for the files that are in a folder now."""
    manifest = {
        "format": FORMAT,
        "kind": KIND,
        "tagfinder": __version__,
        "versions": {library: version(library) for library in LIBRARIES},
        "facts": facts,
        "config": config,
        "files": {name: sha256_of(folder / name) for name in content_of(folder)},
    }
    write_json(folder / BUNDLE_FILE, manifest)


def without_local_paths(value: Any) -> Any:
    """Return a configuration in which absolute paths are cut to their last part."""
    if isinstance(value, dict):
        return {key: without_local_paths(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_local_paths(inner) for inner in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
