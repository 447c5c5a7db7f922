"""Where on this machine is a node of a workspace, for a given user?

Workspaces have one folder, or one per user or group; children of shares lie inside a folder of their parent, as the
owner of the share saw it. Built once from the roots; look-ups touch the disk only to see whether a node is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate.extract.children import NoTarget, target_of, virtual_paths
from migrate.extract.definitions import BrokenWorkspace
from migrate.extract.names import join, locate
from migrate.extract.records import GroupPath, NodePath, Root

if TYPE_CHECKING:
    from migrate.extract.context import Context

_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a root: `inside` is its path in the root's workspace."""

    root: Root
    inside: NodePath

    @property
    def on_this_machine(self) -> bool:
        """Whether the root's folder can be looked into."""
        return self.root.folder is not None and not self.root.missing


class Places:
    """Look-ups of folders. `root`: of a workspace of its own; `place`: of children too."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # An empty name gives SQLite's own temporary file: there may be one root per user.
        self._db = sqlite3.connect("")
        self._db.execute("CREATE TABLE root (workspace BLOB, user BLOB, grp BLOB, folder BLOB, missing INTEGER, bin BLOB, folded BLOB)")
        self._db.executemany("INSERT INTO root VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, context.roots()))
        self._db.execute("CREATE INDEX by_workspace ON root (workspace, folded)")

    def roots(self, workspace: str, login: str | None = None) -> Iterator[Root]:
        """The folders of a workspace; with `login` only that user's, his exact spelling first."""
        query = "SELECT workspace, user, grp, folder, missing, bin FROM root WHERE workspace = ?"
        values: tuple = (_raw(workspace),)
        if login is not None:
            query += " AND folded = ? ORDER BY user = ? DESC"
            values += (_raw(login.lower()), _raw(login))
        for *names, missing, bin_name in self._db.execute(query, values):
            known, user, group, folder = map(_text, names)
            yield Root(known or "", user, group, folder, bool(missing), _text(bin_name))

    def root(self, workspace: str, login: str | None) -> Root | None:
        """The folder of a workspace that `login` used; None when there is none (or no login to tell by)."""
        shared = self._shared(workspace)
        if shared is not None or login is None:
            return shared
        return next(self.roots(workspace, login), None) or self.group_root(workspace, self._context.group_of(login))

    def _shared(self, workspace: str) -> Root | None:
        query = "SELECT folder, missing, bin FROM root WHERE workspace = ? AND folded IS NULL AND grp IS NULL"
        row = self._db.execute(query, (_raw(workspace),)).fetchone()
        return None if row is None else Root(workspace, None, None, _text(row[0]), bool(row[1]), _text(row[2]))

    def group_root(self, workspace: str, group: str) -> Root | None:
        """The folder of a group in a per-group workspace."""
        query = "SELECT folder, missing, bin FROM root WHERE workspace = ? AND folded IS NULL AND grp = ?"
        row = self._db.execute(query, (_raw(workspace), _raw(group))).fetchone()
        return None if row is None else Root(workspace, None, GroupPath(group), _text(row[0]), bool(row[1]), _text(row[2]))

    def close(self) -> None:
        """Remove the index."""
        self._db.close()

    def place(self, workspace: str, login: str | None) -> Place | None:
        """Where the top of a workspace lies, children of shares included; None when it cannot be told."""
        inside = NodePath("/")
        for _ in range(_DEEPEST):
            definition = self._context.workspaces.get(workspace)
            if definition is None or not definition.shared_child:
                break
            try:
                inside = join(target_of(self._context, definition).folder, inside)
            except NoTarget:
                return None
            workspace, login = definition.parent_id or "", definition.owner
        root = self.root(workspace, login)
        return None if root is None else Place(root, inside)

    def find(self, workspace: str, login: str | None, path: str) -> tuple[NodePath | None, bool]:
        """The path of an existing node as the storage spells it, and whether that could be looked up at all.

        (None, True): the node is not there. (None, False): nobody can tell from this machine."""
        definition = self._context.workspaces.get(workspace)
        if definition is not None and definition.shared_child and definition.content_filter is not None:
            # People saw a made-up path in front of a shared file; it stays what the records say.
            real = virtual_paths(definition).get(path)
            if real is not None:
                found, known = self._find(workspace, login, real)
                return (NodePath(path) if found is not None else None), known
        return self._find(workspace, login, path)

    def _find(self, workspace: str, login: str | None, path: str) -> tuple[NodePath | None, bool]:
        place = self.place(workspace, login)
        if place is None or place.root.missing:
            return None, True  # no folder was ever made for this person, or it is gone
        if place.root.folder is None:
            return None, False
        whole = locate(place.root.folder, join(place.inside, path), self.charset(workspace))
        if whole is None:
            return None, True
        steps = len([step for step in place.inside.split("/") if step])
        return NodePath("/" + "/".join(whole.strip("/").split("/")[steps:])), True

    def charset(self, workspace: str) -> str | None:
        """As `charset_of`."""
        return charset_of(self._context, workspace)


def charset_of(context: Context, workspace: str) -> str | None:
    """The charset of the names in a storage: what the administrator set, else the locale of the old machine; None for UTF-8."""
    try:
        value = context.workspaces.raw_option(workspace, "CHARSET")
    except (BrokenWorkspace, KeyError):
        value = None
    return value if isinstance(value, str) and value else context.installation.charset


def _row(root: Root) -> tuple:
    names = (root.workspace, root.user, root.group, root.folder)
    folded = None if root.user is None else root.user.lower()
    return (*map(_raw, names), root.missing, _raw(root.recycle_bin), _raw(folded))


def _raw(value: str | None) -> bytes | None:
    return None if value is None else value.encode("utf-8", "surrogateescape")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")
