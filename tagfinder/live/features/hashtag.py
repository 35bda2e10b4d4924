"""Features of a hashtag over all authors: how much, how long and when it is used."""

from __future__ import annotations

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.statistics import HashtagColumns, weekday_of
from tagfinder.live.features.columns import Column
from tagfinder.live.features.context import CandidateContext
from tagfinder.live.features.limits import LONG_AGO
from tagfinder.live.index_map import scatter

COLUMNS = (
    Column("uses_half_day", "uses by all authors, decayed with a half-life of 12 hours", "posts"),
    Column("uses_2_days", "the same with a half-life of 2 days", "posts"),
    Column("uses_week", "the same with a half-life of 7 days", "posts"),
    Column("uses_month", "the same with a half-life of 30 days", "posts"),
    Column("uses_half_year", "the same with a half-life of 180 days", "posts"),
    Column("uses_ever", "posts with the hashtag, ln(1 + n)", "log posts"),
    Column("users", "distinct authors who used it, ln(1 + n)", "log authors"),
    Column("age", "time since its first use", "days", -np.inf, LONG_AGO),
    Column("since_last", "time since its last use", "days", -np.inf, LONG_AGO),
    Column("rising", "uses_2_days relative to uses_week, smoothed", "ratio"),
    Column("rising_month", "uses_week relative to uses_half_year, smoothed", "ratio"),
    Column(
        "this_weekday",
        "share of its uses on the weekday of the query, decayed with a half-life of 56 days",
        "share",
        0,
        1,
    ),
    Column("same_days_last_year", "posts with it a year ago, give or take 3 days", "posts"),
    Column("length", "length of its name", "characters", 1),
)
(
    USES_HALF_DAY,
    USES_2_DAYS,
    USES_WEEK,
    USES_MONTH,
    USES_HALF_YEAR,
    USES_EVER,
    USERS,
    AGE,
    SINCE_LAST,
    RISING,
    RISING_MONTH,
    THIS_WEEKDAY,
    SAME_DAYS_LAST_YEAR,
    LENGTH,
) = range(len(COLUMNS))


def compute(context: CandidateContext) -> np.ndarray:
    """Return (C, F) float32 values of `COLUMNS`."""
    statistics, query = context.of_query.statistics, context.of_query.query
    table = np.zeros((len(context.hashtags), len(COLUMNS)), np.float32)
    table[:, USES_HALF_DAY : USES_HALF_YEAR + 1] = context.uses
    _fill(table, context.hashtags, context.uses, statistics.hashtag_columns(), query.day)
    scatter(table[:, SAME_DAYS_LAST_YEAR], context.index, *context.of_query.last_year)
    table[:, LENGTH] = context.lengths
    return table


@compiled
def _fill(
    table: np.ndarray,
    candidates: np.ndarray,
    uses: np.ndarray,
    hashtags: HashtagColumns,
    day: float,
) -> None:
    total, users, first_day, latest_day, _, weekdays = hashtags
    weekday = weekday_of(day)
    for position in range(len(candidates)):
        hashtag, row = candidates[position], table[position]
        of_2_days, of_week = uses[position, USES_2_DAYS], uses[position, USES_WEEK]
        row[USES_EVER] = np.log1p(total[hashtag])
        row[USERS] = np.log1p(users[hashtag])
        row[AGE] = min(day - first_day[hashtag], LONG_AGO)
        row[SINCE_LAST] = min(day - latest_day[hashtag], LONG_AGO)
        row[RISING] = (of_2_days + 0.1) / (of_week + 0.5)
        row[RISING_MONTH] = (of_week + 0.1) / (uses[position, USES_HALF_YEAR] + 0.5)
        row[THIS_WEEKDAY] = weekdays[hashtag, weekday] / max(weekdays[hashtag].sum(), 1e-6)
