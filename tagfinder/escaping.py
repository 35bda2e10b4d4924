"""Texts of strangers in what people open: one function for each kind of output.

Hashtags, names and posts are untrusted input. In a terminal they must not be control sequences, in
Markdown and HTML no markup, in a table that a spreadsheet opens no formulas.
"""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

# Control characters but the line break and the tab; marks that turn the direction of a text.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~<>&$])")
LINE_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]\s*")
# With these Excel, LibreOffice and Google Sheets let a formula begin.
FORMULA = r"^[=+\-@\t\r＝＋－＠]"


def for_terminal(text: str) -> str:
    r"""Return a text in which control characters are seen instead of obeyed.

    Example:
        >>> print(for_terminal("red: \x1b[31m"))
        red: \x1b[31m
    """
    return UNPRINTABLE.sub(_as_seen, text)


def in_one_line(text: str) -> str:
    """Return a text of a title or cell: in one line, control characters seen."""
    return LINE_BREAKS.sub(" ", for_terminal(text))


def for_json(value: Any) -> str:
    r"""Return a value as one line of JSON in which a terminal finds nothing to obey.

    Example:
        >>> print(for_json({"author": "\u202etäg"}))
        {"author": "\u202etäg"}
    """
    # They can only be within texts: JSON has escapes for them.
    return UNPRINTABLE.sub(lambda c: f"\\u{ord(c[0]):04x}", json.dumps(value, ensure_ascii=False))


class PrintableLogRecord(logging.LogRecord):
    """A line of a log whose arguments, such as names of files, may be a stranger's."""

    def getMessage(self) -> str:  # noqa: N802
        """Return the message for a terminal."""
        return for_terminal(super().getMessage())


def fenced(text: str, language: str) -> str:
    """Return a block of code for Markdown that no text can end early."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{for_terminal(text)}\n{fence}"


def _as_seen(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def for_markdown(text: str) -> str:
    r"""Return a text that Markdown shows literally, in one line: no link, image, table or tag.

    Example:
        >>> print(for_markdown("![x](http://a.b)"))
        \!\[x\]\(http://a.b\)
        >>> print(for_markdown("<b>"))
        &lt;b&gt;
    """
    escaped = MARKUP.sub(_as_markup, in_one_line(text))
    # Addresses alone become links, too, in many renderers.
    return escaped.replace("://", ":&#47;&#47;").replace("www.", "www&#46;")


def _as_markup(found: re.Match[str]) -> str:
    character = found[1]
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(character, f"\\{character}")


def for_csv(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table whose texts a spreadsheet takes for texts: with a leading apostrophe.

    Only texts that would begin a formula change, those of the header too; numbers stay as they are.
    """
    import polars as pl
    import polars.selectors as cs

    text = cs.string()
    guarded = pl.when(text.str.contains(FORMULA)).then(pl.format("'{}", text)).otherwise(text)
    header = {name: f"'{name}" if re.match(FORMULA, name) else name for name in table.columns}
    return table.with_columns(guarded.name.keep()).rename(header)
