"""Rules of access: list, add, remove by their full key."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any

from migrate.cells.errors import AlreadyExists, CellsRefused, RefusedToSend
from migrate.cells.models import Acl
from migrate.cells.session import Session
from migrate.cells.shapes import acl_body, acl_of, number, objects

RIGHTS = ("read", "write", "deny", "policy")
KNOWN = (*RIGHTS, "quota", "workspace-path", "recycle_root")
_TRANSIENT = ("Error 1452", "Error 1213", "deadlock", "foreign key")


def search_acls(session: Session, *, actions: Sequence[str] = KNOWN, roles: Sequence[str] = (), workspaces: Sequence[str] = (),
                nodes: Sequence[str] = ()) -> list[Acl]:
    """All rules with one of these actions and, where given, of these roles, workspaces, nodes; sorted by key. `POST /a/acl`.

    Actions are always named: no version promises what a query without any condition gives. The server compares ids without
    case and knows `*` in a list of one; here they are compared exactly."""
    if not actions:
        raise RefusedToSend(method="POST", path="/a/acl", status=0, reason="no action is named")
    query: dict[str, Any] = {"Actions": [{"Name": name} for name in actions]}
    for key, ids in (("RoleIDs", roles), ("WorkspaceIDs", workspaces), ("NodeIDs", nodes)):
        if ids:
            query[key] = list(ids)
    answer = session.search("/a/acl", {"Queries": [query], "Operation": "AND"})
    keep = [(set(actions), "action"), (set(roles), "role"), (set(workspaces), "workspace"), (set(nodes), "node")]
    found = (acl_of(value) for value in objects(answer, "ACLs"))
    return sorted((acl for acl in found if all(not ids or getattr(acl, name) in ids for ids, name in keep)), key=lambda acl: acl.key)


def put_acl(session: Session, acl: Acl) -> None:
    """Add a rule. `PUT /a/acl`. Not idempotent: AlreadyExists (500 with 1062; on 3.x only CellsRefused) when the key is
    taken, even with another value. A clash with deletions elsewhere (1452) stores nothing and is tried again here."""
    if not acl.action or not (acl.role or acl.node):
        raise RefusedToSend(method="PUT", path="/a/acl", status=0, reason="a rule needs an action and a role or node")
    for attempt in range(6):
        try:
            session.put("/a/acl", acl_body(acl))
            return
        except AlreadyExists:
            raise
        except CellsRefused as error:
            if attempt == 5 or error.status != 500 or not any(text in error.reason for text in _TRANSIENT):
                raise
            time.sleep(random.uniform(0.1, 0.4) * (attempt + 1))


def add_acls(session: Session, wanted: Iterable[Acl], present: Iterable[Acl]) -> int:
    """Add those of `wanted` that are not among `present`, give their number. A rule that was added meanwhile (a lost
    answer, another run) is looked up and counts as there; another value under the same key raises AlreadyExists."""
    there = {acl.key: acl for acl in present}
    added = 0
    for acl in wanted:
        if acl.key in there:
            continue
        try:
            put_acl(session, acl)
        except CellsRefused:
            same = [a for a in search_acls(session, actions=[acl.action], roles=[acl.role] if acl.role else (), nodes=[acl.node] if acl.node else ())
                    if a.key == acl.key]
            if not same or same[0].value != acl.value:
                raise
        there[acl.key] = acl
        added += 1
    return added


def delete_acl(session: Session, acl: Acl) -> int:
    """Remove the rule with this full key and value, give how many went. `POST /a/acl/bulk/delete`.

    An empty part means "any" to the server, so node, role and action must be there and hold no `*`. An empty `workspace`
    cannot be told from "any workspace" either: the other rules of this node, role and action are read first and put back
    afterwards (for a moment they are missing)."""
    for part in (acl.node, acl.role, acl.action):
        if not part or "*" in part:
            raise RefusedToSend(method="POST", path="/a/acl/bulk/delete", status=0, reason="an empty or wildcard key would remove other rules")
    if "*" in acl.workspace:
        raise RefusedToSend(method="POST", path="/a/acl/bulk/delete", status=0, reason="a wildcard would remove other rules")
    if acl.workspace:
        return _delete(session, acl)
    same = search_acls(session, actions=[acl.action], roles=[acl.role], nodes=[acl.node])
    others = [a for a in same if a.workspace]
    if len(others) == len(same):
        return 0
    _delete(session, acl)
    left = {a.key for a in search_acls(session, actions=[acl.action], roles=[acl.role], nodes=[acl.node])}
    for other in others:
        if other.key not in left:
            put_acl(session, other)
    return 1


def _delete(session: Session, acl: Acl) -> int:
    body = acl_body(acl)
    if not acl.value:
        del body["Action"]["Value"]
    return number(session.post("/a/acl/bulk/delete", body).get("NumRows"))
