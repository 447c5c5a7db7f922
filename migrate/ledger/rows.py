"""Lines of the ledger as values, and how keys that are not Unicode are stored."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

BATCH = 1000
_MARK = "\x01"


class State(str, enum.Enum):
    """Life of an action or file. ALREADY: the server had it as wanted; nothing was written."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    ALREADY = "already"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A planned action with its state. `body` is the Action's JSON; `result` what the server answered (ids, no secrets)."""

    id: str
    seq: int
    phase: int
    lane: str
    kind: str
    record: str
    body: str
    state: State
    code: str | None
    detail: str | None
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file or folder to carry; see `schema.files`."""

    id: int
    root: str
    path: bytes
    type: str
    size: int | None
    mtime: int | None
    recycle: bool
    target: str | None
    state: State
    code: str | None
    sha256: str | None
    md5: str | None
    etag: str | None
    content_hash: str | None


def key_of(value: str) -> str:
    """Text that SQLite can store: names with surrogate escapes go as JSON behind a mark."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return _MARK + json.dumps(value)
    return value


def text_of(value: str) -> str:
    return json.loads(value[1:]) if value.startswith(_MARK) else value


def batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch
