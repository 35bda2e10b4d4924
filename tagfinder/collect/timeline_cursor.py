"""Unread ranges of a timeline, newest post first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

# Posts of other servers arrive late, with ids of the time when they were written. So each visit
# also reads posts a little older than the newest one of the last visit.
_OVERLAP = timedelta(minutes=15)
_FIRST_SNOWFLAKE = 10**16


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a timeline, read from its newest post down.

    Attributes:
        below: id of the post below which it begins, None for now.
        above: id of the post above which it ends, None for the beginning of the timeline.
        time: when the post `below` was written (ISO), None if that is not known.
    """

    below: str | None
    above: str | None
    time: str | None = None

    def is_older_than(self, moment: datetime | None) -> bool:
        """Return whether everything in the span was written before a moment."""
        if moment is None or self.time is None:
            return False
        return datetime.fromisoformat(self.time) < moment


class Unread:
    """The unread spans of a timeline, newest first, and the newest post that was seen.

    Args:
        state: what `as_state` gave when it was last stored, None for a timeline never read.
    """

    def __init__(self, state: dict[str, Any] | None) -> None:
        state = state or {"top": None, "spans": []}
        self.top: str | None = state["top"]
        self._spans = [Span(**span) for span in state["spans"]]

    def begin(self) -> None:
        """Note that there may be posts that are newer than those of the last visit."""
        self._spans = [span for span in self._spans if span.below is not None]
        self._spans.insert(0, Span(None, _overlapping(self.top)))

    def next(self, since: datetime | None) -> Span | None:
        """Return the newest span with posts that are not all written before `since`."""
        return next((span for span in self._spans if not span.is_older_than(since)), None)

    def read(self, span: Span, newest: str, oldest: str, time: datetime | None) -> None:
        """Note that a page of a span was read.

        Args:
            span: what `next` gave.
            newest: id of the page's first post.
            oldest: id of its last post.
            time: when the last post was written, None if that is not known.
        """
        if span.below is None:
            self.top = newest
        moment = span.time if time is None else time.isoformat()
        self._spans[self._spans.index(span)] = replace(span, below=oldest, time=moment)

    def finish(self, span: Span) -> None:
        """Note that a span has no more posts."""
        self._spans.remove(span)

    def as_state(self) -> dict[str, Any]:
        """Return the state to store, JSON-able."""
        return {"top": self.top, "spans": [asdict(span) for span in self._spans]}


def snowflake(moment: datetime) -> str:
    """Return the smallest id that Mastodon gives to a post of a moment: milliseconds, 16 bits."""
    return str(int(moment.timestamp() * 1000) << 16)


def is_snowflake(id_: str, written: datetime) -> bool:
    """Return whether an id contains the time at which its post was written."""
    if not id_.isdigit():
        return False
    return abs((int(id_) >> 16) / 1000 - written.timestamp()) < timedelta(days=1).total_seconds()


def _overlapping(top: str | None) -> str | None:
    if top is None or not top.isdigit() or int(top) < _FIRST_SNOWFLAKE:
        return top
    return str(int(top) - (int(_OVERLAP.total_seconds() * 1000) << 16))
