"""CSV of twarc2's plugin twarc-csv: the flattened objects of X's API v2, a column for each path."""

from tagfinder.corpus.sources.forms import Form, Record, has_all, has_any


def fits(record: Record) -> bool:
    """Tell by columns that are named like paths."""
    return has_all(record, "text") and has_any(
        record, "author.username", "entities.hashtags", "public_metrics.retweet_count"
    )


FORM = Form(
    name="twarc_csv",
    written_by="twarc-csv",
    fits=fits,
    columns={
        "id": ["id"],
        "created_at": ["created_at"],
        "text": ["note_tweet.text", "text"],
        "hashtags": ["entities.hashtags"],
        "entity_name": ["author.username", "author_id"],
        "lang": ["lang"],
        "repost": ["referenced_tweets.retweeted.id"],
    },
)
