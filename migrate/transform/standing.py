"""What would each role of Cells say on each node once the plan is carried out? Rules that are there, and those that are planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from migrate.cells.models import MY_FILES, Target, data_source_root, effective, node_parents
from migrate.cells.models.access import DECIDING
from migrate.rights import Right

ROOT_GROUP_ROLE = "ROOT_GROUP"
Statement = frozenset
"""The deciding actions (`read`, `write`, `deny`, `policy`) of one role on one node in one workspace."""
Triple = tuple[str, str, str]
"""(role, node, workspace); the workspace is "" for a right inside one."""

CLOSING = frozenset({"deny", "policy"})
"""Rules that take something away."""


@cache
def actions_of(right: Right, mode: str) -> frozenset[str]:
    """The rules by which Cells states a right."""
    if mode == "deny":
        return frozenset({"deny"})
    if mode == "close":
        return frozenset({"policy"})
    return frozenset(name for name, has in (("read", right.readable), ("write", right.writable)) if has)


@lru_cache(65536)
def lineage(node: str) -> tuple[str, ...]:
    """A node and its parents up to the data source."""
    return tuple(node_parents(node))


def node_paths(target: Target) -> dict[str, str]:
    """Node uuid -> path, as far as the target tells; roots of data sources and `my-files` included."""
    paths = {uuid: path.strip("/") for path, uuid in target.nodes.items()}
    for workspace in target.workspaces.values():
        paths.update({uuid: path.strip("/") for uuid, path in workspace.roots.items()})
    paths.update({data_source_root(name): name for name in target.data_sources})
    paths[MY_FILES] = MY_FILES
    return paths


@dataclass
class Standing:
    """Rules by role, node (as a path) and workspace."""

    rules: dict[str, dict[str, dict[str, frozenset[str]]]] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target) -> Standing:
        """What the server holds now."""
        paths = node_paths(target)
        standing = cls()
        for acl in target.acls:
            if acl.action in DECIDING and acl.node and acl.role:
                node = paths.get(acl.node, acl.node)
                by_workspace = standing.rules.setdefault(acl.role, {}).setdefault(node, {})
                by_workspace[acl.workspace] = by_workspace.get(acl.workspace, frozenset()) | {acl.action}
        return standing

    def spoken(self, workspace: str) -> set[str]:
        """The nodes on which any role says something in a workspace."""
        return {node for by_node in self.rules.values() for node, by_workspace in by_node.items() if by_workspace.get(workspace)}

    def state(self, role: str, node: str, workspace: str, actions: frozenset[str]) -> None:
        """Let a role say this on a node in a workspace, instead of what it said."""
        self.rules.setdefault(role, {}).setdefault(node, {})[workspace] = actions

    def forget(self, triple: Triple) -> None:
        """Let a role say nothing there."""
        role, node, workspace = triple
        self.rules.get(role, {}).get(node, {}).pop(workspace, None)

    def says(self, role: str, node: str, workspace: str) -> frozenset[str]:
        """What a role says on a node in a workspace; empty = nothing."""
        return self.rules.get(role, {}).get(node, {}).get(workspace, frozenset())

    def nodes_of(self, role: str) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """Everything a role says."""
        return self.rules.get(role, {})


@dataclass(frozen=True)
class Outlook:
    """What somebody with certain roles meets: mask by node, and the (workspace, node) pairs that are shown.

    `loose`: nodes on which assigned roles disagree, so that the result hangs on an order that some servers do not keep."""

    masks: Mapping[str, frozenset[str]]
    shown: frozenset[tuple[str, str]]
    loose: frozenset[str] = frozenset()

    @classmethod
    def through(cls, standing: Standing, roles: Sequence[str], unordered: Sequence[str] = ()) -> Outlook:
        """`roles` in the order that decides; `unordered`: those among them whose order the server may change."""
        masks: dict[str, frozenset[str]] = {}
        shown: set[tuple[str, str]] = set()
        said: dict[str, frozenset[str]] = {}
        loose: set[str] = set()
        free = set(unordered)
        for role in roles:
            for node, by_workspace in standing.nodes_of(role).items():
                mask = _union(by_workspace)
                if not mask:
                    continue
                masks[node] = mask
                shown.update((workspace, node) for workspace in by_workspace if workspace)
                if role in free and said.setdefault(node, mask) != mask:
                    loose.add(node)
        return cls(masks, frozenset(shown), frozenset(loose))

    def with_own(self, own: Mapping[str, Mapping[str, frozenset[str]]]) -> Outlook:
        """The same with the own role on top, which always decides last."""
        if not own:
            return self
        masks, shown = dict(self.masks), set(self.shown)
        for node, by_workspace in own.items():
            mask = _union(by_workspace)
            if mask:
                masks[node] = mask
                shown.update((workspace, node) for workspace in by_workspace if workspace)
        return Outlook(masks, frozenset(shown), self.loose - set(own))

    def right(self, workspace: str, node: str) -> Right:
        """The right on a root of a workspace: nothing where it is not shown."""
        return self.inside(node) if (workspace, node) in self.shown else Right.NONE

    def inside(self, node: str) -> Right:
        """The right on a node, whatever the workspace."""
        return effective(self.masks, lineage(node))


def _union(by_workspace: Mapping[str, frozenset[str]]) -> frozenset[str]:
    if len(by_workspace) == 1:
        return next(iter(by_workspace.values()))
    return frozenset().union(*by_workspace.values())


def automatic_roles(target: Target, profile: str) -> list[str]:
    """Roles that a profile gets by itself, in the order in which servers were seen to apply them."""
    found = [r for r in target.roles.values() if profile in r.auto_applies and not r.user_role]
    return [r.uuid for r in sorted(found, key=lambda r: (r.force_override, r.uuid))]


def order_of_roles(target: Target, profile: str, groups: Iterable[str], assigned: Sequence[str]) -> list[str]:
    """Roles of a new account in the order that decides, without the own role: groups from the root down (not for external
    people), automatic ones, assigned ones."""
    order = [] if profile in ("shared", "anon") else [ROOT_GROUP_ROLE, *groups]
    order += automatic_roles(target, profile)
    return order + [role for role in assigned if role not in order]
