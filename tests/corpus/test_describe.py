"""The description of a corpus."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from composed import prepared

from tagfinder.corpus.describe import describe


def test_a_page_and_its_figures_are_written_without_quoting_a_post(tmp_path: Path) -> None:
    corpus = prepared("data=synthetic", "data.rows=2000")
    describe(corpus, tmp_path)
    page = (tmp_path / "corpus.md").read_text()
    for part, rows in corpus.manifest["rows"].items():
        assert f"| {part} | {rows:,} |" in page
    for reason in corpus.manifest["rows_left_out"]:
        assert reason in page
    for name in ("words", "text_lengths", "labels_per_post", "label_counts", "parts"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000
        assert ElementTree.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")
    texts = corpus.part("train", ["text"])["text"].to_list()
    assert not any(text in page for text in texts if len(text) > 40)
