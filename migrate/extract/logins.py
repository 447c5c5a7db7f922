"""Which logins exist, what are they, and in which group? An index on disk, so that a million users need no memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

PERSON = "person"
DIRECTORY = "directory"
TECHNICAL = "technical"
LEFTOVER = "leftover"


@dataclass(frozen=True, slots=True)
class KnownLogin:
    """A login as stored. `kind`: PERSON, DIRECTORY (account of a directory, a person too), TECHNICAL (hidden user behind a
    link, guest, …) or LEFTOVER (rights without an account). `has_role`: a personal role is stored and can be read.
    `stored`: the storage has a row of it; false for directory accounts found through what they own."""

    login: str
    kind: str
    group: str
    parent: str | None
    has_role: bool = False
    stored: bool = True

    @property
    def is_person(self) -> bool:
        """Whether it is somebody, with a local or a directory account."""
        return self.kind in (PERSON, DIRECTORY)


class LoginIndex:
    """Logins by exact and by case-folded name."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        columns = "name BLOB PRIMARY KEY, folded BLOB, kind TEXT, grp BLOB, parent BLOB, role INTEGER, stored INTEGER"
        self._db.execute(f"CREATE TABLE login ({columns}) WITHOUT ROWID")
        self._db.execute("CREATE INDEX folded ON login (folded)")

    def add(self, entry: KnownLogin) -> None:
        """Remember a login; of two equal ones the first stays."""
        parent = None if entry.parent is None else to_key(entry.parent)
        row = (to_key(entry.login), to_key(fold(entry.login)), entry.kind, to_key(entry.group), parent, entry.has_role, entry.stored)
        self._db.execute("INSERT OR IGNORE INTO login VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def get(self, login: str) -> KnownLogin | None:
        """The login of exactly this name."""
        return _known(self._db.execute("SELECT name, kind, grp, parent, role, stored FROM login WHERE name = ?", (to_key(login),)).fetchone())

    def like(self, login: str) -> list[KnownLogin]:
        """Logins that differ from the given one at most by case, the exact one first."""
        rows = self._db.execute("SELECT name, kind, grp, parent, role, stored FROM login WHERE folded = ? ORDER BY name", (to_key(fold(login)),)).fetchall()
        found = [_known(row) for row in rows]
        return sorted(found, key=lambda entry: entry.login != login)

    def people(self) -> Iterator[KnownLogin]:
        """Every person, by login."""
        last = b""
        query = "SELECT name, kind, grp, parent, role, stored FROM login WHERE name > ? AND kind IN ('person', 'directory') ORDER BY name LIMIT 1000"
        while rows := self._db.execute(query, (last,)).fetchall():
            yield from (_known(row) for row in rows)
            last = rows[-1][0]

    def groups(self) -> Iterator[str]:
        """Group paths of people, each once."""
        query = "SELECT DISTINCT grp FROM login WHERE kind IN ('person', 'directory') ORDER BY grp"
        for (group,) in self._db.execute(query).fetchall():
            yield from_key(group)

    def case_pairs(self) -> Iterator[tuple[str, ...]]:
        """People whose logins differ only by case."""
        query = "SELECT folded FROM login WHERE kind IN ('person', 'directory') GROUP BY folded HAVING count(*) > 1"
        for (folded,) in self._db.execute(query).fetchall():
            yield tuple(entry.login for entry in self.like(from_key(folded)) if entry.is_person)

    def close(self) -> None:
        """Remove the index."""
        self._db.close()


def fold(login: str) -> str:
    """Lower case as PHP's strtolower made it for ASCII, and Unicode letters too, since databases compare those as well."""
    return login.lower()


def to_key(value: str) -> bytes:
    """A name as bytes for an index: SQLite refuses text with surrogate escapes."""
    return value.encode("utf-8", "surrogateescape")


def from_key(value: bytes) -> str:
    """The name of a key."""
    return value.decode("utf-8", "surrogateescape")


def _known(row: tuple | None) -> KnownLogin | None:
    if row is None:
        return None
    name, kind, group, parent, has_role, stored = row
    return KnownLogin(from_key(name), kind, from_key(group), None if parent is None else from_key(parent), bool(has_role), bool(stored))
