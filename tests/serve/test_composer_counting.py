"""The composer counts a post as each network counts it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import tagfinder

NODE = shutil.which("node")
STATIC = Path(tagfinder.__file__).parent / "serve" / "static"

FAMILY = "👨‍👩‍👧"
# text, length on X, on Mastodon, on Bluesky
LENGTHS = [
    ("", 0, 0, 0),
    ("a" * 281, 281, 281, 281),
    ("日本語", 6, 3, 3),
    ("한국어", 6, 3, 3),
    ("عربي", 4, 4, 4),
    ("cafe\u0301", 4, 4, 4),
    ("“quoted” …", 10 + 1, 10, 10),
    ("🔥", 2, 1, 1),
    (FAMILY, 2, 1, 1),
    ("👍🏽", 2, 1, 1),
    ("🇩🇪🇫🇷", 4, 2, 2),
    ("❤️ 1️⃣ ⭐️", 8, 5, 5),
    ("see https://example.org/a?b=c&d=e#f", 4 + 23, 4 + 23, 35),
    ("see https://example.org/a.", 4 + 23 + 1, 4 + 23 + 1, 26),
    ("(https://example.org/a)", 2 + 23, 2 + 23, 23),
    ("https://t.co/abc…", 23 + 2, 23 + 1, 17),
    ("http://a.org http://b.org", 23 + 1 + 23, 23 + 1 + 23, 25),
    ("see example.org and example.org/a", 4 + 23 + 5 + 23, 33, 33),
    ("the end.Next sentence", 21, 21, 21),
    ("me@example.org", 14, 14, 14),
    ("hi @ann@mastodon.example.org!", 29, 8, 29),
    ("hi @ann", 7, 7, 7),
    ("two\nlines", 9, 9, 9),
]
SPOKEN = [
    ("WarmLight", "Warm Light"),
    ("warmlight", "warmlight"),
    ("USCongress2022", "US Congress 2022"),
    ("climate_change", "climate change"),
    ("COVID19", "COVID 19"),
    ("ÉtéIndien", "Été Indien"),
    ("日本", "日本"),
]
# hashtag, text with | for the caret, text afterwards
PLACED = [
    ("Rain", "|", "#Rain "),
    ("Rain", "wet day|", "wet day #Rain "),
    ("Rain", "wet day \n|", "wet day #Rain "),
    ("Rain", "wet #ra| day", "wet #Rain  day"),
    ("Rain", "wet #sun| day", "wet #sun day #Rain "),
    ("Rain", "wet #|", "wet #Rain "),
    ("Rain", "wet| #sun", "wet #sun #Rain "),
]


def in_node(script: str, values: list[object]) -> list[object]:
    """Run a script that turns `values` into an array."""
    if NODE is None:
        pytest.skip("no node here")
    imports = "".join(
        f'import * as {name} from "{(STATIC / f"{name}.js").as_uri()}";'
        for name in ("counting", "spelling")
    )
    # Node takes a .js file for a module where its text says so (from version 22) or by this flag.
    done = subprocess.run(
        [NODE, "--experimental-default-type=module", "--input-type=module", "--eval",
         f"{imports} const values = JSON.parse(process.argv[1]); "
         f"console.log(JSON.stringify({script}))", "--", json.dumps(values)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def test_each_network_counts_by_its_own_rule() -> None:
    script = "values.map((text) => counting.NETWORKS.map(({ length }) => length(text)))"
    found = in_node(script, [text for text, *_ in LENGTHS])
    assert found == [list(lengths) for _, *lengths in LENGTHS]


def test_hashtags_are_read_out_word_by_word() -> None:
    found = in_node("values.map(spelling.spoken)", [hashtag for hashtag, _ in SPOKEN])
    assert found == [words for _, words in SPOKEN]


def test_a_hashtag_completes_what_was_begun_or_goes_to_the_end() -> None:
    values = [(hashtag, text.replace("|", ""), text.index("|")) for hashtag, text, _ in PLACED]
    places = in_node("values.map((one) => spelling.placed(...one))", list(values))
    for (_, text, _), place, (_, _, expected) in zip(values, places, PLACED, strict=True):
        assert isinstance(place, dict)
        assert text[: place["start"]] + place["insert"] + text[place["end"] :] == expected
