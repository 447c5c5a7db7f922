"""What does Cells list below a node, and under which path does a file stand there?"""

from __future__ import annotations

import threading
from collections import OrderedDict

from migrate.cells.api import tree
from migrate.cells.errors import NotFound
from migrate.cells.models import Node
from migrate.cells.session import Session
from migrate.errors import MigrationError

LISTINGS = 500
"""Folder listings kept in memory."""


class OtherKindThere(MigrationError):
    """Cells has a folder where a file should go, or the other way round."""

    code = "E5003"
    title = "{path}: there is already something else of this name in Cells."
    remedy = "Rename or remove it in Cells, then run `apply` again."


class NotIndexed(MigrationError):
    """A file lies in the folder of an in-place data source, but Cells does not list it."""

    code = "E5004"
    title = "{path} was left out by Cells when it indexed the folder."
    remedy = "Cells skips names that are not UTF-8, keys over 1024 bytes and dead links: rename the file in the copy, index again, run `apply` again."


class Listings:
    """What Cells has below a node, folder by folder, each asked once. A folder that is not there has nothing below it. `there` is false
    when its data source is known not to be there: nobody is asked, because Cells takes most of a minute to say so, with a 500."""

    def __init__(self, session: Session, base: str, *, there: bool = True) -> None:
        self._session, self._base = session, base
        self._there = there
        self._known: OrderedDict[str, dict[str, Node]] = OrderedDict()
        self._lock = threading.RLock()

    def find(self, path: str) -> Node | None:
        """The node at a path below the base, or None."""
        parent, _, name = path.rpartition("/")
        with self._lock:
            return self._of(parent).get(name)

    def _of(self, folder: str) -> dict[str, Node]:
        known = self._known.get(folder)
        if known is not None:
            return known
        parent, _, name = folder.rpartition("/")
        if not self._there or (folder and name not in self._of(parent)):
            listing: dict[str, Node] = {}
        else:
            try:
                listing = {node.path.rpartition("/")[2]: node for node in tree.admin_list(self._session, f"{self._base}/{folder}".strip("/"))}
            except NotFound:
                listing = {}
        self._known[folder] = listing
        while len(self._known) > LISTINGS:
            self._known.popitem(last=False)
        return listing
