"""A C++ parser that crashes on a file of unknown digest does not end the process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tagfinder.errors import InputError
from tagfinder.recommend import native
from tagfinder.recommend.native import is_native, try_in_child

PROBES = {
    "crash": ("import os, signal\nos.kill(os.getpid(), signal.SIGFPE)", "ended with signal 8"),
    "endless": ("while True: pass", "was not loaded within 1 s"),
    "refused": ("import sys\nsys.exit('model: damaged')", "model: damaged"),
    "fine": ("", None),
}


@pytest.mark.parametrize("kind", PROBES)
def test_what_a_parser_does_stays_in_its_process(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, words = PROBES[kind]
    (tmp_path / f"probe_{kind}.py").write_text(code)
    (tmp_path / "limits.yaml").write_text("probe_seconds: 1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TAGFINDER_LIMITS", str(tmp_path / "limits.yaml"))
    monkeypatch.setattr(native, "PROBE", f"probe_{kind}")
    if kind == "endless":
        monkeypatch.setattr(native, "IMPORT_SECONDS", 0)
    if words is None:
        try_in_child(tmp_path)
        return
    with pytest.raises(InputError, match=f"cannot be loaded safely .*{words}.*restore it"):
        try_in_child(tmp_path)


def test_states_with_such_a_format_are_known() -> None:
    assert is_native({"learned": {"fasttext": torch.zeros(3)}})
    assert is_native({"rankers": [{"columns": [], "trees": ["tree"]}]})
    assert not is_native({"weights": torch.zeros(3), "words": ["trees"]})
