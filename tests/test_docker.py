"""The image builds, runs as another user than root, and answers its health check."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tagfinder.commands.serve import command as serve
from tagfinder.serve.keys import Keys

ROOT = Path(__file__).parents[1]


def daemon() -> bool:
    """Tell whether there is a Docker daemon to talk to."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def test_the_compose_file_has_the_service_and_its_database() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert set(services) == {"tagfinder", "postgres"}
    assert services["tagfinder"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert not Keys([""])  # what it passes on where no key is set


@pytest.mark.parametrize("options", ["", "--teach --allowed-host tags.example.org"])
def test_what_the_container_is_started_with_is_a_command(options: str) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["tagfinder"]
    started = re.sub(r"\$\{OPTIONS:-\}", options, compose["command"])
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    entry = next(line for line in lines if line.startswith("ENTRYPOINT "))
    words = [*json.loads(entry.removeprefix("ENTRYPOINT ")), *shlex.split(started)]
    assert words[:2] == ["tagfinder", "serve"]
    settings = serve.make_context("serve", words[2:]).params
    assert (settings["port"], settings["teach"]) == (8000, bool(options))


def test_the_image_takes_only_what_it_builds_from() -> None:
    copied = [
        name
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    allowed = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    assert set(copied) <= allowed
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.timeout(1200)
def test_the_image_builds_and_serves_as_a_plain_user() -> None:
    if not daemon():
        pytest.skip("needs a Docker daemon")
    subprocess.run(["docker", "build", "-t", "tagfinder-test", str(ROOT)], check=True)
    run = ["docker", "run", "--rm", "--entrypoint"]
    user = subprocess.run(
        [*run, "id", "tagfinder-test", "-u"], check=True, capture_output=True, text=True
    )
    assert user.stdout.strip() != "0"
    version = subprocess.run(
        [*run, "tagfinder", "tagfinder-test", "--version"], check=True, capture_output=True
    )
    assert b"tagfinder" in version.stdout
