from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.corpus.sources.dates import day_order, from_unit, is_ambiguous, parse_dates
from tagfinder.errors import InputError

WHEN = datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2018-10-10T20:19:24Z",
        "2018-10-10 20:19:24",
        "2018-10-10T20:19:24.000Z",
        "2018-10-10 20:19:24+00:00",
        "2018-10-10 20:19:24 UTC",
        "2018-10-10T22:19:24+0200",
        "2018-10-10T14:49:24-05:30",
        "2018-10-10T22:19:24+02",
        " 2018-10-10T20:19:24Z ",
        "Wed Oct 10 20:19:24 +0000 2018",
        "Wed Oct 10 22:19:24 +0200 2018",
        "Wed, 10 Oct 2018 20:19:24 GMT",
        "10 Oct 2018 20:19:24",
        "October 10, 2018 at 08:19:24PM",
        "Wed Oct 10 13:19:24 PDT 2018",
        "Wed Oct 10 2018 22:19:24 GMT+0200 (Central European Summer Time)",
        "2018-10-10 22:19:24 CEST",
        "2018-10-10 22:19:24 W. Europe Summer Time",
        "10.10.2018 20:19:24",
        "10/10/2018 8:19:24 PM",
        "2018/10/10 20:19:24",
        "1539202764",
        "1539202764.0",
        "1539202764000",
        "1539202764000000",
        "1539202764000000000",
    ],
)
def test_the_usual_forms_of_a_time_are_understood(text: str):
    assert parse_dates(pl.Series([text]))[0] == WHEN


def test_a_form_is_chosen_row_by_row():
    times = parse_dates(
        pl.Series(["2018-10-10", "1539202764", None, "Wed Oct 10 20:19:24 +0000 2018"])
    )
    assert times.to_list() == [datetime(2018, 10, 10, tzinfo=UTC), WHEN, None, WHEN]


@pytest.mark.parametrize(
    "text",
    ["soon", "03/04/2018", "Thu Aug 27 25:00:00 +0000 2020",
     "2018-10-10 20:19:24 XYZ", "0001-01-01",
     "2018-13-10", "2018-02-30", "2018-10-10 25:00", "2018", "12345",
     "Wed Oct 10", "2018-10-10T20:19:24Z and more", "-1539202764"],
)  # fmt: skip
def test_a_text_without_a_time_is_null(text: str):
    assert parse_dates(pl.Series([text])).to_list() == [None]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1539202764], dtype=pl.Int64),
        pl.Series([1539202764000.0]),
        pl.Series([WHEN], dtype=pl.Datetime("ms", "UTC")),
        pl.Series([WHEN.replace(tzinfo=None)], dtype=pl.Datetime("ns")),
        pl.Series([WHEN], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone("Asia/Tokyo"),
    ],
)
def test_columns_that_are_no_text_are_converted_to_utc(values: pl.Series):
    times = parse_dates(values)
    assert times.dtype == pl.Datetime("us", "UTC")
    assert times[0] == WHEN


def test_a_day_begins_at_midnight_utc():
    assert parse_dates(pl.Series([date(2018, 10, 10)]))[0] == datetime(2018, 10, 10, tzinfo=UTC)


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
)
def test_what_python_writes_is_read_back(local: datetime, minutes: int, between: str):
    when = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_dates(pl.Series([when.isoformat(between)]))[0] == when


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("dmy", "10/10/2018 20:19:24"),
        ("%d.%m.%Y %H:%M:%S", "10.10.2018 20:19:24"),
        ("%Y-%m-%d %H:%M:%S %z", "2018-10-10 22:19:24 +0200"),
        ("s", "1539202764"),
        ("us", "1539202764000000"),
    ],
)
def test_a_named_form_is_used(form: str, text: str):
    assert parse_dates(pl.Series([text]), form)[0] == WHEN


@pytest.mark.parametrize("form", ["day", "31.12.2018"])
def test_an_unknown_form_is_refused(form: str):
    with pytest.raises(InputError, match="created_at_format"):
        parse_dates(pl.Series(["2018-10-10"]), form)


def test_the_order_of_day_and_month_is_that_of_the_whole_column():
    assert day_order(pl.Series(["03/04/2020", None, "8/27/2020 1:08 PM"])) == "mdy"
    assert day_order(pl.Series(["03/04/2020", "27/08/2020"])) == "dmy"
    assert day_order(pl.Series(["03/04/2020", "10/10/2020"])) is None
    with pytest.raises(InputError, match="created_at_format=dmy or mdy"):
        day_order(pl.Series(["08/27/2020", "27/08/2020"]))


@pytest.mark.parametrize("text", ["27.08.2020", "27/08/2020", "10/10/2020", "2020-03-04"])
def test_a_date_that_means_one_day_is_not_ambiguous(text: str):
    assert not is_ambiguous(pl.Series([text]))


def test_a_date_that_means_one_day_needs_no_order():
    texts = pl.Series(["08/27/2020 01:08 PM", "27/08/2020 13:08", "27-08-2020 13:08"])
    moment = datetime(2020, 8, 27, 13, 8, tzinfo=UTC)
    assert parse_dates(texts).to_list() == [moment] * 3
    assert parse_dates(pl.Series(["03/04/2020"])).to_list() == [None]


@pytest.mark.parametrize("unit", ["d", "s", "ms", "us", "ns"])
def test_counts_beyond_any_calendar_are_no_times(unit: str):
    counts = pl.Series([2**62, -(2**62), None])
    assert parse_dates(from_unit(counts, unit)).to_list() == [None, None, None]
