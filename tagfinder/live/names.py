"""Numbers for names, and their letters for compiled loops that look into them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tagfinder.live.columns import Column
from tagfinder.live.compiled import compiled

# Names one after the other (a plain tuple, see `PostColumns`): (M,) uint8 of UTF-8, and (N + 1,)
# int64 where each begins, the next one's beginning being its end.
Letters = tuple[np.ndarray, np.ndarray]


class Names:
    """Numbers for names, in order of first appearance.

    Args:
        names: the first ones.

    Attributes:
        names: number -> name.
        number_of: name -> number.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: list[str] = []
        self.number_of: dict[str, int] = {}
        self._letters = Column(np.uint8)
        self._starts = Column(np.int64)
        for name in names:
            self.number(name)

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        """Return the number of a name, a new one where it is new."""
        number = self.number_of.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
            letters = np.frombuffer(name.encode(), np.uint8)
            start = int(self._starts.values[number])
            self._letters.reach(start + len(letters))
            self._letters.values[start : start + len(letters)] = letters
            self._starts.reach(number + 2)
            self._starts.values[number + 1] = start + len(letters)
        return number

    def letters(self) -> Letters:
        """Return the names' letters, as they are until the next one comes."""
        return self._letters.values, self._starts.values


def letters_of(words: Sequence[str]) -> Letters:
    """Return the letters of words."""
    encoded = [word.encode() for word in words]
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(letters) for letters in encoded], out=starts[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), starts


@compiled
def lengths_of(letters: Letters, numbers: np.ndarray) -> np.ndarray:
    """Return (N,) int64 characters of names."""
    flat, starts = letters
    lengths = np.zeros(len(numbers), np.int64)
    for place in range(len(numbers)):
        for letter in range(starts[numbers[place]], starts[numbers[place] + 1]):
            # In UTF-8 each character has one byte that goes on from no other.
            lengths[place] += flat[letter] & 0xC0 != 0x80
    return lengths


@compiled
def bits_of(letters: Letters, numbers: np.ndarray) -> np.ndarray:
    """Return (N,) uint64 with a bit for each letter of a name, some letters sharing one.

    A word whose bits a name has not all stands nowhere in it, and most stand nowhere.
    """
    flat, starts = letters
    bits = np.zeros(len(numbers), np.uint64)
    for place in range(len(numbers)):
        for letter in range(starts[numbers[place]], starts[numbers[place] + 1]):
            bits[place] |= np.uint64(1) << np.uint64(flat[letter] & 63)
    return bits


@compiled
def stands_in(words: Letters, word: int, names: Letters, name: int) -> bool:
    """Return whether the letters of a word stand beside each other in a name."""
    (of_words, word_starts), (of_names, name_starts) = words, names
    first, last = word_starts[word], word_starts[word + 1]
    for start in range(name_starts[name], name_starts[name + 1] - (last - first) + 1):
        letter = 0
        while letter < last - first and of_names[start + letter] == of_words[first + letter]:
            letter += 1
        if letter == last - first:
            return True
    return False
