"""Times in the forms that files of posts hold."""

from __future__ import annotations

from typing import Literal

import polars as pl

from tagfinder.errors import InputError

DTYPE = pl.Datetime("us", "UTC")
FIRST_YEAR, LAST_YEAR = 1970, 2100
"""Times of other years are mistakes: a zero, a wrong unit, a placeholder."""

Order = Literal["dmy", "mdy"]
DAY_FIRST: Order = "dmy"
MONTH_FIRST: Order = "mdy"
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1 / 1_000}
"""Microseconds of one unit; names that `data.columns.created_at_format` may have."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Abbreviations are taken as the United States and Europe use them, IST as India does.
ZONES = {
    **{"z": "+0000", "utc": "+0000", "gmt": "+0000", "wet": "+0000", "west": "+0100"},
    **{"bst": "+0100", "cet": "+0100", "cest": "+0200", "eet": "+0200", "eest": "+0300"},
    **{"msk": "+0300", "ist": "+0530", "jst": "+0900", "kst": "+0900", "hkt": "+0800"},
    **{"sgt": "+0800", "awst": "+0800", "acst": "+0930", "aest": "+1000", "aedt": "+1100"},
    **{"nzst": "+1200", "nzdt": "+1300", "sast": "+0200", "wib": "+0700", "pkt": "+0500"},
    **{"ast": "-0400", "adt": "-0300", "est": "-0500", "edt": "-0400", "cst": "-0600"},
    **{"cdt": "-0500", "mst": "-0700", "mdt": "-0600", "pst": "-0800", "pdt": "-0700"},
    **{"akst": "-0900", "akdt": "-0800", "hst": "-1000", "brt": "-0300", "art": "-0300"},
    # Names of zones in Windows.
    **{"w. europe standard time": "+0100", "w. europe summer time": "+0200"},
    **{"w. europe daylight time": "+0200", "romance standard time": "+0100"},
    **{"romance daylight time": "+0200", "romance summer time": "+0200"},
    **{"central europe standard time": "+0100", "central europe daylight time": "+0200"},
    **{"gmt standard time": "+0000", "gmt daylight time": "+0100"},
    **{"eastern standard time": "-0500", "eastern daylight time": "-0400"},
    **{"central standard time": "-0600", "central daylight time": "-0500"},
    **{"mountain standard time": "-0700", "mountain daylight time": "-0600"},
    **{"pacific standard time": "-0800", "pacific daylight time": "-0700"},
    **{"india standard time": "+0530", "tokyo standard time": "+0900"},
    **{"turkey standard time": "+0300", "arab standard time": "+0300"},
}

_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[AaPp]\.?[Mm]\.?))?"
)
_ZONE = r"(?P<zone>[A-Za-z][A-Za-z. ]*?)?(?P<offset>[+-]\d{2}(?::?\d{2})?)?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s+)?"
_MONTH = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_TIME = rf"(?:(?:T|,?\s+(?:at\s+)?){_CLOCK}\s*{_ZONE})?"
ISO = rf"(?P<year>\d{{4}})[-/](?P<month>\d{{2}})[-/](?P<day>\d{{2}}){_TIME}"
COMPACT = rf"(?P<year>(?:19|20)\d{{2}})(?P<month>\d{{2}})(?P<day>\d{{2}}){_TIME}"
# 27 Aug 2020 13:08, and RFC 2822's Thu, 27 Aug 2020 13:08:45 +0000
DAY_NAME = rf"{_WEEKDAY}{_DAY}[\s-]+{_MONTH},?[\s-]+(?P<year>\d{{4}}){_TIME}"
# August 27, 2020 at 01:08PM, and JavaScript's Thu Aug 27 2020 13:08:45 GMT+0000
NAME_DAY = rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}}){_TIME}"
# Twitter's Thu Aug 27 13:08:45 +0000 2020, and what `date` prints
TWITTER = rf"{_WEEKDAY}{_MONTH}\s+{_DAY}\s+{_CLOCK}\s+{_ZONE}\s*(?P<year>\d{{4}})"
FORMS = tuple(rf"(?i)^{form}$" for form in (ISO, COMPACT, DAY_NAME, NAME_DAY, TWITTER))
# 27.08.2020 13:08 is always day first; / and - may be either.
NUMERIC = (
    rf"(?i)^(?P<a>\d{{1,2}})(?P<sign>[./-])(?P<b>\d{{1,2}})[./-](?P<year>\d{{4}}|\d{{2}}){_TIME}$"
)
EPOCH = r"^\d{9,19}(\.\d+)?$"
GROUPS = (
    *("year", "month", "name", "day", "hour", "minute", "second"),
    *("fraction", "half", "zone", "offset"),
)


def parse_dates(times: pl.Series, form: str | None = None, order: Order | None = None) -> pl.Series:
    """Return times as UTC in microseconds, null for an invalid value.

    Args:
        times: dates or datetimes (UTC where they have no zone), numbers (seconds, milliseconds,
            microseconds or nanoseconds since 1970, told apart by their size), or texts: ISO 8601,
            Twitter's, RFC 2822's, numbers with a month's name, `27.08.2020 13:08`, US order, or
            such a number.
        form: `dmy` or `mdy` (day or month first), `s`, `ms`, `us` or `ns` (since 1970), or a
            pattern such as `%d.%m.%Y %H:%M`; null for any of the above.
        order: which is first where `form` does not say it; without it a date that can be read
            both ways is null.

    Raises:
        InputError: `form` is no pattern of a time.
    """
    if times.dtype.is_temporal():
        return _sensible(_from_temporal(times))
    if times.dtype.is_numeric():
        return _sensible(_from_number(times.cast(pl.Float64, strict=False), form))
    texts = times.cast(pl.String).str.strip_chars()
    if form in UNITS:
        return _sensible(_from_number(texts.cast(pl.Float64, strict=False), form))
    if form not in (None, DAY_FIRST, MONTH_FIRST):
        return _sensible(_by_pattern(texts, str(form)))
    return _sensible(_from_text(texts, form or order))


def day_order(times: pl.Series) -> Order | None:
    """Return which of day and month is first in texts, null if every one can be read both ways.

    Raises:
        InputError: some can only be one and some only the other.
    """
    numeric = _numeric(times)
    first = bool((numeric["a"] > 12).any())
    second = bool((numeric["b"] > 12).any())
    if first and second:
        raise InputError(
            "created_at has dates with the day first and dates with the month first; "
            "say which ones are right: data.columns.created_at_format=dmy or mdy"
        )
    if first:
        return DAY_FIRST
    return MONTH_FIRST if second else None


def is_ambiguous(times: pl.Series) -> bool:
    """Tell whether a text is a date that means two days, as 03/04/2020 does."""
    numeric = _numeric(times)
    return bool(
        ((numeric["a"] <= 12) & (numeric["b"] <= 12) & (numeric["a"] != numeric["b"])).any()
    )


def _numeric(times: pl.Series) -> pl.DataFrame:
    """Return the two numbers before the year, null if the text is no such date."""
    if times.dtype != pl.String:
        return pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64})
    parts = times.str.strip_chars().str.extract_groups(NUMERIC).struct.unnest()
    undecided = parts.filter(pl.col("sign") != ".")
    return undecided.select(pl.col("a", "b").cast(pl.Int64))


def _from_temporal(times: pl.Series) -> pl.Series:
    if isinstance(times.dtype, pl.Datetime):
        return from_unit(times.to_physical(), times.dtype.time_unit)
    if times.dtype == pl.Date:
        return from_unit(times.to_physical(), "d")
    return pl.Series(times.name, [None] * len(times), dtype=DTYPE)


def from_unit(counts: pl.Series, unit: str) -> pl.Series:
    """Return counts of `d`, `s`, `ms`, `us` or `ns` since 1970 as times, null out of range."""
    per_microsecond = {"d": 86_400_000_000, "s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1}
    factor = per_microsecond[unit]
    number = pl.col("number").cast(pl.Int64, strict=False)
    whole = number // 1_000 if unit == "ns" else number
    fits = whole.is_between(0, _LAST_MICROSECOND // factor)
    microseconds = pl.when(fits).then(whole) * factor
    frame = counts.alias("number").to_frame()
    return frame.select(microseconds.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))["number"]


_LAST_MICROSECOND = 2**62
"""Some time after the year 116,000: to be cut by `_sensible`, but no overflow."""


def _sensible(times: pl.Series) -> pl.Series:
    return times.set(~times.dt.year().is_between(FIRST_YEAR, LAST_YEAR), None)


def _by_pattern(texts: pl.Series, pattern: str) -> pl.Series:
    if "%" not in pattern:
        raise InputError(
            f"data.columns.created_at_format={pattern} is none of dmy, mdy, s, ms, us, ns, "
            "and no pattern such as '%d.%m.%Y %H:%M'"
        )
    try:
        found = texts.str.to_datetime(pattern, strict=False, time_unit="us", ambiguous="earliest")
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(
            f"data.columns.created_at_format='{pattern}' is no pattern of a time, as in "
            "'%d.%m.%Y %H:%M' or '%Y-%m-%d %H:%M:%S %z'"
        ) from error
    if found.dtype.time_zone:  # type: ignore[attr-defined]
        return found.dt.convert_time_zone("UTC").cast(DTYPE)
    return found.dt.replace_time_zone("UTC")


def _from_text(texts: pl.Series, order: Order | None) -> pl.Series:
    # JavaScript ends with the zone's name in brackets.
    texts = texts.str.replace(r"\s*\([^()]*\)$", "")
    times = pl.Series(texts.name, [None] * len(texts), dtype=DTYPE)
    for form in FORMS:
        if times.null_count() == texts.null_count():
            return times
        times = times.fill_null(_assembled(texts.str.extract_groups(form)))
    if times.null_count() > texts.null_count():
        times = times.fill_null(_from_numeric(texts, order))
    if times.null_count() > texts.null_count():
        numbers = texts.set(~texts.str.contains(EPOCH), None).cast(pl.Float64, strict=False)
        times = times.fill_null(_from_number(numbers, None))
    return times


def _from_numeric(texts: pl.Series, order: Order | None) -> pl.Series:
    parts = texts.str.extract_groups(NUMERIC).struct.unnest()
    a, b = (pl.col(name).cast(pl.Int64, strict=False) for name in ("a", "b"))
    day_first = (pl.col("sign") == ".") | (pl.lit(order) == DAY_FIRST)
    known = (pl.col("sign") == ".") | pl.lit(order is not None) | (a == b)
    if order is None:
        # A number above 12 is no month.
        day_first |= a > 12
        known |= (a > 12) | (b > 12)
    month = pl.when(day_first).then(pl.col("b")).otherwise(pl.col("a"))
    day = pl.when(day_first).then(pl.col("a")).otherwise(pl.col("b"))
    year = pl.when(pl.col("year").str.len_chars() == 2).then("20" + pl.col("year"))
    filled = parts.with_columns(
        year=pl.when(known).then(year.otherwise(pl.col("year"))), month=month, day=day
    )
    return _assembled(filled.drop("a", "b", "sign").to_struct())


def _assembled(groups: pl.Series) -> pl.Series:
    """Return the times that the named groups of a pattern spell, null if one is impossible."""
    parts = groups.struct.unnest()
    parts = parts.with_columns(
        pl.lit(None, pl.String).alias(name) for name in GROUPS if name not in parts.columns
    )
    number = {
        name: pl.col(name).cast(pl.Int64, strict=False) for name in GROUPS[:7] if name != "name"
    }
    name = pl.col("name").str.to_lowercase()
    month = pl.coalesce(number["month"], name.replace_strict(MONTHS, range(1, 13), default=None))
    on_clock = _on_clock(number["hour"].fill_null(0))
    # A leap second is the last one of its minute.
    second = number["second"].fill_null(0)
    valid = (
        month.is_between(1, 12)
        & number["day"].is_between(1, 31)
        & on_clock.is_between(0, 23)
        & number["minute"].fill_null(0).is_between(0, 59)
        & second.is_between(0, 60)
    )
    digits = pl.concat_str(
        pl.col("year"),
        pl.lit("-"),
        month.cast(pl.String).str.zfill(2),
        pl.lit("-"),
        pl.col("day").str.zfill(2),
    )
    day = pl.when(valid).then(digits).str.to_date("%Y-%m-%d", strict=False)
    clock = pl.duration(
        hours=on_clock,
        minutes=number["minute"].fill_null(0),
        seconds=second.clip(upper_bound=59),
        microseconds=pl.col("fraction")
        .fill_null("0")
        .str.pad_end(6, "0")
        .str.head(6)
        .cast(pl.Int64),
    )
    utc = day.cast(pl.Datetime("us")) + clock - _offset()
    return parts.select(utc.dt.replace_time_zone("UTC").alias("time"))["time"]


def _on_clock(hour: pl.Expr) -> pl.Expr:
    """Return hours from 0 to 23 of hours with or without am and pm; 24 if one is impossible."""
    half = pl.col("half").str.to_lowercase().str.head(1)
    return (
        pl.when(half.is_null()).then(hour)
        .when(~hour.is_between(1, 12)).then(24)
        .otherwise(hour % 12 + pl.when(half == "p").then(12).otherwise(0))
    )  # fmt: skip


def _offset() -> pl.Expr:
    """Return the offset of local time from UTC, null for an unknown zone."""
    name = pl.col("zone").str.strip_chars().str.to_lowercase()
    named = name.replace_strict(list(ZONES), list(ZONES.values()), default=None)
    known = pl.when(name.is_null() | (name == "")).then(pl.lit("+0000")).otherwise(named)
    text = pl.coalesce(pl.when(known.is_not_null()).then(pl.col("offset")), known)
    digits = text.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    minutes = digits.str.head(2).cast(pl.Int64) * 60 + digits.str.tail(2).cast(pl.Int64)
    return pl.duration(minutes=pl.when(text.str.starts_with("-")).then(-minutes).otherwise(minutes))


def _from_number(numbers: pl.Series, unit: str | None) -> pl.Series:
    """Convert numbers since 1970; without a unit those before March 1973 are no times."""
    number = pl.col("number")
    if unit in UNITS:
        microseconds = number * UNITS[unit]
    else:
        microseconds = (
            pl.when(number < 1e8)
            .then(None)
            .when(number < 1e11)
            .then(number * 1e6)
            .when(number < 1e14)
            .then(number * 1e3)
            .when(number < 1e17)
            .then(number)
            .otherwise(number / 1e3)
        )
    inside = pl.when(microseconds.is_between(0, float(_LAST_MICROSECOND))).then(microseconds)
    exact = inside.round().cast(pl.Int64, strict=False)
    frame = numbers.alias("number").to_frame()
    return frame.select(exact.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("time"))[
        "time"
    ]
