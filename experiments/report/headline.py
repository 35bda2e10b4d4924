"""Draw the report in one figure: each recommender's score by three ways to count.

    python experiments/report/headline.py

Reads the tables of the pages beside it and writes `headline.svg` and `headline.png` there.
"""

from __future__ import annotations

import re
from pathlib import Path

from tagfinder.figures import COLOURS, figure

HERE = Path(__file__).parent
CORPORA = ("crisislex", "us_congress_2022")
NAMES = {
    "tfidf_lr": "TF-IDF + logistic regression",
    "bert": "MiniLM, frozen",
    "lstm": "LSTM",
    "text_resnet": "Text ResNet",
    "fasttext": "fastText",
    "random": "random",
}
# (column, protocol) -> what it counts, best ones first.
WAYS = {
    ("ndcg@5", "report"): "as the student report: random split, hashtags stay in the text",
    ("ndcg@5", "honest"): "the newest posts, no hashtag in the text, those with one of 50 hashtags",
    ("open_ndcg@5", "honest"): "the newest posts, all that carry a hashtag",
}


def scores_of(page: str) -> dict[tuple[str, str, str], float]:
    """Return (column, protocol, model) -> score, from the tables of a page."""
    found: dict[tuple[str, str, str], float] = {}
    header: list[str] = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells
        elif match := re.fullmatch(r"(\w+) (report|honest)", cells[0]):
            # The first table with a column has the means; later ones have intervals.
            for column, cell in zip(header, cells, strict=True):
                if re.fullmatch(r"(open_)?ndcg@5", column):
                    found.setdefault((column, match[2], match[1]), float(cell.split()[0]))
    return found


def main() -> None:
    """Draw the figure."""
    title = "What is counted changes a score more than the recommender does"
    rows: list[tuple[float, str]] = []
    with figure(HERE, "headline", title, x="NDCG@5 on test posts", size=(8, 5.5)) as axes:
        for block, corpus in enumerate(CORPORA):
            scores = scores_of((HERE / corpus / "report.md").read_text(encoding="utf-8"))
            top = -block * (len(NAMES) + 2)
            axes.text(0, top + 0.9, corpus, weight="bold", va="center")
            for place, (model, name) in enumerate(NAMES.items()):
                row = float(top - place)
                rows.append((row, name))
                values = [scores[(*way, model)] for way in WAYS]
                axes.plot([min(values), max(values)], [row, row], color="0.8", zorder=1)
                for value, colour in zip(values, COLOURS, strict=False):
                    axes.scatter(value, row, color=colour, s=45, zorder=2)
        for label, colour in zip(WAYS.values(), COLOURS, strict=False):
            axes.scatter([], [], color=colour, s=45, label=label)
        axes.set_yticks([row for row, _ in rows], [name for _, name in rows])
        axes.set_xlim(-0.02, 1)
        axes.set_ylim(rows[-1][0] - 0.7, 1.6)
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.1), frameon=False)


if __name__ == "__main__":
    main()
