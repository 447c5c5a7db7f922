"""How Cells decides access: per node the last role that says anything replaces the earlier ones, the nearest node upwards
decides, any `deny` on the way is nothing. Read in the source and seen on a real server (4.1, 3.0.9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrate.cells.models.objects import Acl, node_parents
from migrate.rights import Right

DECIDING = frozenset({"read", "write", "deny", "policy"})
Mask = frozenset
Masks = Mapping[str, "Mask[str]"]
"""Node id -> set of actions that decide there."""


@dataclass(frozen=True)
class AccessModel:
    """Rules by role. `rules[role][node]` = actions of that role on that node over all workspaces; `seen[role]` = the
    (workspace, node) pairs for which the role has a rule that names the workspace. Node ids may be uuids or paths, as
    long as they are the same everywhere."""

    rules: Mapping[str, Mapping[str, Mask]]
    seen: Mapping[str, frozenset[tuple[str, str]]]

    @classmethod
    def of(cls, acls: Iterable[Acl]) -> AccessModel:
        """Collect the deciding rules. Their value is not looked at (a `read` of value 0 gives the right)."""
        rules: dict[str, dict[str, set[str]]] = {}
        seen: dict[str, set[tuple[str, str]]] = {}
        for acl in acls:
            if acl.action not in DECIDING or not acl.node or not acl.role:
                continue
            rules.setdefault(acl.role, {}).setdefault(acl.node, set()).add(acl.action)
            if acl.workspace:
                seen.setdefault(acl.role, set()).add((acl.workspace, acl.node))
        return cls({r: {n: frozenset(a) for n, a in nodes.items()} for r, nodes in rules.items()},
                   {r: frozenset(pairs) for r, pairs in seen.items()})

    def masks(self, roles: Sequence[str]) -> dict[str, Mask]:
        """Node -> deciding actions for somebody with these roles, in the order the server applies them."""
        masks: dict[str, Mask] = {}
        for role in roles:
            masks.update(self.rules.get(role, {}))
        return masks

    def roots(self, roles: Sequence[str]) -> dict[str, set[str]]:
        """Workspace -> nodes that act as its roots for somebody with these roles; a denied node is none."""
        masks = self.masks(roles)
        roots: dict[str, set[str]] = {}
        for role in roles:
            for workspace, node in self.seen.get(role, ()):
                if "deny" not in masks.get(node, frozenset()):
                    roots.setdefault(workspace, set()).add(node)
        return roots


def effective(masks: Masks, chain: Sequence[str]) -> Right:
    """Right on the first node of `chain` (the node, its parent, … up to the data source root)."""
    decided: Mask | None = None
    for node in chain:
        mask = masks.get(node)
        if not mask:
            continue
        if "deny" in mask:
            return Right.NONE
        if decided is None:
            decided = mask
    if decided is None or "policy" in decided and not decided & {"read", "write"}:
        return Right.NONE
    return (Right.READ if "read" in decided else Right.NONE) | (Right.WRITE if "write" in decided else Right.NONE)


def chain_of(path: str, ids: Mapping[str, str]) -> list[str]:
    """Ids of a node and its parents by path; parents without a known id are left out."""
    return [ids[p] for p in node_parents(path) if p in ids]
