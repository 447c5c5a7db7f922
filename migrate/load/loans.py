"""Rights that the loader lends itself where its own account may not write, written down before and given back at the end.

A desk opens a data source, but the nearest node with a rule decides: where the loader's account may only read a folder, or is
shut out of it, its own role gets read and write on that node for the time of the run."""

from __future__ import annotations

import threading
from collections.abc import Callable

from migrate.cells.api import acls, tree, users
from migrate.cells.errors import CellsRefused
from migrate.cells.models import AccessModel, Acl, data_source_root, node_parents
from migrate.cells.session import Session
from migrate.ledger import Ledger

FACT = "loans"
_lock = threading.Lock()


def lend(session: Session, ledger: Ledger, role: str, path: str) -> bool:
    """Let the account of `role` (its own role has its uuid) write at and below the node that stops it on the way to `path`. False
    when nothing stops it, or its own role is denied there: then no rule can help."""
    with _lock:
        user = users.get_user_by_uuid(session, role)
        if user is None:
            return False
        model = AccessModel.of(acls.search_acls(session, actions=acls.RIGHTS, roles=user.roles))
        masks = model.masks(user.roles)
        nearest = True
        wanted: list[Acl] = []
        for parent in node_parents(path):
            uuid = data_source_root(parent) if "/" not in parent else _uuid(session, parent)
            mask = masks.get(uuid)
            if not mask:
                continue
            if "deny" in model.rules.get(role, {}).get(uuid, frozenset()):
                return False
            if "deny" in mask or nearest and not {"read", "write"} <= mask:
                wanted += [Acl(uuid, role, "", name) for name in ("read", "write") if name not in model.rules.get(role, {}).get(uuid, frozenset())]
            nearest = False
        if not wanted:
            return False
        lent = [list(entry) for entry in ledger.get(FACT) or []]
        ledger.put(FACT, [*lent, *([a.node, a.role, a.action] for a in wanted if [a.node, a.role, a.action] not in lent)])
        acls.add_acls(session, wanted, [])
        return True


class Access:
    """Makes sure, once a node and run, that the loader may see and write at and below it. For several workers."""

    EFFECT = 2.0
    """Seconds until a right that was just given is known everywhere (seen: 0.06 to 1.3 s; the gateway up to 2 s)."""

    def __init__(self, session: Session, ledger: Ledger, wait: Callable[[float], object]) -> None:
        self._session, self._ledger, self._wait = session, ledger, wait
        self._sure: set[str] = set()
        self._lock = threading.Lock()

    def ensure(self, role: str, node: str, *, for_good: bool) -> None:
        """The account of `role` may write at `node` (data source first), as far as a rule of its own can do it. `for_good`: no
        right that this run still has to give can change that, so it need not be asked again."""
        with self._lock:
            if node in self._sure:
                return
            if lend(self._session, self._ledger, role, node):
                self._wait(self.EFFECT)
            if for_good:
                self._sure.add(node)


def _uuid(session: Session, path: str) -> str:
    found = tree.admin_stat(session, path)
    return found.uuid if found is not None else ""


def give_back(session: Session, ledger: Ledger) -> int:
    """Remove everything that was lent, also by a run that was killed. Gives the number of rules."""
    with _lock:
        lent = ledger.get(FACT) or []
        for node, role, action in lent:
            acls.delete_acl(session, Acl(node, role, "", action))
        if lent:
            ledger.put(FACT, [])
        return len(lent)


def refused_for_rights(error: CellsRefused) -> bool:
    """Whether a write was refused because the loader does not see or may not write the node."""
    return error.status in (401, 403, 404)
