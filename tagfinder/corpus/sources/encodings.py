"""The encoding of a text file, found from how it begins."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from tagfinder.errors import InputError

UTF_8 = "utf-8-sig"
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# In Latin scripts single letters are not ASCII; in other alphabets whole words are not.
LATIN = ["cp1252", "cp1250", "cp1254", "cp1257", "latin_1"]
OTHERS = [
    *("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874", "cp1252", "cp1250"),
    *("cp932", "euc_jp", "cp949", "gb18030", "big5"),
]
# Encodings of spreadsheets and editors; `cp1252` first, because several agree on most letters.
PREFERRED = ("cp1252", "cp1250", "cp1251", "latin_1")
SAMPLE_BYTES = 2**16
_MULTI_BYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_RUN = re.compile(rb"[\x80-\xff]+")
_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")


def check_encoding(name: str) -> str:
    """Return `name` if it is an encoding of texts.

    Raises:
        InputError: Python does not know it.
    """
    try:
        b"".decode(name)
        "".encode(name)
    except (LookupError, UnicodeError, ValueError, TypeError) as error:
        raise InputError(
            f"data.encoding={name} is no encoding; name one such as utf-8, utf-16, cp1252 or "
            "latin-1, or auto"
        ) from error
    return UTF_8 if codecs.lookup(name).name in ("utf-8", "utf-8-sig") else name


def find_encoding(head: bytes) -> str:
    """Return the encoding of a text that begins with `head`: UTF-8 unless the bytes say otherwise.

    A UTF-8 file with a few broken rows is still read as UTF-8: valid multi-byte characters are more
    frequent in it than invalid bytes.
    """
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    if (unmarked := _unmarked_utf_16(head)) is not None:
        return unmarked
    if _is_utf_8(head):
        return UTF_8
    whole_characters = len(_MULTI_BYTE.findall(head))
    other_bytes = len(_HIGH_BYTE.findall(_MULTI_BYTE.sub(b"", head)))
    if other_bytes <= whole_characters:
        return UTF_8
    telling = b"\n".join(line for line in head.split(b"\n") if not line.isascii())
    alone = len(_ALONE.findall(telling)) > len(_RUN.findall(telling)) / 2
    best = from_bytes(telling[:SAMPLE_BYTES], cp_isolation=LATIN if alone else OTHERS).best()
    if best is None:
        return PREFERRED[0] if alone else UTF_8
    candidates = {best.encoding, *best.could_be_from_charset}
    return next((name for name in PREFERRED if name in candidates), best.encoding)


def _is_utf_8(head: bytes) -> bool:
    try:
        # Incremental, because the last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _unmarked_utf_16(head: bytes) -> str | None:
    """Tell UTF-16 without a mark by the zero bytes of its ASCII characters."""
    even, odd = head[0:4_000:2], head[1:4_000:2]
    if len(odd) >= 4 and odd.count(0) > 0.1 * len(odd) and not even.count(0):
        return "utf-16-le"
    if len(even) >= 4 and even.count(0) > 0.1 * len(even) and not odd.count(0):
        return "utf-16-be"
    return None
