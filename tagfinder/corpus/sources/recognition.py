"""Recognise the container and encoding of a file, by its beginning first, then its name."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tagfinder.corpus.sources.dialects import SEPARATORS
from tagfinder.corpus.sources.encodings import find_encoding
from tagfinder.corpus.sources.json_values import ASSIGNMENT, is_in_lines
from tagfinder.corpus.sources.streams import COMPRESSIONS, HEAD_BYTES, ZIP, Input, reason
from tagfinder.errors import InputError
from tagfinder.files import DAMAGED_ZIP

PARQUET, CSV, EXCEL, XML = "parquet", "csv", "xlsx", "xml"
JSON_LINES, JSON, ARCHIVE = "jsonl", "json", "zip"
CONTAINERS = (PARQUET, CSV, EXCEL, XML, JSON_LINES, JSON)

SUFFIXES = {
    **{".parquet": PARQUET, ".pq": PARQUET, ".xlsx": EXCEL, ".xml": XML, ".zip": ARCHIVE},
    **{".csv": CSV, ".tsv": CSV, ".tab": CSV},
    **{".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".json": JSON, ".js": JSON},
}
"""Suffixes of the files that a folder or an archive is searched for."""
# Of an archive of X: other files hold posts of others (likes), or messages.
ARCHIVED_POSTS = re.compile(r"\s*window\.YTD\.(?:tweets?|community_tweet|note_tweet)\.part\d+\s*=")
ARCHIVED = re.compile(r"\s*window\.YTD\.")
HTML = re.compile(r"\s*<(?:!doctype html|html)", re.IGNORECASE)
_AS_TABLE = "write it as Parquet, CSV or JSON lines"
OTHERS = {
    b"\xd0\xcf\x11\xe0": "an old or a protected Excel file; save it as .xlsx or CSV",
    **dict.fromkeys(
        (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"{\\rtf"),
        "a picture or a document, no file of posts",
    ),
    b"SQLite format 3": f"a database of SQLite; {_AS_TABLE}, a table to a file",
    **dict.fromkeys((b"ARROW1", b"FEA1"), f"a file of Arrow or Feather; {_AS_TABLE}"),
    b"\x89HDF": f"a file of HDF5; {_AS_TABLE}",
    **dict.fromkeys((b"Obj\x01", b"ORC"), f"a file of Avro or ORC; {_AS_TABLE}"),
    **dict.fromkeys((b"RDX", b"X\n", b"A\n"), f"a file of R; {_AS_TABLE}"),
    **dict.fromkeys(
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        f"a pickle of Python, which is not read because it can run code; {_AS_TABLE}",
    ),
    **dict.fromkeys((b"7z\xbc\xaf", b"Rar!"), "an archive; unpack it, and name the folder"),
    **dict.fromkeys((b"$FL2", b"<stata"), f"a file of SPSS or Stata; {_AS_TABLE}"),
}
"""Beginnings of files that hold no posts that can be read, with what to do."""
TAR, TAR_PLACE = b"ustar", 257


@dataclass(frozen=True)
class Recognised:
    """Container and encoding of a file.

    Attributes:
        container: how the rows are written, one of `CONTAINERS`.
        encoding: of a text file.
        head: its beginning as text, in whole lines if possible; empty for binary files.
    """

    container: str
    encoding: str = "utf-8-sig"
    head: str = ""


def inputs_of(
    path: Path, source: Input, note: Callable[[str], None] = lambda _: None
) -> Iterator[Input]:
    """Yield the file, or the members of a ZIP archive that can hold posts, sorted by name.

    `note` is called with the number of others in an archive.

    Raises:
        InputError: the archive is damaged or has none.
    """
    if not is_archive(path):
        yield source
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(member.filename for member in archive.infolist() if not member.is_dir())
    except DAMAGED_ZIP as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error
    found = [Input(path, name, source.limits) for name in names]
    found = [one for one in found if _may_hold_posts(one)]
    if not found:
        raise InputError(f"{path} has no file of posts in it")
    if others := len(names) - len(found):
        note(f"{path.name}: {others:,} of its {len(names):,} files are no files of posts")
    yield from found


def is_archive(path: Path) -> bool:
    """Tell a ZIP archive from a workbook, which is one too."""
    with path.open("rb") as stream:
        if stream.read(4) != ZIP:
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return not any(name.startswith("xl/") for name in archive.namelist())
    except DAMAGED_ZIP:
        return path.suffix.lower() != ".xlsx"


def _may_hold_posts(member: Input) -> bool:
    parts = Path(member.member or "").parts
    if any(part.startswith((".", "__MACOSX")) for part in parts):
        return False
    if SUFFIXES.get(member.suffix, ARCHIVE) == ARCHIVE:
        return False
    head = member.head(200).decode("utf-8", "replace")
    return not ARCHIVED.match(head) or bool(ARCHIVED_POSTS.match(head))


def has_known_suffix(path: Path) -> bool:
    """Tell whether a file in a folder is to be looked at."""
    if path.suffix.lower() == ".js":
        with path.open("rb") as stream:
            return bool(ARCHIVED_POSTS.match(stream.read(200).decode("utf-8", "replace")))
    return Input(path).suffix in SUFFIXES


def recognise_file(source: Input, container: str | None, encoding: str | None) -> Recognised:
    """Return the container and encoding of a file.

    Args:
        source: the file.
        container: how rows are written, null to find it out.
        encoding: of a text file, null to find it out.

    Raises:
        InputError: it cannot be read, or is no kind of file that holds posts.
    """
    content = source.head()
    by_suffix = SUFFIXES.get(source.suffix)
    binary = container if container in (PARQUET, EXCEL) else _binary(content, source, by_suffix)
    if binary and container in (None, binary):
        return Recognised(binary)
    if container == XML:
        return Recognised(XML)
    encoding = encoding or find_encoding(content)
    whole = len(content) < HEAD_BYTES
    head = content.decode(encoding, "replace").removeprefix("\ufeff")
    if not whole and "\n" in head:
        head = head[: head.rindex("\n") + 1]
    if container is None:
        container = _text_container(head, source, by_suffix)
    if container in (JSON, JSON_LINES):
        container = JSON_LINES if is_in_lines(head, whole) else JSON
    return Recognised(container, encoding, head)


def _binary(content: bytes, source: Input, by_suffix: str | None) -> str | None:
    if content.startswith(b"PAR1") or by_suffix == PARQUET:
        return PARQUET
    if content.startswith(ZIP) or by_suffix == EXCEL:
        return EXCEL
    if content[TAR_PLACE:].startswith(TAR):
        raise InputError(f"{source} is a tar archive; unpack it, and name the folder")
    for begin, what in OTHERS.items():
        if content.startswith(begin) and not _is_text(begin, content):
            raise InputError(f"{source} is {what}")
    return None


def _is_text(begin: bytes, content: bytes) -> bool:
    """Tell text that begins with the same letters as a binary file of another kind."""
    return begin.isascii() and b"\0" not in content and not begin.startswith((b"%", b"{", b"<"))


def _text_container(head: str, source: Input, by_suffix: str | None) -> str:
    begin = head.lstrip()
    if HTML.match(begin):
        raise InputError(f"{source} is a web page (HTML), no file of posts")
    if begin.startswith(("<?xml", "<posts", "<row")) or by_suffix == XML:
        return XML
    if by_suffix in (JSON, JSON_LINES):
        return JSON
    if (begin[:1] in ("{", "[") and _is_json(begin)) or ASSIGNMENT.match(begin):
        return JSON
    first = begin.split("\n", 1)[0]
    if by_suffix != CSV and not any(separator in first for separator in SEPARATORS):
        raise InputError(
            f"{source}: unknown format; known are {suffix_names()}. Or say it: data.format=csv; "
            "where each line is a post, data.format=csv data.separator=tab data.quote=null "
            "data.header=false data.columns.text=1"
        )
    return CSV


def _is_json(text: str) -> bool:
    """Tell JSON from a CSV file whose first column is named `[a]`."""
    line = text.split("\n", 1)[0].strip()
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return len(line) < 3 or line[1] in '"{[ '


def suffix_names() -> str:
    """List the readable forms, for messages."""
    compressed = ", ".join(compression.suffix for compression in COMPRESSIONS)
    return f"{', '.join(SUFFIXES)}; text files also with {compressed}"
