"""The name of a run's folder inside a sweep."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

# Keys that do not change what a run computes.
PLACES = ("run_dir", "resume", "rejects", "tags", "note")


LONGEST_NAME = 100  # characters of overrides in a folder's name


def folder_of_job(overrides: Sequence[str]) -> str:
    """Return the name of the folder of one run of a sweep, the same in any order of overrides.

    It is the overrides as far as they can be read in a name, and a digest of them all. Numbers of
    jobs would change with the grid, and with them what is finished already.
    """
    asked = (o for o in overrides if o.partition("=")[0] not in PLACES)
    # A name that begins with `+` would be a formula in a table.
    deciding = sorted(asked, key=lambda override: (override[:1] in "+~", override))
    shown = [o for o in deciding if not o.startswith("data.path=")]
    readable = re.sub(r"[^\w=.,+-]", "_", "-".join(shown))[:LONGEST_NAME]
    digest = hashlib.sha256("\n".join(deciding).encode()).hexdigest()[:6]
    return f"{readable}-{digest}" if readable else digest
