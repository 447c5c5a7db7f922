"""The reader over HTTP: what verification asks, as listings of a real session."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from migrate.cells.api import acls, groups, roles, users, workspaces
from migrate.cells.errors import CellsRefused, NotFound
from migrate.cells.models import Acl, Group, LiveWorkspace, Node, Role, User
from migrate.cells.reader import read_facts
from migrate.cells.session import Session
from migrate.cells.shapes import node_of, objects

PAGE = 1000
FEW = 4
"""From this many wanted nodes in one folder on, the folder is listed instead (a single stat: 20 a second, a listing: 250)."""


class CellsReader:
    """Reads a server through its administrative listings (migrate.verify.reader.Reader). Needs an administrator's token.

    Folders are asked for by their exact names: a source that is indexed in place may hold names in the decomposed form (NFD),
    and finds them by that form only."""

    def __init__(self, session: Session, *, workers: int = 4) -> None:
        self._session = session
        self._workers = max(1, workers)

    @cached_property
    def ordered(self) -> bool:
        return read_facts(self._session)[0].features.role_order

    def users(self) -> Iterable[User]:
        return users.search_users(self._session)

    def groups(self) -> Iterable[Group]:
        return groups.search_groups(self._session)

    def roles(self) -> Iterable[Role]:
        return (role for role in roles.search_roles(self._session) if not role.group_role and not role.user_role)

    def acls(self) -> Sequence[Acl]:
        return acls.search_acls(self._session, actions=acls.RIGHTS)

    def workspaces(self) -> Sequence[LiveWorkspace]:
        return workspaces.search_workspaces(self._session)

    def children(self, folder: str) -> Iterator[Node]:
        """`POST /a/tree/admin/list`, in pages. A missing folder is 404, a missing data source 500: then the list above tells."""
        offset = 0
        while True:
            body = {"Node": {"Path": folder}, "Recursive": False, "Limit": str(PAGE), "Offset": str(offset)}
            try:
                found = objects(self._session.search("/a/tree/admin/list", body), "Children")
            except NotFound:
                return
            except CellsRefused as error:
                if error.status != 500 or folder == "/" or self._listed(folder):
                    raise
                return
            yield from map(node_of, found)
            if len(found) < PAGE:
                return
            offset += len(found)

    def _listed(self, folder: str) -> bool:
        return any(node.path == folder for node in self.children(posixpath.dirname(folder) or "/"))

    def stat(self, paths: Iterable[str]) -> Mapping[str, Node]:
        """Each by its path, or by a listing of its folder where several lie together."""
        together: dict[str, set[str]] = {}
        for path in paths:
            together.setdefault(posixpath.dirname(path), set()).add(path)
        result: dict[str, Node] = {}
        with ThreadPoolExecutor(self._workers, thread_name_prefix="stat") as pool:
            for nodes in pool.map(lambda item: self._in_folder(*item), together.items()):
                result.update((node.path, node) for node in nodes)
        return result

    def _in_folder(self, folder: str, wanted: set[str]) -> list[Node]:
        if folder and len(wanted) < FEW:
            found = [self._one(path) for path in sorted(wanted)]
            return [node for node in found if node is not None]
        return [node for node in self.children(folder or "/") if node.path in wanted]

    def _one(self, path: str) -> Node | None:
        """`POST /a/tree/admin/stat`: a missing node is 404 or 500; after a 500 its folder is listed, which tells both apart."""
        try:
            node = node_of(self._session.search("/a/tree/admin/stat", {"Node": {"Path": path}}).get("Node") or {})
        except NotFound:
            return None
        except CellsRefused as error:
            if error.status != 500:
                raise
            return next((node for node in self.children(posixpath.dirname(path)) if node.path == path), None)
        return node if node.path == path else None

    def locate(self, uuids: Iterable[str]) -> Mapping[str, str]:
        """`POST /a/tree/admin/stat` by uuid. A node the server does not give under its uuid is left out, whatever the reason."""
        result: dict[str, str] = {}
        with ThreadPoolExecutor(self._workers, thread_name_prefix="locate") as pool:
            for uuid, node in pool.map(lambda uuid: (uuid, self._by_uuid(uuid)), uuids):
                if node is not None and node.uuid == uuid and node.path:
                    result[uuid] = node.path
        return result

    def _by_uuid(self, uuid: str) -> Node | None:
        try:
            return node_of(self._session.search("/a/tree/admin/stat", {"Node": {"Uuid": uuid}}).get("Node") or {})
        except CellsRefused:
            return None  # said as a finding by the caller: rights on this node are not compared
