"""Numbers for names, and the names as bytes for compiled loops that search in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tagfinder.live.compiled import compiled
from tagfinder.live.counts.arrays import GrowableArray

# Concatenated names (a plain tuple, see `PostColumns`): (M,) uint8 of UTF-8, and (N + 1,) int64
# where each begins; it ends where the next one begins.
EncodedNames = tuple[np.ndarray, np.ndarray]

# In place of a name that no post has any more. Its number is not given again.
GONE = "\0"


class Names:
    """Numbers for names, in order of first appearance.

    Args:
        names: the first ones; `GONE` keeps a number free.

    Attributes:
        names: number -> name, or `GONE`.
        number_of: name -> number.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = list(names)
        self.number_of = {name: n for n, name in enumerate(self.names) if name != GONE}
        self._letters = GrowableArray(np.uint8)
        self._starts = GrowableArray(np.int64)
        letters, starts = encode_names(self.names)
        self._letters.adopt(letters.copy())
        self._starts.adopt(starts)

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        """Return the number of a name; a new name gets the next number."""
        number = self.number_of.get(name)
        return self._append(name) if number is None else number

    def place(self, name: str, number: int) -> None:
        """Give a name a number that somebody else chose, as the store of posts does for authors.

        `encoded` then lacks the name if its number was free.
        """
        while len(self.names) < number:
            self._append(GONE)
        if number == len(self.names):
            self._append(name)
        self.names[number] = name
        self.number_of[name] = number

    def remove(self, number: int) -> None:
        """Erase a name; its number stays free."""
        name, self.names[number] = self.names[number], GONE
        if self.number_of.get(name) == number:
            del self.number_of[name]
        first, last = self._starts.values[number], self._starts.values[number + 1]
        self._letters.values[first:last] = 0

    def encoded(self) -> EncodedNames:
        """Return the encoded names, valid until the next name is added or erased."""
        return self._letters.values, self._starts.values

    def _append(self, name: str) -> int:
        number = len(self.names)
        self.names.append(name)
        if name != GONE:
            self.number_of[name] = number
        letters = np.frombuffer(name.encode(), np.uint8)
        start = int(self._starts.values[number])
        self._letters.grow_to(start + len(letters))
        self._letters.values[start : start + len(letters)] = letters
        self._starts.grow_to(number + 2)
        self._starts.values[number + 1] = start + len(letters)
        return number


def encode_names(names: Sequence[str]) -> EncodedNames:
    """Return names as concatenated UTF-8."""
    encoded = [name.encode() for name in names]
    starts = np.zeros(len(names) + 1, np.int64)
    np.cumsum([len(letters) for letters in encoded], out=starts[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), starts


@compiled
def lengths_of(names: EncodedNames, numbers: np.ndarray) -> np.ndarray:
    """Return (N,) int64 lengths of names in characters."""
    flat, starts = names
    lengths = np.zeros(len(numbers), np.int64)
    for position in range(len(numbers)):
        for letter in range(starts[numbers[position]], starts[numbers[position] + 1]):
            # In UTF-8, all bytes of a character but its first one are continuation bytes.
            lengths[position] += flat[letter] & 0xC0 != 0x80
    return lengths


@compiled
def letter_masks(names: EncodedNames, numbers: np.ndarray) -> np.ndarray:
    """Return (N,) uint64 with a bit for each letter of a name; some letters share a bit.

    A name contains a word only if it has all bits of the word. This rules out most names quickly.
    """
    flat, starts = names
    masks = np.zeros(len(numbers), np.uint64)
    for position in range(len(numbers)):
        for letter in range(starts[numbers[position]], starts[numbers[position] + 1]):
            masks[position] |= np.uint64(1) << np.uint64(flat[letter] & 63)
    return masks


@compiled
def contains_word(words: EncodedNames, word: int, names: EncodedNames, name: int) -> bool:
    """Return whether a name contains a word."""
    (of_words, word_starts), (of_names, name_starts) = words, names
    first, last = word_starts[word], word_starts[word + 1]
    for start in range(name_starts[name], name_starts[name + 1] - (last - first) + 1):
        letter = 0
        while letter < last - first and of_names[start + letter] == of_words[first + letter]:
            letter += 1
        if letter == last - first:
            return True
    return False
