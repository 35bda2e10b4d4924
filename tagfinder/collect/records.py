"""Bluesky's records as posts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tagfinder.collect.json_access import as_dict, as_list
from tagfinder.collect.post import EARLIEST, Post, primary_language

NO_UNAUTHENTICATED = "!no-unauthenticated"
_TAG = "app.bsky.richtext.facet#tag"


def post_of(uri: str, record: Any, seen: datetime, languages: frozenset[str]) -> Post | str:
    """Return an `app.bsky.feed.post` record as a post, or the reason why it cannot be one.

    Args:
        uri: `at://` address of the record, which begins with its author's DID.
        record: as the network carries it, anything.
        seen: when the network saw it: authors may write any date, this one bounds it.
        languages: wanted languages; a post in several of them gets one.
    """
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return "malformed"
    return Post(
        network="bluesky",
        id=uri,
        created_at=_written(record.get("createdAt"), seen),
        text=record["text"],
        hashtags=_hashtags(record),
        author=author_of(uri),
        lang=_language(record.get("langs"), languages),
    )


def author_of(uri: str) -> str:
    """Return the DID in an `at://` address."""
    return uri.removeprefix("at://").split("/")[0]


def self_labels(record: Any) -> set[str]:
    """Return the labels that authors give to themselves in a profile record."""
    values = as_dict(as_dict(record).get("labels")).get("values")
    return {str(as_dict(value).get("val")) for value in as_list(values)}


def view_labels(profile: Any) -> set[str]:
    """Return the labels in a server's view of a profile, without the ones that were taken back."""
    labels = [as_dict(label) for label in as_list(as_dict(profile).get("labels"))]
    return {str(label.get("val")) for label in labels if label.get("neg") is not True}


def _hashtags(record: dict[str, Any]) -> list[str]:
    """Return the tags marked in the text, then the separate ones."""
    facets = (as_list(as_dict(facet).get("features")) for facet in as_list(record.get("facets")))
    features = [as_dict(feature) for features in facets for feature in features]
    tags = [feature.get("tag") for feature in features if feature.get("$type") == _TAG]
    tags += as_list(record.get("tags"))
    return [tag.removeprefix("#") for tag in tags if isinstance(tag, str) and tag.strip("# ")]


def _written(value: Any, seen: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return seen
    return moment if EARLIEST <= moment <= seen else seen


def _language(tags: Any, wanted: frozenset[str]) -> str | None:
    languages = [primary_language(tag) for tag in as_list(tags) if isinstance(tag, str)]
    return next((tag for tag in languages if tag in wanted), next(iter(languages), None))
