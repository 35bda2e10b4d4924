"""X's list of entities that its posts are annotated with."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagfinder.errors import InputError

_COLUMNS = ("entity_id", "entity_name", "domains")


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity: its number, its name, and the numbers of the domains it belongs to."""

    id: str
    name: str
    domains: frozenset[str]


def read_entities(path: Path, domain: int | None, *, ascii_names: bool) -> list[Entity]:
    """Read entities from a CSV file with the columns entity_id, entity_name and domains.

    Args:
        path: the file; `domains` holds one number or several with commas between, as in the list
            that X publishes (twitter-context-annotations, evergreen-context-entities-20220601.csv).
        domain: take entities of this domain only, None for all.
        ascii_names: take entities only whose name is plain ASCII.

    Returns:
        Entities in the order of the file, each once.

    Raises:
        InputError: the file is not there, a column is missing, or nothing is left.
    """
    try:
        entities = list(_rows(path))
    except OSError as error:
        raise InputError(f"--entities {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--entities {path}: not a CSV file in UTF-8 ({error})") from None
    kept = {
        entity.id: entity
        for entity in entities
        if (domain is None or str(domain) in entity.domains)
        and (entity.name.isascii() or not ascii_names)
    }
    if not kept:
        raise InputError(
            f"--entities {path}: none of its {len(entities):,} entities is in domain {domain}"
            f"{' with a name in ASCII' if ascii_names else ''}; see `domain` and `ascii_names` in "
            "conf/collect/x.yaml"
        )
    return list(kept.values())


def _rows(path: Path) -> Iterator[Entity]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise InputError(
                f"--entities {path}: no column {', '.join(missing)}; it needs {', '.join(_COLUMNS)}"
            )
        for row in reader:
            number = (row["entity_id"] or "").strip()
            if not number.isdigit():
                raise InputError(
                    f"--entities {path}, line {reader.line_num}: entity_id '{number}' is no number"
                )
            domains = frozenset(part.strip() for part in (row["domains"] or "").split(","))
            yield Entity(number, (row["entity_name"] or "").strip(), domains)
