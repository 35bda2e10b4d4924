"""ActivityPub: `outbox.json` of a Mastodon archive, its activities and notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tagfinder.corpus.sources.forms import Form, Record

POSTS = ("Note", "Article", "Question", "Page")


def fits(record: Record) -> bool:
    """Tell a collection, an activity or a note."""
    kind = record.get("type")
    if isinstance(record.get("orderedItems"), list):
        return True
    return (kind in ("Create", "Announce") and "object" in record) or (
        kind in POSTS and "content" in record
    )


def posts(record: Record) -> Iterable[Record | None]:
    """Yield the notes of a collection; an announced one is a repost, often by address only."""
    items = record.get("orderedItems")
    for item in items if isinstance(items, list) else [record]:
        yield _note(item) if isinstance(item, Mapping) else None


def _note(item: Record) -> Record | None:
    kind, inner = item.get("type"), item.get("object")
    if kind == "Announce":
        note = dict(inner) if isinstance(inner, Mapping) else {"id": item.get("id")}
        return {**note, "repost": True}
    if kind == "Create":
        return inner if isinstance(inner, Mapping) and "content" in inner else None
    return item if "content" in item else None


FORM = Form(
    name="activitypub",
    written_by="`outbox.json` of a Mastodon archive, ActivityPub objects",
    fits=fits,
    columns={
        "id": ["id"],
        "created_at": ["published"],
        "text": ["content"],
        "hashtags": ["tag"],
        "entity_name": ["attributedTo"],
        "repost": ["repost"],
    },
    unwrap=posts,
    html=True,
)
