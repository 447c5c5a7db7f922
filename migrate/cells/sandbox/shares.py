"""What cells and links have in common: who may edit them, where they show, handing them over. `/a/share/resources`, `/a/share/policies`."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from migrate.cells.sandbox.access import compile_access, sees
from migrate.cells.sandbox.answers import Answer, Failure, compact, not_found, reply
from migrate.cells.sandbox.messages import SHARE_POLICIES, SHARE_RESOURCES
from migrate.cells.sandbox.nodes import Node, node_answer
from migrate.cells.sandbox.policies import allows
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import Person, State, Workspace

_ACTIONS = {"OWNER": 1, "READ": 2, "WRITE": 3, "EDIT_RULES": 4}


def slugify(label: str) -> str:
    """A slug from a label: letters and digits without accents, dashes between."""
    plain = "".join(c for c in unicodedata.normalize("NFD", label) if not unicodedata.combining(c)).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "share"


def require_editable(call: Call, workspace: Workspace, what: str) -> None:
    """403 without WRITE on the share."""
    if not allows(call.state, call.caller, workspace.policies, "WRITE"):
        raise Failure(403, f"you are not allowed to edit this {what}")


def share_of(state: State, uuid: str, *scopes: str) -> Workspace:
    """The share of a uuid; 404 for anything else."""
    workspace = state.workspaces.get(uuid)
    if workspace is None or workspace.scope not in scopes:
        raise not_found(f"Cannot find workspace with Uuid {uuid}")
    return workspace


def shared_roots(state: State, workspace: Workspace) -> list[Node]:
    """Nodes of a share: those declared, and those that carry rights of it."""
    seen: dict[str, Node] = {}
    for acl in state.acls.of_workspace(workspace.uuid):
        if acl.action in ("workspace-path", "read", "write") and acl.node in state.nodes:
            seen.setdefault(acl.node, state.nodes[acl.node])
    return list(seen.values())


def shares_on(state: State, person: Person | None, node: Node) -> str:
    """`workspaces_shares` of a node: shares on it that the person may read, as Go writes the objects; empty when none."""
    ids = dict.fromkeys(a.workspace for a in state.acls.of_node(node.uuid) if a.action in ("workspace-path", "read", "write"))
    out = []
    for uuid in ids:
        workspace = state.workspaces.get(uuid)
        named = [p for p in workspace.policies if p.get("Subject", "").startswith(("user:", "role:"))] if workspace else []
        if workspace is None or workspace.scope not in ("ROOM", "LINK") or not allows(state, person, named, "READ"):
            continue
        rules = [{"id": int(p["id"]), "Resource": p.get("Resource", ""), "Action": _ACTIONS.get(p.get("Action", ""), 0),
                  "Subject": p.get("Subject", ""), "Effect": 1} for p in workspace.policies]
        out.append(compact({"UUID": uuid, "Label": workspace.label, "Description": workspace.description, "Slug": workspace.slug,
                            "Scope": 2 if workspace.scope == "ROOM" else 3, "LastUpdated": workspace.last_updated, "Policies": rules}))
    return json.dumps(out, ensure_ascii=False, separators=(",", ":")) if out else ""


def contextual_node(call: Call, node: Node) -> dict[str, Any]:
    """A node as one of the caller's workspaces shows it, with all of them in `AppearsIn`; bare when he does not see it."""
    from migrate.cells.sandbox.access import locate
    from migrate.cells.sandbox.metadata import appears_in
    from migrate.cells.sandbox.tree import seen_node
    state = call.state
    access = compile_access(state, call.me)
    places = sees(state, access, node)
    if not places:
        return node_answer(state, node)
    place = locate(state, access, places[0][1])
    shown = seen_node(call, access, place, node) if place is not None else node_answer(state, node)
    shown["Path"] = places[0][1]
    shown["AppearsIn"] = appears_in(state, access, places, node)
    return shown


def policies_answer(workspace: Workspace, stored: bool) -> list[dict[str, Any]]:
    """Policies of a share: just made ones come without ids."""
    return workspace.policies if stored else [{k: v for k, v in p.items() if k != "id"} for p in workspace.policies]


def put_policies(call: Call) -> Answer:
    """`PUT /a/share/policies`: replaces all of them."""
    state, body = call.state, call.body
    workspace = state.workspaces.get(body.get("Uuid", ""))
    if workspace is None:
        what = "cannot find associated workspace"
        raise Failure(500, what, "Not Found: " + what)
    if workspace.scope not in ("ROOM", "LINK"):
        what = "you are not allowed to use this api to edit workspaces"
        raise Failure(403, what, "Not Found: " + what)
    if not allows(state, call.caller, workspace.policies, "WRITE"):
        raise Failure(403, "you are not allowed to edit this share", "Not Found: you are not allowed to edit this share")
    workspace.policies = state.stored_policies(workspace.uuid, body.get("Policies", []))
    return reply({"Success": True, **compact({"Policies": policies_answer(workspace, stored=False)})})


def resources(call: Call) -> Answer:
    """`POST /a/share/resources`: one entry per node, one link per node; of the caller's own, only nodes that he sees."""
    state, body = call.state, call.body
    kind = body.get("ShareType", "ANY")
    subject = body.get("Subject", "")
    me = call.me
    if subject and not call.admin:
        raise Failure(403, "only admins can specify a subject")
    scopes = {"LINKS": ("LINK",), "CELLS": ("ROOM",)}.get(kind, ("LINK", "ROOM"))
    entries: dict[str, dict[str, Any]] = {}
    for workspace in state.workspaces.values():
        if workspace.scope not in scopes or not _concerns(state, me, workspace, subject):
            continue
        owned = any(p.get("Action") == "OWNER" and p.get("Subject") == me.uuid for p in workspace.policies)
        if body.get("OwnedBySubject") and (not owned or (subject and subject != "user:" + me.name)):
            continue
        for node in shared_roots(state, workspace):
            foreign = bool(subject) and subject != "user:" + me.name
            if not subject and not sees(state, compile_access(state, me), node):
                continue
            entry = entries.setdefault(node.uuid, {"Node": node_answer(state, node) if foreign else contextual_node(call, node)})
            policies = [{k: v for k, v in p.items()} for p in workspace.policies]
            shown = compact({"Uuid": workspace.uuid, "Label": workspace.label, "Description": workspace.description, "Policies": policies})
            if allows(state, me, workspace.policies, "WRITE"):
                shown["PoliciesContextEditable"] = True
            if workspace.scope == "LINK":
                entry.setdefault("Link", shown)
            else:
                entry.setdefault("Cells", []).append(shown)
    return reply(compact({"Resources": list(entries.values())}))


def _concerns(state: State, me: Person, workspace: Workspace, subject: str) -> bool:
    if not subject:
        return allows(state, me, workspace.policies, "READ")
    return any(p.get("Subject") == subject and p.get("Action") == "READ" for p in workspace.policies)


ROUTES = [
    Route("PUT", "/share/policies", put_policies, SHARE_POLICIES),
    Route("POST", "/share/resources", resources, SHARE_RESOURCES),
]
