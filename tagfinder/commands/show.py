"""`--show`: the configuration of a run as a tree, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SHOW = "--show"


def show_config(arguments: Sequence[str]) -> None:
    """Compose the overrides and print the resolved configuration as a tree.

    Raises:
        InputError: the overrides do not compose.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from rich.console import Console
    from rich.tree import Tree

    from tagfinder.configuration.application import register_resolvers
    from tagfinder.configuration.overrides import check_types, explained
    from tagfinder.paths import conf_dir

    overrides = [argument for argument in arguments if argument != SHOW]
    check_types(overrides)
    register_resolvers()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = compose("config", overrides=overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise explained(error, overrides) from error
    tree = Tree("config")
    _grow(tree, config)
    Console().print(tree)


def _grow(branch: Any, value: Any) -> None:
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException
    from rich.text import Text

    for key in value:
        try:
            inner = value[key]
        except OmegaConfBaseException:
            # Values that only a running job has, such as its folder, and missing values.
            inner = value._get_node(key)._value()
        if isinstance(inner, DictConfig) and inner:
            _grow(branch.add(Text(str(key), style="bold")), inner)
        else:
            branch.add(Text.assemble(f"{key}: ", (str(inner), "cyan")))
