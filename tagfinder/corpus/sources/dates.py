"""Times in the forms that files of posts hold."""

from __future__ import annotations

import polars as pl

DTYPE = pl.Datetime("us", "UTC")
ISO = (
    r"^(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?P<clock>\d{2}:\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?$"
)
TWITTER = "%a %b %d %H:%M:%S %z %Y"
EPOCH = r"^\d{9,19}(\.\d+)?$"


def parse_dates(times: pl.Series) -> pl.Series:
    """Return times as UTC in microseconds, null where a value is none.

    Args:
        times: dates or datetimes (UTC where they have no zone), numbers (seconds, milliseconds,
            microseconds or nanoseconds since 1970, told apart by their size), or texts: ISO 8601,
            Twitter's `Wed Oct 10 20:19:24 +0000 2018`, or such a number.
    """
    if times.dtype == pl.Datetime and times.dtype.time_zone:  # type: ignore[attr-defined]
        return times.dt.convert_time_zone("UTC").cast(DTYPE)
    if times.dtype.is_temporal():
        return times.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if times.dtype.is_numeric():
        return _from_epoch(times.cast(pl.Float64))
    return _from_text(times.cast(pl.String).str.strip_chars())


def _from_text(texts: pl.Series) -> pl.Series:
    times = _from_iso(texts)
    if times.null_count() > texts.null_count():
        times = times.fill_null(texts.str.to_datetime(TWITTER, strict=False).cast(DTYPE))
    if times.null_count() > texts.null_count():
        numbers = texts.set(~texts.str.contains(EPOCH), None).cast(pl.Float64, strict=False)
        times = times.fill_null(_from_epoch(numbers))
    return times


def _from_iso(texts: pl.Series) -> pl.Series:
    parts = texts.str.extract_groups(ISO).struct.unnest()
    clock = pl.concat_str(
        "day",
        pl.lit("T"),
        pl.col("clock").fill_null("00:00"),
        pl.lit(":"),
        pl.col("second").fill_null("00"),
    )
    local = clock.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    fraction = pl.col("fraction").fill_null("0").str.pad_end(6, "0").str.head(6).cast(pl.Int64)
    digits = pl.col("zone").str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    minutes = digits.str.head(2).cast(pl.Int64) * 60 + digits.str.tail(2).cast(pl.Int64)
    sign = pl.when(pl.col("zone").str.starts_with("-")).then(-1).otherwise(1)
    offset = pl.duration(minutes=(sign * minutes).fill_null(0))
    utc = local + pl.duration(microseconds=fraction) - offset
    return parts.select(utc.dt.replace_time_zone("UTC").alias("time"))["time"]


def _from_epoch(numbers: pl.Series) -> pl.Series:
    """Convert seconds to nanoseconds since 1970; numbers before March 1973 are no times."""
    number = pl.col("number")
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
    exact = microseconds.round().cast(pl.Int64, strict=False)
    frame = numbers.alias("number").to_frame()
    return frame.select(exact.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("time"))[
        "time"
    ]
