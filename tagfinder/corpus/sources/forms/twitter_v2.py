"""Responses of X's API v2, whole (`data` with `includes`) or flattened: tweepy, twarc2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tagfinder.corpus.sources.forms import Form, Record, has_any


def _is_tweet(value: Any) -> bool:
    return isinstance(value, Mapping) and "text" in value and "id" in value


def _is_response(record: Record) -> bool:
    data = record.get("data")
    listed = isinstance(data, list) and (not data or _is_tweet(data[0]))
    if listed:
        return bool(data) or has_any(record, "meta", "includes")
    return _is_tweet(data) or (data is None and _is_meta(record.get("meta")))


def _is_meta(meta: Any) -> bool:
    return isinstance(meta, Mapping) and "result_count" in meta


def fits(record: Record) -> bool:
    """Tell a response, or a tweet of one, from a table with a column `text`."""
    if _is_response(record):
        return True
    return "text" in record and has_any(
        record, "edit_history_tweet_ids", "referenced_tweets", "author_id", "public_metrics"
    )


def posts(record: Record) -> Iterable[Record | None]:
    """Yield the tweets of a response, with their author's name and a repost's full text."""
    if not _is_response(record):
        yield _whole(record, {}) if "text" in record else None
        return
    data = record.get("data") or []
    includes = record.get("includes")
    includes = includes if isinstance(includes, Mapping) else {}
    users = _by_id(includes.get("users"))
    tweets = _by_id(includes.get("tweets"))
    for tweet in data if isinstance(data, list) else [data]:
        if not _is_tweet(tweet):
            yield None
            continue
        author = users.get(tweet.get("author_id"))
        yield {**_whole(tweet, tweets), **({"author": author} if author else {})}


def _by_id(values: Any) -> dict[Any, Mapping[str, Any]]:
    listed = values if isinstance(values, list) else []
    return {
        value["id"]: value
        for value in listed
        if isinstance(value, Mapping) and isinstance(value.get("id"), str | int)
    }


def _whole(tweet: Record, tweets: Mapping[Any, Record]) -> Record:
    """Return a retweet with the full text of the original; its own is cut."""
    references = tweet.get("referenced_tweets")
    for reference in references if isinstance(references, list) else ():
        if not isinstance(reference, Mapping) or reference.get("type") != "retweeted":
            continue
        identifier = reference.get("id")
        original = tweets.get(identifier) if isinstance(identifier, str | int) else None
        original = original or reference
        taken = {
            key: original[key] for key in ("text", "entities", "note_tweet") if key in original
        }
        return {**tweet, **taken, "repost": True}
    return tweet


FORM = Form(
    name="twitter_v2",
    written_by="X API v2, whole responses and flattened (tweepy, twarc2)",
    fits=fits,
    columns={
        "id": ["id"],
        "created_at": ["created_at"],
        "text": ["note_tweet.text", "text"],
        "hashtags": ["note_tweet.entities.hashtags", "entities.hashtags"],
        "entity_name": ["author.username", "author_id"],
        "lang": ["lang"],
        "repost": ["repost"],
    },
    unwrap=posts,
)
