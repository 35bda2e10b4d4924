"""`tagfinder collect`: tagged posts from X, Mastodon and Bluesky."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tagfinder.collect.run import MakeSource


def _in_utc(
    context: click.Context, parameter: click.Parameter, moment: datetime | None
) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


_DATE: Any = {
    "metavar": "DATE",
    "type": click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]),
    "callback": _in_utc,
}
_EXTRA = {"tweepy", "mastodon", "requests", "websockets"}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_folder = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("collected"),
    show_default=True,
    help="The collection; start again with the same one to continue.",
)
_CONDITIONS = [
    _folder,
    click.option("--since", **_DATE, help="Oldest moment (UTC), like 2026-11-20T08:00:00."),
    click.option("--until", **_DATE, help="End of the period (UTC), exclusive."),
    click.option("--max-posts", type=click.IntRange(1), help="Stop after that many new posts."),
    click.option("--dry-run", is_flag=True, help="Print the requests and send none."),
    click.option("--lang", "languages", multiple=True, help="Take this language only, such as en."),
    click.option(
        "--min-hashtags",
        type=click.IntRange(0),
        default=1,
        show_default=True,
        help="Take posts with that many hashtags at least.",
    ),
    click.option(
        "--authors",
        type=click.Choice(["hashed", "plain", "none"]),
        help="How a new collection stores author names.  [default: hashed]",
    ),
    click.option(
        "--include-opted-out",
        is_flag=True,
        help="Take posts of authors who ask not to be indexed.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0),
        default=8,
        show_default=True,
        help="Maximum consecutive failures.",
    ),
    click.option(
        "--max-wait",
        type=click.FloatRange(0),
        default=3600.0,
        show_default=True,
        help="Longest wait for a rate limit, seconds.",
    ),
    click.option(
        "--commit-every",
        type=click.FloatRange(0),
        default=15.0,
        show_default=True,
        help="Make what arrived durable that often, seconds.",
    ),
    click.option(
        "--config",
        type=_FILE,
        help="YAML file in place of parts of conf/collect/<network>.yaml.",
    ),
]


def _with_conditions(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all networks have in common."""
    for option in reversed(_CONDITIONS):
        command = option(command)
    return command


@click.group()
def command() -> None:
    """Collect tagged posts into a folder that `prepare` reads.

    Each post is stored once: killed at any moment and started again, a command
    continues where it was. Read docs/collecting.md on what the networks' terms ask; collected text
    is personal data.
    """


@command.command()
@click.option("--entities", type=_FILE, help="CSV list of entities to search for.")
@click.option("--query", "queries", multiple=True, help="Search for this instead of entities.")
@click.option("--search", type=click.Choice(["recent", "all"]), help="Last seven days or archive.")
@click.option("--address", envvar="X_API_ADDRESS", help="Address of the API.")
@_with_conditions
def x(
    *,
    entities: Path | None,
    queries: tuple[str, ...],
    search: str | None,
    address: str | None,
    config: Path | None,
    dry_run: bool,
    **conditions: Any,
) -> None:
    """Search X, for a list of entities or by queries, day by day, all pages.

    The bearer token is read from the environment variable X_BEARER_TOKEN. For entities the query
    is context:47.<entity id> -is:retweet has:hashtags lang:en unless --config says otherwise.
    """
    from tagfinder.collect.settings import load_settings
    from tagfinder.errors import InputError

    network = _import("x")
    if (entities is None) == (not queries):
        raise InputError("give either --entities FILE or --query TEXT")
    settings = load_settings("x", config, {"search": search, "address": address})
    asked = [network.Query(text) for text in queries]
    if entities is not None:
        asked = network.entity_queries(entities, settings)
    span = (conditions["since"], conditions["until"])
    plan = network.plan(asked, settings["search"], *span, now=datetime.now(UTC))
    if dry_run:
        return _say([query.text for query in asked], plan.cost(conditions["max_posts"]))
    token = os.environ.get(network.TOKEN_VARIABLE)
    if not token:
        raise InputError(f"{network.TOKEN_VARIABLE} is not set: put your app's bearer token there")
    access: Any = {"token": token, "address": settings["address"]}
    return _run(
        "X",
        lambda collection, wanted, patience: network.XSource(
            plan, collection, wanted=wanted, patience=patience, **access
        ),
        settings,
        conditions,
    )


