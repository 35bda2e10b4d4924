"""Figures of errors (report, Figs 13-17 and Table 7), legible with 50 labels and with 1,000."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection
from matplotlib.ticker import LogLocator, NullFormatter

from tagfinder.evaluation.curves import (
    Curves,
    Reliability,
    precision_recall_curves,
    reliability,
    reliability_of_all,
    roc_curves,
)
from tagfinder.evaluation.error_counts import (
    AS_MANY,
    K_SLICES,
    NDCG_EDGES,
    ScoredPredictions,
    confusions,
    ndcg_histogram,
    score_by_label,
    slice_means,
    text_lengths,
)
from tagfinder.figures import COLOURS, figure

BLUE, ORANGE, GREEN, RED = COLOURS[:4]
SHOWN = 50  # labels in one figure: half of them the most, half the least frequent
NAMED = 5  # curves named at either end
MOST_BINS = 40
NAME_SIZE = (0.5, 0.03)  # decades and NDCG that a name beside a point takes
WORST = 0.2  # report NDCG@10 below this is bad (Fig. 16)
LONGEST_NAME = 18
MONTHS_MARKED = 14
FEWEST_POSTS = 10  # a month with fewer is noise
LENGTHS = (0, 5, 10, 15, 20, 25, 30, 40, 50)


def draw_errors(judged: ScoredPredictions, folder: Path) -> list[str]:
    """Write every figure for which there is data; return their names in reading order."""
    columns = judged.posts.columns
    drawings: list[tuple[bool, Callable[[ScoredPredictions, Path], str]]] = [
        (True, draw_label_confusions),
        (True, draw_confused_pairs),
        (judged.histograms is not None, draw_roc),
        (judged.histograms is not None, draw_precision_recall),
        (True, draw_ndcg_histogram),
        ("clean" in columns, draw_worst_lengths),
        (True, draw_errors_by_label),
        (judged.train_counts is not None, draw_score_by_frequency),
        ("clean" in columns, draw_score_by_length),
        (_has_times(judged.posts), draw_score_by_month),
        (judged.histograms is not None, draw_reliability),
        (_has_probabilities(judged.posts), draw_first_reliability),
    ]
    return [draw(judged, folder) for possible, draw in drawings if possible]


def draw_label_confusions(judged: ScoredPredictions, folder: Path) -> str:
    """Draw a confusion matrix of two by two for each label (Fig. 13)."""
    shown = shown_labels(_frequencies(judged))
    n_columns = 10
    n_rows = -(-len(shown) // n_columns)
    counts = judged.per_label
    title = (
        f"{judged.name}\nconfusion matrix of each label, {_cut(shown, judged)}\n({judged.given})"
    )
    size = (14, 1.4 + 1.1 * n_rows)
    with figure(folder, "confusion_per_label", title, size=size) as axes:
        shares = np.full((n_rows * 3, n_columns * 3), np.nan)
        for place, label in enumerate(shown):
            top, left = 3 * (place // n_columns) + 1, 3 * (place % n_columns)
            cells = _two_by_two(counts.row(label, named=True), judged.posts.height)
            shares[top : top + 2, left : left + 2] = cells / cells.sum(1, keepdims=True).clip(1)
            axes.text(
                left + 0.5, top - 0.62, _tag(judged.hashtags[label], 13), ha="center", fontsize=8
            )
            for (row, column), count in np.ndenumerate(cells):
                dark = shares[top + row, left + column] > 0.6
                colour = "white" if dark else "black"
                axes.text(
                    left + column, top + row, _short(count), ha="center", va="center",
                    fontsize=7, color=colour,
                )  # fmt: skip
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_axis_off()
        note = (
            "rows: with the label, without it; columns: given, not given. Colour: share of the row"
        )
        axes.text(0, 3 * n_rows + 0.1, note, fontsize=9)
        axes.figure.colorbar(image, ax=axes, shrink=0.6, label="share of the row")
    return "confusion_per_label"


def draw_confused_pairs(judged: ScoredPredictions, folder: Path) -> str:
    """Draw which label is given instead of which."""
    pairs = confusions(judged.posts)
    n_labels = len(judged.hashtags)
    involved = np.zeros(n_labels)
    for column in ("missed", "given"):
        np.add.at(involved, pairs[column].to_numpy(), pairs["count"].to_numpy())
    shown = np.sort(np.argsort(-involved, kind="stable")[:SHOWN])
    place = np.full(n_labels, -1)
    place[shown] = np.arange(len(shown))
    table = np.zeros((len(shown), len(shown)))
    rows, columns = place[pairs["missed"].to_numpy()], place[pairs["given"].to_numpy()]
    inside = (rows >= 0) & (columns >= 0)
    table[rows[inside], columns[inside]] = pairs["count"].to_numpy()[inside]
    support = judged.per_label["support"].to_numpy()[shown].clip(1)
    which = "all labels" if len(shown) == n_labels else f"the {len(shown)} most confused labels"
    title = f"{judged.name}\nwhich label is given instead of which, {which}\n({AS_MANY})"
    with figure(
        folder, "confused_labels", title, x="given instead", y="true, but missed", size=(12, 11)
    ) as axes:
        image = axes.imshow(100 * table / support[:, None], cmap="Blues")
        names = [_tag(judged.hashtags[label]) for label in shown]
        axes.set_xticks(range(len(shown)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(shown)), names, fontsize=7)
        axes.grid(visible=False)
        label = "% of the posts with the missed label"
        axes.figure.colorbar(image, ax=axes, shrink=0.7, label=label)
    return "confused_labels"


def draw_roc(judged: ScoredPredictions, folder: Path) -> str:
    """Draw ROC curves of all labels, their mean and all pairs (Fig. 14)."""
    assert judged.histograms is not None
    curves = roc_curves(judged.histograms)
    title = f"{judged.name}\nROC curves"
    with figure(
        folder, "roc", title, x="false positive rate", y="true positive rate", size=(9, 6)
    ) as axes:
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
        _draw_curves(axes, curves, judged.hashtags, "AUC")
    return "roc"


def draw_precision_recall(judged: ScoredPredictions, folder: Path) -> str:
    """Draw precision-recall curves of all labels, their mean and all pairs (Fig. 15)."""
    assert judged.histograms is not None
    curves = precision_recall_curves(judged.histograms)
    title = f"{judged.name}\nprecision-recall curves"
    with figure(folder, "precision_recall", title, x="recall", y="precision", size=(9, 6)) as axes:
        _draw_curves(axes, curves, judged.hashtags, "AP")
    return "precision_recall"


def draw_ndcg_histogram(judged: ScoredPredictions, folder: Path) -> str:
    """Draw how many posts have which NDCG@10, the report's (Table 7)."""
    counts = ndcg_histogram(judged.report_ndcg(10))
    title = f"{judged.name}\nreport NDCG@10 of each post (Table 7)"
    bins = [f"{low:.1f}-{high:.1f}" for low, high in pairwise(NDCG_EDGES)]
    with figure(folder, "ndcg_histogram", title, x="report NDCG@10", y="posts") as axes:
        axes.bar_label(axes.bar(bins, counts, color=BLUE), fmt="{:,.0f}")
    return "ndcg_histogram"


