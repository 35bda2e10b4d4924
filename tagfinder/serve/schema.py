"""Requests and answers, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from tagfinder.serve.limits import Limits


def as_whole_number(value: Any) -> Any:
    """Turn 5.0 into 5: in JSON they are the same."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE_NUMBER = Annotated[int, BeforeValidator(as_whole_number)]


class WordReason(BaseModel):
    """A word of the text that supports a hashtag."""

    word: str
    effect: float = Field(description="Its contribution to the hashtag's log-odds or margin.")


class PostReason(BaseModel):
    """A post that supports a hashtag."""

    day: str = Field(description="When it was published, YYYY-MM-DD.")
    author: str | None
    text: str
    similarity: float = Field(description="Relative to the most similar post, 0 to 1.")


class HashtagAnswer(BaseModel):
    """A suggested hashtag."""

    hashtag: str = Field(description="Without #, in the spelling that people use most.")
    score: float = Field(description="What the model gave it, 0 to 1.")
    probability: float = Field(description="Calibrated probability that the author would use it.")
    because: list[WordReason] | list[PostReason] | None = Field(
        None, description="With explain: what supports it, the strongest first."
    )


class TextAnswer(BaseModel):
    """The suggestions for one text."""

    text: str
    hashtags: list[HashtagAnswer] = Field(description="Best first.")
    note: str | None = Field(None, description="Why there are none, if the reason is the text.")


class SuggestAnswer(BaseModel):
    """The suggestions for a request's texts, in their order."""

    model: str
    suggestions: list[TextAnswer]


class ModelAnswer(BaseModel):
    """A model of the service."""

    name: str
    hashtags: int = Field(description="How many hashtags it chooses from.")
    facts: dict[str, Any] = Field(description="Facts about its training.")


class LogAnswer(BaseModel):
    """A live model's position in its log of posts."""

    posts: int = Field(description="Posts that suggestions come from.")
    behind: int = Field(description="Posts and deletions of the folder that are not applied yet.")
    seconds_behind: float = Field(description="How long it has lacked some written posts.")
    without_vectors: int = Field(description="Posts that are not found by meaning yet.")
    keeps: bool = Field(description="Whether this process writes the folder's files.")


class HealthAnswer(BaseModel):
    """State and limits of the service."""

    status: Literal["ok", "behind"] = Field(
        "ok", description="Behind: suggestions lack posts that were taught elsewhere a while ago."
    )
    version: str
    process: int = Field(description="Number of the process that answers.")
    models: list[str]
    logs: dict[str, LogAnswer] = Field(description="Of each model that keeps learning.")
    limits: dict[str, float]


def request_model(limits: Limits, names: list[str]) -> type[BaseModel]:
    """Return the request's schema: the limits and the models' names are part of it."""
    text = Annotated[str, Field(max_length=limits.max_text_length)]
    texts = Annotated[list[text], Field(min_length=1, max_length=limits.max_texts)]
    model: Any = Literal[tuple(names)]
    return create_model(
        "SuggestRequest",
        __config__=ConfigDict(extra="forbid", strict=True),
        __doc__="One text, or a list of texts, and what is wanted.",
        text=(text | texts, Field(description="One text, or a list of texts.")),
        k=(WHOLE_NUMBER, Field(5, ge=1, le=limits.max_k, description="Most hashtags for a text.")),
        threshold=(float, Field(0.0, ge=0, le=1, description="Least probability.")),
        repeat=(bool, Field(False, description="Also suggest hashtags that the text has.")),
        author=(
            str | None,
            Field(None, max_length=200, description="Who writes, where a model looks at it."),
        ),
        explain=(bool, Field(False, description="Say what supports each hashtag; slower.")),
        model=(model, Field(names[0], description="Name of the model.")),
    )
