"""Which uuid a node has: data source roots and `my-files` by rule, folders by asking once."""

from __future__ import annotations

import threading

from migrate.cells.api import tree
from migrate.cells.models import MY_FILES, Node, data_source_root
from migrate.cells.session import Session
from migrate.errors import MigrationError


class NodeMissing(MigrationError):
    """A folder that a workspace or a right needs is not in Cells."""

    code = "E4902"
    title = "The folder {node} is not in Cells."
    remedy = "Run `apply` again; if it stays, look at the folder in its data source and plan again."


class Nodes:
    """Looks nodes up by data source path; what was found is remembered."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()

    def uuid(self, node: str) -> str:
        """Uuid of a NodeRef. NodeMissing when there is none."""
        if node == MY_FILES:
            return MY_FILES
        if "/" not in node:
            return data_source_root(node)
        with self._lock:
            known = self._known.get(node)
        if known is None:
            found = tree.admin_stat(self._session, node)
            if found is None:
                raise NodeMissing(node=node)
            known = self.remember(node, found)
        return known

    def remember(self, node: str, found: Node) -> str:
        """Keep the uuid of a node that was seen."""
        with self._lock:
            self._known[node] = found.uuid
        return found.uuid
