"""Where does what a plan decides on its way lie, so that memory stays flat? In memory for little, in a temporary file for much.

Nothing else may depend on which of them it is: both give rows back in the order in which they came."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

Key = str | tuple[str, ...]


class Shelf:
    """In memory."""

    def rows(self, rows: Iterable[Any]) -> Iterable[Any]:
        """Rows (anything JSON) that can be gone through as often as one likes; all are taken now."""
        return [_json(row) for row in rows]

    def groups(self, rows: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, list[Any]]]:
        """Rows together by key, in order of the keys."""
        found: dict[str, list[Any]] = {}
        for key, row in rows:
            found.setdefault(key, []).append(_json(row))
        return sorted(found.items())

    def first(self) -> First:
        """Tells keys that come for the first time."""
        return First()

    def mapping(self, pairs: Iterable[tuple[Key, str]]) -> Mapping[Any, str]:
        """Key (a text, or texts) -> text; of a key that is given twice the first counts."""
        found: dict[Key, str] = {}
        for key, value in pairs:
            found.setdefault(key, value)
        return found


class First:
    """Remembers keys."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, key: str) -> bool:
        """Whether this key was not asked for before."""
        new = key not in self._seen
        self._seen.add(key)
        return new


class DiskShelf(Shelf):
    """In a temporary file that nobody else sees; it is gone when the program ends, however it ends."""

    def __init__(self) -> None:
        # An empty name is SQLite's own temporary file: private, and removed by itself.
        self._db = sqlite3.connect("", check_same_thread=False)
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA cache_size=-16000")
        self._tables = 0

    def _table(self, columns: str, rest: str = "") -> str:
        self._tables += 1
        name = f"shelf_{self._tables}"
        self._db.execute(f"CREATE TABLE {name} ({columns}) {rest}")
        return name

    def rows(self, rows: Iterable[Any]) -> Iterable[Any]:
        name = self._table("n INTEGER PRIMARY KEY, body TEXT")
        for row in rows:  # one by one: making a row may use this file
            self._db.execute(f"INSERT INTO {name} (body) VALUES (?)", (json.dumps(row),))  # noqa: S608 - our own name
        return _Rows(self._db, name)

    def groups(self, rows: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, list[Any]]]:
        name = self._table("key BLOB, n INTEGER, body TEXT, PRIMARY KEY (key, n)", "WITHOUT ROWID")
        for number, (key, row) in enumerate(rows):
            self._db.execute(f"INSERT INTO {name} VALUES (?, ?, ?)", (_key(key), number, json.dumps(row)))  # noqa: S608
        return _Groups(self._db, name)

    def first(self) -> First:
        return _DiskFirst(self._db, self._table("key BLOB PRIMARY KEY", "WITHOUT ROWID"))

    def mapping(self, pairs: Iterable[tuple[Key, str]]) -> Mapping[Any, str]:
        name = self._table("key BLOB PRIMARY KEY, body BLOB, parts INTEGER", "WITHOUT ROWID")
        for key, value in pairs:
            self._db.execute(f"INSERT OR IGNORE INTO {name} VALUES (?, ?, ?)",  # noqa: S608
                             (_key(key), value.encode("utf-8", "surrogatepass"), 0 if isinstance(key, str) else 1))
        return _DiskMapping(self._db, name)


class _Rows:
    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db, self._name = db, name

    def __iter__(self) -> Iterator[Any]:
        return (json.loads(body) for (body,) in self._db.execute(f"SELECT body FROM {self._name} ORDER BY n"))  # noqa: S608


class _Groups:
    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db, self._name = db, name

    def __iter__(self) -> Iterator[tuple[str, list[Any]]]:
        rows = self._db.execute(f"SELECT key, body FROM {self._name} ORDER BY key, n")  # noqa: S608
        for key, group in groupby(rows, key=lambda row: row[0]):
            yield key.decode("utf-8", "surrogatepass"), [json.loads(body) for _, body in group]


class _DiskFirst(First):
    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        super().__init__()
        self._db, self._name = db, name

    def __call__(self, key: str) -> bool:
        return self._db.execute(f"INSERT OR IGNORE INTO {self._name} VALUES (?)", (_key(key),)).rowcount == 1  # noqa: S608


class _DiskMapping(Mapping[Any, str]):
    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db, self._name = db, name

    def __getitem__(self, key: Key) -> str:
        row = self._db.execute(f"SELECT body FROM {self._name} WHERE key = ?", (_key(key),)).fetchone()  # noqa: S608
        if row is None:
            raise KeyError(key)
        return str(row[0], "utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[Any]:
        for key, parts in self._db.execute(f"SELECT key, parts FROM {self._name} ORDER BY key"):  # noqa: S608
            plain = key.decode("utf-8", "surrogatepass")
            yield tuple(plain.split("\0")) if parts else plain

    def __len__(self) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {self._name}").fetchone()[0])  # noqa: S608


def _key(key: Key) -> bytes:
    return (key if isinstance(key, str) else "\0".join(key)).encode("utf-8", "surrogatepass")


def _json(row: Any) -> Any:
    """What a row is once it was written down: both shelves give the same."""
    return json.loads(json.dumps(row))
