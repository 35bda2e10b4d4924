"""Activity Streams, as Gnip, PowerTrack and Twitter's historical exports wrote tweets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tagfinder.corpus.sources.forms import NO_POST, Form, Record, has_all


def fits(record: Record) -> bool:
    """Tell by the words of Activity Streams."""
    return has_all(record, "verb", "postedTime") and record.get("objectType") == "activity"


def posts(record: Record) -> Iterable[Record | None]:
    """Return the activity; a `share` repeats the activity in its `object`."""
    if "body" not in record:
        return (NO_POST,)
    if record["verb"] != "share":
        return (record,)
    said: dict[str, object] = {}
    original = record.get("object")
    if isinstance(original, Mapping) and "body" in original:
        said = {name: original.get(name) for name in ("body", "long_object", "twitter_entities")}
    return ({**record, **said, "repost": True},)


FORM = Form(
    name="activity_streams",
    written_by="Gnip, PowerTrack (Activity Streams)",
    fits=fits,
    columns={
        "id": ["id"],
        "created_at": ["postedTime"],
        "text": ["long_object.body", "body"],
        "hashtags": ["long_object.twitter_entities.hashtags", "twitter_entities.hashtags"],
        "entity_name": ["actor.preferredUsername"],
        "lang": ["twitter_lang"],
        "repost": ["repost"],
    },
    unwrap=posts,
)
