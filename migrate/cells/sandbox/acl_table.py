"""Which ACLs are there? The one table that decides rights, with its unique key and its patterns."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Acl:
    """One row. Empty ids mean "none"."""

    id: int
    node: str
    role: str
    workspace: str
    action: str
    value: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The unique key; ids are compared without case, the value is not part of it."""
        return self.node.lower(), self.action.lower(), self.role.lower(), self.workspace.lower()


class Duplicate(Exception):
    """The key is taken."""


class AclTable:
    """Rows by id and key, with an index by role and by workspace."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self.rows: dict[int, Acl] = {}
        self._keys: dict[tuple[str, str, str, str], Acl] = {}
        self._by: tuple[dict[str, dict[int, Acl]], ...] = ({}, {}, {})

    def put(self, node: str, role: str, workspace: str, action: str, value: str) -> Acl:
        """Add a row; raises Duplicate when the key exists, with whatever value."""
        acl = Acl(next(self._ids), node, role, workspace, action, value)
        if acl.key in self._keys:
            raise Duplicate(acl.key)
        self.rows[acl.id] = acl
        self._keys[acl.key] = acl
        for index, name in zip(self._by, (role, workspace, node), strict=False):
            index.setdefault(name.lower(), {})[acl.id] = acl
        return acl

    def remove(self, acls: Iterable[Acl]) -> int:
        """Delete rows; gives how many."""
        count = 0
        for acl in list(acls):
            del self.rows[acl.id], self._keys[acl.key]
            for index, name in zip(self._by, (acl.role, acl.workspace, acl.node), strict=False):
                del index[name.lower()][acl.id]
            count += 1
        return count

    def of_role(self, role: str) -> list[Acl]:
        """Rows of a role, by id."""
        return list(self._by[0].get(role.lower(), {}).values())

    def of_workspace(self, workspace: str) -> list[Acl]:
        """Rows of a workspace, by id."""
        return list(self._by[1].get(workspace.lower(), {}).values())

    def of_node(self, node: str) -> list[Acl]:
        """Rows on a node, by id."""
        return list(self._by[2].get(node.lower(), {}).values())

    def search(self, roles: list[str], workspaces: list[str], nodes: list[str], actions: list[tuple[str, str]], wildcards: bool = True) -> list[Acl]:
        """Rows that match every list given (an empty list is "any"). `*` counts only in a list of one element."""
        rows: Iterable[Acl] = self.rows.values()
        for index, wanted in zip(self._by, (roles, workspaces, nodes), strict=False):
            if wanted and not any("*" in w for w in wanted):
                rows = sorted((a for w in {w.lower() for w in wanted} for a in index.get(w, {}).values()), key=lambda a: a.id)
                break
        tests = [(_pattern(names, wildcards), attribute)
                 for names, attribute in ((roles, "role"), (workspaces, "workspace"), (nodes, "node")) if names]
        named = [(_pattern([name], wildcards) if name else None, value) for name, value in actions]
        out = []
        for acl in rows:
            if all(test(getattr(acl, attribute)) for test, attribute in tests):
                if not named or any((test is None or test(acl.action)) and (not value or value == acl.value) for test, value in named):
                    out.append(acl)
        return out


def _pattern(names: list[str], wildcards: bool):  # noqa: ANN202 - a predicate
    if len(names) == 1 and "*" in names[0] and wildcards:
        compiled = re.compile(".*".join(re.escape(part) for part in names[0].split("*")), re.IGNORECASE | re.DOTALL)
        return lambda value: compiled.fullmatch(value) is not None
    wanted = {name.lower() for name in names}
    return lambda value: value.lower() in wanted
