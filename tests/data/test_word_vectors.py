"""Word vectors from Word2Vec and from GloVe-format files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tagfinder.data.word_vectors import EmbeddingTables, Glove, Scratch, Word2Vec, read_vectors
from tagfinder.errors import InputError

WORDS = ["<pad>", "<unk>", "flood", "River,", "nowhere"]
COUNTS = [0, 0, 6, 3, 1]
LINES = "flood 1 2 3\nriver 4 5 6\nsea 7 8 9\n"


@pytest.mark.parametrize("ending", [".txt", ".txt.gz"])
def test_glove_files_are_read_plain_and_gzipped(ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"vectors{ending}"
    (gzip.open if ending.endswith("gz") else open)(file, "wt").write(LINES)
    table = Glove(str(file)).table(WORDS, COUNTS, [])
    assert table.values is not None
    assert table.values.tolist() == [[0, 0, 0], [0, 0, 0], [1, 2, 3], [4, 5, 6], [0, 0, 0]]
    assert table.dimension == 3 and not table.trainable
    assert table.coverage == pytest.approx(2 / 3)
    assert table.running_coverage == pytest.approx(9 / 10)


def test_a_missing_glove_file_is_answered_with_where_to_get_it_and_which_key_to_set() -> None:
    for path in (None, "/nowhere/vectors.txt"):
        with pytest.raises(InputError, match=r"nlp.stanford.edu.*embedding.glove.path="):
            Glove(path).table(WORDS, COUNTS, [])


@pytest.mark.parametrize("content", ["flood 1 2 3\nriver 4 5\n", "", "flood one two\n"])
def test_a_file_of_another_format_is_refused_with_its_name(content: str, tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text(content)
    with pytest.raises(InputError, match="vectors.txt"):
        Glove(str(file)).table(WORDS, COUNTS, [])


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt.gz"
    file.write_bytes(gzip.compress(LINES.encode() * 50)[:-12])
    with pytest.raises(InputError, match="vectors.txt.gz"):
        Glove(str(file)).table(WORDS, COUNTS, [])


def test_word2vec_gives_equal_vectors_for_equal_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(20)]
    sentences = [list(rng.choice(words, 8)) for _ in range(200)]
    tables = []
    for cache in ("a", "b"):
        monkeypatch.setenv("TAGFINDER_CACHE", str(tmp_path / cache))
        table = Word2Vec(dimension=10).table(
            ["<pad>", "<unk>", *words], [0, 0] + [80] * 20, sentences
        )
        tables.append(table.values)
    assert np.array_equal(tables[0], tables[1])
    assert not tables[0][:2].any() and tables[0][2:].any(axis=1).all()


def test_tables_are_side_by_side(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text(LINES)
    tables = EmbeddingTables(scratch=Scratch(5), glove=Glove(str(file))).tables(WORDS, COUNTS, [])
    assert [(table.source, table.dimension, table.trainable) for table in tables] == [
        ("scratch", 5, True),
        ("glove", 3, False),
    ]


def test_no_table_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="scratch, word2vec nor glove"):
        EmbeddingTables().tables(WORDS, COUNTS, [])


def test_real_glove_vectors_cover_common_words(shared: Path) -> None:
    file = shared / "data/vectors/glove.twitter.27B.25d.12k.txt.gz"
    table = Glove(str(file)).table(["<pad>", "<unk>", "water", "zzzqqq"], [0, 0, 5, 1], [])
    assert table.dimension == 25 and table.coverage == 0.5


def test_a_line_without_end_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "limits.yaml").write_text("max_vector_line_bytes: 100")
    monkeypatch.setenv("TAGFINDER_LIMITS", str(tmp_path / "limits.yaml"))
    file = tmp_path / "vectors.txt"
    file.write_text("the 0.1 0.2\nbomb" + " 0.1" * 100)
    with pytest.raises(InputError, match=r"line 2: longer than limits\.max_vector_line_bytes=100"):
        read_vectors(file, {"the"})
