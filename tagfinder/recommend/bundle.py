"""Bundles: a recommender as a folder of plain files, checked before anything in it is used.

A bundle holds JSON, safetensors and fastText's own binary, never a pickle. `bundle.json` lists
every file with its SHA-256, so that a missing or altered one is found, and names the format, so
that an unknown one is refused.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tagfinder import __version__
from tagfinder.artifacts.run_folder import label_set_of
from tagfinder.artifacts.trust import check_targets, trusting
from tagfinder.configuration.limits import check_size, limits
from tagfinder.configuration.renamed import upgraded
from tagfinder.errors import InputError, TagFinderError, in_sentences
from tagfinder.evaluation.calibration import read_calibrations
from tagfinder.files import read_json, sha256_of
from tagfinder.recommend.native import is_native, try_in_child
from tagfinder.recommend.saved import CALIBRATION_FILE, Saved, read_run
from tagfinder.recommend.state_files import REST, load_state

logger = logging.getLogger(__name__)

BUNDLE_FILE = "bundle.json"
CARD = "README.md"
FORMAT = 1
KIND = "tagfinder-bundle"
LABELS = "labels.json"
FEATURES = "features"
COPIED = ("metrics.json", CALIBRATION_FILE)
NEEDED = (LABELS, REST)
# Bytes that pickles of protocols 2 to 5 begin with; older ones are recognised by their names.
PICKLE_BEGINNINGS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
PICKLE_NAMES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".npy")


def read_saved(path: str | Path, trust: str | Sequence[str] = ()) -> Saved:
    """Read a run's folder or a bundle.

    Args:
        path: the folder.
        trust: packages besides tagfinder whose classes its configuration may name.

    Raises:
        InputError: the folder is neither, is incomplete, was changed or is not safe to load.
    """
    folder = Path(path)
    with in_sentences(), trusting(trust):
        saved = read_folder(folder)
        if not saved.vouched and is_native(saved.state):
            try_in_child(folder)
    return saved


def read_folder(folder: Path) -> Saved:
    """Read a run's folder or a bundle; what libraries in C++ parse is not tried out before.

    Raises:
        InputError: the folder is neither, is incomplete, was changed or is not safe to load.
    """
    return read_bundle(folder) if (folder / BUNDLE_FILE).is_file() else read_run(folder)


def read_bundle(folder: Path) -> Saved:
    """Check a bundle and read it.

    Raises:
        InputError: a file is missing, altered or a pickle, the format is unknown, or the
            configuration names a class outside tagfinder.
    """
    manifest = _manifest(folder)
    _refuse_pickles(folder)
    _check_files(folder, manifest["files"])
    config = upgraded(manifest["config"])
    check_targets(config, folder / BUNDLE_FILE)
    return Saved(
        name=folder.absolute().name,
        config=config,
        label_set=label_set_of(read_json(folder / LABELS), folder / LABELS),
        features_folder=folder / FEATURES,
        state=load_state(folder),
        calibration=read_calibrations(folder / CALIBRATION_FILE),
        facts=manifest["facts"],
        vouched=True,
    )


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / BUNDLE_FILE
    check_size(file, limits().max_config_bytes, "max_config_bytes")
    try:
        manifest = read_json(file)
    except TagFinderError as error:
        raise InputError(f"{error}; get the bundle again") from error
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
    _check_version(str(manifest.get("tagfinder", "")), file)
    return manifest


def _check_version(made_with: str, file: Path) -> None:
    """Warn of a bundle that a newer TagFinder made; it may name what this one does not know."""
    numbers = [re.findall(r"\d+", one)[:2] for one in (made_with, __version__)]
    made, own = (tuple(map(int, found)) for found in numbers)
    if made > own:
        logger.warning(
            "%s was made with tagfinder %s, this is %s; update it if loading fails",
            *(file, made_with, __version__),
        )


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
    unlisted = [name for name in content_of(folder) if name not in digests and _is_read(name)]
    if unlisted:
        raise InputError(f"{folder / unlisted[0]} is not part of the bundle; remove it")


def _is_read(name: str) -> bool:
    """Tell whether a file would be read, if it were there (a repository adds others)."""
    return name.startswith(f"{FEATURES}/") or name in (*COPIED, *NEEDED)


def content_of(folder: Path) -> list[str]:
    """Return the names of all files but the card, which people may edit, and the list itself."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in (BUNDLE_FILE, CARD))
