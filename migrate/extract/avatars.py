"""Which picture did a person choose? The personal role names it, the storage of binaries holds it (4.3 and later)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from migrate.extract.logins import from_key, to_key
from migrate.extract.php.values import PhpObject
from migrate.extract.plain import items, text
from migrate.extract.spool import Spool
from migrate.extract.store import StoredObject, UserRow

if TYPE_CHECKING:
    from migrate.extract.context import Context

STORE = "users_binaries."
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"<svg", b"<?xml")


def avatar(context: Context, login: str, name: str | None = None) -> bytes | None:
    """The picture of a person; None without one. `name`: the parameter `avatar` of his role, when the caller knows it.

    Without a name a single picture is the one; of several (the application kept earlier ones) the role tells, else the
    newest counts."""
    if name is not None and ("/" in name or name in ("", ".", "..")):
        return None
    found = context.pictures.of(login)
    if name is not None:
        named = [row for row in found if row.id == name]
        return named[0].binary if named else None
    pictures = [row for row in found if row.binary is not None and row.binary.startswith(_PICTURES)]
    if len(pictures) > 1:
        chosen = context.pictures.chosen(login)
        pictures = [row for row in pictures if row.id == chosen] or pictures
    newest = max(pictures, key=lambda row: row.inserted or 0, default=None)
    return newest.binary if newest is not None else None


def names_of_avatars(users: Iterable[UserRow]) -> Iterator[tuple[str, str]]:
    """(login in lower case, name of the picture that the personal role chose). One pass over all users."""
    for row in users:
        for plugin, options in items(dict(items(_parameters(row.role))).get("AJXP_REPO_SCOPE_ALL")):
            name = text(dict(items(options)).get("avatar")) if plugin == "core.conf" else None
            if name:
                yield row.login.lower(), name


def _parameters(role: Any) -> Any:
    return role.get("parameters") if isinstance(role, PhpObject) else None


class Pictures:
    """The pictures of all people, read in one pass into a temporary file: the tables have no index to look them up by."""

    def __init__(self, context: Context) -> None:
        self._spool = Spool()
        rows = (row for row in context.store.objects(STORE + "*") if row.binary)
        self._spool.add(1, ((to_key(row.store[len(STORE) :]), to_key(row.id), row.binary, row.inserted) for row in rows))
        self._spool.add(2, ((to_key(login), to_key(name), None, None) for login, name in names_of_avatars(context.store.users())))
        self._spool.with_index()

    def of(self, login: str) -> list[StoredObject]:
        """Pictures stored for a login, in the order of the storage: under its name, then under that in lower case."""
        names = dict.fromkeys((login, login.lower()))
        rows = [(name, row) for name in names for row in self._spool.of(to_key(name), 1)]
        return [StoredObject(STORE + name, from_key(id_), None, binary, None, when) for name, (id_, binary, when) in rows]

    def chosen(self, login: str) -> str | None:
        """Name of the picture that the personal role chose, None without."""
        found = self._spool.of(to_key(login.lower()), 2)
        return from_key(found[-1][0]) if found else None

    def close(self) -> None:
        """Remove the file."""
        self._spool.close()
