"""All forms, in the order in which they are tried: the most distinctive first."""

from __future__ import annotations

from collections.abc import Sequence

from tagfinder.corpus.sources.forms import (
    Form,
    Record,
    activity_streams,
    activitypub,
    bluesky,
    docnow_csv,
    mastodon,
    plain,
    snscrape,
    stack_exchange,
    twarc_csv,
    twint,
    twitter_archive,
    twitter_v1,
    twitter_v2,
)

FORMS: dict[str, Form] = {
    module.FORM.name: module.FORM
    for module in (
        *(twitter_archive, bluesky, activity_streams, activitypub, mastodon, stack_exchange),
        *(twarc_csv, twitter_v2, docnow_csv, twitter_v1, snscrape, twint, plain),
    )
}


def recognise(sample: Sequence[Record]) -> Form:
    """Return the form of most records of a sample; `plain` if none is recognised."""
    votes = dict.fromkeys(FORMS, 0)
    for record in sample:
        votes[next(name for name, form in FORMS.items() if form.fits(record))] += 1
    told = {name: number for name, number in votes.items() if number and name != plain.FORM.name}
    if not told or max(told.values()) < votes[plain.FORM.name]:
        return plain.FORM
    return FORMS[max(told, key=lambda name: told[name])]
