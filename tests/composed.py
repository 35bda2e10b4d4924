"""Configurations composed as the command line composes them."""

from __future__ import annotations

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from tagfinder.configuration.application import register_resolvers
from tagfinder.corpus.prepared import PreparedCorpus
from tagfinder.paths import conf_dir
from tagfinder.runs.corpus import corpus_of


def configured(*overrides: str) -> DictConfig:
    """Compose `conf/config.yaml` with overrides."""
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def prepared(*overrides: str) -> PreparedCorpus:
    """Prepare the corpus of such a configuration."""
    return corpus_of(configured(*overrides))
