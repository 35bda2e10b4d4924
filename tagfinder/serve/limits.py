"""What the service accepts, from one configuration."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from tagfinder.errors import InputError
from tagfinder.paths import conf_dir


@dataclass(frozen=True)
class Limits:
    """Limits that are enforced before work is done; `conf/serve/default.yaml` explains each."""

    max_text_length: int
    max_texts: int
    max_k: int
    max_body_bytes: int
    max_requests: int
    max_waiting_texts: int
    max_batch: int
    request_timeout: float
    drain_seconds: int
    retry_after: int

    def __post_init__(self) -> None:
        for one in fields(self):
            if getattr(self, one.name) <= 0:
                raise InputError(
                    f"serve.{one.name} is {getattr(self, one.name)}; it must be positive"
                )


def load_limits(file: Path | None = None) -> Limits:
    """Read the packaged limits, some of them replaced by a file of the same form.

    Raises:
        InputError: the file cannot be read, or has a key or value that is none.
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
