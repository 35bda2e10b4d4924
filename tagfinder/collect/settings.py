"""Settings of a collector: `conf/collect/`, a file of the user, the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from tagfinder.errors import InputError
from tagfinder.paths import conf_dir


def load_settings(network: str, file: Path | None, flags: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a network as plain data.

    Args:
        network: "x", "mastodon" or "bluesky".
        file: YAML file with some of the keys of `conf/collect/<network>.yaml`, None for none.
        flags: values that go before both; None and empty ones count as not given.

    Raises:
        InputError: the file cannot be read, has an unknown key or an invalid limit.
    """
    settings = _read(conf_dir() / "collect" / f"{network}.yaml")
    if file is not None:
        changes = _read(file)
        unknown = sorted(changes.keys() - settings.keys())
        if unknown:
            raise InputError(
                f"--config {file}: no key '{unknown[0]}'; there are {', '.join(settings)}"
            )
        settings |= changes
    settings |= {key: value for key, value in flags.items() if value not in (None, (), [])}
    longest = settings["max_response_bytes"]
    if not isinstance(longest, int) or longest < 1:
        raise InputError(
            f"--config {file}: max_response_bytes is {longest!r}; a whole number above 0 is needed"
        )
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        content = OmegaConf.to_container(OmegaConf.load(file), resolve=True)
    except OSError as error:
        raise InputError(f"--config {file}: {error.strerror}") from None
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise InputError(f"--config {file}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"--config {file}: keys with values are needed")
    return {str(key): value for key, value in content.items()}
