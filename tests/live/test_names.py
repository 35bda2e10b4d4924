"""Names have numbers, and their letters are found as Python finds them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tagfinder.live.counts.names import Names, contains_word, encode_names, lengths_of, letter_masks

# Few letters, so that words often occur in names; of one to four bytes.
NAMES = st.text("aab1é雨😀", min_size=1, max_size=8)


def test_a_name_has_one_number_in_order_of_appearance() -> None:
    names = Names(["rain", "vote"])
    assert [names.number(name) for name in ("vote", "météo", "rain", "météo")] == [1, 2, 0, 2]
    assert names.names == ["rain", "vote", "météo"]
    assert len(names) == 3
    flat, starts = names.encoded()
    assert flat[starts[2] : starts[3]].tobytes().decode() == "météo"


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.lists(NAMES, max_size=4))
def test_words_occur_in_names_as_in_python(names: list[str], words: list[str]) -> None:
    there, wanted = Names(names).encoded(), encode_names(words)
    numbers = np.arange(len(names))
    assert lengths_of(there, numbers).tolist() == [len(name) for name in names]
    assert lengths_of(wanted, np.arange(len(words))).tolist() == [len(word) for word in words]
    bits_there, bits = letter_masks(there, numbers), letter_masks(wanted, np.arange(len(words)))
    for place, word in enumerate(words):
        for number, name in enumerate(names):
            assert contains_word(wanted, place, there, number) == (word in name)
            # Only what has all of a word's bits can hold it.
            assert word not in name or not bits[place] & ~bits_there[number]
    assert contains_word(there, 0, there, 0)


def test_many_long_names_find_room() -> None:
    names = [f"{'x' * (number % 40)}{number}" for number in range(3_000)]
    letters = Names(names).encoded()
    assert lengths_of(letters, np.arange(3_000)).tolist() == [len(name) for name in names]


def test_different_letters_have_different_bits() -> None:
    letters = encode_names(["abc", "xyz"])
    assert np.bitwise_count(letter_masks(letters, np.arange(2))).tolist() == [3, 3]
    assert not np.bitwise_and(*letter_masks(letters, np.arange(2)))
