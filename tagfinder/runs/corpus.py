"""A prepared corpus from a configuration."""

from __future__ import annotations

from pathlib import Path

import click
from omegaconf import DictConfig

from tagfinder.configuration.build import build, plain
from tagfinder.configuration.executors.local import LocalExecutor
from tagfinder.configuration.settings import check_settings
from tagfinder.corpus.describe import describe
from tagfinder.corpus.prepare import PARTITION_ROWS, prepare
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.corpus.recipe import Recipe
from tagfinder.corpus.sources import FirstPosts

GROUPS = ("cleaning", "hashtags", "selection", "split")


def recipe_of(config: DictConfig) -> Recipe:
    """Build the source and the steps that the configuration names."""
    source = build(config.data)
    # Runs of older versions do not name it.
    if (most := config.get("first_posts")) is not None:
        source = FirstPosts(source, most)
    return Recipe(
        source=source,
        cleaning=build(config.cleaning),
        rules=build(config.hashtags),
        selection=build(config.selection),
        split=build(config.split),
        config={group: plain(config[group]) for group in GROUPS},
    )


def corpus_of(config: DictConfig) -> PreparedCorpus:
    """Prepare the corpus of a configuration, or open it from the cache."""
    check_settings(config)
    # Runs of older versions name neither.
    executor = build(config.executor) if "executor" in config else LocalExecutor()
    rows = config.get("partition_rows", PARTITION_ROWS)
    rejects = Path(config.rejects) if config.rejects else None
    return prepare(recipe_of(config), rejects, executor, rows)


def prepare_and_describe(config: DictConfig) -> None:
    """Prepare a corpus, write its description beside it, print the folder."""
    corpus = corpus_of(config)
    describe(corpus, corpus.folder / "description")
    click.echo(corpus.folder)
