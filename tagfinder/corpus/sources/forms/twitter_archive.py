"""The archive of one's own posts that X gives: `tweets.js`, with or without its first words."""

from collections.abc import Mapping

from tagfinder.corpus.sources.forms import Form, Record, twitter_v1


def posts(record: Record) -> list[Record | None]:
    """Return the post inside its wrapper."""
    tweet = record.get("tweet")
    return [tweet if isinstance(tweet, Mapping) else None]


FORM = Form(
    name="twitter_archive",
    written_by="X's archive of an account (`tweets.js`)",
    fits=lambda record: isinstance(record.get("tweet"), Mapping) and len(record) == 1,
    columns=twitter_v1.FORM.columns,
    unwrap=posts,
)
