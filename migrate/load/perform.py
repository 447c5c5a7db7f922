"""What each Action does to Cells: looks first where an earlier run may have acted, acts, and reads the answer."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from functools import singledispatchmethod
from typing import Any

from migrate.cells.api import acls, datasources, groups, jobs, policies, roles, tree, users, workspaces
from migrate.cells.errors import CellsRefused, NoAnswer, OtherObject
from migrate.cells.models import Acl, DataSource, Group, LiveWorkspace, Node, Role, User
from migrate.cells.session import Session
from migrate.errors import MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import Secrets
from migrate.load.desk import Desks
from migrate.load.nodes import Nodes
from migrate.rights import Right
from migrate.transform import actions as do

CLOSING_POLICY = "migration-closed"
"""Name of a security policy that does not exist: a rule with it gives nothing and takes nothing away from what lies below."""
START_SECONDS = 120.0
INDEX_SECONDS = 24 * 3600.0


Carry = Callable[[do.CarryFolder, Callable[[], str] | None], Mapping[str, Any]]
"""Brings the content of a folder; the second argument opens the desk to write through (None: in place)."""


class NotStarted(MigrationError):
    """Cells took the data source into its configuration but did not start it."""

    code = "E4904"
    title = "The data source {name} was created but does not start ({detail})."
    remedy = "Restart Cells (its watch of the configuration can stop), then run `apply` again."


class IndexFailed(MigrationError):
    """The indexing job of an in-place data source ended with an error."""

    code = "E4905"
    title = "Cells could not index the data source {name}: {detail}."
    remedy = "Settle what the job says (folder name, permissions), then run `apply` again."


class ConflictingData(MigrationError):
    """A data source of this name exists with another folder."""

    code = "E4906"
    title = "The data source {name} exists already and points to another folder."
    remedy = "Choose another name with --data-source or in workspaces.csv, then plan again."


class Loader:
    """Performs Actions on one server; safe for several workers (the engine never gives one object to two)."""

    def __init__(self, session: Session, secrets: Secrets, stop: StopSignal, carry: Carry) -> None:
        self._session = session
        self._secrets = secrets
        self._stop = stop
        self._carry = carry
        self.nodes = Nodes(session)
        self.desks = Desks(session, stop)

    def perform(self, action: do.Action, *, resumed: bool) -> Mapping[str, Any]:
        """Do it. When the server gave no answer, look whether it was done and repeat at most once."""
        try:
            return self._do(action, resumed)
        except NoAnswer:
            self._stop.wait(1.0)
            return self._do(action, True)

    @singledispatchmethod
    def _do(self, action: do.Action, look: bool) -> Mapping[str, Any]:
        raise TypeError(f"no way to perform {type(action).__name__}")

    # -- people --------------------------------------------------------------------------------------------------------

    @_do.register
    def _create_group(self, action: do.CreateGroup, look: bool) -> Mapping[str, Any]:
        there = groups.get_group(self._session, action.path)
        if there is not None and there.uuid != action.uuid:
            raise OtherObject(method="PUT", path=action.path, status=0, reason="a group of this path was made meanwhile; plan again")
        if there is None or there.display_name != action.display_name:
            groups.put_group(self._session, Group(action.uuid, action.path, action.display_name))
        return {"uuid": action.uuid}

    @_do.register
    def _create_role(self, action: do.CreateRole, look: bool) -> Mapping[str, Any]:
        owned = policies.owned_by(action.owner_uuid, action.owner_login) if action.owner_login else None
        roles.put_role(self._session, Role(action.uuid, action.label, is_team=action.is_team), owned)
        return {"uuid": action.uuid}

    @_do.register
    def _create_user(self, action: do.CreateUser, look: bool) -> Mapping[str, Any]:
        there = users.find_users(self._session, action.login)
        if any(user.uuid != action.uuid for user in there):
            raise OtherObject(method="PUT", path=action.login, status=0, reason="an account of this login was made meanwhile; plan again")
        wanted = User(action.uuid, action.login, action.group_path, action.roles, dict(action.attributes))
        rules = _user_policies(action)
        if there:
            users.put_user(self._session, wanted, None, rules)
        else:
            users.create_user(self._session, wanted, self._secrets.password("user", action.login), rules)
        return {"uuid": action.uuid}

    # -- places --------------------------------------------------------------------------------------------------------

    @_do.register
    def _create_data_source(self, action: do.CreateDataSource, look: bool) -> Mapping[str, Any]:
        there = datasources.get_data_source(self._session, action.name)
        folder, peer = self._folder_of(action)
        if there is None:
            self._make_data_source(action, folder, peer)
        elif action.folder and there.folder != folder:
            raise ConflictingData(name=action.name)
        self._wait_until_listed(action.name)
        if not action.flat:
            self._wait_until_indexed(action.name)
        return {"folder": folder}

    def _make_data_source(self, action: do.CreateDataSource, folder: str, peer: str) -> None:
        wanted = DataSource(action.name, "LOCAL", folder, action.flat, peer)
        try:
            datasources.create_data_source(self._session, wanted, make_folder=action.flat)
        except CellsRefused:
            if datasources.get_data_source(self._session, action.name) is None:
                raise

    def _folder_of(self, action: do.CreateDataSource) -> tuple[str, str]:
        """Folder and machine: as given, or beside the folder of a data source that is there."""
        beside = datasources.get_data_source(self._session, action.beside) if action.beside else None
        peers = datasources.list_peers(self._session)
        peer = (beside.peer if beside and beside.peer else "") or (peers[0] if peers else "")
        if action.folder:
            return action.folder, peer
        if beside is None or not beside.folder:
            raise NotStarted(name=action.name, detail=f"no local folder to lie beside: {action.beside or 'none'} is not a local data source")
        return posixpath.join(posixpath.dirname(beside.folder.rstrip("/")), action.name), peer

    def _wait_until_listed(self, name: str) -> None:
        self._wait(lambda: self._listed(name), START_SECONDS, lambda: NotStarted(name=name, detail=f"not after {START_SECONDS:.0f} s"))

    def _listed(self, name: str) -> bool:
        try:
            return any(node.path.strip("/") == name for node in tree.admin_list(self._session)) and tree.admin_stat(self._session, name) is not None
        except CellsRefused:
            return False

    def _wait_until_indexed(self, name: str) -> None:
        def indexed() -> bool:
            tasks = jobs.tasks_of(self._session, jobs.resync_job(name)) or []
            if tasks and tasks[0].status in ("Error", "Interrupted"):
                raise IndexFailed(name=name, detail=tasks[0].message or tasks[0].status)
            return bool(tasks) and tasks[0].ended

        self._wait(indexed, INDEX_SECONDS, lambda: IndexFailed(name=name, detail="the job does not end"))

    def _wait(self, reached: Callable[[], bool], seconds: float, error: Callable[[], MigrationError]) -> None:
        waited, pause = 0.0, 0.25
        while not reached():
            self._stop.check()
            if waited >= seconds:
                raise error()
            self._stop.wait(pause)
            waited, pause = waited + pause, min(pause * 1.5, 5.0)

    @_do.register
    def _open_desk(self, action: do.OpenDesk, look: bool) -> Mapping[str, Any]:
        self.desks.allow(action.data_source, action.uuid, action.slug, action.loader_role)
        return {}

    @_do.register
    def _close_desk(self, action: do.CloseDesk, look: bool) -> Mapping[str, Any]:
        self.desks.close(action.data_source, action.uuid)
        return {}

    @_do.register
    def _create_folder(self, action: do.CreateFolder, look: bool) -> Mapping[str, Any]:
        source, _, inner = action.node.partition("/")
        there = tree.admin_stat(self._session, action.node)
        if there is None:
            self._make_folder(self.desks.slug(source) + "/" + inner, action.mtime)
            there = self._settled(action.node)
        self.nodes.remember(action.node, there)
        return {"uuid": there.uuid}

    def _make_folder(self, path: str, mtime: int) -> None:
        tree.create_folders(self._session, {path: mtime} if mtime else [path])

    def _settled(self, node: str) -> Node:
        """A new folder can be 404 for a moment (structured sources)."""
        found: list[Node] = []

        def there() -> bool:
            node_ = tree.admin_stat(self._session, node)
            if node_ is not None:
                found.append(node_)
            return bool(found)

        self._wait(there, 30.0, lambda: CellsRefused(method="POST", path=node, status=0, reason="the folder does not appear"))
        return found[0]

    @_do.register
    def _create_workspace(self, action: do.CreateWorkspace, look: bool) -> Mapping[str, Any]:
        root = self.nodes.uuid(action.root)
        there = workspaces.get_workspace(self._session, action.uuid)
        slug = there.slug if there else action.slug
        made = workspaces.put_workspace(self._session, LiveWorkspace(action.uuid, slug, action.label, action.description, "ADMIN", {root: action.root}))
        return {"uuid": made.uuid, "slug": made.slug or slug}

    # -- rights --------------------------------------------------------------------------------------------------------

    @_do.register
    def _set_right(self, action: do.SetRight, look: bool) -> Mapping[str, Any]:
        node = self.nodes.uuid(action.node)
        wanted = rules_of(action, node)
        present = acls.search_acls(self._session, actions=acls.RIGHTS, roles=[action.role], nodes=[node])
        present = [a for a in present if a.workspace == action.workspace]
        keys = {rule.key for rule in wanted}
        acls.add_acls(self._session, wanted, present)
        for rule in present:
            if rule.key not in keys:
                acls.delete_acl(self._session, rule)
        return {"node": node, "before": sorted(f"{a.action}={a.value}" for a in present)}

    @_do.register
    def _remove_right(self, action: do.RemoveRight, look: bool) -> Mapping[str, Any]:
        try:
            node = self.nodes.uuid(action.node)
        except MigrationError:
            return {"gone": True}
        for rule in acls.search_acls(self._session, actions=acls.RIGHTS, roles=[action.role], nodes=[node]):
            if rule.workspace == action.workspace:
                acls.delete_acl(self._session, rule)
        return {}

    # -- content -------------------------------------------------------------------------------------------------------

    @_do.register
    def _carry_folder(self, action: do.CarryFolder, look: bool) -> Mapping[str, Any]:
        source = action.node.split("/", 1)[0]
        return self._carry(action, (lambda: self.desks.slug(source)) if action.route == "upload" else None)

    # -- the way back --------------------------------------------------------------------------------------------------

    @_do.register
    def _delete_group(self, action: do.DeleteGroup, look: bool) -> Mapping[str, Any]:
        if groups.delete_group(self._session, Group(action.uuid, action.path)):
            self._wait(lambda: groups.get_group(self._session, action.path) is None, 120.0,
                       lambda: CellsRefused(method="DELETE", path=action.path, status=0, reason="the group is still there"))
        return {}

    @_do.register
    def _delete_role(self, action: do.DeleteRole, look: bool) -> Mapping[str, Any]:
        roles.delete_role(self._session, action.uuid)
        return {}

    @_do.register
    def _delete_user(self, action: do.DeleteUser, look: bool) -> Mapping[str, Any]:
        users.delete_user(self._session, action.login, action.uuid)
        return {}

    @_do.register
    def _delete_workspace(self, action: do.DeleteWorkspace, look: bool) -> Mapping[str, Any]:
        there = workspaces.get_workspace(self._session, action.uuid)
        if there is not None:
            workspaces.delete_workspace(self._session, action.uuid, there.slug)
        return {}

    @_do.register
    def _delete_data_source(self, action: do.DeleteDataSource, look: bool) -> Mapping[str, Any]:
        if datasources.get_data_source(self._session, action.name) is not None:
            datasources.delete_data_source(self._session, action.name)
        return {}


def rules_of(action: do.SetRight, node: str) -> list[Acl]:
    """The access rules that state a right on a node."""
    if action.mode == "deny":
        return [Acl(node, action.role, action.workspace, "deny")]
    if action.mode == "close":
        return [Acl(node, action.role, action.workspace, "policy", CLOSING_POLICY)]
    names = [name for flag, name in ((Right.READ, "read"), (Right.WRITE, "write")) if flag in action.right]
    return [Acl(node, action.role, action.workspace, name) for name in names]


def _user_policies(action: do.CreateUser) -> policies.Policies | None:
    """An external account may be changed by the person who made it; others keep the server's usual rules."""
    if not action.owner_login:
        return None
    return [policies.policy("READ", "user:" + action.owner_login), policies.policy("WRITE", "user:" + action.owner_login),
            policies.policy("READ", "user:" + action.login), policies.policy("WRITE", "user:" + action.login),
            policies.policy("WRITE", "profile:admin")]
