"""How are rows of several tables brought together by key with flat memory? A temporary SQLite file that nobody else sees.

Sorting is done by exact bytes here, because servers of different kinds and collations do not agree on an order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any


class Spool:
    """Rows (key, kind, values) in order of key, kind and arrival. `with_index` must be called once, after filling."""

    def __init__(self) -> None:
        # An empty name is SQLite's own temporary file: private, and gone when the connection closes.
        self._connection = sqlite3.connect("")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute("CREATE TABLE item (n INTEGER PRIMARY KEY, key BLOB, kind INTEGER, a BLOB, b BLOB, c BLOB)")

    def add(self, kind: int, rows: Iterable[tuple[bytes, Any, Any, Any]]) -> None:
        """Add rows (key, a, b, c) of one kind."""
        self._connection.executemany(
            "INSERT INTO item (key, kind, a, b, c) VALUES (?, ?, ?, ?, ?)", ((key, kind, a, b, c) for key, a, b, c in rows)
        )

    def with_index(self) -> Spool:
        """Make look-ups quick."""
        self._connection.execute("CREATE INDEX by_key ON item (key, kind, n)")
        self._connection.commit()
        return self

    def groups(self) -> Iterator[tuple[bytes, list[tuple[int, Any, Any, Any]]]]:
        """Each key with its rows (kind, a, b, c)."""
        rows = self._connection.execute("SELECT key, kind, a, b, c FROM item ORDER BY key, kind, n")
        for key, group in groupby(rows, key=lambda row: row[0]):
            yield key, [row[1:] for row in group]

    def of(self, key: bytes, kind: int) -> list[tuple[Any, Any, Any]]:
        """Rows (a, b, c) of one key and kind."""
        return self._connection.execute("SELECT a, b, c FROM item WHERE key = ? AND kind = ? ORDER BY n", (key, kind)).fetchall()

    def close(self) -> None:
        """Remove the file."""
        self._connection.close()
