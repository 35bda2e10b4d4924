"""Bundles: a recommender as a folder of plain files, checked before anything in it is used.

A bundle holds JSON, safetensors and fastText's own binary, never a pickle. `bundle.json` lists
every file with its SHA-256, so that a missing or altered one is found, and names the format, so
that an unknown one is refused.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from tagfinder import __version__
from tagfinder.corpus.prepared import LabelSet
from tagfinder.errors import InputError
from tagfinder.files import atomic_path, read_json, sha256_of, write_json, write_text
from tagfinder.recommend.calibration import read_calibration
from tagfinder.recommend.card import model_card
from tagfinder.recommend.saved import CALIBRATION_FILE, Saved, check_targets, is_live, read_run
from tagfinder.recommend.state_files import REST, load_state, save_state
from tagfinder.run_folder import RunFolder

BUNDLE_FILE = "bundle.json"
CARD = "README.md"
FORMAT = 1
KIND = "tagfinder-bundle"
LABELS = "labels.json"
FEATURES = "features"
COPIED = ("metrics.json", CALIBRATION_FILE)
NEEDED = (LABELS, REST)
# Bytes that pickles of protocols 2 to 5 begin with; older ones are told by their names.
PICKLE_BEGINNINGS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
PICKLE_NAMES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".npy")


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
        license_name: SPDX name of the licence that the bundle is given under.
        onnx: also write a neural recommender as an ONNX graph.
        int8: also write a graph whose weights are 8-bit integers.

    Raises:
        InputError: the run is not finished or keeps learning, or the target is there already.
    """
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
            from tagfinder.recommend.onnx_model import write_graph
            from tagfinder.recommend.recommender import Recommender

            write_graph(Recommender(saved), folder, int8=int8)
        write_text(folder / CARD, model_card(saved, run, metrics, license_name))
        write_manifest(folder, without_local_paths(saved.config), saved.facts)


def write_manifest(folder: Path, config: dict[str, Any], facts: dict[str, Any]) -> None:
    """Write `bundle.json` for the files that are in a folder now."""
    manifest = {
        "format": FORMAT,
        "kind": KIND,
        "tagfinder": __version__,
        "facts": facts,
        "config": config,
        "files": {name: sha256_of(folder / name) for name in _content(folder)},
    }
    write_json(folder / BUNDLE_FILE, manifest)


def without_local_paths(value: Any) -> Any:
    """Return a configuration in which absolute paths are cut to their last part."""
    if isinstance(value, dict):
        return {key: without_local_paths(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_local_paths(inner) for inner in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def read_bundle(folder: Path) -> Saved:
    """Check a bundle and read it.

    Raises:
        InputError: a file is missing, altered or a pickle, the format is unknown, or the
            configuration names what is no part of tagfinder.
    """
    manifest = _manifest(folder)
    _refuse_pickles(folder)
    _check_files(folder, manifest["files"])
    check_targets(manifest["config"], folder / BUNDLE_FILE)
    return Saved(
        name=folder.absolute().name,
        config=manifest["config"],
        label_set=LabelSet(**read_json(folder / LABELS)),
        features_folder=folder / FEATURES,
        state=load_state(folder),
        calibration=read_calibration(folder / CALIBRATION_FILE),
        facts=manifest["facts"],
    )


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / BUNDLE_FILE
    try:
        manifest = read_json(file)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is not JSON ({error}); get the bundle again") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise InputError(f"{file} does not describe a tagfinder bundle")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{file} has format {manifest.get('format')!r}, this tagfinder reads {FORMAT}; "
            "install the tagfinder that wrote it, or export the run again"
        )
    shape = {"config": dict, "files": dict, "facts": dict}
    if any(not isinstance(manifest.get(key), kind) for key, kind in shape.items()):
        raise InputError(f"{file} is incomplete; get the bundle again")
    return manifest


def _refuse_pickles(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and _is_pickle(file):
            raise InputError(
                f"{file} is a pickle or may hold one, which can run any code when it is loaded; "
                "bundles hold JSON, safetensors and fastText's binary only"
            )


def _is_pickle(file: Path) -> bool:
    if file.suffix.lower() in PICKLE_NAMES:
        return True
    with file.open("rb") as stream:
        begins_as_pickle = stream.read(2) in PICKLE_BEGINNINGS
    return begins_as_pickle or zipfile.is_zipfile(file)


def _check_files(folder: Path, digests: dict[str, str]) -> None:
    for name in NEEDED:
        if name not in digests:
            raise InputError(f"{folder / BUNDLE_FILE} does not list {name}; get the bundle again")
    for name, digest in digests.items():
        file = folder / name
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise InputError(f"{folder / BUNDLE_FILE} lists {name}, which is outside the bundle")
        if not file.is_file():
            raise InputError(f"{file} is missing; get the bundle again")
        if sha256_of(file) != digest:
            raise InputError(f"{file} was altered since the export; get the bundle again")
    unlisted = [name for name in _content(folder) if name not in digests and _is_read(name)]
    if unlisted:
        raise InputError(f"{folder / unlisted[0]} is not part of the bundle; remove it")


def _is_read(name: str) -> bool:
    """Tell whether a file would be read, if it were there (a repository adds others)."""
    return name.startswith(f"{FEATURES}/") or name in (*COPIED, *NEEDED)


def _content(folder: Path) -> list[str]:
    """Return the names of all files but the card, which people may edit, and the list itself."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in (BUNDLE_FILE, CARD))
