from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tagfinder.collect.post import Batch
from tagfinder.collect.windows import Window, days, read_window

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def moment(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def test_days_are_cut_to_the_span() -> None:
    windows = days(moment(20), moment(50))
    assert windows == [
        Window(moment(20), moment(24)),
        Window(moment(24), moment(48)),
        Window(moment(48), moment(50)),
    ]
    assert days(DAY, DAY) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 23), st.integers(1, 24), st.integers(1, 12)),
        min_size=1,
        max_size=6,
    )
)
def test_each_hour_is_read_once_for_any_ranges_in_any_pieces(
    requests: list[tuple[int, int, int]],
) -> None:
    """A run reads up to `pages` pages of two hours, newest first, and is then interrupted."""
    read: list[int] = []
    state: Any = None

    def fetch(span: Window, token: str | None) -> tuple[Batch, str | None]:
        hours = int((span.end - span.start) / timedelta(hours=1))
        first = int(token or 0)
        hour = int((span.end - DAY) / timedelta(hours=1))
        read.extend(hour - offset - 1 for offset in range(first, min(first + 2, hours)))
        return Batch(), str(first + 2) if first + 2 < hours else None

    for start, length, pages in requests:
        wanted = Window(moment(start), moment(min(start + length, 24)))
        for number, batch in enumerate(read_window("q", wanted, state, fetch), 1):
            state = batch.cursors["q"]
            if number == pages:
                break
    # At last everything that was ever asked for is read to its end.
    for start, length, _ in requests:
        wanted = Window(moment(start), moment(min(start + length, 24)))
        for batch in read_window("q", wanted, state, fetch):
            state = batch.cursors["q"]
    asked = {
        hour for start, length, _ in requests for hour in range(start, min(start + length, 24))
    }
    assert asked <= set(read)
    assert len(read) == len(set(read))
