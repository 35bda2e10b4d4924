"""Folders import only from folders to their left, and no modules import each other in a circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tagfinder

PACKAGE = Path(tagfinder.__file__).parent
CONTRIBUTING = PACKAGE.parent / "CONTRIBUTING.md"
MOST_ROOMS = 25
# Shared by all folders.
BASE = {"errors", "escaping", "files", "paths", "progress", "figures"}


@cache
def modules() -> dict[str, Path]:
    """Return dotted name -> file of every module of the package."""
    files = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(("tagfinder", *f.relative_to(PACKAGE).with_suffix("").parts)) for f in files]
    return {n.removesuffix(".__init__"): f for n, f in zip(names, files, strict=True)}


def imports_of(file: Path) -> Iterator[str]:
    """Yield the modules of the package that a file imports anywhere, lazily too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tagfinder"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else str(node.module)


@cache
def graph() -> dict[str, set[str]]:
    """Return module -> modules that it imports."""
    return {name: set(imports_of(file)) - {name} for name, file in modules().items()}


def documented_order() -> list[str]:
    """Return the folders from left to right as CONTRIBUTING.md draws them."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    section = text.split("## Where things are", 1)[1].split("\nRead from left", 1)[0]
    return re.findall(r"(\w+)/", section)


def folder_of(module: str) -> str:
    """Return the first folder of a module, or the module itself where it lies at the top."""
    return module.split(".")[1] if "." in module else ""


def test_no_modules_import_each_other_in_a_circle() -> None:
    # The package's own `__init__` offers `load` lazily.
    edges = {name: used - {"tagfinder"} for name, used in graph().items() if name != "tagfinder"}
    TopologicalSorter(edges).prepare()


def test_the_diagram_names_every_folder() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert set(documented_order()) == folders


@pytest.mark.parametrize("folder", documented_order())
def test_a_folder_imports_only_from_folders_to_its_left(folder: str) -> None:
    order = documented_order()
    allowed = {*order[: order.index(folder) + 1], *BASE, ""}
    if folder == "evaluation":
        allowed -= {"models"}
    for module, used in graph().items():
        if folder_of(module) == folder:
            wrong = sorted(name for name in used if folder_of(name) not in allowed)
            assert not wrong, f"{module} imports {wrong}"


def test_the_top_level_has_few_entries() -> None:
    entries = list(PACKAGE.iterdir())
    rooms = [e for e in entries if e.suffix == ".py" or (e / "__init__.py").exists()]
    assert len(rooms) <= MOST_ROOMS


def test_no_two_files_of_tests_have_one_name() -> None:
    # pytest imports them by their names only.
    names = [file.name for file in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
