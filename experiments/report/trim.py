"""Cut a report to what a reader looks at: one corpus, the best linear runs, a dozen figures.

python experiments/report/trim.py experiments/report/crisislex
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

RUNS_SHOWN = ("tfidf_lr",)
RUN_FIGURES = ("confused_labels", "score_by_label_frequency", "reliability_first")
CORPUS_FIGURES = ("words", "text_lengths", "labels_per_post", "label_counts")
NOTE = (
    "Figures and error tables of the other runs, and each run's whole configuration, are written "
    "by the command in the README of this folder; a dozen figures are kept here.\n\n"
)
SECTION = re.compile(r"^(?=##+ )", re.MULTILINE)
IMAGE = re.compile(r"!\[[^\]]*\]\((figures/[^)]+)\)\n+")


def trimmed(report: str) -> str:
    """Return the report's Markdown without the sections and images that are not kept."""
    part, corpora, kept = "", 0, []
    for section in SECTION.split(report):
        title = section.partition("\n")[0]
        if title.startswith("## "):
            part = title
        corpora += title.startswith("### Corpus")
        inner = title.startswith("### ")
        if part == "## Data" and corpora > 1:
            continue
        if part == "## Errors" and inner and not title[4:].startswith(RUNS_SHOWN):
            continue
        if part == "## What was run" and inner:
            continue
        kept.append(section + NOTE if title == "## Errors" else section)
    return IMAGE.sub(lambda found: found[0] if is_kept(found[1]) else "", "".join(kept))


def is_kept(figure: str) -> bool:
    """Tell whether a figure, named by its path in the report's folder, stays."""
    _, folder, name = figure.split("/")
    names = {"corpus": CORPUS_FIGURES, "group": ("intervals",), "run": RUN_FIGURES}
    return Path(name).stem in names[folder.partition("-")[0]]


def main(folder: Path) -> None:
    """Trim `report.md` in place and remove the figures that it no longer shows."""
    file = folder / "report.md"
    file.write_text(trimmed(file.read_text(encoding="utf-8")), encoding="utf-8")
    shown = set(IMAGE.findall(file.read_text(encoding="utf-8")))
    for figure in sorted((folder / "figures").glob("*/*")):
        if figure.relative_to(folder).as_posix() not in shown:
            figure.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
