"""Output of snscrape: JSON Lines, and tables made from it."""

from tagfinder.corpus.sources.forms import Form, Record, has_all, has_any


def fits(record: Record) -> bool:
    """Recognise it by the text's three historic names, together with the post's address."""
    return has_any(record, "rawContent", "renderedContent") or (
        has_all(record, "content", "url", "date")
        and has_any(record, "user", "username", "user.username")
    )


FORM = Form(
    name="snscrape",
    written_by="snscrape (JSON Lines and tables made of them)",
    fits=fits,
    columns={
        "id": ["id"],
        "created_at": ["date"],
        "text": [
            *("retweetedTweet.rawContent", "retweetedTweet.content"),
            *("rawContent", "content", "renderedContent"),
        ],
        "hashtags": ["retweetedTweet.hashtags", "hashtags"],
        "entity_name": ["user.username", "username"],
        "lang": ["lang"],
        "repost": ["retweetedTweet"],
    },
)
