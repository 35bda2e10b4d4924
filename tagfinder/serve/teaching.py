"""Teaching over HTTP (`POST /posts`, `DELETE /posts/{id}`) what keeps learning."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import polars as pl
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field, create_model

from tagfinder.corpus.schema import conform
from tagfinder.recommend.live import LiveSuggester
from tagfinder.serve.limits import Limits
from tagfinder.serve.problems import documented


class TaughtAnswer(BaseModel):
    """What became of posts."""

    taught: int = Field(description="Posts that are known from now on, durably.")
    known: int = Field(description="Posts whose id was known already; left as they were.")
    left_out: int = Field(description="Posts without a hashtag.")


class ForgottenAnswer(BaseModel):
    """What became of a post that was to be deleted."""

    forgotten: int = Field(description="1 if it was there, else 0.")


def add_teaching(
    app: FastAPI, suggesters: Mapping[str, LiveSuggester], limits: Limits, guarded: dict[str, Any]
) -> None:
    """Add the routes that teach.

    Args:
        app: the service.
        suggesters: by name, those that may be taught; the first is taught where none is named.
        limits: most texts of a request and their length.
        guarded: what keeps out those without a key.
    """
    names = list(suggesters)
    text = Annotated[str, Field(max_length=limits.max_text_length)]
    post = create_model(
        "TaggedPost",
        __config__=ConfigDict(extra="forbid"),
        __doc__="A post with its hashtags.",
        id=(Annotated[str, Field(min_length=1, max_length=200)], Field(description="Unique.")),
        text=(text, Field(description="As published; hashtags in it count where none are given.")),
        created_at=(datetime, Field(description="When it was published, ISO 8601.")),
        hashtags=(list[text] | None, Field(None, max_length=100, description="Without #.")),
        author=(Annotated[str, Field(max_length=200)] | None, Field(None)),
    )
    posts: Any = Annotated[list[post], Field(min_length=1, max_length=limits.max_texts)]  # type: ignore[valid-type]
    request_type = create_model(
        "TeachRequest",
        __config__=ConfigDict(extra="forbid"),
        __doc__="Posts to learn.",
        posts=(posts, Field(description="Oldest first.")),
        model=(str, Field(names[0], description="Name of the model.")),
    )

    learning: set[asyncio.Task[bool]] = set()

    async def teach(request: Any) -> TaughtAnswer:
        """Teach posts; when this answers they are durable, and the next suggestion knows them."""
        suggester = _named(suggesters, request.model)
        frame = _frame(request.posts)
        done = await asyncio.to_thread(suggester.teach, frame)
        # Beside the requests: it may take a minute, and nobody waits for it.
        task = asyncio.create_task(asyncio.to_thread(suggester.learn_classes))
        learning.add(task)
        task.add_done_callback(learning.discard)
        return TaughtAnswer(
            taught=done.taught, known=done.known, left_out=len(frame) - done.taught - done.known
        )

    teach.__annotations__["request"] = request_type
    app.post("/posts", responses=documented(400, 413, 422), **guarded)(teach)

    @app.delete("/posts/{post_id}", responses=documented(422), **guarded)
    async def forget(post_id: str, model: str = names[0]) -> ForgottenAnswer:
        """Delete a post for good."""
        forgotten = await asyncio.to_thread(_named(suggesters, model).forget, [post_id])
        return ForgottenAnswer(forgotten=forgotten)


def _named(suggesters: Mapping[str, LiveSuggester], name: str) -> LiveSuggester:
    if name not in suggesters:
        raise HTTPException(422, f"model: {name!r} cannot be taught; try {', '.join(suggesters)}")
    return suggesters[name]


def _frame(posts: list[Any]) -> pl.DataFrame:
    rows = [
        {
            "id": post.id,
            "text": post.text,
            "created_at": _utc_microseconds(post.created_at),
            "hashtags": post.hashtags,
            "entity_name": post.author,
        }
        for post in posts
    ]
    schema = {"id": pl.String, "text": pl.String, "created_at": pl.Int64}
    schema |= {"hashtags": pl.List(pl.String), "entity_name": pl.String}  # type: ignore[dict-item]
    frame = pl.DataFrame(rows, schema=schema)
    return conform(
        frame.with_columns(pl.col("created_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    )


def _utc_microseconds(moment: datetime) -> int:
    """Return microseconds since 1970; a time without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1e6)
