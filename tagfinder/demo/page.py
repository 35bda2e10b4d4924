"""The web page: compare the suggestions of models for a post, or for a file of posts.

Streamlit runs this file. Models are run folders or bundles: the arguments after `--`, else the
paths in the environment variable TAGFINDER_RUNS, else every bundle in the working directory and in
`bundles/`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from tagfinder.demo.bulk import as_csv, read_posts, suggest_for_posts
from tagfinder.demo.models import EXAMPLES, distinct_names, examples_of, facts_of
from tagfinder.errors import TagFinderError
from tagfinder.escaping import for_markdown
from tagfinder.recommend.bundle import BUNDLE_FILE
from tagfinder.recommend.explain import influences
from tagfinder.recommend.live import LiveSuggester
from tagfinder.recommend.loading import Suggester
from tagfinder.recommend.loading import load as load_recommender
from tagfinder.recommend.recommender import Recommender
from tagfinder.recommend.suggestion import Suggestions

RUNS_VARIABLE = "TAGFINDER_RUNS"
COUNTS = (1, 3, 10)
# Less would be an empty bar.
LEAST_PROBABILITY = 0.01
WORDS_SHOWN = 10
ROWS_SHOWN = 100


@dataclass(frozen=True)
class Model:
    """A model that can be chosen on the page."""

    name: str
    facts: str
    recommender: Suggester
    examples: tuple[str, ...]


def chosen_paths() -> list[Path]:
    """Return the paths of the models, each once."""
    given = sys.argv[1:] or [p for p in os.environ.get(RUNS_VARIABLE, "").split(os.pathsep) if p]
    if given:
        return list(dict.fromkeys(Path(path).absolute() for path in given))
    here = Path.cwd()
    found = [here, *sorted(here.glob("*")), *sorted(here.glob("bundles/*"))]
    return [path for path in found if (path / BUNDLE_FILE).is_file()]


@st.cache_resource(max_entries=8, show_spinner="Loading the model …")
def load(path: str) -> tuple[Suggester, str, tuple[str, ...]]:
    """Load a model once for all visitors, with its facts and examples."""
    return load_recommender(path), facts_of(Path(path)), examples_of(Path(path))


def main() -> None:
    """Show the page."""
    st.set_page_config("TagFinder", page_icon="#️⃣", layout="wide")
    st.title("#TagFinder")
    st.markdown("Compare the hashtags that models suggest for a post.")
    models = loaded(chosen_paths())
    if not models:
        no_model()
        return
    left, right = st.columns([3, 2])
    with left:
        names = st.multiselect("Models", list(models), default=list(models)[:1])
    with right:
        k = number_of_hashtags()
    chosen = [models[name] for name in names]
    one, many = st.tabs(["One post", "A file of posts"])
    with one:
        post_view(chosen, k)
    with many:
        file_view(chosen, k)


def loaded(paths: list[Path]) -> dict[str, Model]:
    """Load the models, and show an error for each that cannot be loaded."""
    found: dict[str, Model] = {}
    for name, path in zip(distinct_names(paths), paths, strict=True):
        try:
            recommender, facts, examples = load(str(path))
        except TagFinderError as error:
            st.error(for_markdown(str(error)))
        else:
            found[name] = Model(name, facts, recommender, examples)
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


def post_view(models: list[Model], k: int) -> None:
    """Show one post and the models' suggestions."""
    examples = models[0].examples if models else EXAMPLES
    st.session_state.setdefault("post", examples[0])
    st.selectbox(
        "Examples to try", examples, index=None, key="example", on_change=take_example,
        placeholder="choose one, or write your own below",
    )  # fmt: skip
    text = st.text_area("Your post", key="post", height=110)
    reads_author = any(isinstance(model.recommender, LiveSuggester) for model in models)
    author = asked_author() if reads_author else None
    st.button("Suggest hashtags", type="primary", help="Or press Ctrl+Enter in the post.")
    if not models:
        st.info("Choose a model.")
        return
    for column, model in zip(st.columns(len(models)), models, strict=True):
        with column:
            model_view(model, text, k, author)


def take_example() -> None:
    """Put the chosen example into the post."""
    if st.session_state.example:
        st.session_state.post = st.session_state.example


