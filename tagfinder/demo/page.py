"""The web page: paste a post, see which hashtags fit (Streamlit runs this file).

Recommenders are run folders or bundles: the arguments after `--`, else the paths in the environment
variable TAGFINDER_RUNS, else every bundle in the working directory and in `bundles/`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from tagfinder.demo.bulk import read_posts, suggest_for_posts
from tagfinder.demo.characters import LIMIT, characters_left
from tagfinder.errors import TagFinderError
from tagfinder.recommend.bundle import BUNDLE_FILE
from tagfinder.recommend.explain import influences
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import load as load_recommender
from tagfinder.recommend.recommender import Recommender
from tagfinder.recommend.suggestion import Suggestions

RUNS_VARIABLE = "TAGFINDER_RUNS"
COLOUR = "#1d9bf0"
# Made up.
EXAMPLES = (
    "The market fell again today, and bitcoin with it. Which stocks are you buying now?",
    "New in my closet: a vintage denim jacket, size M, worn twice. Make me an offer!",
    "We are hiring engineers who care about cyber security and new technology",
    "Enter to win a bluetooth speaker and a gift card! Ends in ten days",
    "Carved the last pumpkin with the kids, the costumes are ready for tonight",
)
COUNTS = (1, 3, 10)


def chosen_paths() -> list[Path]:
    """Return where the recommenders are."""
    given = sys.argv[1:] or [p for p in os.environ.get(RUNS_VARIABLE, "").split(os.pathsep) if p]
    if given:
        return [Path(path) for path in given]
    here = Path.cwd()
    found = [here, *sorted(here.glob("*")), *sorted(here.glob("bundles/*"))]
    return [path for path in found if (path / BUNDLE_FILE).is_file()]


@st.cache_resource(max_entries=8, show_spinner="Loading the model …")
def load(path: str) -> Recommender | LiveSuggester:
    """Load a recommender once for all visitors."""
    return load_recommender(path)


def main() -> None:
    """Show the page."""
    st.set_page_config("TagFinder", page_icon="#️⃣", layout="centered")
    st.title("#TagFinder")
    st.caption("Paste a post and see which hashtags fit it.")
    recommenders = loaded(chosen_paths())
    if not recommenders:
        no_model()
        return
    st.session_state.setdefault("post", EXAMPLES[0])
    left, right = st.columns([3, 2])
    with left:
        names = st.multiselect("Models", list(recommenders), default=list(recommenders)[:1])
    with right:
        k = number_of_hashtags()
    one, many = st.tabs(["One post", "A file of posts"])
    with one:
        post_view([recommenders[name] for name in names], k)
    with many:
        file_view(recommenders[names[0]] if names else None, k)


def loaded(paths: list[Path]) -> dict[str, Recommender | LiveSuggester]:
    """Load what can be loaded and say what cannot."""
    found: dict[str, Recommender | LiveSuggester] = {}
    for path in paths:
        try:
            recommender = load(str(path))
        except TagFinderError as error:
            st.error(str(error))
        else:
            found[f"{recommender.name} ({recommender.n_hashtags} hashtags)"] = recommender
    return found


def no_model() -> None:
    """Say how to get a model."""
    st.info("There is no model yet.", icon="ℹ️")
    st.markdown(
        "Train one, then open this page with it:\n"
        "```shell\ntagfinder train run_dir=runs/first\ntagfinder demo runs/first\n```\n"
        "`make demo` does both. A bundle from `tagfinder export` can be opened in the same way."
    )


def number_of_hashtags() -> int:
    """Ask how many hashtags are wanted."""
    choice = st.segmented_control(
        "Hashtags", [*map(str, COUNTS), "other"], default=str(COUNTS[1]), key="count"
    )
    if choice == "other":
        return int(st.number_input("How many hashtags", 1, 50, 5))
    return int(choice or COUNTS[1])


def post_view(recommenders: list[Recommender | LiveSuggester], k: int) -> None:
    """Show one post and what the models make of it."""
    st.selectbox(
        "Examples to try", EXAMPLES, index=None, key="example", on_change=take_example,
        placeholder="choose one, or write your own below",
    )  # fmt: skip
    text = st.text_area("Your post", key="post", height=110)
    show_length(text)
    if not recommenders:
        st.info("Choose a model.")
        return
    columns = st.columns(len(recommenders))
    for column, recommender in zip(columns, recommenders, strict=True):
        with column:
            model_view(recommender, text, k, several=len(recommenders) > 1)


def take_example() -> None:
    """Put the chosen example into the post."""
    if st.session_state.example:
        st.session_state.post = st.session_state.example


def append(hashtag: str) -> None:
    """Put a hashtag behind the post."""
    st.session_state.post = f"{st.session_state.post.rstrip()} #{hashtag}"


def show_length(text: str) -> None:
    """Say how many characters are left."""
    left = characters_left(text)
    if left < 0:
        st.warning(f"{-left} characters too many for a post of {LIMIT}.")
    else:
        st.caption(f"{left} characters left of {LIMIT}")


def model_view(
    recommender: Recommender | LiveSuggester, text: str, k: int, *, several: bool
) -> None:
    """Show what one model reads, suggests and why."""
    if several:
        st.subheader(recommender.name)
    author = asked_author(recommender) if isinstance(recommender, LiveSuggester) else None
    [suggested] = recommender.suggest(text, k, author=author)
    st.markdown("**What the model reads**")
    st.code(suggested.model_input or " ", language=None, wrap_lines=True)
    if not suggested.hashtags:
        st.info(f"No suggestion: {suggested.note or 'all hashtags are in the post already'}.")
        return
    st.plotly_chart(
        bars(suggested), config={"displayModeBar": False}, key=f"bars {recommender.name}"
    )
    append_buttons(recommender, suggested)
    if isinstance(recommender, LiveSuggester):
        neighbours(recommender, text, suggested)
    else:
        explanation(recommender, text, suggested)


def bars(suggested: Suggestions) -> go.Figure:
    """Draw the probabilities, the best at the top."""
    hashtags = [f"#{one.hashtag}" for one in suggested.hashtags][::-1]
    values = [one.probability for one in suggested.hashtags][::-1]
    return horizontal_bars(hashtags, values, [f"{value:.0%}" for value in values], top=1.0)


def horizontal_bars(
    names: list[str], values: list[float], labels: list[str], top: float | None = None
) -> go.Figure:
    """Draw one bar for each name, large enough to be read on a phone."""
    bar = go.Bar(
        x=values,
        y=names,
        orientation="h",
        text=labels,
        textposition="auto",
        marker_color=COLOUR,
        insidetextfont={"color": "white"},
        cliponaxis=False,
        hoverinfo="skip",
    )
    figure = go.Figure(bar)
    figure.update_layout(
        height=60 + 34 * len(names),
        margin={"l": 0, "r": 10, "t": 10, "b": 10},
        xaxis={"visible": False, "range": None if top is None else [0, top]},
        yaxis={"tickfont": {"size": 15}, "ticksuffix": "  ", "automargin": True},
        dragmode=False,
    )
    return figure


def append_buttons(recommender: Recommender | LiveSuggester, suggested: Suggestions) -> None:
    """Offer to put each hashtag behind the post."""
    st.markdown("**Add to the post**")
    with st.container(horizontal=True):
        for one in suggested.hashtags:
            st.button(
                f"#{one.hashtag}",
                key=f"add {recommender.name} {one.hashtag}",
                on_click=append,
                args=(one.hashtag,),
            )


def explanation(recommender: Recommender, text: str, suggested: Suggestions) -> None:
    """Show which words spoke for a hashtag."""
    with st.expander("Which words spoke for a hashtag?"):
        hashtag = st.selectbox(
            "Hashtag", [one.hashtag for one in suggested.hashtags], key=f"why {recommender.name}"
        )
        found = influences(recommender, text, hashtag)[:10][::-1]
        if found:
            effects = [one.effect for one in found]
            figure = horizontal_bars(
                [one.word for one in found], effects, [f"{value:+.2f}" for value in effects]
            )
            st.plotly_chart(
                figure, config={"displayModeBar": False}, key=f"words {recommender.name}"
            )
            st.caption("To the right: speaks for it. To the left: speaks against it.")


def asked_author(recommender: LiveSuggester) -> str | None:
    """Ask who writes; the author's own habits say much."""
    given = st.text_input(
        "Author (optional)", key=f"author {recommender.name}", placeholder="as the posts name it"
    )
    return given.strip() or None


