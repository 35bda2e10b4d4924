"""Plain text of the HTML that Mastodon and its relatives send."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_SPACE = re.compile(r"[ \t\r\n\f]+")
_BREAKS = {"br": "\n", "p": "\n\n", "div": "\n", "blockquote": "\n\n", "pre": "\n\n", "ul": "\n"}
_BREAKS |= {"ol": "\n", "li": "\n", "h1": "\n\n", "h2": "\n\n", "h3": "\n\n", "hr": "\n"}
_VOID = {"br", "hr", "img", "wbr", "input", "meta", "link"}
_SILENT = {"script", "style", "template"}


class _Text(HTMLParser):
    """Collects text; leaves out what is no text, and the link that a server adds to a quote."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []
        self._in_pre = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Break the line where a block begins, and fall silent in what is no text."""
        quote = "quote-inline" in (dict(attrs).get("class") or "").split()
        if tag not in _VOID and (self._silent or tag in _SILENT or quote):
            self._silent.append(tag)
        self._in_pre |= tag == "pre"
        self._write(_BREAKS.get(tag, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Treat `<br/>` as `<br>`."""
        self._write(_BREAKS.get(tag, ""))

    def handle_endtag(self, tag: str) -> None:
        """Speak again after the element that was left out."""
        if self._silent:
            if tag in self._silent:
                del self._silent[self._silent.index(tag) :]
        elif tag != "li":
            self._in_pre &= tag != "pre"
            self._write(_BREAKS.get(tag, ""))

    def handle_data(self, data: str) -> None:
        """Take the text between tags."""
        self._write(data if self._in_pre else _SPACE.sub(" ", data))

    def _write(self, text: str) -> None:
        if text and not self._silent:
            self.pieces.append(text)


def html_to_text(html: str) -> str:
    """Return the text of a post: links in full, hashtags in place, paragraphs by line breaks.

    Args:
        html: a status's `content`; broken HTML gives what can be read of it.

    Returns:
        Text without leading and trailing space, at most one empty line in a row.
    """
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = [line.strip() for line in "".join(parser.pieces).split("\n")]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).strip()
