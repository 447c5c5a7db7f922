"""Builders for tests of people, roles and rights: rows as a storage gives them, over the small world."""

from __future__ import annotations

from typing import Any

from world import World, php

from migrate.extract.access import access_of
from migrate.extract.people import people_rows, read_users
from migrate.extract.php.values import PhpObject
from migrate.extract.records import User
from migrate.extract.store import RoleRow, UserRow

CLEAR = "AJXP_VALUE_CLEAR"


def role_object(acls: dict | None = None, *, parameters: dict | None = None, applies: tuple = (), masks: dict | None = None, **more: Any) -> PhpObject:
    """An AJXP_Role of any version; `parameters` are those of core.conf for all workspaces."""
    scope = {"AJXP_REPO_SCOPE_ALL": {"core.conf": parameters}} if parameters else {}
    properties = {
        "acls": php(acls or {}),
        "parameters": php(scope),
        "actions": {},
        "autoApplies": {index: name.encode() for index, name in enumerate(applies)},
        "masks": masks or {},
        **{name: php(value) for name, value in more.items()},
    }
    return PhpObject("Pydio\\Conf\\Core\\AJXP_Role", properties)


def old_role(rights: dict, default: bool = False) -> PhpObject:
    """An AjxpRole of 3.0 to 4.2."""
    return PhpObject("AjxpRole", {"id": b"x", "rights": php(rights), "default": default})


def mask(**leaves: int) -> PhpObject:
    """A mask over names at the top of the workspace."""
    tree = {name.encode(): PhpObject("AJXP_Permission", {"value": bits}) for name, bits in leaves.items()}
    return PhpObject("AJXP_PermissionMask", {}, tree)


def add_user(world: World, login: str, role: Any = None, *, group: str | None = "/", roles: dict | tuple = (), account: bool = True, **rights: Any) -> None:
    """A stored user. `roles`: ids in `ajxp.roles`, or id -> place when there is an order; other rights by name after `ajxp.`."""
    stored: dict[str, Any] = {"ajxp." + key: value for key, value in rights.items() if not key.startswith("_")}
    stored.update(rights.get("_own", {}))
    if roles:
        stored["ajxp.roles"] = {name.encode(): True for name in roles}
        if isinstance(roles, dict):
            stored["ajxp.roles.order"] = php(roles)
    world.store.user_rows.append(UserRow(login, account, "0" * 32, group, stored, role))


def add_role(world: World, name: str, role: Any, owner: str | None = None) -> None:
    """A stored role, group role or team."""
    world.store.role_rows.append(RoleRow(name, role, owner))


def rights(world: World, login: str) -> dict[str, str]:
    """Effective rights of a login as letters."""
    row = next(row for row in people_rows(world.context) if row.login == login)
    return {name: right.letters for name, right in access_of(world.context, row).workspaces.items()}


def paths(world: World, login: str, workspace: str) -> dict[str, str]:
    """Rights per path of a login, as letters."""
    row = next(row for row in people_rows(world.context) if row.login == login)
    return {path: right.letters for path, right in access_of(world.context, row).paths.get(workspace, {}).items()}


def person(world: World, login: str) -> User:
    """The record of a login."""
    return {user.login: user for user in read_users(world.context, lambda name: None)}[login]
