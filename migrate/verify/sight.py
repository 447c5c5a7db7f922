"""Do the rules of Cells let a person see a node? Worked out from what the server answers to an administrator, as it does it itself:
the node or a folder above it has to be a root of a workspace of the person, and the nearest rule has to allow reading."""

from __future__ import annotations

from dataclasses import dataclass, field

from migrate.cells.api import acls, tree, users
from migrate.cells.models import MY_FILES, AccessModel, Masks, data_source_root, effective, node_parents
from migrate.cells.session import Session
from migrate.verify.expected import PERSONAL


@dataclass
class Sight:
    """Asks for each person and folder once. `session`: an administrator's."""

    session: Session
    _ids: dict[str, str] = field(default_factory=dict)
    _people: dict[str, tuple[Masks, frozenset[str]]] = field(default_factory=dict)

    def sees(self, uuid: str, login: str, path: str) -> bool:
        """Whether the account of `uuid` may read the node at `path` (data source first) through any workspace or cell."""
        masks, roots = self._rules(uuid)
        chain: list[str] = []
        for part in node_parents(path.strip("/")):
            chain.append(data_source_root(part) if "/" not in part else self._id(part))
            if part == f"{PERSONAL}/{login}":
                chain.append(MY_FILES)
        return not roots.isdisjoint(chain) and effective(masks, chain).readable

    def _rules(self, uuid: str) -> tuple[Masks, frozenset[str]]:
        if uuid not in self._people:
            user = users.get_user_by_uuid(self.session, uuid)
            roles = user.roles if user is not None else ()
            model = AccessModel.of(acls.search_acls(self.session, actions=acls.RIGHTS, roles=roles)) if roles else AccessModel({}, {})
            self._people[uuid] = model.masks(roles), frozenset(node for nodes in model.roots(roles).values() for node in nodes)
        return self._people[uuid]

    def _id(self, path: str) -> str:
        if path not in self._ids:
            node = tree.admin_stat(self.session, path)
            self._ids[path] = node.uuid if node is not None else ""
        return self._ids[path]
