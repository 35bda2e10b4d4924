"""Mastodon's statuses as posts."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tagfinder.collect.html_text import html_to_text
from tagfinder.collect.json_access import as_text
from tagfinder.collect.post import Post

# Words by which people of the fediverse ask robots to stay away, written into their profiles.
_KEEP_OUT = re.compile(r"#?\b(nobots?|noindex|nosearch|noarchive)\b", re.IGNORECASE)
_HASHTAG = re.compile(r"#(\w+)")


def opted_out(account: dict[str, Any]) -> bool:
    """Return whether an account asks not to be indexed.

    That is `indexable: false` (not searchable by others), `noindex: true` (no search engines), or
    a word such as "#nobot" in the profile. A server that has no such settings says nothing, which
    is taken as no objection.
    """
    if account.get("indexable") is False or account.get("noindex") is True:
        return True
    note = account.get("note")
    return isinstance(note, str) and _KEEP_OUT.search(html_to_text(note)) is not None


def post_of(status: Any, instance: str, *, include_opted_out: bool) -> Post | str:
    """Return a status of the Mastodon API as a post, or the reason why it is not taken.

    Args:
        status: as the server sent it, anything.
        instance: host of the server, which alone knows the status's own id.
        include_opted_out: take posts of authors who ask not to be indexed.
    """
    if not isinstance(status, dict) or not isinstance(status.get("account"), dict):
        return "malformed"
    if status.get("reblog") is not None:
        return "repost"
    if status.get("visibility") != "public":
        return "not public"
    if not include_opted_out and opted_out(status["account"]):
        return "author asks not to be indexed"
    try:
        return _post(status, instance)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return "malformed"


def _post(status: dict[str, Any], instance: str) -> Post:
    text = html_to_text(as_text(status["content"]))
    account = status["account"]
    created_at = status["created_at"]
    if not isinstance(created_at, datetime):
        created_at = datetime.fromisoformat(created_at)
    if created_at.tzinfo is None:
        raise ValueError("a time without a zone")
    language = status.get("language")
    return Post(
        network="mastodon",
        id=as_text(status["uri"]),
        created_at=created_at,
        text=text,
        hashtags=_as_spelled([as_text(tag["name"]) for tag in status.get("tags") or []], text),
        author=as_text(account.get("url") or account["acct"]),
        lang=language if isinstance(language, str) else None,
        alias=alias_of(instance, status["id"]),
    )


def alias_of(instance: str, id_: Any) -> str:
    """Return the name by which one server announces that a status is deleted."""
    return f"{instance}/{id_}"


def _as_spelled(names: list[str], text: str) -> list[str]:
    """Return tags as the author wrote them: the server gives them in lower case."""
    spellings = {word.lower(): word for word in _HASHTAG.findall(text)}
    return [spellings.get(name.lower(), name) for name in names]
