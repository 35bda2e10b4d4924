"""Markdown with figures as one HTML file that needs no other."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2
from markdown_it import MarkdownIt

MEDIA_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def html_page(markdown: str, title: str, template: jinja2.Template, folder: Path) -> str:
    """Return a page of Markdown with its images inside.

    HTML in the Markdown is escaped: hashtags and names are untrusted input.

    Args:
        markdown: the text; images are named by paths within `folder`.
        title: the page's title.
        template: the page around it, with `title` and `body`.
        folder: of the images.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        for inner in token.children or []:
            if inner.type == "image":
                inner.attrSet("src", data_uri(folder / str(inner.attrGet("src"))))
                inner.attrSet("loading", "lazy")
    return template.render(title=title, body=parser.renderer.render(tokens, parser.options, {}))


def data_uri(image: Path) -> str:
    """Return an image as a data URI: the file or its twin in the other format, the smaller."""
    twins = [image.with_suffix(ending) for ending in MEDIA_TYPES]
    smallest = min((twin for twin in twins if twin.is_file()), key=lambda twin: twin.stat().st_size)
    encoded = base64.b64encode(smallest.read_bytes()).decode("ascii")
    return f"data:{MEDIA_TYPES[smallest.suffix]};base64,{encoded}"
