"""What became of the trials of a campaign, kind by kind."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tagfinder.errors import TagFinderError

# Percent of the goals of the long campaign; 0 does the few trials of every run of the tests.
PERCENT = float(os.environ.get("TAGFINDER_FAULTS", "0"))
TABLE_FILE = os.environ.get("TAGFINDER_FAULTS_TABLE")


@dataclass
class Tally:
    """Counts of one kind of trial.

    Attributes:
        kind: what was done.
        trials: how often.
        survived: the result was the right one.
        refused: one sentence said what is wrong.
        lost: something that had been acknowledged was not there afterwards.
        wrong: the result was another one, and nothing said so.
        tracebacks: it ended in an unexpected error, with or without a sentence.
        late: it did not end in time after SIGTERM.
    """

    kind: str
    trials: int = 0
    survived: int = 0
    refused: int = 0
    lost: int = 0
    wrong: int = 0
    tracebacks: int = 0
    late: int = 0

    def count(self, outcome: str) -> None:
        """Count a trial."""
        self.trials += 1
        setattr(self, outcome, getattr(self, outcome) + 1)

    def is_clean(self) -> bool:
        """Tell whether nothing was lost, silently wrong, a traceback or late."""
        return not (self.lost or self.wrong or self.tracebacks or self.late)


ALL: list[Tally] = []


def trials(few: int, goal: int) -> int:
    """Return how many trials to do.

    Args:
        few: in every run of the tests.
        goal: in the long campaign.
    """
    return max(few, round(goal * PERCENT / 100)) if PERCENT else few


def tally(kind: str) -> Tally:
    """Return a new tally that the table shows."""
    # What is done until now is kept if a campaign of hours is interrupted.
    write_table()
    ALL.append(Tally(kind))
    return ALL[-1]


def outcome_of(action: Callable[[], Any], expected: Any) -> str:
    """Do something and tell what became of it."""
    try:
        return "survived" if action() == expected else "wrong"
    except TagFinderError as error:
        # An unexpected error has a sentence, too, but not one that helps.
        if not str(error).startswith("unexpected "):
            return "refused"
        traceback.print_exc()
        return "tracebacks"
    # Panics of polars are no `Exception`.
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        # pytest shows it where the campaign fails.
        traceback.print_exc()
        return "tracebacks"


def table() -> str:
    """Return the table of all campaigns, in Markdown."""
    header = list(asdict(Tally("")))
    lines = [f"| {' | '.join(header)} |", "|---" + "|--:" * (len(header) - 1) + "|"]
    for one in ALL:
        lines.append(f"| {' | '.join(str(value) for value in asdict(one).values())} |")
    return "\n".join(lines)


def write_table() -> None:
    """Write the table until now where TAGFINDER_FAULTS_TABLE says."""
    if TABLE_FILE and ALL:
        Path(TABLE_FILE).write_text(f"{table()}\n", encoding="utf-8")
