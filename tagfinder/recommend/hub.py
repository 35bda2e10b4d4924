"""Bundles on the Hugging Face Hub: uploaded, and fetched by name and revision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tagfinder.errors import InputError, WorkError
from tagfinder.recommend.bundle import BUNDLE_FILE, CARD, FEATURES

# All files of a bundle; other files of a repository are not fetched.
FETCHED = (BUNDLE_FILE, CARD, "*.json", "*.safetensors", "*.bin", "*.onnx", f"{FEATURES}/*")


def upload(
    bundle: Path,
    repository: str,
    *,
    message: str,
    private: bool = False,
    revision: str | None = None,
) -> str:
    """Put a bundle into a repository, which is created if it is missing.

    Args:
        bundle: folder of the bundle.
        repository: `owner/name`.
        message: of the commit.
        private: make a new repository private.
        revision: branch to push to; None is the main one.

    Returns:
        The address of the commit.

    Raises:
        InputError: huggingface_hub is not installed.
        WorkError: the Hub refuses it or is away.
    """
    api = _hub().HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository, folder_path=bundle, revision=revision, commit_message=message
        )
    except (OSError, ValueError) as error:
        raise _refused(f"{repository} was not pushed", error) from error
    return str(done.commit_url)


def fetch(repository: str, revision: str | None = None) -> Path:
    """Return the folder of a bundle from the Hub, downloaded at its first use.

    Args:
        repository: `owner/name`.
        revision: branch, tag or commit; None is the main branch.

    Raises:
        InputError: there is no such repository or revision, or it holds no bundle.
    """
    try:
        folder = Path(
            _hub().snapshot_download(repository, revision=revision, allow_patterns=list(FETCHED))
        )
    except (OSError, ValueError) as error:
        raise _refused(f"{repository} cannot be fetched", error, InputError) from error
    if not (folder / BUNDLE_FILE).is_file():
        raise InputError(f"{repository} holds no tagfinder bundle ({BUNDLE_FILE} is missing)")
    return folder


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise InputError("the Hub needs a package: pip install 'tagfinder[hub]'") from error
    return huggingface_hub


def _refused(
    what: str, error: Exception, kind: type[InputError] | type[WorkError] = WorkError
) -> InputError | WorkError:
    reason = " ".join(str(error).split())[:300]
    return kind(f"{what}: {reason} (log in by `hf auth login`, or set HF_TOKEN)")