def append(hashtag: str) -> None:
    """Put a hashtag behind the post."""
    st.session_state.post = f"{st.session_state.post.rstrip()} #{hashtag}"


def asked_author() -> str | None:
    """Ask who writes; the author's own habits say much."""
    given = st.text_input("Author (optional)", key="author", placeholder="as the posts name it")
    return given.strip() or None


def model_view(model: Model, text: str, k: int, author: str | None) -> None:
    """Show the model's input, its suggestions and their reasons."""
    recommender = model.recommender
    st.subheader(for_markdown(model.name), anchor=False)
    st.markdown(for_markdown(f"{model.facts} · {recommender.n_hashtags:,} hashtags"))
    [suggested] = recommender.suggest(text, k, threshold=LEAST_PROBABILITY, author=author)
    if not suggested.hashtags:
        st.info(f"No suggestion: {suggested.note or 'no hashtag is probable enough'}.")
    suggestions_view(model, suggested)
    st.markdown("**What the model reads**")
    st.code(suggested.model_input or " ", language=None, wrap_lines=True)
    if not suggested.hashtags:
        return
    if isinstance(recommender, LiveSuggester):
        neighbours(recommender, text, suggested, model.name)
    else:
        explanation(recommender, text, suggested, model.name)


def suggestions_view(model: Model, suggested: Suggestions) -> None:
    """Show each hashtag with a bar of its probability; a click puts it behind the post."""
    for one in suggested.hashtags:
        # Nearer to its own bar than to the one before.
        with st.container(gap=None):
            st.button(
                f"#{for_markdown(one.hashtag)} · {one.probability:.0%}",
                key=f"add {model.name} {one.hashtag}",
                on_click=append,
                args=(one.hashtag,),
                help=f"Add #{for_markdown(one.hashtag)} to the post",
            )
            st.progress(min(1.0, one.probability))


def explanation(recommender: Recommender, text: str, suggested: Suggestions, model: str) -> None:
    """Show which words support a hashtag."""
    with st.expander("Which words support a hashtag?"):
        hashtag = st.selectbox(
            "Hashtag", [one.hashtag for one in suggested.hashtags], key=f"why {model}"
        )
        found = influences(recommender, text, hashtag)[:WORDS_SHOWN]
        if not found:
            st.markdown("No word of the post supports it or counts against it.")
            return
        st.table(
            {
                "word": [for_markdown(one.word) for one in found],
                "effect": [f"{one.effect:+.2f}" for one in found],
            }
        )
        st.markdown("Above 0 a word supports the hashtag; below 0 it counts against it.")


def neighbours(recommender: LiveSuggester, text: str, suggested: Suggestions, model: str) -> None:
    """Show which posts, of which day, support a hashtag."""
    with st.expander("Which posts support a hashtag?"):
        hashtag = st.selectbox(
            "Hashtag", [one.hashtag for one in suggested.hashtags], key=f"why {model}"
        )
        found = recommender.witnesses(text, hashtag)
        if not found:
            st.markdown("No post with similar words: its author, its days or its name support it.")
        for post in found:
            who = f" · {for_markdown(post.author)}" if post.author else ""
            st.markdown(f"**{post.day}**{who}")
            st.text(post.text)


def file_view(models: list[Model], k: int) -> None:
    """Score a file of posts with every chosen model."""
    st.markdown("Posts in any form that programs export, or a text file with one on each line.")
    file = st.file_uploader("File of posts")
    if file is None or not models:
        return
    try:
        posts = read_posts(file.name, file.getvalue())
    except TagFinderError as error:
        st.error(for_markdown(str(error)))
        return
    bar = st.progress(0.0, f"{len(posts):,} posts")
    recommenders = {model.name: model.recommender for model in models}
    scored = suggest_for_posts(
        recommenders, posts, k, threshold=LEAST_PROBABILITY, done=bar.progress
    )
    bar.empty()
    added = [name for name in scored.columns if name not in posts.columns]
    st.dataframe(scored.select("text", *added).head(ROWS_SHOWN))
    if len(scored) > ROWS_SHOWN:
        st.markdown(f"The first {ROWS_SHOWN} of {len(scored):,} posts; the download has all.")
    st.download_button("Download as CSV", as_csv(scored), "suggested.csv", "text/csv")


if __name__ == "__main__":
    main()
