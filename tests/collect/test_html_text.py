from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.collect.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello</p>", "Hello"),
        ("<p>One<br>two<br />three</p><p>four</p>", "One\ntwo\nthree\n\nfour"),
        (
            '<p>Look <a href="https://x.example/tags/Art" class="mention hashtag" rel="tag">'
            "#<span>Art</span></a>!</p>",
            "Look #Art!",
        ),
        (
            '<a href="https://example.org/long/path"><span class="invisible">https://</span>'
            '<span class="ellipsis">example.org/lo</span><span class="invisible">ng/path</span>',
            "https://example.org/long/path",
        ),
        (
            '<p><span class="h-card">@<span>ann</span></span> hi &amp; &lt;bye&gt;</p>',
            "@ann hi & <bye>",
        ),
        (
            '<p class="quote-inline">RE: <a href="https://a.example/1">link</a></p><p>Mine</p>',
            "Mine",
        ),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<p>spread \n  over\n lines</p>", "spread over lines"),
        ("<pre><code>a\n  b</code></pre>", "a\nb"),
        ("<p>a</p><script>alert(1)</script><style>p{}</style><p>b</p>", "a\n\nb"),
        ("<p>never closed <b>bold", "never closed bold"),
        ("no tags at all", "no tags at all"),
        ("", ""),
        ("<p>caf&eacute; &#x1F980; 日本語</p>", "café 🦀 日本語"),
    ],
)
def test_the_text_of_a_status_is_what_a_person_reads(html: str, text: str) -> None:
    assert html_to_text(html) == text


@given(st.text())
def test_no_input_whatsoever_breaks_the_reading(html: str) -> None:
    text = html_to_text(html)
    assert text == text.strip()
    assert "\n\n\n" not in text


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1, max_size=5))
def test_words_survive_any_markup_around_them(words: list[str]) -> None:
    html = "".join(f"<p><b>{word}</b></p>" for word in words)
    assert html_to_text(html).split() == words
