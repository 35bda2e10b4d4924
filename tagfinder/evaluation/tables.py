"""Tables for people, in Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import LATEX_ESCAPE_RULES, tabulate

# What would end a cell, or begin a tag or the address of a link: names come from anybody.
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
        cells = [[NOT_A_CELL.sub(_as_cell, cell) for cell in row] for row in self.rows]
        # A star would end the bold type.
        title = self.title.replace("*", "\\*")
        return f"**{title}**\n\n{self._formatted(cells, 'pipe')}"

    def latex(self) -> str:
        """Return the table as LaTeX (package booktabs), with its title as the caption."""
        body = self._formatted(self.rows, "latex_booktabs")
        caption = self.title.translate(str.maketrans(LATEX_ESCAPE_RULES))
        return f"\\begin{{table}}\n\\caption{{{caption}}}\n{body}\n\\end{{table}}"

    def _formatted(self, rows: Sequence[Sequence[str]], style: str) -> str:
        alignment = ("left", *("right" for _ in self.header[1:]))
        return tabulate(
            rows, self.header, tablefmt=style, disable_numparse=True, colalign=alignment
        )
