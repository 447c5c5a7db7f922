"""Which picture did a person choose? The personal role names it, the storage of binaries holds it (4.3 and later)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.extract.store import StoredObject

if TYPE_CHECKING:
    from migrate.extract.context import Context

STORE = "users_binaries."
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"<svg", b"<?xml")


def avatar(context: Context, login: str, name: str | None = None) -> bytes | None:
    """The picture of a person; None without one. `name`: the parameter `avatar` of his role, when the caller knows it.

    Without a name the newest picture counts: the application kept the earlier ones."""
    if name is not None and ("/" in name or name in ("", ".", "..")):
        return None
    found = [row for row in _rows(context, login) if row.binary]
    if name is not None:
        named = [row for row in found if row.id == name]
        return named[0].binary if named else None
    pictures = [row for row in found if row.binary is not None and row.binary.startswith(_PICTURES)]
    newest = max(pictures, key=lambda row: row.inserted or 0, default=None)
    return newest.binary if newest is not None else None


def _rows(context: Context, login: str) -> Iterator[StoredObject]:
    yield from context.store.objects(STORE + login)
    if login != login.lower():
        yield from context.store.objects(STORE + login.lower())
