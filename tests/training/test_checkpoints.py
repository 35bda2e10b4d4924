"""Which checkpoint a run resumes from, and when it refuses to."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tagfinder.artifacts.checkpoints import (
    is_intact,
    kept_checkpoints,
    load_checkpoint,
    newest_intact,
)
from tagfinder.errors import InputError
from tagfinder.training.checkpoints import Checkpoints
from tagfinder.training.random_states import capture, restore
from tagfinder.training.resume import (
    check_same_config,
    checkpoint_to_resume,
    differing_keys,
)
from tagfinder.training.session import resume_command


def write(path: Path, epoch: int) -> Path:
    torch.save({"epoch": epoch, "weights": torch.arange(1000.0)}, path)
    return path


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_the_last_checkpoint_comes_first(tmp_path: Path) -> None:
    for name, epoch in (("epoch-010", 9), ("previous", 11), ("last", 12)):
        write(tmp_path / f"{name}.ckpt", epoch)
    assert newest_intact(tmp_path) == tmp_path / "last.ckpt"


@pytest.mark.parametrize("how", ["truncated", "one byte changed", "empty", "not there"])
def test_a_damaged_checkpoint_is_skipped_with_a_warning(
    how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "previous.ckpt", 11)
    last = write(tmp_path / "last.ckpt", 12)
    if how == "truncated":
        last.write_bytes(last.read_bytes()[:-700])
    elif how == "one byte changed":
        damage(last)
    elif how == "empty":
        last.write_bytes(b"")
    else:
        last.unlink()
    with caplog.at_level(logging.WARNING):
        assert newest_intact(tmp_path) == tmp_path / "previous.ckpt"
    assert ("last.ckpt is damaged" in caplog.text) == (how != "not there")


def test_checkpoints_that_stayed_are_the_last_resort(tmp_path: Path) -> None:
    for name in ("last", "previous", "epoch-020"):
        damage(write(tmp_path / f"{name}.ckpt", 1))
    write(tmp_path / "epoch-010.ckpt", 9)
    assert newest_intact(tmp_path) == tmp_path / "epoch-010.ckpt"
    assert list(kept_checkpoints(tmp_path)) == [10, 20]


def test_without_a_checkpoint_auto_starts_and_true_refuses(tmp_path: Path) -> None:
    assert checkpoint_to_resume("auto", tmp_path) is None
    with pytest.raises(InputError, match=r"resume=true.*resume=auto"):
        checkpoint_to_resume(True, tmp_path)


def test_a_path_must_be_a_whole_checkpoint(tmp_path: Path) -> None:
    chosen = write(tmp_path / "mine.ckpt", 3)
    assert checkpoint_to_resume(str(chosen), tmp_path / "elsewhere") == chosen
    damage(chosen)
    with pytest.raises(InputError, match="is damaged"):
        checkpoint_to_resume(str(chosen), tmp_path)
    with pytest.raises(InputError, match="is not there"):
        checkpoint_to_resume(str(tmp_path / "no.ckpt"), tmp_path)


def test_a_run_is_not_overwritten_by_chance(tmp_path: Path) -> None:
    write(tmp_path / "last.ckpt", 3)
    with pytest.raises(InputError, match=r"holds a run already.*resume=auto"):
        checkpoint_to_resume(False, tmp_path)


def test_another_configuration_is_refused_with_the_keys_that_differ() -> None:
    before = {
        "seed": 1,
        "model": {"hidden": 50},
        "logger": {"csv": 1},
        "trainer": {"max_epochs": 3},
    }
    now = {"seed": 1, "model": {"hidden": 60}, "run_dir": "x", "trainer": {"max_epochs": 9}}
    assert differing_keys(before, now) == ["model.hidden: 50 -> 60"]
    with pytest.raises(InputError, match="model.hidden: 50 -> 60"):
        check_same_config(before, now)
    check_same_config(before, before)


def test_what_a_run_of_an_older_version_lacks_has_its_default() -> None:
    before = {"model": {"hidden": 50}, "embedding": {"word2vec": {"dimension": 9}}}
    now = {
        "model": {"hidden": 50, "dropout": 0.0},
        "embedding": {"word2vec": {"dimension": 9}},
        "sampling": {"floor": 3},
    }
    assert differing_keys(before, now, ["model=lstm"]) == []
    assert differing_keys(before, now, ["model.dropout=0.0"]) == ["model.dropout: not there -> 0.0"]
    assert differing_keys(before, now, ["sampling=down"]) == ["sampling.floor: not there -> 3"]
    more = {**now, "embedding": {**now["embedding"], "glove": {"path": "x"}}}
    assert differing_keys(before, more) == ["embedding.glove.path: not there -> x"]
    assert differing_keys(now, before) != []


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "was here",))

    torch.save({"epoch": 1, "state_dict": Evil()}, tmp_path / "evil.ckpt")
    assert is_intact(tmp_path / "evil.ckpt")
    with pytest.raises(InputError, match="plain data"):
        load_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "was here").exists()


def test_random_states_survive_a_checkpoint(tmp_path: Path) -> None:
    import random

    import numpy as np

    def draw() -> tuple:
        return random.random(), np.random.rand(), random.gauss(0, 1), torch.rand(2).tolist()

    torch.save(capture(), tmp_path / "states.pt")
    first = draw()
    draw()
    restore(torch.load(tmp_path / "states.pt", weights_only=True))
    assert draw() == first


def test_the_resume_command_names_the_folder_and_keeps_the_overrides(tmp_path: Path) -> None:
    command = resume_command(tmp_path, ["model=lstm", "run_dir=a b", "resume=false", "seed=0"])
    assert command == f"tagfinder train model=lstm seed=0 run_dir={tmp_path} resume=auto"


def test_there_is_a_last_checkpoint_at_every_moment_of_its_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, replace = write(tmp_path / "last.ckpt", 1), Path.replace

    def watched(path: Path, target: Path) -> Path:
        result = replace(path, target)
        assert last.exists()
        return result

    monkeypatch.setattr(Path, "replace", watched)
    Checkpoints(tmp_path)._publish(write(tmp_path / "last.ckpt.partial", 2), 3, is_best=False)
    assert load_checkpoint(last)["epoch"] == 2
    assert load_checkpoint(tmp_path / "previous.ckpt")["epoch"] == 1


def test_the_best_epoch_is_the_first_with_the_highest_score(tmp_path: Path) -> None:
    """Drive the callback as the trainer does, with scores that repeat."""
    checkpoints = Checkpoints(tmp_path)
    for epoch, score in enumerate([0.2, 0.5, 0.5, math.nan, 0.4]):
        trainer = SimpleNamespace(
            callback_metrics={"val/ndcg@5": torch.tensor(score)},
            current_epoch=epoch,
            is_global_zero=True,
            save_checkpoint=lambda path, weights_only, epoch=epoch: write(path, epoch),
            strategy=SimpleNamespace(barrier=lambda: None),
        )
        checkpoints.on_validation_end(trainer, None)
        checkpoints.on_train_epoch_end(trainer, None)
    assert (checkpoints.best_epoch, checkpoints.best_score) == (2, 0.5)
    assert load_checkpoint(tmp_path / "best.ckpt")["epoch"] == 1
    assert load_checkpoint(tmp_path / "last.ckpt")["epoch"] == 4
