"""Is a thing that this migration made still as it made it? What people changed since is theirs and is not taken back by itself."""

from __future__ import annotations

from migrate.cells.api import acls, groups, roles, shares, users, workspaces
from migrate.load.nodes import NodeMissing
from migrate.load.rights import present_rules, rules_of
from migrate.load.tools import Tools
from migrate.transform.actions import Action, CreateGroup, CreateRole, CreateUser, CreateWorkspace, SetRight
from migrate.transform.share_actions import CreateCell, CreateLink

VOLATILE = frozenset({"locks", "avatar", "hasAvatar"})
"""Attributes that signing in changes, or that other actions state."""

KINDS = {CreateUser: "users", CreateGroup: "groups", CreateRole: "roles", CreateWorkspace: "workspaces", CreateCell: "shares", CreateLink: "shares",
         SetRight: "rights"}
"""What `--purge` calls them."""


def changed_since(tools: Tools, action: Action, given: frozenset[tuple[str, str]], *, known: bool = True) -> str:
    """In words, what people changed; empty when it is as it was made, or gone. `given`: (role, workspace or cell) of all rights
    that this migration gave and that are being taken back. `known`: its end was recorded; else only rights can be told from others'."""
    if not known:
        return _right(tools, action, known) if isinstance(action, SetRight) else ""
    if isinstance(action, CreateUser):
        return _user(tools, action)
    if isinstance(action, CreateGroup):
        group = groups.get_group(tools.session, action.path)
        return "" if group is None or group.display_name in (action.display_name, "") else "its name"
    if isinstance(action, CreateRole):
        role = roles.get_role(tools.session, action.uuid)
        return "" if role is None or role.label == action.label else "its name"
    if isinstance(action, CreateWorkspace):
        return _place(tools, action.uuid, action.label, action.description, given)
    if isinstance(action, CreateCell):
        own = frozenset((role, action.uuid) for role in action.rights())
        return _place(tools, action.uuid, action.label, action.description, given | own)
    if isinstance(action, CreateLink):
        found = shares.open_page(tools.session, action.hash)
        link = shares.get_link(tools.session, found.uuid) if found.uuid else None
        return "" if link is None or str(link.body.get("Label", "")) == action.label else "its name"
    if isinstance(action, SetRight):
        return _right(tools, action, known)
    return ""


def _user(tools: Tools, action: CreateUser) -> str:
    there = next((user for user in users.find_users(tools.session, action.login) if user.uuid == action.uuid), None)
    if there is None:
        return ""
    other = sorted(name for name, value in action.attributes.items() if name not in VOLATILE and there.attributes.get(name, "") != value)
    if there.group_path.rstrip("/") != action.group_path.rstrip("/"):
        other.append("the group")
    if not set(action.roles) <= set(there.roles):
        other.append("the roles")
    return ", ".join(other)


def _place(tools: Tools, uuid: str, label: str, description: str, given: frozenset[tuple[str, str]]) -> str:
    there = workspaces.get_workspace(tools.session, uuid)
    if there is None:
        return ""
    other = [word for word, old, new in (("its name", label, there.label), ("its description", description, there.description)) if old != new]
    rules = acls.search_acls(tools.session, actions=acls.RIGHTS, workspaces=[uuid])
    if any((rule.role, uuid) not in given for rule in rules):
        other.append("rights that people gave on it")
    return ", ".join(other)


def _right(tools: Tools, action: SetRight, known: bool) -> str:
    try:
        node = tools.nodes.uuid(action.node)
    except NodeMissing:
        return ""
    present = {rule.key for rule in present_rules(tools, action.role, node, action.workspace)}
    former = {rule.partition("=")[0] for rule in (tools.ledger.former(action.id) or {}).get("rules", ())}
    if not present or {key[3] for key in present} == former:
        return ""
    wanted = {rule.key for rule in rules_of(action, node)}
    if not known and {key[3] for key in present} <= {key[3] for key in wanted} | former:
        return ""  # killed half way
    return "" if present == wanted else "what the role may do there"
