"""Who has which right on the children of shares, and who are the hidden users behind links?

One pass over users and roles fills an index on disk (SQLite's own temporary file), so that many shares with many
recipients need no memory. Only children of shares are indexed; rights on workspaces are the business of `access`."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrate.extract.chain import is_admin
from migrate.extract.php.values import PhpObject
from migrate.extract.plain import items, key_text, path_text, text, truth
from migrate.extract.roles import NO_DOWNLOAD
from migrate.rights import Right

if TYPE_CHECKING:
    from migrate.extract.context import Context

GROUP_ROLE = "AJXP_GRP_/"
CHILD_ROLE = "AJXP_SHARED-"


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with a right on a child. `kind`: `user` (id = login), `group` (id = path) or `role`; `owner`: of a role."""

    kind: str
    id: str
    right: Right
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class HiddenUser:
    """The technical account behind one link, or several made in one second. `rights`: child id -> right."""

    login: str
    parent: str | None
    password: str | None = field(repr=False)
    rights: Mapping[str, Right] = field(default_factory=dict)
    no_download: bool = False


class Grants:
    """Rights on shared children. `hidden`: the hidden users by login in lower case. `no_download`: children whose role of their own takes
    away downloads."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.execute("CREATE TABLE holder (child BLOB, kind TEXT, id BLOB, rights INTEGER, owner BLOB)")
        self.hidden: dict[str, HiddenUser] = {}
        self.no_download: set[str] = set()

    def add(self, child: str, holder: Holder) -> None:
        """Remember one right."""
        owner = None if holder.owner is None else _raw(holder.owner)
        self._db.execute("INSERT INTO holder VALUES (?, ?, ?, ?, ?)", (_raw(child), holder.kind, _raw(holder.id), holder.right.value, owner))

    def finish(self) -> None:
        """All rights are in: make them findable."""
        self._db.execute("CREATE INDEX by_child ON holder (child)")

    def of(self, child: str) -> Iterator[Holder]:
        """Who has a right on a child: users, then groups, then roles, by id."""
        query = "SELECT kind, id, rights, owner FROM holder WHERE child = ? ORDER BY kind = 'role', kind = 'group', id"
        for kind, name, rights, owner in self._db.execute(query, (_raw(child),)).fetchall():
            yield Holder(kind, _text(name), Right(rights), None if owner is None else _text(owner))

    def close(self) -> None:
        """Remove the index."""
        self._db.close()


def collect_grants(context: Context, hidden: Collection[str]) -> Grants:
    """Read all rights on children of shares. `hidden`: logins of hidden users named by links."""
    grants = Grants()
    hidden = {login.lower() for login in hidden}
    children = {child.id for child in context.workspaces.values() if child.shared_child}
    for row in context.store.users():
        rights = {child: right for child, right in rights_of(row.rights, row.role).items() if child in children}
        flagged = "ajxp.hidden" in row.rights
        if flagged or (row.login.lower() in hidden and made_by_application(row.login)):
            grants.hidden[row.login.lower()] = HiddenUser(
                row.login, path_text(row.rights.get("ajxp.parent_user")) or None, row.password, rights, _given(row.rights, NO_DOWNLOAD)
            )
            continue
        if not context.era.folds and is_admin(row):
            # Up to 4.2 administrators were given every new workspace: that does not make them recipients.
            continue
        for child, right in rights.items():
            grants.add(child, Holder("user", row.login, right))
    for role in context.store.roles():
        if not isinstance(role.value, PhpObject):
            continue  # reported where roles are read; it gives nothing
        if role.id.startswith(CHILD_ROLE):
            if _download_off(role.value):
                grants.no_download.add(role.id.removeprefix(CHILD_ROLE))
            continue
        kind, name = ("group", "/" + role.id.removeprefix(GROUP_ROLE)) if role.id.startswith(GROUP_ROLE) else ("role", role.id)
        for child, right in rights_of({}, role.value).items():
            if child in children:
                grants.add(child, Holder(kind, name, right, role.owner))
    grants.finish()
    return grants


def made_by_application(login: str) -> bool:
    """Whether a login has the form of hidden users: twelve hexadecimal digits, with or without a prefix. A link that names
    somebody else's login must not turn a person into a technical user."""
    return re.fullmatch(r".*[0-9a-f]{12}", login.lower(), re.DOTALL) is not None


def rights_of(stored: Mapping[str, Any], role: Any) -> dict[str, Right]:
    """Workspace id -> right of one personal role with the rights stored beside it (up to 4.2, or never migrated since).

    The role wins where both speak, because loading a user moved his rights into it. Only real rights are given."""
    found = {key_text(key): value for key, value in stored.items() if not key_text(key).startswith("ajxp.")}
    if isinstance(role, PhpObject):
        acls = role.get("acls") if role.get("acls") is not None else role.get("rights")
        found.update((key, value) for key, value in items(acls) if not key.startswith("ajxp."))
    rights = {}
    for workspace, value in found.items():
        right = Right.from_letters(text(value) or "")
        if right is not Right.NONE:
            rights[workspace] = right
    return rights


def _given(rights: Mapping[str, Any], role: str) -> bool:
    """Whether a role is among those given to a user."""
    return any(name == role and truth(on) for name, on in items(rights.get("ajxp.roles")))


def _download_off(role: PhpObject) -> bool:
    """Whether the role switches the action `download` off: scope -> plugin -> action -> off (value false)."""
    for _, plugins in items(role.get("actions")):
        for _, actions in items(plugins):
            for action, state in items(actions):
                if action == "download" and not truth(state):
                    return True
    return False


def _raw(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
