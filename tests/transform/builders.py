"""Old servers and Cells servers as values, for tests of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migrate.cells.models import AccessModel, Acl, DataSource, Features, LiveWorkspace, ServerFacts, Target, effective, node_parents
from migrate.cells.models import Group as CellsGroup
from migrate.cells.models import Role as CellsRole
from migrate.cells.models import User as CellsUser
from migrate.extract.records import Access, Group, Role, Root, Team, User, Workspace
from migrate.rights import Right
from migrate.transform.actions import CreateGroup, CreateRole, CreateUser, RemoveRight, SetRight
from migrate.transform.standing import actions_of, node_paths, order_of_roles

SEED = "3f1a5b9e-0000-4000-8000-000000000001"
ADMIN = "uuid-admin"


@dataclass
class Records:
    """Records in lists. `disk`: (root key, path) -> `dir` or `file`."""

    user_list: list[User] = field(default_factory=list)
    group_list: list[Group] = field(default_factory=list)
    role_list: list[Role] = field(default_factory=list)
    team_list: list[Team] = field(default_factory=list)
    workspace_list: list[Workspace] = field(default_factory=list)
    root_list: list[Root] = field(default_factory=list)
    access_list: list[Access] = field(default_factory=list)
    disk: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def users(self):
        return iter(self.user_list)

    def groups(self):
        return iter(self.group_list)

    def roles(self):
        return iter(self.role_list)

    def teams(self):
        return iter(self.team_list)

    def workspaces(self):
        return iter(self.workspace_list)

    def roots(self):
        return iter(self.root_list)

    def access(self):
        return iter(self.access_list)

    def entry(self, root_key: str, path: str) -> str | None:
        return self.disk.get((root_key, path))


def plain_world(**changes: object) -> Records:
    """One group, one role, a workspace for all, a personal one; bob in the group, alice with the role."""
    values: dict[str, object] = {
        "user_list": [User("alice", roles=("ed",), applied_roles=("ed",)), User("bob", "/staff")],
        "group_list": [Group("/staff", "Staff")],
        "role_list": [Role("ed", "Editors", acls={"p": "rw"}), Role("AJXP_GRP_/staff", acls={"p": "r"}), Role("AJXP_GRP_/", acls={"1": "rw"})],
        "workspace_list": [Workspace("1", "My Files", "my-files", "fs", builtin=True, scope="user"), Workspace("p", "Projects", "projects", "fs")],
        "root_list": [Root("p", None, None, "/old/projects"), Root("1", "alice", None, "/old/personal/alice")],
        "access_list": [Access("alice", {"1": Right.READ_WRITE, "p": Right.READ_WRITE}), Access("bob", {"1": Right.READ_WRITE, "p": Right.READ})],
    } | changes
    return Records(**values)  # type: ignore[arg-type]


def fresh_target(features: Features | None = None, **changes: object) -> Target:
    """A Cells as the installer leaves it: common-files and personal-files open to everybody."""
    values: dict[str, object] = {
        "users": {"admin": CellsUser(ADMIN, "admin", "/", ("ROOT_GROUP", "ADMINS", ADMIN), {"profile": "admin"})},
        "groups": {},
        "roles": {
            r.uuid: r
            for r in (
                CellsRole("ROOT_GROUP", "Root Group", group_role=True),
                CellsRole("ADMINS", "Administrators", auto_applies=("admin",)),
                CellsRole("EXTERNAL_USERS", "External", auto_applies=("shared",)),
            )
        },
        "acls": tuple(
            Acl(node, "ROOT_GROUP", ws, action)
            for node, ws in (("DATASOURCE:pydiods1", "ws-common"), ("my-files", "ws-personal"))
            for action in ("read", "write")
        ),
        "workspaces": {
            "ws-common": LiveWorkspace("ws-common", "common-files", "Common Files", roots={"DATASOURCE:pydiods1": "pydiods1"}),
            "ws-personal": LiveWorkspace("ws-personal", "personal-files", "Personal Files", roots={"my-files": "my-files"}),
        },
        "data_sources": {n: DataSource(n, "LOCAL", f"/var/cells/data/{n}") for n in ("pydiods1", "personal", "cellsdata")},
        "nodes": {},
    } | changes
    return Target(ServerFacts("https://cells.test", "4.1.0", "home", 4, features or Features()), "admin", ADMIN, **values)  # type: ignore[arg-type]


def after(target: Target, actions: Iterable[object]) -> Target:
    """The server once the actions are done, as the reader of the target would see it. Nodes get their path as uuid."""
    users, groups, roles = dict(target.users), dict(target.groups), dict(target.roles)
    workspaces, sources, nodes = dict(target.workspaces), dict(target.data_sources), dict(target.nodes)
    paths = node_paths(target)
    acls = {(paths.get(a.node, a.node), a.role, a.workspace, a.action) for a in target.acls}
    ids = {path: uuid for uuid, path in paths.items()}
    for action in actions:
        name = type(action).__name__
        if isinstance(action, CreateGroup):
            groups[action.path] = CellsGroup(action.uuid, action.path, action.display_name)
            roles[action.uuid] = CellsRole(action.uuid, action.display_name, group_role=True)
        elif isinstance(action, CreateRole):
            roles[action.uuid] = CellsRole(action.uuid, action.label, action.is_team)
        elif isinstance(action, CreateUser):
            profile = action.attributes["profile"]
            parts = [p for p in action.group_path.split("/") if p]
            chain = [groups["/" + "/".join(parts[:n])].uuid for n in range(1, len(parts) + 1)]
            current = Target(target.facts, "admin", ADMIN, roles=roles)
            order = order_of_roles(current, profile, chain, action.roles)
            users[action.login] = CellsUser(action.uuid, action.login, action.group_path, (*order, action.uuid), dict(action.attributes))
            roles[action.uuid] = CellsRole(action.uuid, f"User {action.login}", user_role=True)
        elif name == "CreateDataSource":
            sources[action.name] = DataSource(action.name, "LOCAL", action.folder or f"/var/cells/data/{action.name}", action.flat)
        elif name == "CreateFolder":
            for path in node_parents(action.node)[:-1]:
                nodes.setdefault(path, path)
        elif name in ("CreateWorkspace", "OpenDesk"):
            root = action.root if name == "CreateWorkspace" else action.data_source
            node = ids.get(root, root if "/" in root else f"DATASOURCE:{root}")
            workspaces[action.uuid] = LiveWorkspace(
                action.uuid, action.slug, getattr(action, "label", ""), getattr(action, "description", ""), roots={node: root}
            )
        elif isinstance(action, SetRight):
            acls = {a for a in acls if a[:3] != (action.node, action.role, action.workspace)}
            acls |= {(action.node, action.role, action.workspace, verb) for verb in actions_of(action.right, action.mode)}
        elif isinstance(action, RemoveRight):
            acls = {a for a in acls if a[:3] != (action.node, action.role, action.workspace)}
    back = {path: uuid for path, uuid in ids.items()} | {path: uuid for path, uuid in nodes.items()} | {n: f"DATASOURCE:{n}" for n in sources}
    rules = tuple(Acl(back.get(node, node), role, ws, verb) for node, role, ws, verb in sorted(acls))
    return Target(target.facts, target.loader_login, target.loader_uuid, users, groups, roles, rules, workspaces, sources, nodes)


def reach(target: Target, login: str, roles: Iterable[str] | None = None) -> dict[str, Right]:
    """What Cells gives somebody, computed from the rules with the model of the server: workspace uuid -> right (over its roots).
    `roles`: in another order than the one sent, for servers that do not keep it."""
    paths = node_paths(target)
    model = AccessModel.of([Acl(paths.get(a.node, a.node), a.role, a.workspace, a.action) for a in target.acls])
    roles = tuple(target.users[login].roles if roles is None else roles)
    masks, found = model.masks(roles), {}
    for workspace, nodes in model.roots(roles).items():
        for node in nodes:
            right = effective(masks, node_parents(node))
            if right:
                found[workspace] = found.get(workspace, Right.NONE) | right
    return found
