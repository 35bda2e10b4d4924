"""XML with one element a row and a value in each attribute, as dumps of Stack Exchange have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from tagfinder.corpus.sources.records import Value
from tagfinder.corpus.sources.streams import Input, reason
from tagfinder.errors import InputError

CHUNK = 2**18
ROW = "row"


def xml_rows(source: Input) -> Iterator[Value]:
    """Yield the attributes of each `row`, with memory for some of them only.

    Raises:
        InputError: the file is no well-formed XML, declares entities, or has no rows.
    """
    parser = expat.ParserCreate()
    found: list[Value] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        if name == ROW:
            size = sum(map(len, attributes.values()))
            found.append(Value(parser.CurrentLineNumber, attributes, size=size))

    def refuse(*_: Any) -> None:
        # Entities can be made to fill the memory, and no dump has any.
        raise InputError(f"{source} declares a document type or entities, which is not read")

    parser.StartElementHandler = begin
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    any_rows = False
    with source.open() as stream:
        ended = False
        while not ended:
            content = stream.read(CHUNK)
            ended = not content
            try:
                parser.Parse(content, ended)
            except expat.ExpatError as error:
                raise InputError(f"{source} cannot be read as XML: {reason(error)}") from error
            any_rows = any_rows or bool(found)
            yield from found
            found.clear()
    if not any_rows:
        raise InputError(f"{source} is XML without <row …/> elements; known is Posts.xml")
