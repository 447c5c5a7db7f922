"""Where do findings go? Each is kept once, in order; beyond a bound they move to a temporary file, so that memory stays flat."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterator

from migrate.errors import Finding

BOUND = 10_000


class FindingSink:
    """Collects findings. Calling it records one: `sink(finding(...))`. Equal findings count once."""

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._kept: dict[Finding, None] = {}
        self._file: sqlite3.Connection | None = None

    def __call__(self, entry: Finding) -> None:
        """Record a finding unless the same was recorded before."""
        if self._file is None:
            self._kept[entry] = None
            if len(self._kept) > self._bound:
                self._spill()
        else:
            self._store(entry)

    add = __call__

    def __len__(self) -> int:
        if self._file is None:
            return len(self._kept)
        return self._file.execute("SELECT count(*) FROM finding").fetchone()[0]

    def __iter__(self) -> Iterator[Finding]:
        if self._file is None:
            yield from list(self._kept)
            return
        last = 0
        while rows := self._file.execute("SELECT n, body FROM finding WHERE n > ? ORDER BY n LIMIT 500", (last,)).fetchall():
            yield from (Finding(**json.loads(body)) for _, body in rows)
            last = rows[-1][0]

    def close(self) -> None:
        """Remove the temporary file, if there was one."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._kept.clear()

    def _spill(self) -> None:
        # An empty name gives SQLite's own temporary file, which disappears when the connection closes.
        self._file = sqlite3.connect("")
        self._file.execute("CREATE TABLE finding (n INTEGER PRIMARY KEY, digest BLOB UNIQUE, body TEXT)")
        for entry in self._kept:
            self._store(entry)
        self._kept.clear()

    def _store(self, entry: Finding) -> None:
        body = json.dumps(dataclasses.asdict(entry))
        digest = hashlib.sha256(body.encode("ascii")).digest()[:16]
        self._file.execute("INSERT OR IGNORE INTO finding (digest, body) VALUES (?, ?)", (digest, body))
