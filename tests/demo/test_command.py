"""`tagfinder demo` as a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from served import answers, served

pytest.importorskip("streamlit", reason="needs the extra demo")


def test_what_ends_the_command_ends_the_page(run_of: Callable[[str], Path]) -> None:
    with served(run_of("tfidf_lr")) as port:
        assert answers(port)
    assert not answers(port)
