"""Writes the texts of synthetic posts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tagfinder.corpus.sources.dice import Dice, Table
from tagfinder.corpus.sources.world import World

SLOT = re.compile(r"\{(\w+)\}")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MEMORY = 50
RANGES = {"price": (3, 250), "percent": (2, 80), "feet": (9_000, 41_000), "knots": (180, 520)}

FOREIGN, UNTAGGED, ONLY_OTHERS, RETWEET = 0.03, 0.04, 0.14, 0.02
"""Shares of posts in other languages, without a hashtag, with rare ones only, and of retweets."""

UNIQUE = 0.5
"""Share of the rare hashtags that are made up on the spot."""

INLINE = 0.4
"""Share of hashtags inside the text instead of behind it."""

HASHTAG, TOPIC, STRAY, NOUN = range(4)
HINTS = Table([(HASHTAG, 0.42), (TOPIC, 0.33), (NOUN, 0.25)])
"""The subject of a sentence's words: a hashtag, its topic, or nothing."""

ASIDE = 0.4
"""Share of posts with a sentence about something else, whose words mislead or are uninformative."""

ASIDE_HINTS = Table([(STRAY, 0.7), (NOUN, 0.3)])


@dataclass(frozen=True)
class Draft:
    """A post without identifier and time."""

    text: str
    entity_name: str | None
    lang: str | None


@dataclass(frozen=True)
class Subject:
    """The subject of a post: hashtags of a topic, on a day."""

    hashtags: list[str]
    topic: str
    day: int


