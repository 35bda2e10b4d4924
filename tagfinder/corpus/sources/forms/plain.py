"""Tables and objects with a column for each field, under the names that people give them."""

from tagfinder.corpus.sources.forms import Form

FORM = Form(
    name="plain",
    written_by="tables and objects of your own, `tagfinder collect`",
    fits=lambda _: True,
    columns={
        "id": ["id", "id_str", "tweet_id", "tweetid", "post_id", "status_id"],
        "created_at": [
            *("created_at", "created_time", "createdAt", "date+time", "date", "datetime"),
            *("timestamp", "time", "published", "created_utc"),
        ],
        "text": ["text", "full_text", "tweet", "tweet_text", "content", "body", "message"],
        "hashtags": ["hashtags"],
        "entity_name": [
            *("entity_name", "author", "author_name", "username", "user_name", "screen_name"),
            *("account", "handle"),
        ],
        "lang": ["lang", "language"],
    },
)
