"""Objects from configurations: a `_target_` and its arguments."""

from __future__ import annotations

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from tagfinder.errors import InputError, TagFinderError


def build(config: Any, *arguments: Any, **keywords: Any) -> Any:
    """Instantiate a configuration; what the class refuses is raised as it is.

    Raises:
        TagFinderError: the class says that the request is wrong.
        InputError: a key is not an argument of the class, or the class cannot be found.
    """
    try:
        return instantiate(config, *arguments, _convert_="all", **keywords)
    except InstantiationException as error:
        cause: BaseException | None = error
        while cause:
            if isinstance(cause, TagFinderError):
                raise cause from error
            if isinstance(cause, ModuleNotFoundError) and cause.name:
                raise InputError(
                    f"{config['_target_']} needs the package {cause.name}, which is not installed; "
                    "pip install 'tagfinder[all]'"
                ) from error
            cause = cause.__cause__ or cause.__context__
        raise InputError(" ".join(str(error).split())) from error


def build_model(config: Any, label_set: Any, features: Any) -> Any:
    """Instantiate a recommender for the labels and features of a corpus or of a saved run.

    Raises:
        TagFinderError: as `build`.
        InputError: a setting is missing, as in a run that another version trained, or unknown.
    """
    partial = build(config)
    try:
        return partial(label_set=label_set, features=features)
    except TypeError as error:
        if "__init__()" not in str(error):
            raise
        raise InputError(
            f"model: {error}; a run of another version of TagFinder must be trained anew"
        ) from error


def plain(config: DictConfig) -> dict[str, Any]:
    """Return a resolved configuration as plain dicts, lists and values."""
    resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}
