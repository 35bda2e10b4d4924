"""Statuses of Mastodon's API and of servers that speak it."""

from collections.abc import Mapping

from tagfinder.corpus.sources.forms import Form, has_all, has_any

FORM = Form(
    name="mastodon",
    written_by="Mastodon's API and its relatives",
    fits=lambda record: (
        isinstance(record.get("content"), str)
        and (
            has_any(
                record,
                "reblogs_count",
                "spoiler_text",
                "in_reply_to_account_id",
                "favourites_count",
            )
            or isinstance(record.get("account"), Mapping)
            or has_all(record, "created_at", "tags")
        )
    ),
    columns={
        "id": ["id"],
        "created_at": ["created_at"],
        "text": ["reblog.content", "content"],
        "hashtags": ["reblog.tags", "tags"],
        "entity_name": ["account.acct", "account.username"],
        "lang": ["reblog.language", "language"],
        "repost": ["reblog"],
    },
    html=True,
)
