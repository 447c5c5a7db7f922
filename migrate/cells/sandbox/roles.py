"""Roles and teams. `/a/role`."""

from __future__ import annotations

import re
from typing import Any

from migrate.cells.sandbox.answers import Answer, Failure, bad_request, compact, forbidden, not_found, reply, rpc_error
from migrate.cells.sandbox.messages import ROLE, SEARCH_ROLES
from migrate.cells.sandbox.policies import allows, in_context
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import STANDARD_POLICIES, Person, Role, State


def role_answer(state: State, role: Role, caller: Person | None) -> dict[str, Any]:
    """A role as read back; with a caller it says whether he may edit it."""
    out = compact({"Uuid": role.uuid, "Label": role.label, "IsTeam": role.is_team, "GroupRole": role.group_role, "UserRole": role.user_role,
                   "LastUpdated": role.last_updated})
    out["AutoApplies"] = role.auto_applies or [""]
    out["Policies"] = role.policies
    if caller is not None and allows(state, caller, role.policies, "WRITE"):
        out["PoliciesContextEditable"] = True
    if role.force_override:
        out["ForceOverride"] = True
    return out


def role_made(role: Role, sent: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A role as PUT answers it: policies without ids, no empty `AutoApplies`."""
    policies = sent or [{k: p[k] for k in ("Action", "Subject", "Effect") if k in p} for p in role.policies]
    return compact({"Uuid": role.uuid, "Label": role.label, "IsTeam": role.is_team, "GroupRole": role.group_role, "UserRole": role.user_role,
                    "LastUpdated": role.last_updated, "AutoApplies": role.auto_applies, "Policies": policies,
                    "ForceOverride": role.force_override})


def _fits(role: Role, query: dict[str, Any]) -> bool:
    fits = True
    if query.get("Uuid"):
        fits = fits and role.uuid.lower() in {u.lower() for u in query["Uuid"] if u}
    if query.get("Label"):
        fits = fits and re.fullmatch(".*".join(re.escape(p) for p in query["Label"].split("*")), role.label, re.DOTALL | re.IGNORECASE) is not None
    for name, value in (("IsTeam", role.is_team), ("IsGroupRole", role.group_role), ("IsUserRole", role.user_role),
                        ("HasAutoApply", bool(role.auto_applies))):
        if query.get(name):
            fits = fits and value
    return not fits if query.get("not") else fits


def search(call: Call) -> Answer:
    """`POST /a/role`."""
    body, state = call.body, call.state
    queries = body.get("Queries", [])
    every = all if body.get("Operation") == "AND" else any
    found = [r for r in state.roles.values() if (not queries or every(_fits(r, q) for q in queries))
             and in_context(state, call.caller, r.policies, body.get("ResourcePolicyQuery", {}))]
    found.sort(key=lambda r: r.uuid.lower())
    total = len(found)
    if body.get("CountOnly"):
        return reply(compact({"Total": total}))
    if body.get("Limit", 0) > 0:
        found = found[body.get("Offset", 0):body.get("Offset", 0) + body["Limit"]]
    return reply(compact({"Roles": [role_answer(state, r, call.caller) for r in found], "Total": total}))


def read(call: Call) -> Answer:
    """`GET /a/role/{Uuid}`."""
    role = call.state.role(call.params["Uuid"])
    if role is None:
        raise not_found(f"cannot find role for uuid {call.params['Uuid']}")
    return reply(role_answer(call.state, role, call.caller))


def put(call: Call) -> Answer:
    """`PUT /a/role/{Uuid}`: replaces every field; the id of the body wins over the path."""
    body, state = call.body, call.state
    uuid = body.get("Uuid") or (state.new_uuid() if state.profile == "3.0.9" else call.params["Uuid"])
    if not body.get("Label"):
        raise bad_request("Role cannot have an empty label") if state.profile != "5" else Failure(400, "Role cannot have an empty label")
    if "," in uuid:
        raise bad_request("commas are not allowed in role uuid")
    old = state.role(uuid)
    if old is not None and (old.uuid != uuid or not allows(state, call.caller, old.policies, "WRITE")):
        raise forbidden(f"Action WRITE is not allowed on role {uuid}")
    for column, value, most in (("uuid", uuid, 255), ("label", body["Label"], 500)):
        if len(value) > most:
            raise Failure(500, "DAO error received") if state.profile == "3.0.9" else rpc_error(
                f"Error 1406: Data too long for column '{column}' at row 1")
    if state.profile == "3.0.9" and any(ord(c) > 0xFFFF for c in body["Label"]):
        raise Failure(500, "DAO error received")
    role = Role(uuid, body["Label"], body.get("IsTeam", False), body.get("GroupRole", False), body.get("UserRole", False),
                [a for a in body.get("AutoApplies", []) if a], body.get("ForceOverride", False))
    role.policies = (state.stored_policies(uuid, body["Policies"]) if body.get("Policies") else state.policies(uuid, STANDARD_POLICIES))
    state.put_role(role)
    sent = [compact({k: v for k, v in p.items() if v not in ("ANY", "deny")}) for p in body.get("Policies", [])]
    return reply(role_made(role, sent))


def delete(call: Call) -> Answer:
    """`DELETE /a/role/{Uuid}`: ACLs and membership go with it."""
    state, uuid = call.state, call.params["Uuid"]
    role = state.role(uuid)
    if role is None:
        raise Failure(403, f"cannot find role with id {uuid}", f"Not Found: cannot find role with id {uuid}")
    if not allows(state, call.caller, role.policies, "WRITE"):
        raise forbidden(f"Action WRITE is not allowed on role {uuid}")
    del state.roles[uuid.lower()]
    state.acls.remove(state.acls.of_role(uuid))
    for person in state.people:
        if any(r.lower() == uuid.lower() for r in person.roles):
            person.roles = [r for r in person.roles if r.lower() != uuid.lower()]
    state.changed()
    return reply({"Uuid": uuid})


ROUTES = [
    Route("POST", "/role", search, SEARCH_ROLES),
    Route("GET", "/role/{Uuid}", read),
    Route("PUT", "/role/{Uuid}", put, ROLE),
    Route("DELETE", "/role/{Uuid}", delete),
]
