"""Bluesky: events of the Jetstream, records of `app.bsky.feed.post`, and views of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tagfinder.corpus.sources.forms import Form, Record, has_all, has_any

POST = "app.bsky.feed.post"
REPOST = "app.bsky.feed.defs#reasonRepost"


def _is_record(value: Any) -> bool:
    return isinstance(value, Mapping) and (
        value.get("$type") == POST or (has_all(value, "text", "createdAt") and "$type" not in value)
    )


def _is_view(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and _is_record(value.get("record", value.get("value")))
        and has_any(value, "uri", "author")
    )


def fits(record: Record) -> bool:
    """Tell an event, a record, or a view of a post."""
    if has_all(record, "did", "kind") or (has_all(record, "did") and "commit" in record):
        return True
    if isinstance(record.get("feed"), list):
        return any(
            isinstance(item, Mapping) and _is_view(item.get("post")) for item in record["feed"]
        )
    return record.get("$type") == POST or _is_view(record) or _is_view(record.get("post"))


def posts(record: Record) -> Iterable[Record | None]:
    """Yield the posts: `record`, with `id`, `did` or `author` beside it."""
    feed = record.get("feed", record.get("posts"))
    if isinstance(feed, list):
        for item in feed:
            yield from posts(item) if isinstance(item, Mapping) else [None]
        return
    commit = record.get("commit")
    if isinstance(commit, Mapping):
        inner = commit.get("record")
        ours = commit.get("collection", POST) == POST and commit.get("operation") != "delete"
        yield (
            {**record, "id": commit.get("rkey"), "record": inner}
            if ours and _is_record(inner)
            else None
        )
    elif _is_view(record.get("post")):
        reason = record.get("reason")
        repeated = isinstance(reason, Mapping) and reason.get("$type") == REPOST
        yield {**record["post"], **({"repost": True} if repeated else {})}
    elif _is_view(record):
        yield {**record, "record": record.get("record", record.get("value"))}
    else:
        yield {**record, "record": record} if _is_record(record) else None


FORM = Form(
    name="bluesky",
    written_by="Bluesky: Jetstream, `app.bsky.feed.post` records, views of the API",
    fits=fits,
    columns={
        "id": ["id", "uri", "cid"],
        "created_at": ["record.createdAt"],
        "text": ["record.text"],
        "hashtags": ["hashtags"],
        "entity_name": ["author.handle", "did"],
        "lang": ["record.langs"],
        "repost": ["repost"],
    },
    unwrap=lambda record: (one and with_hashtags(one) for one in posts(record)),
)


def with_hashtags(post: Record) -> Record:
    """Return a post with `hashtags`: from the facets of its text and from its tags.

    Without either there is none, and the text is looked at.
    """
    record = post["record"]
    found: list[str] = []
    facets = record.get("facets")
    for facet in facets if isinstance(facets, list) else ():
        features = facet.get("features") if isinstance(facet, Mapping) else None
        for feature in features if isinstance(features, list) else ():
            if isinstance(feature, Mapping) and isinstance(feature.get("tag"), str):
                found.append(feature["tag"])
    tags = record.get("tags")
    found += [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return {**post, "hashtags": list(dict.fromkeys(found))} if found else post
