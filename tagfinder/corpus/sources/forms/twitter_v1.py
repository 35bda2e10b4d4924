"""Objects of Twitter's API v1.1 and its streams: tweepy, twarc, and what was hydrated."""

from tagfinder.corpus.sources.forms import Form, Record, has_all, has_any

# The streams cut `text` and give the whole in `extended_tweet`; a retweet's own text is always cut
# at 140 characters.
PLACES = ("retweeted_status.extended_tweet.", "retweeted_status.", "extended_tweet.", "")


def fits(record: Record) -> bool:
    """Tell a status of the API from a table with a column `text`."""
    if not has_any(record, "text", "full_text", "extended_tweet"):
        return False
    return has_any(record, "extended_tweet", "retweeted_status", "truncated") or (
        has_any(record, "id_str", "full_text") and has_any(record, "entities", "user", "favorited")
    )


def posts(record: Record) -> list[Record | None]:
    """Return the status; the notices of streams (deletions, limits) are not posts."""
    if "status" in record and not has_any(record, "text", "full_text"):
        record = record["status"] if isinstance(record["status"], dict) else {}
    return [record if has_any(record, "text", "full_text", "extended_tweet") else None]


FORM = Form(
    name="twitter_v1",
    written_by="Twitter API v1.1 and its streams (tweepy, twarc)",
    fits=lambda record: fits(record) or has_all(record, "delete"),
    columns={
        "id": ["id_str", "id"],
        "created_at": ["created_at"],
        "text": [
            *("retweeted_status.extended_tweet.full_text", "retweeted_status.full_text"),
            *("retweeted_status.text", "extended_tweet.full_text", "full_text", "text"),
        ],
        "hashtags": [f"{place}entities.hashtags" for place in PLACES],
        "entity_name": ["user.screen_name"],
        "lang": ["lang"],
        "repost": ["retweeted_status", "retweeted_status.id_str", "retweeted_status.id"],
    },
    unwrap=posts,
)
