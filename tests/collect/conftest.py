"""What the tests of collecting share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tagfinder.collect.retry import Patience
from tagfinder.commands.collect import command


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `tagfinder collect …` in this process; waits after failures are short."""
    monkeypatch.setattr("tagfinder.collect.run.Patience", partial(Patience, base=0.001))

    def run(*arguments: Any) -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments])

    return run
