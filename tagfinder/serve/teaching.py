"""Teach a live recommender over HTTP (`POST /posts`, `DELETE /posts/{id}`)."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import polars as pl
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, create_model

from tagfinder.corpus.hashtags import are_hashtags
from tagfinder.corpus.schema import conform, in_utc
from tagfinder.recommend.live import LiveSuggester
from tagfinder.serve.keys import Guard
from tagfinder.serve.limits import Limits
from tagfinder.serve.problems import FieldError

logger = logging.getLogger(__name__)

LEARNING = "tagfinder-learning"
"""Name of the thread that trains classifiers; shutdown waits for it at most `drain_seconds`."""


class TaughtAnswer(BaseModel):
    """The outcome for posts."""

    taught: int = Field(description="Posts that are known from now on, durably.")
    known: int = Field(description="Posts whose id was known already; left as they were.")
    left_out: int = Field(description="Posts without a hashtag.")


class ForgottenAnswer(BaseModel):
    """The outcome of a deletion."""

    forgotten: int = Field(description="Posts that were there.")


def add_teaching(
    app: FastAPI, suggesters: Mapping[str, LiveSuggester], limits: Limits, guard: Guard
) -> None:
    """Add the routes that teach.

    Args:
        app: the service.
        suggesters: by name, the ones that may be taught; the first is taught where none is named.
        limits: most texts of a request, their length, and how far in the future a post may be.
        guard: keeps out clients without a key.
    """
    names = list(suggesters)
    request_type = _request_type(limits, names[0])

    async def teach(request: Any) -> TaughtAnswer:
        """Teach posts; when this answers they are durable, and the next suggestion knows them."""
        suggester = _named(suggesters, request.model)
        frame = _frame(request.posts)
        _check_hashtags(request.posts)
        _check_times(request.posts, limits.max_future_seconds)
        done = await asyncio.to_thread(suggester.teach, frame)
        _learn_beside(suggester)
        return TaughtAnswer(
            taught=done.taught, known=done.known, left_out=len(frame) - done.taught - done.known
        )

    teach.__annotations__["request"] = request_type
    app.post("/posts", **guard("/posts", 400, 413, 422, 429, 503))(teach)

    # An id may be an address, with slashes.
    @app.delete("/posts/{post_id:path}", **guard("/posts", 422, 429, 503))
    async def forget(post_id: str, model: str = names[0]) -> ForgottenAnswer:
        """Delete a post for good."""
        forgotten = await asyncio.to_thread(_named(suggesters, model).forget, [post_id])
        return ForgottenAnswer(forgotten=forgotten)

    @app.delete("/authors/{name:path}", **guard("/authors", 422, 429, 503))
    async def forget_author(name: str, model: str = names[0]) -> ForgottenAnswer:
        """Delete all posts of an author for good, and the name."""
        suggester = _named(suggesters, model)
        return ForgottenAnswer(forgotten=await asyncio.to_thread(suggester.forget_author, name))


def _request_type(limits: Limits, first_name: str) -> type[BaseModel]:
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
    return create_model(
        "TeachRequest",
        __config__=ConfigDict(extra="forbid"),
        __doc__="Posts to learn.",
        posts=(posts, Field(description="Oldest first.")),
        model=(str, Field(first_name, description="Name of the model.")),
    )


def _check_hashtags(posts: list[Any]) -> None:
    """Refuse hashtags that could not be written behind a `#`."""
    places = [
        (f"posts[{i}].hashtags[{j}]", name)
        for i, post in enumerate(posts)
        for j, name in enumerate(post.hashtags or ())
    ]
    valid = are_hashtags(pl.Series([name for _, name in places], dtype=pl.String))
    for (place, name), is_valid in zip(places, valid, strict=True):
        if not is_valid:
            raise FieldError(place, f"{name!r} is no hashtag; letters, digits and _ make one")


def _check_times(posts: list[Any], max_future_seconds: float) -> None:
    """Refuse times in the future: the newest post's time is "now" for all queries."""
    latest = (time.time() + max_future_seconds) * 1e6
    for number, post in enumerate(posts):
        if _utc_microseconds(post.created_at) > latest:
            raise FieldError(
                f"posts[{number}].created_at",
                f"{post.created_at.isoformat()} is in the future, by more than "
                f"{max_future_seconds:g} seconds",
            )


def _learn_beside(suggester: LiveSuggester) -> None:
    """Train the classifiers in the background if it is time to; it may take a minute.

    The thread is a daemon: it does not keep the process alive.
    """
    threading.Thread(target=_learn, args=(suggester,), daemon=True, name=LEARNING).start()


def _learn(suggester: LiveSuggester) -> None:
    try:
        suggester.train_classifiers()
    except Exception:
        # No request waits for this; the classifiers from before stay in use.
        logger.exception("%s: the classifiers could not be learned", suggester.name)


def _named(suggesters: Mapping[str, LiveSuggester], name: str) -> LiveSuggester:
    if name not in suggesters:
        raise FieldError("model", f"{name!r} cannot be taught; try {', '.join(suggesters)}")
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
    return round(in_utc(moment).timestamp() * 1e6)
