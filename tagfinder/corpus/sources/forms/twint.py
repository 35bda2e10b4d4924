"""Output of twint: CSV and JSON Lines."""

from tagfinder.corpus.sources.forms import Form, Record, has_all, has_any


def fits(record: Record) -> bool:
    """Recognise it by the column `tweet` together with others of twint."""
    return has_all(record, "tweet") and has_any(
        record, "conversation_id", "nlikes", "likes_count", "near", "retweet_date"
    )


FORM = Form(
    name="twint",
    written_by="twint (CSV and JSON)",
    fits=fits,
    columns={
        "id": ["id"],
        # `created_at` is in milliseconds or has the name of a zone, which older versions get wrong.
        "created_at": ["date+time+timezone", "created_at", "date+time", "date"],
        "text": ["tweet"],
        "hashtags": ["hashtags"],
        "entity_name": ["username"],
        "lang": ["language"],
        "repost": ["retweet_id", "retweet_date"],
    },
)
