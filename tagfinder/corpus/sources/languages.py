"""A cheap guess whether a text is English: which small words are in it."""

from __future__ import annotations

import polars as pl

ENGLISH = (
    r"\b(?:the|and|is|are|was|were|be|been|to|of|for|with|from|at|by|on|it|its|this|that|these|"
    r"those|you|your|we|our|they|their|he|she|his|her|my|not|but|have|has|had|will|would|"
    r"can|what|who|how|why|when|where|all|just|so|about|out|up|if|or|as|do|get|i|i'm|it's|"
    r"don't)\b"
)
OTHERS = (
    r"\b(?:de|la|el|los|las|que|y|por|para|con|una|un|del|se|lo|es|al|su|está|e|il|di|che|per|"
    r"non|le|della|sono|ho|um|uma|os|da|do|dos|em|não|na|com|mais|les|des|et|est|pour|"
    r"dans|une|qui|sur|ang|ng|sa|mga|ako|ko|po|si)\b"
)


def guess_english(texts: pl.Series) -> pl.Series:
    """Return `en` where English small words are in the text and not fewer than others, or null."""
    words = texts.str.replace_all(r"https?://\S+|[@#]\w+", " ").str.to_lowercase()
    counts = pl.DataFrame(
        {"english": words.str.count_matches(ENGLISH), "others": words.str.count_matches(OTHERS)}
    )
    likely = (pl.col("english") > 0) & (pl.col("english") >= pl.col("others"))
    return counts.select(lang=pl.when(likely).then(pl.lit("en")))["lang"]
