"""Which node of Cells did somebody mean? Old workspace, person and path in; the node, or the reason why there is none, out.

Paths of a share's child workspace are those of the folder that was shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from migrate import note_codes
from migrate.errors import Code
from migrate.transform.actions import NodeRef
from migrate.transform.parts import Lookup


class Nodes(Lookup, Protocol):
    """The look-up of a plan, which also knows what of a folder is carried, by group too."""

    def carried(self, workspace: str, login: str | None, path: str, group: str | None = None) -> bool | None:
        """Whether the file or folder is carried; None when the old folder does not hold it."""

    def node_in(self, workspace: str, login: str | None, path: str, group: str | None = None) -> NodeRef | None:
        """`node`, for a folder of a group too."""

    def changed(self, workspace: str, login: str | None, path: str, size_there: int | None) -> bool:
        """Whether the content of a file is still to be brought to Cells, where it has this size."""


@dataclass(frozen=True, slots=True)
class ChildOf:
    """What a child workspace of a share shows."""

    workspace: str
    owner: str
    path: str
    is_file: bool


class Whereabouts:
    """Finds nodes. `children`: child workspace id -> what it shows."""

    def __init__(self, lookup: Nodes, children: Mapping[str, ChildOf]) -> None:
        self._lookup, self._children = lookup, children

    @classmethod
    def of(cls, lookup: Nodes, shares: Iterable[Mapping[str, object]]) -> Whereabouts:
        """`shares`: bodies of Share records."""
        return cls(lookup, {str(s["child_workspace_id"]): ChildOf(str(s["workspace"]), str(s["owner"]), str(s["path"]), bool(s["is_file"]))
                            for s in shares if s.get("child_workspace_id")})

    def find(self, workspace: str, login: str | None, path: str, group: str | None = None) -> tuple[NodeRef | None, Code | None]:
        """(node, None) or (None, why not)."""
        workspace, login, path, group = self._origin(workspace, login, path, group)
        if self._lookup.place(workspace) is None:
            return None, note_codes.NODE_LEFT
        there = self._lookup.carried(workspace, login, path, group)
        if there is None:
            return None, note_codes.NODE_GONE
        node = self._lookup.node_in(workspace, login, path, group) if there else None
        return (node, None) if node is not None else (None, note_codes.NODE_LEFT)

    def changed(self, workspace: str, login: str | None, path: str, size_there: int | None) -> bool:
        """Whether the content of a file is still to be brought to Cells, where it has this size."""
        workspace, login, path, _ = self._origin(workspace, login, path, None)
        return self._lookup.changed(workspace, login, path, size_there)

    def workspace_of(self, workspace: str) -> str:
        """The workspace that a share's child workspace lies in; itself for any other."""
        return self._origin(workspace, None, "/", None)[0]

    def _origin(self, workspace: str, login: str | None, path: str, group: str | None) -> tuple[str, str | None, str, str | None]:
        """The workspace that holds the folder, through shares of shares; whose folder, and the path in it."""
        for _ in range(10):  # a share of a share of …; a circle ends here
            child = self._children.get(workspace)
            if child is None:
                break
            inner = path.strip("/")
            path = child.path if child.is_file or not inner else child.path.rstrip("/") + "/" + inner
            workspace, login, group = child.workspace, child.owner, None
        return workspace, login, path, group
