"""The built wheel works on its own, away from the source tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package_and_every_configuration(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    package = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "tagfinder").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    options = {
        f"tagfinder/conf/{file.relative_to(ROOT / 'conf').as_posix()}"
        for file in (ROOT / "conf").rglob("*.yaml")
    }
    assert sorted((package | options) - held) == []


def test_an_installed_wheel_trains_from_another_directory(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, timeout=300)
    # The dependencies are borrowed; a path in a .pth file does not bring the editable install.
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    borrowed = Path(site.stdout.strip()) / "borrowed.pth"
    borrowed.write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [str(environment / "bin" / "tagfinder"), "train", "data.rows=1500", "run_dir=run"],
        cwd=elsewhere,
        env={**os.environ, "TAGFINDER_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((elsewhere / "run" / "metrics.json").read_text())["test"]["ndcg@5"] > 0.3
    where = subprocess.run(
        [str(python), "-c", "import tagfinder; print(tagfinder.__file__)"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(environment) in where.stdout
