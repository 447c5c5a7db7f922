"""Which picture did a person choose? The personal role names it, the storage of binaries holds it (4.3 and later)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from migrate.extract.php.values import PhpObject
from migrate.extract.plain import items, text
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
    found = [row for row in _rows(context, login) if row.binary]
    if name is not None:
        named = [row for row in found if row.id == name]
        return named[0].binary if named else None
    pictures = [row for row in found if row.binary is not None and row.binary.startswith(_PICTURES)]
    if len(pictures) > 1:
        chosen = context.avatar_names.get(login.lower())
        pictures = [row for row in pictures if row.id == chosen] or pictures
    newest = max(pictures, key=lambda row: row.inserted or 0, default=None)
    return newest.binary if newest is not None else None


def names_of_avatars(users: Iterable[UserRow]) -> dict[str, str]:
    """Login in lower case -> name of the picture that the personal role chose. One pass over all users."""
    names = {}
    for row in users:
        for plugin, options in items(dict(items(_parameters(row.role))).get("AJXP_REPO_SCOPE_ALL")):
            name = text(dict(items(options)).get("avatar")) if plugin == "core.conf" else None
            if name:
                names[row.login.lower()] = name
    return names


def _parameters(role: Any) -> Any:
    return role.get("parameters") if isinstance(role, PhpObject) else None


def _rows(context: Context, login: str) -> Iterator[StoredObject]:
    yield from context.store.objects(STORE + login)
    if login != login.lower():
        yield from context.store.objects(STORE + login.lower())
