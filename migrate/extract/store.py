"""What every storage of an old server offers, as rows: the seam between drivers (SQL, files) and meaning (people, rights, shares).

Rows hold decoded PHP values (see `migrate.extract.php.values`: PHP strings are `bytes`) or plain `str` where the old
schema had text columns. A value that could not be decoded is an `Unreadable`, so that what depends on it fails closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored value that could not be decoded. `reason` names offset and cause, never the value."""

    reason: str
    size: int


@dataclass(frozen=True, slots=True)
class UserRow:
    """All that is stored under one login. `account`: there is a row in the user table or file.

    `rights`: key (`ajxp.admin`, `ajxp.roles`, a workspace id, …) -> decoded value or text; the last duplicate wins.
    `role`: the personal role as stored (a decoded PHP object), None when there is none."""

    login: str
    account: bool
    password: str | None = field(default=None, repr=False)
    group: str | None = None
    rights: Mapping[str, Any] = field(default_factory=dict)
    role: Any = None


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One stored role, personal ones excluded. `value`: decoded PHP object (or Unreadable)."""

    id: str
    value: Any
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """One stored workspace. `columns`: uuid, parent_uuid, owner_user_id, child_user_id, display, accessType, isTemplate,
    inferOptionsFromParent, slug, groupPath (text, bool or None), whatever the driver. `options`: name -> decoded value.
    `static`: defined in a configuration file."""

    id: str
    columns: Mapping[str, Any]
    options: Mapping[str, Any]
    static: bool = False


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A row of the simple store (`ajxp_simple_store`). `data`: decoded value or Unreadable; `binary`: bytes."""

    store: str
    id: str
    data: Any
    binary: bytes | None
    related: str | None
    inserted: int | None


@dataclass(frozen=True, slots=True)
class CommentRow:
    """A comment of the feed table. `content`: decoded value (base64 bytes). `scope`: ALL, USER or GROUP; `owner`: login."""

    user: str
    workspace: str
    path: str
    content: Any
    time: int
    scope: str
    owner: str | None
    group: str | None


class Store(Protocol):
    """Everything a conf/auth/feed storage holds. Iterators stream; each call starts anew."""

    def users(self) -> Iterator[UserRow]:
        """Every login that has an account, rights or a personal role, once, ordered by login."""

    def groups(self) -> Iterator[tuple[str, str]]:
        """(path, label) of stored groups; duplicates as stored."""

    def roles(self) -> Iterator[RoleRow]:
        """Stored roles without personal ones (`AJXP_USR_/…`), group roles and teams included."""

    @property
    def roles_missing(self) -> bool:
        """Whether roles are known to be missing (damaged or cut off), once `roles` or `users` was read."""

    def teams(self) -> Iterator[tuple[str, str, str, str]]:
        """(team id, label, owner login, member login) of the table of 5.1 to 7."""

    def workspaces(self) -> Iterator[WorkspaceRow]:
        """Static and stored workspaces, children of shares included."""

    def plugin_configs(self) -> Mapping[str, Mapping[str, Any]]:
        """Plugin id -> options, texts decoded."""

    def objects(self, store: str) -> Iterator[StoredObject]:
        """Rows of the simple store; `store` may end in `*`."""

    def preferences(self) -> Iterator[tuple[str, str, Any]]:
        """(login, name, decoded value)."""

    def bookmarks(self) -> Iterator[tuple[str, str, str, str]]:
        """(login, workspace id, path, title)."""

    def comments(self) -> Iterator[CommentRow]:
        """Comments of the feed."""