class Composer:
    """Writes one post after the other.

    Args:
        world: topics and hashtags of the posts.
        dice: the random choices.
    """

    def __init__(self, world: World, dice: Dice) -> None:
        self._world = world
        self._dice = dice
        self._from_bots: list[str] = []

    def write(self, day: int) -> Draft:
        """Return a post of the given day."""
        dice, world = self._dice, self._world
        subject = self._subject(dice.draw(world.label_sets(day)), day)
        if dice.chance(FOREIGN):
            lang = dice.one_of(list(world.foreign))
            return Draft(self._foreign(lang, subject), None, lang)
        text = self._english(subject)
        if dice.chance(RETWEET):
            text = f"RT @{dice.one_of(world.slots['user'])}: {text}"
        entity = dice.one_of(world.topics[subject.topic].entities)
        return Draft(
            text, entity if dice.chance(0.9) else None, "en" if dice.chance(0.97) else None
        )

    def _subject(self, hashtags: list[str], day: int) -> Subject:
        return Subject(hashtags, self._world.topic_of[self._dice.one_of(hashtags)], day)

    def _foreign(self, lang: str, subject: Subject) -> str:
        phrase = self._dice.one_of(self._world.foreign[lang])
        return f"{phrase.replace('{T}', self._tags(subject.hashtags)[0])} {self._url()}"

    def _english(self, subject: Subject) -> str:
        dice = self._dice
        if dice.chance(UNTAGGED):
            return self._personal(subject, [])
        if dice.chance(ONLY_OTHERS):
            subject = self._subject([dice.one_of(self._world.hashtags)], subject.day)
            return self._personal(subject, self._others(subject, dice.between(1, 3)))
        bots = [tag for tag in subject.hashtags if tag in self._world.bots]
        if bots and dice.chance(self._world.bots[bots[0]].share):
            return self._automatic(bots[0], subject)
        if subject.topic != "fashion" and dice.chance(0.3):
            others = self._others(subject, dice.between(1, 2))
            return self._personal(subject, subject.hashtags + others)
        return self._personal(subject, subject.hashtags)

    def _automatic(self, bot: str, subject: Subject) -> str:
        """Return a program's post: a filled-in template, or a repeated post."""
        dice = self._dice
        if self._from_bots and dice.chance(0.04):
            return dice.one_of(self._from_bots)
        body = self._fill(dice.one_of(self._world.bots[bot].forms), self._value)
        inside = body.lower().split()
        tags = self._tags([tag for tag in subject.hashtags if f"#{tag}" not in inside])
        ending = [self._url(), *tags] if dice.chance(0.5) else [*tags, self._url()]
        text = " ".join([body, *ending])
        self._from_bots = [*self._from_bots, text][-MEMORY:]
        return text

    def _personal(self, subject: Subject, hashtags: list[str]) -> str:
        """Return what a person posts about the subject, with the given hashtags."""
        dice, world = self._dice, self._world
        inside: list[str] = []
        trailing: list[str] = []
        for tag in self._tags(hashtags):
            (inside if dice.chance(INLINE) else trailing).append(tag)
        words = self._prose(subject, inside)
        if dice.chance(0.3):
            words += f" {dice.one_of(world.emoji)}"
        gap = "\n\n" if dice.chance(0.05) else " "
        url = [self._url()] if dice.chance(0.45) else []
        ending = url + trailing if dice.chance(0.5) else trailing + url
        return gap.join([words, *([" ".join(ending)] if ending else [])])

    def _prose(self, subject: Subject, inside: list[str]) -> str:
        """Return some sentences, with the given hashtags (with `#`) in front of the first."""
        dice, world = self._dice, self._world

        def filled(sentence: str, hints: Table[int]) -> str:
            def value(slot: str) -> str:
                return self._hint(subject, hints) if slot == "T" else self._value(slot)

            text = self._fill(sentence, value)
            return text[0].upper() + text[1:]

        opener = self._fill(dice.one_of(world.openers), self._value) if dice.chance(0.3) else ""
        lead = f"{dice.one_of(world.leads)} ".replace("{H}", _listed(inside)) if inside else ""
        sentences = [filled(dice.one_of(world.phrases), HINTS) for _ in range(dice.between(1, 2))]
        if dice.chance(ASIDE):
            sentences.append(filled(dice.one_of(world.asides), ASIDE_HINTS))
        return opener + lead + " ".join(sentences)

    def _hint(self, subject: Subject, hints: Table[int]) -> str:
        """Return a word that hints at the topic of a post."""
        dice, world = self._dice, self._world
        kind = dice.draw(hints)
        if kind == TOPIC:
            return dice.one_of(world.topics[subject.topic].words)
        if kind == NOUN:
            return self._value("N")
        hashtag = dice.one_of(world.hashtags if kind == STRAY else subject.hashtags)
        return hashtag if dice.chance(0.05) else dice.draw(world.words(hashtag, subject.day))

    def _others(self, subject: Subject, number: int) -> list[str]:
        """Return less frequent hashtags of the topic, some of them seen only once."""
        dice, world = self._dice, self._world
        found = []
        for _ in range(number):
            if dice.chance(UNIQUE):
                year = str(dice.between(1, 99)) if dice.chance(0.3) else ""
                found.append(self._value("A") + self._value("N") + year)
            else:
                found.append(dice.draw(world.other_hashtags(subject.topic, subject.day)))
        return list(dict.fromkeys(found))

    def _tags(self, hashtags: list[str]) -> list[str]:
        """Return hashtags as somebody spells them, each time in one way."""
        style = self._dice.roll()
        if style < 0.55:
            return [f"#{tag}" for tag in hashtags]
        if style < 0.93:
            return [f"#{self._world.spelling.get(tag, tag.capitalize())}" for tag in hashtags]
        return [f"#{tag.upper()}" for tag in hashtags]

    def _url(self) -> str:
        return "https://t.co/" + "".join(self._dice.one_of(LETTERS) for _ in range(10))

    @staticmethod
    def _fill(form: str, value: Callable[[str], str]) -> str:
        return SLOT.sub(lambda slot: value(slot[1]), form)

    def _value(self, slot: str) -> str:
        """Return something for a slot that does not depend on the subject."""
        dice, world = self._dice, self._world
        if slot in world.slots:
            return dice.one_of(world.slots[slot])
        if slot == "code":
            return dice.one_of("ABCDEFGH") + str(dice.between(100, 999))
        low, high = RANGES[slot]
        return str(dice.between(low, high))


def _listed(tags: list[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    return " and ".join([", ".join(tags[:-1]), tags[-1]] if len(tags) > 1 else tags)
