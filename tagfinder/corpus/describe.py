"""Describe a prepared corpus (report section 2, Figs 1-4, Table 1): figures and one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from wordcloud import WordCloud

from tagfinder.corpus.prepared import PARTS, PreparedCorpus
from tagfinder.escaping import for_markdown
from tagfinder.figures import COLOURS, figure, file_for
from tagfinder.files import write_text

MOST_LABELS_SHOWN = 50
MOST_LABELS_LISTED = 1000
CLOUD_WORDS = 150


def describe(corpus: PreparedCorpus, folder: Path) -> None:
    """Write `corpus.md` and its figures (SVG and PNG) into `folder`.

    Only aggregates are shown: no post is quoted.
    """
    tweets = corpus.posts
    labels = pl.read_parquet(corpus.folder / "hashtags.parquet")
    words = _word_counts(tweets)
    if words:
        _draw_words(corpus.name, words, folder)
    _draw_lengths(corpus.name, tweets, folder)
    _draw_labels_per_post(corpus.name, tweets, folder)
    _draw_label_counts(corpus.name, labels, folder)
    _draw_parts(corpus, folder)
    write_text(folder / "corpus.md", _page(corpus, tweets, labels, with_words=bool(words)))


def _word_counts(tweets: pl.LazyFrame) -> dict[str, int]:
    words = tweets.select(pl.col("deep_clean").str.split(" ").explode().alias("word"))
    counted = words.filter(pl.col("word") != "").group_by("word").len()
    top = counted.sort(["len", "word"], descending=[True, False]).head(CLOUD_WORDS)
    return dict(top.collect(engine="streaming").rows())


def _draw_words(name: str, counts: dict[str, int], folder: Path) -> None:
    cloud = WordCloud(
        width=1000,
        height=500,
        background_color="white",
        colormap="cividis",
        random_state=1,
        font_path=file_for(counts),
    )
    with figure(folder, "words", f"{name}: most frequent words after cleaning") as axes:
        axes.imshow(cloud.generate_from_frequencies(counts).to_array())
        axes.set_axis_off()


def _draw_lengths(name: str, tweets: pl.LazyFrame, folder: Path) -> None:
    tokens = (pl.col("clean").str.count_matches(" ", literal=True) + 1).alias("tokens")
    lengths = tweets.select(tokens).collect(engine="streaming")["tokens"].to_numpy()
    title = f"{name}: length of the cleaned texts (median {np.median(lengths):.0f} tokens)"
    with figure(folder, "text_lengths", title, x="tokens", y="posts") as axes:
        longest = int(np.percentile(lengths, 99.9))
        axes.hist(lengths, bins=longest, range=(0.5, longest + 0.5), color=COLOURS[0])


def _draw_labels_per_post(name: str, tweets: pl.LazyFrame, folder: Path) -> None:
    per_post = tweets.select(pl.col("labels").list.len().alias("labels")).group_by("labels").len()
    counts = per_post.sort("labels").collect(engine="streaming")
    title = f"{name}: hashtags of the label set per post"
    with figure(folder, "labels_per_post", title, x="hashtags", y="posts") as axes:
        bars = axes.bar(counts["labels"].to_numpy(), counts["len"].to_numpy(), color=COLOURS[0])
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_label_counts(name: str, labels: pl.DataFrame, folder: Path) -> None:
    shown = labels.head(MOST_LABELS_SHOWN)
    cut = "" if shown.height == labels.height else f" ({shown.height} of {labels.height} shown)"
    size = (8, 1.2 + 0.2 * shown.height)
    title = f"{name}: posts per hashtag{cut}"
    with figure(folder, "label_counts", title, x="posts of the raw corpus", size=size) as axes:
        _horizontal_bars(axes, shown["spelling"].to_list(), shown["count"].to_numpy())


def _horizontal_bars(axes: Axes, names: list[str], values: np.ndarray) -> None:
    positions = np.arange(len(names))
    axes.barh(positions, values, color=COLOURS[0])
    axes.set_yticks(positions, [f"#{name}" for name in names], fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def _draw_parts(corpus: PreparedCorpus, folder: Path) -> None:
    sizes = [corpus.manifest["rows"][part] for part in PARTS]
    title = f"{corpus.name}: posts per part"
    with figure(folder, "parts", title, y="posts", size=(5, 4)) as axes:
        axes.bar_label(axes.bar(PARTS, sizes, color=COLOURS[0]), fmt="{:,.0f}")


def _page(
    corpus: PreparedCorpus, tweets: pl.LazyFrame, labels: pl.DataFrame, *, with_words: bool
) -> str:
    manifest = corpus.manifest
    return "\n".join(
        [
            f"# Corpus {for_markdown(corpus.name)}",
            "",
            _summary(manifest, tweets, labels.height),
            "",
            "## Parts (report, Table 1)",
            "",
            *_table(
                ("part", "posts", "with a hashtag of the label set"),
                [
                    (part, f"{manifest['rows'][part]:,}", f"{manifest['rows_with_labels'][part]:,}")
                    for part in PARTS
                ],
            ),
            "",
            "## Posts left out, and why",
            "",
            *_table(
                ("reason", "posts"),
                [(reason, f"{n:,}") for reason, n in manifest["rows_left_out"].items()],
            ),
            "",
            *_figures(with_words=with_words),
            _label_title(labels),
            "",
            *_table(
                ("index", "hashtag", "posts", "training posts"),
                [
                    (str(index), f"#{for_markdown(spelling)}", f"{count:,}", f"{train:,}")
                    for index, _, spelling, count, train in labels.head(MOST_LABELS_LISTED).rows()
                ],
            ),
            "",
        ]
    )


def _summary(manifest: dict[str, Any], tweets: pl.LazyFrame, n_labels: int) -> str:
    facts = tweets.select(
        posts=pl.len(),
        labels=pl.col("labels").list.len().mean(),
        first=pl.col("created_at").min(),
        last=pl.col("created_at").max(),
        groups=pl.col("group").n_unique(),
    ).collect(engine="streaming")
    posts, labels_per_post, first, last, groups = facts.row(0)
    period = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}" if first else "unknown"
    copies = f", {posts - groups:,} of them near-duplicates of another" if groups < posts else ""
    return (
        f"{manifest['rows_read']:,} posts read, {posts:,} kept{copies}; written {period}; "
        f"{manifest['distinct_hashtags']:,} distinct hashtags, {n_labels:,} in the label "
        f"set, {labels_per_post:.2f} of them per post."
    )


def _label_title(labels: pl.DataFrame) -> str:
    cut = labels.height > MOST_LABELS_LISTED
    return f"## Label set{f' (the first {MOST_LABELS_LISTED:,})' if cut else ''}"


def _figures(*, with_words: bool) -> list[str]:
    titles = {"words": "Most frequent words (Fig. 1)"} if with_words else {}
    titles |= {
        "text_lengths": "Text lengths (Fig. 2)",
        "labels_per_post": "Hashtags per post (Fig. 3)",
        "label_counts": "Posts per hashtag (Fig. 4)",
    }
    return [f"## {title}\n\n![{title}]({name}.svg)\n" for name, title in titles.items()]


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