def draw_worst_lengths(judged: ScoredPredictions, folder: Path) -> str:
    """Draw text lengths of the posts with the worst scores beside those of all (Fig. 16)."""
    lengths = text_lengths(judged.posts).to_numpy()
    worst = lengths[judged.report_ndcg(10) < WORST]
    longest = int(np.percentile(lengths, 99.5)) + 1
    title = f"{judged.name}\ntext lengths of the worst posts (report NDCG@10 below {WORST})"
    with figure(
        folder, "worst_text_lengths", title, x="tokens of the cleaned text", y="% of the posts"
    ) as axes:
        for values, colour, label in ((lengths, BLUE, "all"), (worst, RED, "worst")):
            if len(values):
                weights = np.full(len(values), 100 / len(values))
                median = f"{label}: {len(values):,} posts, median {np.median(values):.0f} tokens"
                axes.hist(
                    values, bins=length_edges(longest).tolist(), weights=weights,
                    histtype="step", linewidth=2, color=colour, label=median,
                )  # fmt: skip
        axes.legend()
    return "worst_text_lengths"


def length_edges(longest: int) -> np.ndarray:
    """Return edges of at most 40 bins that each hold equally many whole numbers, from 1 on."""
    width = -(-longest // MOST_BINS)
    return np.arange(0, longest + width, width) + 0.5


def draw_errors_by_label(judged: ScoredPredictions, folder: Path) -> str:
    """Draw misses and false alarms of each label in order of frequency (Fig. 17)."""
    shown = shown_labels(_frequencies(judged))
    counts, places = judged.per_label[shown], np.arange(len(shown))
    title = f"{judged.name}\nerrors by label, the most frequent first, {_cut(shown, judged)}"
    title += f"\n({judged.given})"
    with figure(folder, "errors_by_label", title, y="test posts", size=(13, 6)) as axes:
        misses, alarms = counts["false_negatives"], counts["false_positives"]
        axes.bar(places - 0.2, misses, 0.4, color=RED, label="false negatives (missed)")
        axes.bar(places + 0.2, alarms, 0.4, color=ORANGE, label="false positives (wrongly given)")
        names = [_tag(judged.hashtags[label]) for label in shown]
        axes.set_xticks(places, names, rotation=90, fontsize=8)
        axes.set_xlim(-0.7, len(shown) - 0.3)
        lines, labels = axes.get_legend_handles_labels()
        if judged.train_counts is not None:
            trained = axes.twinx()
            trained.grid(visible=False)
            trained.spines["right"].set_visible(True)
            trained.set(ylabel="training posts (logarithmic)", yscale="log")
            _plain_numbers(trained.yaxis)
            values = judged.train_counts[shown].clip(1)
            lines += trained.plot(places, values, color=BLUE, marker=".", label="training posts")
            labels.append("training posts")
        axes.legend(lines, labels, loc="upper right")
    return "errors_by_label"


def draw_score_by_frequency(judged: ScoredPredictions, folder: Path) -> str:
    """Draw NDCG of the posts with a label over the training posts that it has."""
    assert judged.train_counts is not None
    scores = score_by_label(judged)
    known = ~np.isnan(scores) & (judged.train_counts > 0)
    counts, values = judged.train_counts[known], scores[known]
    title = f"{judged.name}\nNDCG@{K_SLICES} by label frequency"
    with figure(
        folder,
        "score_by_label_frequency",
        title,
        x="training posts with the label (logarithmic)",
        y=f"mean NDCG@{K_SLICES} of its test posts",
    ) as axes:
        axes.scatter(counts, values, s=14, color=BLUE, alpha=0.7, label="a label")
        axes.set(xscale="log", ylim=(-0.02, 1.05))
        _plain_numbers(axes.xaxis)
        ends = np.argsort(values).tolist()
        spots: list[np.ndarray] = []
        for place in dict.fromkeys([*ends[:NAMED], *ends[-2:]]):
            spot = np.array([np.log10(counts[place]), values[place]])
            # A name that would overlap another is left out.
            if all((np.abs(spot - other) > NAME_SIZE).any() for other in spots):
                spots.append(spot)
                name = _tag(judged.hashtags[int(np.flatnonzero(known)[place])])
                at = (counts[place], values[place])
                axes.annotate(name, at, fontsize=7, xytext=(4, 2), textcoords="offset points")
    return "score_by_label_frequency"


def draw_score_by_length(judged: ScoredPredictions, folder: Path) -> str:
    """Draw NDCG over the length of the text."""
    means = score_by_length(judged)
    names = [f"{low + 1}-{high}" for low, high in pairwise(LENGTHS)]
    names.append(f"over {LENGTHS[-1]}")
    title = f"{judged.name}\nNDCG@{K_SLICES} by text length (95 % intervals)"
    with figure(
        folder,
        "score_by_text_length",
        title,
        x="tokens of the cleaned text",
        y=f"mean NDCG@{K_SLICES}",
    ) as axes:
        places = means["group"].to_numpy()
        _bars_with_counts(axes, places, means)
        axes.set_xticks(places, [names[place] for place in places])
    return "score_by_text_length"


def draw_score_by_month(judged: ScoredPredictions, folder: Path) -> str:
    """Draw NDCG over the month of the post."""
    means = score_by_month(judged)
    title = f"{judged.name}\nNDCG@{K_SLICES} by month (95 % intervals; points: area by posts)"
    enough = means.filter(pl.col("posts") >= FEWEST_POSTS)
    if 0 < enough.height < means.height:
        title += f"\n{means.height - enough.height} months with under {FEWEST_POSTS} posts left out"
        means = enough
    with figure(folder, "score_by_month", title, x="month", y=f"mean NDCG@{K_SLICES}") as axes:
        months, values = means["group"].to_numpy(), means["mean"].to_numpy()
        errors = means["error"].fill_null(0.0).to_numpy()
        posts = means["posts"].to_numpy()
        axes.errorbar(months, values, yerr=errors, color=BLUE, linewidth=1, alpha=0.6)
        axes.scatter(months, values, s=10 + 90 * posts / posts.max(), color=BLUE)
        axes.set_ylim(-0.02, 1.05)
        marked = months[:: -(-len(months) // MONTHS_MARKED)]
        axes.set_xticks(marked, [f"{month:%Y-%m}" for month in marked.tolist()], rotation=45)
    return "score_by_month"


def draw_reliability(judged: ScoredPredictions, folder: Path) -> str:
    """Draw the share of true labels by score, over all pairs of post and label."""
    assert judged.histograms is not None
    found = reliability_of_all(judged.histograms)
    _draw_reliability(folder, "reliability", f"{judged.name}\ncalibration, all scores", found)
    return "reliability"


def draw_first_reliability(judged: ScoredPredictions, folder: Path) -> str:
    """Draw how often the first suggestion is right, by its score."""
    title = f"{judged.name}\ncalibration, first suggestion"
    _draw_reliability(folder, "reliability_first", title, first_reliability(judged))
    return "reliability_first"


def draw_shown_reliability(
    title: str, judged: Mapping[str, Any], folder: Path, ending: str = ""
) -> str:
    """Draw what the probabilities of shown suggestions promise and keep.

    Args:
        title: of the figure.
        judged: what `calibration.Shown.judge` returned.
        folder: where the figure goes.
        ending: of its name.
    """
    columns = ([one[key] for one in judged["bins"]] for key in ("promised", "kept", "suggestions"))
    found = Reliability(*map(np.array, columns))
    name = f"reliability_shown{ending}"
    _draw_reliability(folder, name, f"{title}\nprobabilities as shown", found)
    return name


def first_reliability(judged: ScoredPredictions) -> Reliability:
    """Return the reliability of each post's first suggestion."""
    ranked = judged.posts["top_labels"].list.len().to_numpy() > 0
    scores = judged.posts["top_scores"].list.first().to_numpy()[ranked].astype(np.float64)
    return reliability(scores, judged.hits[:, 0].numpy()[ranked], np.ones(len(scores)))


def score_by_length(judged: ScoredPredictions) -> pl.DataFrame:
    """Return mean NDCG of classes of text lengths; `group` is the number of the class."""
    groups = np.searchsorted(LENGTHS, text_lengths(judged.posts).to_numpy()) - 1
    return slice_means(pl.Series(groups), judged.ndcg(K_SLICES))


def score_by_month(judged: ScoredPredictions) -> pl.DataFrame:
    """Return mean NDCG by month; posts without a time are left out."""
    months = judged.posts["created_at"].dt.truncate("1mo").dt.date()
    return slice_means(months, judged.ndcg(K_SLICES))


def shown_labels(frequencies: np.ndarray) -> list[int]:
    """Return labels by frequency, only the first and the last ones where not all fit."""
    order = np.argsort(-frequencies, kind="stable").tolist()
    return order if len(order) <= SHOWN else [*order[: SHOWN // 2], *order[-(SHOWN // 2) :]]


def _frequencies(judged: ScoredPredictions) -> np.ndarray:
    if judged.train_counts is not None:
        return judged.train_counts
    return judged.per_label["support"].to_numpy()


def _cut(shown: Sequence[int], judged: ScoredPredictions) -> str:
    n_labels = len(judged.hashtags)
    half = SHOWN // 2
    if len(shown) == n_labels:
        return f"all {n_labels} labels"
    return f"the {half} most and the {half} least frequent of {n_labels:,} labels"


def _two_by_two(counts: dict[str, float], n_posts: int) -> np.ndarray:
    """Return rows (has the label, has not) by columns (given, not given)."""
    found, missed = counts["true_positives"], counts["false_negatives"]
    alarms = counts["false_positives"]
    return np.array([[found, missed], [alarms, n_posts - found - missed - alarms]], dtype=float)


def _draw_curves(axes: Axes, curves: Curves, hashtags: Sequence[str], area: str) -> None:
    known = np.flatnonzero(~np.isnan(curves.areas) & ~np.isnan(curves.labels).any(1))
    by_area = known[np.argsort(-curves.areas[known], kind="stable")]
    half = SHOWN // 2
    drawn = by_area if len(by_area) <= SHOWN else np.concatenate([by_area[:half], by_area[-half:]])
    lines = [np.column_stack([curves.grid, curves.labels[label]]) for label in drawn]
    which = f"each of {len(known):,} labels"
    if len(drawn) < len(known):
        which = f"the {half} best and {half} worst of {len(known):,} labels"
    axes.add_collection(LineCollection(lines, colors="0.75", linewidths=0.7, label=which))
    for named, colour, style in ((by_area[:2], GREEN, "-"), (by_area[-NAMED:], RED, "--")):
        for label in named if len(by_area) > NAMED + 2 else ():
            text = f"{_tag(hashtags[label])} ({area} {curves.areas[label]:.3f})"
            axes.plot(
                curves.grid, curves.labels[label], color=colour, linestyle=style, linewidth=1,
                label=text,
            )  # fmt: skip
    for values, area_value, colour, name in (
        (curves.micro, curves.micro_area, BLUE, "micro: all pairs"),
        (curves.macro, curves.macro_area, ORANGE, "macro: mean of labels"),
    ):
        text = f"{name} ({area} {area_value:.3f})"
        axes.plot(curves.grid, values, color=colour, linewidth=3, label=text)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)


def _bars_with_counts(axes: Axes, places: np.ndarray, means: pl.DataFrame) -> None:
    errors = means["error"].fill_null(0.0).to_numpy()
    axes.bar(places, means["mean"].to_numpy(), yerr=errors, capsize=3, color=BLUE)
    for place, posts in zip(places, means["posts"], strict=True):
        text = f"{posts:,}\nposts"
        axes.text(place, 0.02, text, ha="center", va="bottom", fontsize=7, color="white")
    axes.set_ylim(0, 1.05)


def _draw_reliability(folder: Path, name: str, title: str, found: Reliability) -> None:
    title = f"{title} (expected calibration error {found.expected_error:.4f})"
    with figure(folder, name, title, x="mean score", y="share that is true") as axes:
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfectly calibrated")
        axes.plot(found.promised, found.kept, marker="o", color=BLUE, label="found")
        for x, y, pairs in zip(found.promised, found.kept, found.pairs, strict=True):
            axes.annotate(
                _short(pairs), (x, y), fontsize=7, xytext=(5, -9), textcoords="offset points"
            )
        axes.set(xlim=(-0.02, 1.05), ylim=(-0.02, 1.05))
        axes.legend(title="beside each point: how many", loc="upper left")


def _plain_numbers(axis: Axis) -> None:
    """Mark 1, 2, 5, 10, ... on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:,.0f}")
    axis.set_minor_formatter(NullFormatter())


def _tag(hashtag: str, longest: int = LONGEST_NAME) -> str:
    cut = hashtag if len(hashtag) <= longest else f"{hashtag[: longest - 1]}…"
    return f"#{cut}"


def _short(count: float) -> str:
    """Write a count in at most four characters."""
    for size, unit in ((1e6, "M"), (1e4, "k")):
        if count >= size:
            return f"{count / (1e3 if unit == 'k' else 1e6):.0f}{unit}"
    return f"{count:.0f}"


def _has_times(posts: pl.DataFrame) -> bool:
    return "created_at" in posts.columns and posts["created_at"].is_not_null().any()


def _has_probabilities(posts: pl.DataFrame) -> bool:
    if "top_scores" not in posts.columns or posts.is_empty():
        return False
    first = posts["top_scores"].list.first().drop_nulls()
    return len(first) > 0 and bool(first.is_between(0, 1).all())
