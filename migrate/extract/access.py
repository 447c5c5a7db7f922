"""Who could reach what in the end? Right per workspace, and per path where masks narrow it (4.2 to 8.2.5).

A locked account keeps its rights for the day it is unlocked. What the application listed at a moment is less: nothing for
locked accounts, and since 6.4 shares of single files appear in the inbox, not as workspaces (`listed`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from migrate.extract.chain import Chain, chain_of, group_of_row, is_admin, parent_of
from migrate.extract.definitions import WorkspaceDefinition
from migrate.extract.fold import Merged, fold
from migrate.extract.locking import locks_of
from migrate.extract.masks import leaves
from migrate.extract.plain import truth
from migrate.extract.records import Access, Login, NodePath, WorkspaceId
from migrate.extract.roles import ALL
from migrate.extract.store import UserRow
from migrate.extract.workspaces import is_circular
from migrate.rights import Right

if TYPE_CHECKING:
    from migrate.extract.context import Context

_ADMIN_DRIVERS = ("ajxp_conf", "ajxp_admin")


def access_of(context: Context, row: UserRow) -> Access:
    """Effective rights of one stored user. Computed from that user and the roles alone: nothing else is kept in memory."""
    return _access(context, row, fold(_signed_in(context, row, chain_of(context, row)), context.era))


def _signed_in(context: Context, row: UserRow, chain: Chain) -> Chain:
    """The chain as the next sign-in makes it. Up to 6.0 the application wrote the right `rw` on every workspace into the personal role
    of an administrator whenever he signed in (unless the option SKIP_ADMIN_RIGHTS_ALL_REPOS, of 5.3 and 6.0, forbids it); what was
    made after his last visit is his as well. From 4.3 on not on workspaces that have a parent or belong to another group; 5.3 found
    those of the configuration file only. Who is locked does not sign in, and a version that is only guessed gives nobody more than is stored."""
    if context.era.ordered or not context.installation.version_certain or not is_admin(row) or not chain.personal.readable:
        return chain
    if "logout" in locks_of(context, row, chain.personal, fold(chain, context.era)):
        return chain
    if context.era.version >= (5, 3) and truth(context.plugin_option("core.ajaxplorer", "SKIP_ADMIN_RIGHTS_ALL_REPOS")):
        return chain
    acls = dict(chain.personal.acls)
    for entry in context.workspaces.values():
        if context.era.folds and (entry.parent_id is not None or not _in_group(row, entry)):
            continue
        if context.era.version[:2] == (5, 3) and not entry.static:
            continue
        # Up to 4.2 the right was left to the roles where one of them has it; the first that says anything then decides.
        acls[entry.id] = "" if not context.era.folds and any(role.acls.get(entry.id) == "rw" for role in chain.lower) else "rw"
    return replace(chain, personal=replace(chain.personal, acls=acls))


def _access(context: Context, row: UserRow, merged: Merged) -> Access:
    rights: dict[WorkspaceId, Right] = {}
    paths: dict[WorkspaceId, Mapping[NodePath, Right]] = {}
    if merged.doubtful and context.roles.masked:
        # The role that cannot be read may have held a mask, and masks are whitelists.
        return Access(Login(row.login), {}, {})
    acls = merged.acls
    if is_admin(row):
        acls = {**dict.fromkeys(_pages_of_admins(context), "rw"), **acls}
    for workspace_id, letters in acls.items():
        right = Right.from_letters(letters)
        entry = context.workspaces.get(workspace_id)
        if not right or entry is None or not sees(context, row, merged, entry):
            continue
        if context.era.version < (4, 0) and parent_of(row) is not None and not right & Right.READ:
            continue  # 3.x listed for external users only what they may read
        rights[WorkspaceId(workspace_id)] = right
        covered = {NodePath(path): allowed & right for path, allowed in leaves(merged.masks.get(workspace_id, {}))}
        if covered:
            paths[WorkspaceId(workspace_id)] = covered
    return Access(Login(row.login), rights, paths)


def listed(context: Context, row: UserRow) -> Access:
    """What the application would have listed for this user: `access_of` without locked accounts and shares of single files."""
    chain = _signed_in(context, row, chain_of(context, row))
    merged = fold(chain, context.era)
    if locks_of(context, row, chain.personal, merged):
        return Access(Login(row.login), {}, {})
    access = _access(context, row, merged)
    if context.version < (6, 4):
        return access
    shown = {name: right for name, right in access.workspaces.items() if not context.workspaces[name].content_filter}
    return Access(access.login, shown, {name: paths for name, paths in access.paths.items() if name in shown})


def _pages_of_admins(context: Context) -> list[str]:
    """The settings page: signing in as an administrator wrote this right."""
    return [entry.id for entry in context.workspaces.values() if entry.driver == "ajxp_conf"]


def sees(context: Context, row: UserRow, merged: Merged, entry: WorkspaceDefinition) -> bool:
    """Whether a workspace would be offered to this user, given a right on it."""
    if entry.template or not reachable(context, entry):
        return False
    if entry.driver in _ADMIN_DRIVERS and not is_admin(row):
        return False
    if entry.creator is not None and not same_login(context, entry.creator, row.login):
        return False
    if not _in_group(row, entry):
        return False
    if entry.owner is not None and parent_of(row) is None:
        if same_login(context, entry.owner, row.login):
            return False
        if not _sharing_between_users(context, merged):
            return False
    return True


def _in_group(row: UserRow, entry: WorkspaceDefinition) -> bool:
    """Whether the workspace is for everybody or for the user's group."""
    return entry.group is None or group_of_row(row).startswith(entry.group)


def reachable(context: Context, entry: WorkspaceDefinition) -> bool:
    """Whether the application could open the workspace at all: its parent is there, and it has options."""
    if entry.parent_id is not None and (entry.parent_id not in context.workspaces or is_circular(context.workspaces, entry)):
        return False
    return bool(entry.options) or entry.static or entry.parent_id is not None


def same_login(context: Context, one: str, other: str) -> bool:
    """Whether two stored logins name one account: exactly, or by case where only one such account exists."""
    if one == other:
        return True
    known = context.login(one)
    return known is not None and known.login == other


def _sharing_between_users(context: Context, merged: Merged) -> bool:
    """Whether people see what others share with them. 3.x showed shares to external users only; in 4.0 to 4.2 the option was the core's."""
    if context.era.version < (4, 0):
        return False
    if not context.era.folds:
        stored = context.plugin_option("core.ajaxplorer", "ALLOW_CROSSUSERS_SHARING")
    else:
        stored = merged.parameters.get(ALL, {}).get("core.conf", {}).get("ALLOW_CROSSUSERS_SHARING")
        if stored is None:
            stored = context.plugin_option("core.conf", "ALLOW_CROSSUSERS_SHARING")
    return stored in (None, b"", "") or truth(stored)
