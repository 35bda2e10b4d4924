"""Damage to a finished run is noticed before it suggests something else, and named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import tagfinder
from tagfinder.artifacts.manifest import MANIFEST, changing, read_manifest, write_manifest
from tagfinder.artifacts.ownership import alone_in, owned
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.errors import InputError

FIXTURE = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "tfidf_lr"
READ = ("config.yaml", "labels.json", "metrics.json", "calibration.json", "checkpoints/last.ckpt")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(FIXTURE, tmp_path / "run"))
    (copy / "features").mkdir(exist_ok=True)
    write_manifest(copy)
    return copy


def damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "flipped":
        content[len(content) // 2] ^= 1
    elif how == "cut":
        del content[len(content) // 2 :]
    elif how == "emptied":
        content.clear()
    else:
        content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    file.write_bytes(content)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("how", ["flipped", "cut", "emptied", "zeroed"])
def test_a_damaged_file_is_named_with_a_cure(run: Path, name: str, how: str) -> None:
    damage(run / name, how)
    with pytest.raises(InputError, match=rf"{name} was altered or damaged .* restore it"):
        tagfinder.load(run)


@pytest.mark.parametrize("name", READ)
def test_a_missing_file_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(InputError, match=f"{name}.*is missing|is missing|has no {name}"):
        if name == "metrics.json":
            _ = RunFolder.open(run).metrics
        tagfinder.load(run)


@pytest.mark.parametrize("how", ["flipped", "cut", "emptied", "zeroed"])
def test_damage_to_the_list_itself_is_a_sentence(run: Path, how: str) -> None:
    damage(run / MANIFEST, how)
    with pytest.raises(InputError, match=r"files\.json|was altered"):
        tagfinder.load(run)


def test_a_zeroed_record_is_found_in_a_run_without_a_list(run: Path) -> None:
    """The second half of the largest record of a checkpoint, which gave other suggestions."""
    (run / MANIFEST).unlink()
    file = run / "checkpoints" / "last.ckpt"
    state = torch.load(file, weights_only=True)["state_dict"]
    largest = max(_tensors(state), key=lambda tensor: tensor.nbytes).numpy().tobytes()
    content = file.read_bytes()
    start, half = content.index(largest), len(largest) // 2
    file.write_bytes(content[: start + half] + bytes(half) + content[start + 2 * half :])
    with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
        tagfinder.load(run)


def _tensors(state: object) -> list[torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return [state]
    return [t for v in state.values() for t in _tensors(v)] if isinstance(state, dict) else []


def test_a_run_without_a_list_names_its_unverified_files(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert tagfinder.load(run).suggest("sold out")
    assert not caplog.records
    (run / MANIFEST).unlink()
    assert tagfinder.load(run).suggest("sold out")
    assert "may go unnoticed; `tagfinder evaluate" in caplog.text


def test_changes_on_purpose_keep_the_list_true(run: Path) -> None:
    before = read_manifest(run)
    with changing(run, "labels.json", "figures/*"):
        labels = (run / "labels.json").read_text()
        (run / "labels.json").write_text(labels + "\n")
        (run / "figures").mkdir()
        (run / "figures" / "a.svg").write_text("x")
        # A kill here leaves a run that can be used.
        assert "labels.json" not in (read_manifest(run) or {})
        assert tagfinder.load(run).suggest("sold out")
    after = read_manifest(run)
    assert before is not None
    assert after is not None
    assert after.keys() - before.keys() == {"figures/a.svg"}
    assert {name for name in before if before[name] != after[name]} == {"labels.json"}
    assert tagfinder.load(run).suggest("sold out")


def test_damage_elsewhere_is_not_vouched_for_by_a_change(run: Path) -> None:
    damage(run / "calibration.json", "flipped")
    with changing(run, "figures/*"):
        pass
    with pytest.raises(InputError, match=r"calibration\.json was altered"):
        tagfinder.load(run)


def test_a_run_inside_a_run_has_a_list_of_its_own(run: Path) -> None:
    shutil.copytree(FIXTURE, run / "live-monthly")
    (run / "knowledge").mkdir()
    (run / "knowledge" / "posts.sqlite").write_text("changes all the time")
    (run / "log.txt").write_text("changes, too")
    write_manifest(run)
    assert set(READ) <= set(read_manifest(run) or {})
    assert not [
        n for n in read_manifest(run) or {} if "/" in n and n.split("/")[0] != "checkpoints"
    ]


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom tagfinder.artifacts.ownership import owned\n"
        "with owned(Path(sys.argv[1])): pass\n"
    )
    other = [sys.executable, "-c", code, str(tmp_path / "run")]
    with alone_in(tmp_path / "run") as alone, owned(tmp_path / "run"):
        assert alone
        done = subprocess.run(other, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "another process is working in this folder" in done.stderr
    subprocess.run(other, check=True)


def test_a_lock_that_leads_elsewhere_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="is a link"), owned(tmp_path / "run"):
        pass
    assert (tmp_path / "precious").read_text() == "kept"
