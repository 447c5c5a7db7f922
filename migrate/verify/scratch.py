"""Both listings of files in one throw-away database, so that ten million of them need no more memory than ten."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

Expected = tuple[str, str, bytes, str, int | None, int | None, str | None, str | None, str | None, int, int]
Live = tuple[str, str, int, int, str, str | None]

_LAYOUT = """
CREATE TABLE expected (path TEXT PRIMARY KEY, root TEXT, source BLOB, type TEXT, size INTEGER, mtime INTEGER, md5 TEXT, etag TEXT, hash TEXT,
                       moved INTEGER, ledger INTEGER) WITHOUT ROWID;
CREATE TABLE live (path TEXT PRIMARY KEY, type TEXT, size INTEGER, mtime INTEGER, etag TEXT, hash TEXT) WITHOUT ROWID;
CREATE TABLE alias (nfc TEXT PRIMARY KEY, path TEXT) WITHOUT ROWID;
CREATE INDEX alias_path ON alias (path);
CREATE TABLE names (root TEXT, source BLOB, path TEXT, PRIMARY KEY (root, source)) WITHOUT ROWID;
CREATE INDEX names_path ON names (path);
"""


class Scratch:
    """Two tables by path in Cells (data source first): what should be there, what is there. The file vanishes with the object.

    Two workspaces on one folder list the same file twice; the first one counts."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="verify-", suffix=".sqlite", dir=folder)  # noqa: SIM115 - closed in __exit__
        self._lock = threading.Lock()
        self._db = sqlite3.connect(self._file.name, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE"):
            self._db.execute("PRAGMA " + pragma)
        self._db.executescript(_LAYOUT)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()
        self._file.close()

    def expect(self, rows: Iterable[Expected]) -> None:
        """Store what should be there."""
        self._many("INSERT OR IGNORE INTO expected VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)

    def name(self, rows: Iterable[tuple[str, bytes, str]]) -> None:
        """Remember (root, old path, path in Cells)."""
        self._many("INSERT OR IGNORE INTO names VALUES (?,?,?)", rows)

    def found(self, rows: Iterable[Live]) -> None:
        """Store what is there. Names in decomposed form (files indexed in place) are also found by their composed form."""
        rows = list(rows)
        self._many("INSERT OR REPLACE INTO live VALUES (?,?,?,?,?,?)", rows)
        forms = ((unicodedata.normalize("NFC", row[0]), row[0]) for row in rows if not row[0].isascii())
        self._many("INSERT OR IGNORE INTO alias VALUES (?,?)", [(nfc, path) for nfc, path in forms if nfc != path])

    def path_of(self, root: str, source: bytes) -> str | None:
        """Where a file of the old server is in Cells."""
        with self._lock:
            row = self._db.execute("SELECT path FROM names WHERE root=? AND source=?", (root, source)).fetchone()
        return row[0] if row else None

    def is_known(self, path: str) -> bool:
        """Whether a path in Cells is that of a file of the old server, carried or left out."""
        with self._lock:
            return self._db.execute("SELECT 1 FROM names WHERE path=? LIMIT 1", (path,)).fetchone() is not None

    def pairs(self) -> Iterator[tuple[Any, ...]]:
        """Every expected row with what is there beside it (None when missing), in order of path."""
        yield from self._pages("SELECT e.*, l.type, l.size, l.mtime, l.etag, l.hash, l.path IS NOT NULL FROM expected e "
                               "LEFT JOIN live l ON l.path=CASE WHEN EXISTS (SELECT 1 FROM live x WHERE x.path=e.path) THEN e.path "
                               "ELSE (SELECT a.path FROM alias a WHERE a.nfc=e.path) END "
                               "WHERE e.path>? ORDER BY e.path LIMIT 1000")

    def extras(self) -> Iterator[tuple[Any, ...]]:
        """(path, type, size) of what is there and not expected."""
        yield from self._pages("SELECT l.path, l.type, l.size FROM live l LEFT JOIN expected e ON e.path=l.path "
                               "WHERE e.path IS NULL AND l.path>? AND NOT EXISTS (SELECT 1 FROM alias a JOIN expected f ON f.path=a.nfc "
                               "WHERE a.path=l.path AND NOT EXISTS (SELECT 1 FROM live x WHERE x.path=f.path)) ORDER BY l.path LIMIT 1000")

    def unfinished(self) -> list[str]:
        """Paths whose content is still being written (at most 10 000 at a time)."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT l.path FROM live l JOIN expected e ON e.path=l.path WHERE l.etag='temporary' LIMIT 10000")]

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._lock:
            self._db.execute("BEGIN")
            self._db.executemany(statement, rows)
            self._db.execute("COMMIT")

    def _pages(self, query: str) -> Iterator[tuple[Any, ...]]:
        last = ""
        while True:
            with self._lock:
                page = self._db.execute(query, (last,)).fetchall()
            if not page:
                return
            yield from page
            last = page[-1][0]
