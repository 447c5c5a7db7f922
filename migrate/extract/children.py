"""Where in its parent does a shared child workspace lie, and is it a folder or single files?

Up to 6.4 a child stored the absolute path on the old machine, resolved for its owner; from 6.5 on a path relative to the
parent. Single files are a content filter on top of either. All paths given here are paths inside the parent workspace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate.extract.definitions import BrokenWorkspace, WorkspaceDefinition
from migrate.extract.names import UnsafePath, join, node_path, relative_to
from migrate.extract.php.values import PhpObject
from migrate.extract.plain import items
from migrate.extract.records import NodePath

if TYPE_CHECKING:
    from migrate.extract.context import Context

_RELATIVE = "AJXP_PARENT_OPTION:PATH"


@dataclass(frozen=True, slots=True)
class Target:
    """`folder`: the child's root in its parent. `filtered`: the nodes a content filter lets through, empty without one."""

    folder: NodePath
    filtered: tuple[NodePath, ...] = ()

    @property
    def path(self) -> NodePath:
        """The shared node: the only filtered one, else the folder. Of a selection this is more than was shared."""
        return self.filtered[0] if len(self.filtered) == 1 else self.folder


class NoTarget(Exception):
    """It cannot be told what a child shares. `reason`: parent, stale, unsafe, filter. Does not leave the extract room."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def target_of(context: Context, child: WorkspaceDefinition) -> Target:
    """What a shared child shows of its parent. Raises NoTarget.

    A filter that cannot be read is an error, never ignored: without it the whole folder would be given away."""
    if child.parent_id is None or child.parent_id not in context.workspaces:
        raise NoTarget("parent")
    try:
        folder = _folder(context, child)
        filtered = tuple(join(folder, node_path(real)) for real in filtered_paths(child))
    except UnsafePath:
        raise NoTarget("unsafe") from None
    except BrokenWorkspace:
        raise NoTarget("parent") from None
    return Target(folder, filtered)


def _folder(context: Context, child: WorkspaceDefinition) -> NodePath:
    stored = child.options.get("PATH")
    if not isinstance(stored, str):
        # No path of its own: the whole parent, unless that could not be read.
        if "PATH" in child.options and stored is not None:
            raise NoTarget("stale")
        return NodePath("/")
    if stored.startswith(_RELATIVE):
        return node_path(stored[len(_RELATIVE) :].removeprefix(":"))
    for login in _spellings(context, child.owner or ""):
        parent_path = context.workspaces.option(child.parent_id or "", "PATH", login)
        own_path = context.workspaces.option(child.id, "PATH", login)
        if isinstance(parent_path, str) and isinstance(own_path, str):
            inside = relative_to(own_path, parent_path)
            if inside is not None:
                return node_path(inside)
    if not stored.startswith("/") and ":" not in stored[:3]:
        return node_path(stored)  # AJXP_ALLOW_SUB_PATH in the parent: the child stores the sub path alone
    raise NoTarget("stale")


def _spellings(context: Context, owner: str) -> Iterator[str]:
    """The owner's login as it may have been when the path was resolved: logins kept or lost their capitals over time."""
    known = context.login(owner)
    yield from dict.fromkeys([owner, known.login if known else owner, owner.lower()])


def filtered_paths(child: WorkspaceDefinition) -> tuple[bytes | str, ...]:
    """Real paths of a content filter, below the child's own folder; empty when there is no filter. Raises NoTarget."""
    stored = child.content_filter
    if stored is None or stored == "" or stored == {}:
        return ()
    if isinstance(stored, PhpObject):
        stored = stored.get("filters")
        if not isinstance(stored, dict):
            raise NoTarget("filter")
    if not isinstance(stored, dict):
        raise NoTarget("filter")
    paths = tuple(key if isinstance(key, bytes) else str(key) for key in stored)
    if not paths:
        raise NoTarget("filter")
    return paths


def virtual_paths(child: WorkspaceDefinition) -> dict[str, str]:
    """Virtual path -> real path of a content filter: what the child's users saw, and what it was in the child's folder."""
    stored = child.content_filter
    if isinstance(stored, PhpObject):
        stored = stored.get("filters")
    found = {}
    for real, virtual in items(stored):
        try:
            found[str(node_path(virtual))] = str(node_path(real))
        except UnsafePath:
            continue
    return found
