"""Rights as rows. `/a/acl`: not an upsert, patterns with `*`, an empty field means "any"."""

from __future__ import annotations

from typing import Any

from migrate.cells.sandbox.acl_table import Acl, Duplicate
from migrate.cells.sandbox.answers import Answer, Failure, compact, reply, rpc_error
from migrate.cells.sandbox.messages import ACL, SEARCH_ACLS
from migrate.cells.sandbox.router import Call, Route


def acl_answer(acl: Acl) -> dict[str, Any]:
    """An ACL as JSON."""
    return {"ID": str(acl.id), "Action": compact({"Name": acl.action, "Value": acl.value}),
            **compact({"RoleID": acl.role, "WorkspaceID": acl.workspace, "NodeID": acl.node})}


def put(call: Call) -> Answer:
    """`PUT /a/acl`."""
    body, state = call.body, call.state
    old = state.profile == "3.0.9"
    if "Action" not in body:
        raise rpc_error("Missing action value")
    action = body["Action"]
    ids = [body.get("NodeID", ""), body.get("RoleID", ""), body.get("WorkspaceID", "")]
    if any(len(i) > 500 for i in ids):
        raise Failure(500, "DAO error received") if old else rpc_error("sql: no rows in result set")
    for column, value in (("action_name", action.get("Name", "")), ("action_value", action.get("Value", ""))):
        if len(value) > 500:
            raise Failure(500, "DAO error received") if old else rpc_error(f"Error 1406: Data too long for column '{column}' at row 1")
    try:
        acl = state.acls.put(*ids, action.get("Name", ""), action.get("Value", ""))
    except Duplicate:
        numbers = "-".join("-1" if not i else str(sum(i.encode()) % 1000) for i in (ids[0], ids[1], ids[2]))
        raise Failure(500, "DAO error received") if old else rpc_error(
            f"Error 1062: Duplicate entry '{numbers}' for key 'acls_u1'") from None
    state.changed()
    return reply(acl_answer(acl))


def search(call: Call) -> Answer:
    """`POST /a/acl`. `not` is accepted and ignored; no query, or an empty one, is everything."""
    body, table = call.body, call.state.acls
    exact = call.state.profile == "5"
    results = []
    for query in body.get("Queries", []):
        actions = [(a.get("Name", ""), a.get("Value", "")) for a in query.get("Actions", [])]
        results.append(table.search(query.get("RoleIDs", []), query.get("WorkspaceIDs", []), query.get("NodeIDs", []), actions, not exact))
    if not results:
        found = list(table.rows.values())
    elif body.get("Operation") == "AND":
        common = set.intersection(*({a.id for a in r} for r in results))
        found = [a for a in results[0] if a.id in common]
    else:
        found = [table.rows[i] for i in sorted({a.id for r in results for a in r})]
    if body.get("Limit", 0) > 0:
        found = found[body.get("Offset", 0):body.get("Offset", 0) + body["Limit"]]
    return reply(compact({"ACLs": [acl_answer(a) for a in found]}))


def bulk_delete(call: Call) -> Answer:
    """`POST /a/acl/bulk/delete`: every row that matches the fields given."""
    body, state = call.body, call.state
    action = body.get("Action", {})
    actions = [(action.get("Name", ""), action.get("Value", ""))] if action.get("Name") or action.get("Value") else []
    found = state.acls.search([r for r in [body.get("RoleID", "")] if r], [w for w in [body.get("WorkspaceID", "")] if w],
                              [n for n in [body.get("NodeID", "")] if n], actions, state.profile != "5")
    if state.profile == "5" and not any((body.get("RoleID"), body.get("WorkspaceID"), body.get("NodeID"), actions)):
        raise Failure(500, "WHERE conditions required")
    count = state.acls.remove(found)
    state.changed()
    return reply(compact({"Success": True, "NumRows": str(count) if count else ""}))


ROUTES = [
    Route("PUT", "/acl", put, ACL),
    Route("POST", "/acl", search, SEARCH_ACLS),
    Route("POST", "/acl/bulk/delete", bulk_delete, ACL),
]
