"""CSV of the DocNow tools: twarc's json2csv, the Hydrator, and the catalogue's samples."""

from tagfinder.corpus.sources.forms import Form, Record, has_all, has_any


def fits(record: Record) -> bool:
    """Tell by columns that no other program writes."""
    return has_any(record, "text", "full_text") and (
        has_all(record, "tweet_type") or has_all(record, "tweet_url", "user_screen_name")
    )


FORM = Form(
    name="docnow_csv",
    written_by="twarc's json2csv, DocNow's Hydrator",
    fits=fits,
    columns={
        "id": ["id", "id_str"],
        "created_at": ["parsed_created_at", "created_at"],
        "text": ["full_text", "text"],
        "hashtags": ["hashtags"],
        "entity_name": ["user_screen_name"],
        "lang": ["lang"],
        "repost": ["retweet_id"],
    },
)
