"""Searches day by day, with a cursor that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from tagfinder.collect.post import Batch

Fetch = Callable[["Window", str | None], tuple[Batch, str | None]]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in UTC: `start` belongs to it, `end` does not."""

    start: datetime
    end: datetime


def days(since: datetime, until: datetime) -> list[Window]:
    """Return the UTC days between two moments, the first and the last one cut to them."""
    windows = []
    start = since.astimezone(UTC)
    while start < until:
        midnight = datetime.combine(start.date() + timedelta(days=1), time(), UTC)
        windows.append(Window(start, min(midnight, until)))
        start = midnight
    return windows


def read_window(query: str, wanted: Window, state: Any, fetch: Fetch) -> Iterator[Batch]:
    """Yield all pages of a window that are not covered yet.

    The state of a query and day holds `covered`, the span that was read completely. While a span is
    being read, `open` is that span and `token` its next page.

    Args:
        query: name of the cursor.
        wanted: the part of one day that is to be covered.
        state: what was last committed for `query`, None at first.
        fetch: gives the posts of a page and the token of the next one, None after the last.

    Yields:
        A batch for each page, with the state that holds once it is stored.
    """
    state = dict(state or {})
    while (span := _next_span(wanted, state)) is not None:
        token = state.get("token")
        state |= {"open": _write(span)}
        while True:
            batch, token = fetch(span, token)
            state = _after(state, span, token)
            batch.cursors[query] = state
            yield batch
            if token is None:
                break


def _next_span(wanted: Window, state: dict[str, Any]) -> Window | None:
    """Return the span that was being read, else a piece of `wanted` that is not covered."""
    if "open" in state:
        return _read(state["open"])
    if "covered" not in state:
        return wanted if wanted.start < wanted.end else None
    covered = _read(state["covered"])
    if wanted.end > covered.end:
        return Window(covered.end, wanted.end)
    if wanted.start < covered.start:
        return Window(wanted.start, covered.start)
    return None


def _after(state: dict[str, Any], span: Window, token: str | None) -> dict[str, Any]:
    if token is not None:
        return state | {"token": token}
    covered = _read(state["covered"]) if "covered" in state else span
    whole = Window(min(covered.start, span.start), max(covered.end, span.end))
    return {"covered": _write(whole)}


def _read(span: list[str]) -> Window:
    return Window(*(datetime.fromisoformat(moment) for moment in span))


def _write(span: Window) -> list[str]:
    return [span.start.isoformat(), span.end.isoformat()]
