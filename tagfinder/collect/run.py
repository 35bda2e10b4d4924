"""One run: a source, a collection, and the user's conditions."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tagfinder.collect.collection import Collection
from tagfinder.collect.meter import Meter
from tagfinder.collect.names import Authors
from tagfinder.collect.post import Wanted, primary_language
from tagfinder.collect.retry import Patience
from tagfinder.collect.runner import Runner, Source

MakeSource = Callable[[Collection, Wanted, Patience], Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Conditions for every network.

    Attributes:
        folder: the collection.
        since: oldest moment, None for as far as it goes.
        until: moment where it ends, None for now or never.
        max_posts: most new posts, None for no limit.
        languages: language tags, empty for all.
        min_hashtags: hashtags that a post must have at least.
        authors: how a new collection stores author names.
        include_opted_out: take posts of authors who ask not to be indexed.
        retries: maximum consecutive failures.
        max_wait: longest wait for a rate limit, seconds.
        commit_every: seconds after which what arrived is made durable.
        max_response_bytes: longest answer of a server, bytes after decompression.
    """

    folder: Path
    since: datetime | None = None
    until: datetime | None = None
    max_posts: int | None = None
    languages: Sequence[str] = ()
    min_hashtags: int = 1
    authors: Authors | None = None
    include_opted_out: bool = False
    retries: int = 8
    max_wait: float = 3600.0
    commit_every: float = 15.0
    max_response_bytes: int = 2**25

    def wanted(self) -> Wanted:
        """Return which posts are taken."""
        languages = {primary_language(language) or "" for language in self.languages}
        return Wanted(self.min_hashtags, frozenset(languages), self.include_opted_out)


def run(
    title: str,
    make_source: MakeSource,
    conditions: Conditions,
    report: Callable[[dict[str, Any]], None],
) -> None:
    """Collect until the source ends or somebody says stop.

    Args:
        title: name of the network, for the line on standard error.
        make_source: makes the source.
        conditions: of the run.
        report: called at the end, also after an error, with what was done.

    Raises:
        InputError: the request was wrong, or a server refused it.
        WorkError: a server failed again and again.
    """
    with Collection(conditions.folder, conditions.authors) as collection, Meter(title) as meter:
        patience = Patience(
            retries=conditions.retries,
            max_wait=conditions.max_wait,
            most_bytes=conditions.max_response_bytes,
            tell=meter.tell,
        )
        runner = Runner(collection, meter, conditions.max_posts, conditions.commit_every)
        with _stopped_by_signals(patience):
            try:
                runner.run(make_source(collection, conditions.wanted(), patience))
            finally:
                report(runner.summary.as_dict(collection))


@contextmanager
def _stopped_by_signals(patience: Patience) -> Iterator[None]:
    """Finish the work in progress at the first Ctrl-C or SIGTERM; stop at once at the second."""
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for kind, handler in before.items():
            signal.signal(kind, handler)

    def stop(*_: Any) -> None:
        patience.stopped = True
        restore()

    for kind in before:
        signal.signal(kind, stop)
    try:
        yield
    finally:
        restore()
