"""What is served, as one process passes it to others: small, so that they start quickly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tagfinder.serve.limits import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tagfinder.recommend.loading import Suggester
    from tagfinder.recommend.recommender import Runtime


@dataclass(frozen=True)
class Served:
    """What is served; each process opens it for itself.

    Attributes:
        runs: folders of runs or bundles.
        limits: of requests.
        runtime: what computes.
        teach: whether clients may teach.
        posts: where the posts are kept, see `load`.
        schema: of the posts on a server.
        deny: file of hashtags that are never suggested.
        allow: file of the only hashtags that are suggested.
        key_file: of the keys that clients must send one of.
    """

    runs: tuple[Path, ...]
    limits: Limits
    runtime: Runtime
    teach: bool
    posts: str
    schema: str
    deny: Path | None
    allow: Path | None
    key_file: Path | None

    def open(self) -> list[Suggester]:
        """Open the recommenders, and have done what the first request would wait for."""
        from tagfinder.corpus.hashtag_filter import hashtag_filter
        from tagfinder.recommend.live import LiveSuggester
        from tagfinder.recommend.loading import SQLITE, load

        hashtags = hashtag_filter(self.deny, self.allow)
        # A process that follows the log of several machines writes into the folder, even if it only
        # answers.
        teach = self.teach or self.posts != SQLITE
        recommenders = [
            load(
                run,
                runtime=self.runtime,
                teach=teach,
                posts=self.posts,
                schema=self.schema,
                hashtags=hashtags,
            )
            for run in self.runs
        ]
        for recommender in recommenders:
            if isinstance(recommender, LiveSuggester):
                recommender.get_ready()
        return recommenders

    def app(self) -> FastAPI:
        """Open everything and return the service."""
        from tagfinder.serve.app import create_app
        from tagfinder.serve.keys import keys_of

        keys = keys_of(self.key_file)
        return create_app(self.open(), self.limits, keys, teach=self.teach)