@command.command()
@click.option("--instance", "instances", multiple=True, help="Server, such as mastodon.social.")
@click.option("--hashtag", "hashtags", multiple=True, help="Read the timeline of this hashtag.")
@click.option("--local/--federated", default=None, help="Only posts of the server's own members.")
@click.option("--stream", is_flag=True, help="Follow new posts.")
@_with_conditions
def mastodon(
    *,
    instances: tuple[str, ...],
    hashtags: tuple[str, ...],
    local: bool | None,
    stream: bool,
    config: Path | None,
    dry_run: bool,
    **conditions: Any,
) -> None:
    """Read public or hashtag timelines of Mastodon servers backwards, or follow them.

    If a server requires a login, the access token is read from the environment variable
    MASTODON_ACCESS_TOKEN, or with several servers MASTODON_ACCESS_TOKEN_<HOST>.
    """
    from tagfinder.collect.settings import load_settings

    network = _import("mastodon")
    flags = {"instances": instances, "hashtags": hashtags, "local": local}
    settings = load_settings("mastodon", config, flags)
    timelines = network.timelines(
        settings["instances"], settings["hashtags"], local=settings["local"]
    )
    if dry_run:
        cost = network.cost(len(timelines), conditions["max_posts"])
        return _say([timeline.name for timeline in timelines], cost)
    request: Any = {
        "tokens": network.access_tokens([timeline.instance for timeline in timelines]),
        "since": conditions["since"],
        "until": conditions["until"],
        "stream": stream,
    }
    return _run(
        "Mastodon",
        lambda collection, wanted, patience: network.MastodonSource(
            timelines, collection, wanted=wanted, patience=patience, **request
        ),
        settings,
        conditions,
    )


@command.command()
@click.option("--search", "queries", multiple=True, help='Search for this, such as "#python".')
@click.option("--jetstream", multiple=True, help="Address of a Jetstream server.")
@click.option("--search-address", help="Address of the server that searches.")
@click.option("--profiles-address", help="Address of the server that knows profiles.")
@_with_conditions
def bluesky(
    *,
    queries: tuple[str, ...],
    jetstream: tuple[str, ...],
    search_address: str | None,
    profiles_address: str | None,
    config: Path | None,
    dry_run: bool,
    **conditions: Any,
) -> None:
    """Listen to Bluesky's live stream, or search.

    The stream continues until it is stopped, --until or --max-posts. A search needs an account: set
    BLUESKY_HANDLE and BLUESKY_APP_PASSWORD.
    """
    from tagfinder.collect.settings import load_settings

    search, stream = _import("bluesky"), _import("jetstream")
    flags: dict[str, Any] = {"jetstream": jetstream, "search_address": search_address}
    settings = load_settings("bluesky", config, flags | {"profiles_address": profiles_address})
    span = (conditions["since"], conditions["until"])
    if queries:
        windows = search.windows(*span, now=datetime.now(UTC))
        asked, cost = list(queries), search.cost(len(queries), len(windows))
        make_source = search.make_source(queries, windows, settings["search_address"])
    else:
        asked = [stream.subscription_address(server) for server in settings["jetstream"]]
        cost = stream.cost(look_up_profiles=not conditions["include_opted_out"])
        make_source = stream.make_source(asked, *span, settings["profiles_address"])
    return _say(asked, cost) if dry_run else _run("Bluesky", make_source, settings, conditions)


@command.command()
@_folder
@click.option(
    "--ids",
    type=_FILE,
    help="File with one post id a line: as the network or as the collection gives it.",
)
@click.option(
    "--authors",
    type=_FILE,
    help="File with one author a line (profile address, DID, account number): all their posts go.",
)
def purge(folder: Path, ids: Path | None, authors: Path | None) -> None:
    """Remove posts everywhere in a collection, for good."""
    from tagfinder.collect.collection import Collection
    from tagfinder.errors import InputError

    if ids is None and authors is None:
        raise InputError("give --ids FILE or --authors FILE")
    if not (folder / ".collection").is_dir():
        raise InputError(f"--folder {folder}: no collection there")
    names = _lines(ids), _lines(authors)
    with Collection(folder) as collection:
        removed = collection.purge(*names)
        click.echo(json.dumps({"removed": removed, "posts": collection.posts}))


def _import(name: str) -> Any:
    """Return a module of a network; say how to install its libraries."""
    from tagfinder.errors import InputError

    try:
        return importlib.import_module(f"tagfinder.collect.{name}")
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise InputError(
            f"collect {name}: {error.name} is not installed; pip install 'tagfinder[collect]'"
        ) from None


def _lines(file: Path | None) -> list[str]:
    from tagfinder.errors import InputError

    try:
        text = file.read_text(encoding="utf-8-sig") if file else ""
    except UnicodeDecodeError:
        raise InputError(f"{file}: not a text file in UTF-8; give one id a line") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _say(queries: list[str], cost: str) -> None:
    for query in queries:
        click.echo(query)
    click.echo(cost)


def _run(
    title: str, make_source: MakeSource, settings: dict[str, Any], conditions: dict[str, Any]
) -> None:
    """Collect posts, and print the result as one JSON object."""
    from tagfinder.collect.run import Conditions, run

    def report(summary: dict[str, Any]) -> None:
        click.echo(json.dumps(summary))

    limit = settings["max_response_bytes"]
    run(title, make_source, Conditions(**conditions, max_response_bytes=limit), report)
