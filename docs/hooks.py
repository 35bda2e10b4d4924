"""Links of the pages that lead out of `docs/` become paths: the site holds `docs/` only."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page's Markdown with links to files outside as text."""
    return OUTSIDE.sub(r"\1 (`\2` in the repository)", markdown)
