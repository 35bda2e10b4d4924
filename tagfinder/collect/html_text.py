"""Plain text of the HTML that Mastodon and its relatives send."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape

# A tag ends before the next `<`, so that reading any text takes linear time; Python's HTMLParser
# takes quadratic time for `<a <a <a`.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^<>]*)>|<[!?][^<>]*>")
_QUOTE = re.compile(r"class\s*=\s*[\"']?[^\"'=<>]*\bquote-inline\b")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_BREAKS = {"br": "\n", "p": "\n\n", "div": "\n", "blockquote": "\n\n", "pre": "\n\n", "ul": "\n"}
_BREAKS |= {"ol": "\n", "li": "\n", "h1": "\n\n", "h2": "\n\n", "h3": "\n\n", "hr": "\n"}
_VOID = {"br", "hr", "img", "wbr", "input", "meta", "link"}
_SILENT = {"script", "style", "template"}


class _Text:
    """Collects text; leaves out what is no text, and the link that a server adds to a quote."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        # Elements that are open since the one that is left out, and how often each is among them.
        self._silent: list[str] = []
        self._n_silent: Counter[str] = Counter()
        self._in_pre = False

    def begin(self, tag: str, attributes: str) -> None:
        """Break the line where a block begins, and fall silent in what is no text."""
        quote = _QUOTE.search(attributes) is not None
        if tag not in _VOID and (self._silent or tag in _SILENT or quote):
            self._silent.append(tag)
            self._n_silent[tag] += 1
        self._in_pre |= tag == "pre"
        self.write(_BREAKS.get(tag, ""))

    def end(self, tag: str) -> None:
        """Speak again after the element that was left out."""
        if self._silent:
            while self._n_silent[tag]:
                closed = self._silent.pop()
                self._n_silent[closed] -= 1
                if closed == tag:
                    break
        elif tag != "li":
            self._in_pre &= tag != "pre"
            self.write(_BREAKS.get(tag, ""))

    def data(self, html: str) -> None:
        """Take the text between tags."""
        text = unescape(html)
        self.write(text if self._in_pre else _SPACE.sub(" ", text))

    def write(self, text: str) -> None:
        """Append text unless it is left out."""
        if text and not self._silent:
            self.pieces.append(text)


def html_to_text(html: str) -> str:
    """Return the text of a post: links in full, hashtags in place, paragraphs by line breaks.

    Args:
        html: a status's `content`; broken HTML gives what can be read of it.

    Returns:
        Text without leading and trailing space, at most one empty line in a row.
    """
    text = _Text()
    position = 0
    for found in _TAG.finditer(html):
        text.data(html[position : found.start()])
        position = found.end()
        ends, tag, attributes = found.groups()
        if tag and ends:
            text.end(tag.lower())
        elif tag:
            text.begin(tag.lower(), attributes)
    text.data(html[position:])
    lines = [line.strip() for line in "".join(text.pieces).split("\n")]
    kept = [line for place, line in enumerate(lines) if line or (place and lines[place - 1])]
    return "\n".join(kept).strip()
