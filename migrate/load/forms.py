"""What did the old server store as each person's password? Read once, when first asked for, and never written anywhere we keep."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable


class OldForms:
    """Old login -> stored form. `read` gives all of them; they lie in an unnamed temporary database that only this process can
    open and that vanishes with it, so that a million people need no memory."""

    def __init__(self, read: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return "<OldForms>"

    def get(self, login: str) -> str | None:
        """The stored form of this old login; None when there is none that could be carried."""
        with self._lock:
            if self._db is None:
                self._db = self._filled()
            row = self._db.execute("SELECT form FROM forms WHERE login = ?", (_key(login),)).fetchone()
        return None if row is None else str(row[0])

    def _filled(self) -> sqlite3.Connection:
        db = sqlite3.connect("", check_same_thread=False)
        db.execute("CREATE TABLE forms (login BLOB PRIMARY KEY, form TEXT NOT NULL) WITHOUT ROWID")
        db.executemany("INSERT OR IGNORE INTO forms VALUES (?, ?)", ((_key(login), form) for login, form in self._read()))
        db.commit()
        return db

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None


def _key(login: str) -> bytes:
    return login.encode("utf-8", "surrogatepass")
