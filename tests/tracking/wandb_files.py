"""Reads what Weights & Biases left on disk: records of its protocol in a LevelDB log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

HEADER = 7  # bytes at the beginning of the file, and before each piece of a record
BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass
class Tracked:
    """One offline run."""

    run_id: str = ""
    group: str = ""
    exit_code: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    n_system_records: int = 0


def tracked_runs(folder: Path) -> list[Tracked]:
    """Return the offline runs of a run's folder, the oldest first."""
    return [read(file) for file in sorted(folder.glob("wandb/offline-run-*/*.wandb"))]


def read(file: Path) -> Tracked:
    tracked = Tracked()
    for payload in payloads(file.read_bytes()):
        record = Record()
        record.ParseFromString(payload)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            tracked.run_id, tracked.group = record.run.run_id, record.run.run_group
            tracked.config |= items(record.run.config.update)
        elif kind == "config":
            tracked.config |= items(record.config.update)
        elif kind == "history":
            tracked.history.append(items(record.history.item))
        elif kind == "summary":
            tracked.summary |= items(record.summary.update)
        elif kind == "stats":
            tracked.n_system_records += 1
        elif kind == "exit":
            tracked.exit_code = record.exit.exit_code
    return tracked


def items(found: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in found}


def payloads(content: bytes) -> Iterator[bytes]:
    position, pieces = HEADER, []
    while position + HEADER <= len(content):
        left_in_block = BLOCK - position % BLOCK
        if left_in_block < HEADER:
            position += left_in_block
            continue
        length = int.from_bytes(content[position + 4 : position + 6], "little")
        kind = content[position + 6]
        if kind not in (FULL, FIRST, MIDDLE, LAST):
            return
        pieces.append(content[position + HEADER : position + HEADER + length])
        position += HEADER + length
        if kind in (FULL, LAST):
            yield b"".join(pieces)
            pieces = []
