"""Suggestions for all files of a folder, file by file, by any number of workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagfinder.artifacts.trust import trusted_packages
from tagfinder.configuration.executors import Executor
from tagfinder.configuration.executors.units import Facts, each_once
from tagfinder.corpus.hashtag_filter import hashtag_filter
from tagfinder.errors import InputError
from tagfinder.files import digest_of, read_json, write_json
from tagfinder.recommend.loading import load
from tagfinder.recommend.parquet import suggest_for_file

# Folder in the output for finished units and the request.
STATE, REQUEST = ".tagfinder", "request.json"


def suggest_for_folder(
    run: Path,
    source: Path,
    target: Path,
    executor: Executor,
    *,
    deny: Path | None = None,
    allow: Path | None = None,
    settings: Mapping[str, Any],
) -> int:
    """Write a Parquet file of suggestions for each file of posts in a folder.

    Existing files are kept, so that repeating a stopped call continues it, and two calls
    share the files. Each worker opens the recommender once.

    Args:
        run: a run's folder or a bundle.
        source: folder of posts, in any form that `data=files` reads.
        target: folder of the files with suggestions, called as those of `source`.
        executor: does the files.
        deny: file of hashtags that are never suggested.
        allow: file of the only hashtags that are suggested.
        settings: of `suggest_for_file`.

    Returns:
        Number of posts.

    Raises:
        InputError: there is no file, one cannot be read, or the target holds other suggestions.
    """
    files = {digest_of(path.as_posix()): path for path in _files_of(source)}
    request = {"run": str(run.resolve()), "deny": _text(deny), "allow": _text(allow), **settings}
    _refuse_another(target / STATE / REQUEST, request)
    packages = tuple(trusted_packages())
    make = _Suggesting(run, source, target, files, deny, allow, packages, dict(settings))
    facts = each_once(executor, target / STATE, make, list(files), "suggesting")
    return sum(fact["rows"] for fact in facts)


def output_of(path: Path) -> Path:
    """Return the name of the file of suggestions for a file."""
    return path if path.suffix == ".parquet" else path.with_name(f"{path.name}.parquet")


@dataclass(frozen=True)
class _Suggesting:
    """Return the state of a worker; called once in each, it opens the recommender."""

    run: Path
    source: Path
    target: Path
    files: Mapping[str, Path]
    deny: Path | None
    allow: Path | None
    trust: Sequence[str]
    settings: Mapping[str, Any]

    def __call__(self) -> Callable[[str], Facts]:
        """Return what does a file by its name in `files`."""
        hashtags = hashtag_filter(self.deny, self.allow)
        recommender = load(self.run, hashtags=hashtags, trust=self.trust)

        def suggest(name: str) -> Facts:
            path = self.files[name]
            written = self.target / output_of(path)
            rows = suggest_for_file(recommender, self.source / path, written, **self.settings)
            return {"file": path.as_posix(), "rows": rows}

        return suggest


def _files_of(folder: Path) -> list[Path]:
    found = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    if not files:
        raise InputError(f"--input {folder} has no file of posts")
    return files


def _refuse_another(file: Path, request: dict[str, Any]) -> None:
    request = json.loads(json.dumps(request))  # as it is read again: tuples are lists
    if file.is_file() and read_json(file) != request:
        raise InputError(
            f"--output {file.parent.parent} holds suggestions of another run or other options "
            f"({file}); name another folder"
        )
    write_json(file, request)


def _text(file: Path | None) -> str | None:
    return None if file is None else file.read_text(encoding="utf-8")