def neighbours(recommender: LiveSuggester, text: str, suggested: Suggestions) -> None:
    """Show which posts, of which day, spoke for a hashtag."""
    with st.expander("Which posts spoke for a hashtag?"):
        hashtag = st.selectbox(
            "Hashtag", [one.hashtag for one in suggested.hashtags], key=f"why {recommender.name}"
        )
        found = recommender.witnesses(text, hashtag)
        if not found:
            st.caption("No post with like words: its author, its days or its name spoke for it.")
        for post in found:
            who = f" · {post.author}" if post.author else ""
            st.markdown(f"**{post.day}**{who} · {post.similarity:.0%} alike")
            st.text(post.text)


def file_view(recommender: Recommender | LiveSuggester | None, k: int) -> None:
    """Score a file of posts."""
    st.markdown("Posts in any form that programs export, or a text file with one on each line.")
    file = st.file_uploader("File of posts")
    if file is None or recommender is None:
        return
    try:
        posts = read_posts(file.name, file.getvalue())
    except TagFinderError as error:
        st.error(str(error))
        return
    bar = st.progress(0.0, f"{len(posts):,} posts")
    scored = suggest_for_posts(recommender, posts, k, bar.progress)
    bar.empty()
    st.dataframe(scored.select("text", "suggested").head(100))
    st.download_button("Download as CSV", as_csv(scored), "suggested.csv", "text/csv")


def as_csv(posts: object) -> bytes:
    """Return posts as CSV; columns of lists, which CSV does not know, are left out."""
    import polars as pl
    import polars.selectors as cs

    assert isinstance(posts, pl.DataFrame)
    return posts.select(~cs.nested()).write_csv().encode()


if __name__ == "__main__":
    main()
