"""Limits of the service, from one configuration."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

# Numbers that may be 0; all others must be above.
MAY_BE_ZERO = ("client_rate", "max_future_seconds")


@dataclass(frozen=True)
class Limits:
    """Limits that are enforced before work is done; `conf/serve/default.yaml` explains each."""

    max_text_length: int
    max_texts: int
    max_k: int
    max_body_bytes: int
    max_header_bytes: int
    max_headers: int
    max_connections: int
    max_requests: int
    max_client_requests: int
    client_rate: float
    max_waiting_texts: int
    max_batch: int
    header_timeout: float
    body_timeout: float
    request_timeout: float
    drain_seconds: int
    retry_after: int
    max_future_seconds: float
    max_lag_seconds: float
    allowed_hosts: list[str]
    allowed_origins: list[str]
    open_paths: list[str]
    trusted_proxies: list[str]

    def __post_init__(self) -> None:
        for name, number in self.numbers().items():
            if number < 0 or (number == 0 and name not in MAY_BE_ZERO):
                least = "0 or more" if name in MAY_BE_ZERO else "positive"
                raise InputError(f"serve.{name} is {number}; it must be {least}")

    def numbers(self) -> dict[str, float]:
        """Return the limits that are numbers, by name."""
        return {name: value for name, value in asdict(self).items() if not isinstance(value, list)}


def load_limits(file: Path | None = None) -> Limits:
    """Read the packaged limits, some of them replaced by a file of the same form.

    Raises:
        InputError: the file cannot be read, or has an unknown key or a wrong value.
    """
    defaults = OmegaConf.merge(
        OmegaConf.structured(Limits), OmegaConf.load(conf_dir() / "serve" / "default.yaml")
    )
    try:
        merged = OmegaConf.merge(defaults, OmegaConf.load(file)) if file else defaults
        limits = OmegaConf.to_object(merged)
    except (OSError, YAMLError, OmegaConfBaseException) as error:
        first_line = str(error).partition("\n")[0]
        raise InputError(
            f"--config {file}: {first_line}; the keys are {', '.join(_keys(defaults))}"
        ) from error
    assert isinstance(limits, Limits)
    return limits


def _keys(config: object) -> list[str]:
    assert isinstance(config, DictConfig)
    return [str(key) for key in config]
