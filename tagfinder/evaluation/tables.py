"""Tables for people, in Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from tabulate import LATEX_ESCAPE_RULES, tabulate

from tagfinder.escaping import in_one_line

# What would end a cell, or begin a tag or the address of a link: names are untrusted input.
NOT_A_CELL = re.compile(r"(?<!\\)\||<(?=[A-Za-z/!?])|(?<=\])\(")


def _as_cell(found: re.Match[str]) -> str:
    return "&lt;" if found[0] == "<" else f"\\{found[0]}"


@dataclass(frozen=True)
class Table:
    """Cells as text under a header; the first column names the row.

    Attributes:
        title: one sentence.
        header: names of the columns.
        rows: the cells, as they are shown.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        r"""Return the table as Markdown, under its title in bold.

        Example:
            >>> print(Table("Scores (* best)", ["run", "ndcg"], [["a|b", "0.5"]]).markdown())
            **Scores (\* best)**
            <BLANKLINE>
            | run   |   ndcg |
            |:------|-------:|
            | a\|b  |    0.5 |
        """
        title, header, *rows = (
            [NOT_A_CELL.sub(_as_cell, cell) for cell in row]
            for row in ([self.title], self.header, *self.rows)
        )
        # A star would end the bold type.
        bold = in_one_line(title[0]).replace("*", "\\*")
        return f"**{bold}**\n\n{Table('', header, rows)._formatted(rows, 'pipe')}"

    def text(self, width: int) -> str:
        """Return the table for a terminal of some columns of letters.

        Columns that do not fit are in another table below, with the first column again.

        Example:
            >>> print(Table("Scores", ["run", "ndcg", "map"], [["a", "0.5", "0.4"]]).text(11))
            Scores
            <BLANKLINE>
            run      ndcg
            -----  ------
            a         0.5
            <BLANKLINE>
            run      map
            -----  -----
            a        0.4
        """
        columns = list(zip(self.header, *self.rows, strict=True))
        # tabulate makes a column two letters wider than its name.
        widths = [max(len(name) + 2, *map(len, cells), 0) for name, *cells in columns]
        blocks: list[list[int]] = [[]]
        used = widths[0]
        for number, wide in enumerate(widths[1:], 1):
            if blocks[-1] and used + 2 + wide > width:
                blocks.append([])
                used = widths[0]
            blocks[-1].append(number)
            used += 2 + wide
        parts = [
            Table(
                "", [self.header[n] for n in shown], [[row[n] for n in shown] for row in self.rows]
            )
            for shown in ([0, *block] for block in blocks)
        ]
        return "\n\n".join(
            [
                fill(in_one_line(self.title), width),
                *(part._formatted(part.rows, "simple") for part in parts),
            ]
        )

    def latex(self) -> str:
        """Return the table as LaTeX (package booktabs), with its title as the caption."""
        body = self._formatted(self.rows, "latex_booktabs")
        caption = in_one_line(self.title).translate(str.maketrans(LATEX_ESCAPE_RULES))
        return f"\\begin{{table}}\n\\caption{{{caption}}}\n{body}\n\\end{{table}}"

    def _formatted(self, rows: Sequence[Sequence[str]], style: str) -> str:
        alignment = ("left", *("right" for _ in self.header[1:]))
        header, *cells = ([in_one_line(cell) for cell in row] for row in (self.header, *rows))
        return tabulate(cells, header, tablefmt=style, disable_numparse=True, colalign=alignment)
