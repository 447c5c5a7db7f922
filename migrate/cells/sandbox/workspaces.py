"""Workspaces and what their PUT rewrites. `/a/workspace`, `/a/graph/state`."""

from __future__ import annotations

import json
import re
from typing import Any

from migrate.cells.sandbox.access import compile_access, listed, workspace_roots
from migrate.cells.sandbox.answers import Answer, Failure, compact, forbidden, reply, rpc_error
from migrate.cells.sandbox.messages import SEARCH_WORKSPACES, WORKSPACE
from migrate.cells.sandbox.nodes import node_answer
from migrate.cells.sandbox.policies import allows, in_context
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import STANDARD_POLICIES, Person, State, Workspace

RESERVED = ("settings", "welcome", "pydio-thumbstore", "pydio-binaries", "versions-store", "thumbnails", "versions", "binaries")
_STORED = {"ALLOW_SYNC": bool, "SKIP_RECYCLE": bool, "META_LAYOUT": str, "DEFAULT_RIGHTS": str, "QUOTA": str}


def parse_attributes(text: str) -> dict[str, Any]:
    """The known keys of an `Attributes` text; text that is not JSON, or a value of a wrong type, gives none at all."""
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(given, dict) or any(k in given and not isinstance(given[k], kind) for k, kind in _STORED.items()):
        return {}
    return {k: given[k] for k in _STORED if given.get(k)}


def attributes_text(values: dict[str, Any]) -> str:
    """The text of the answer; empty when nothing is set."""
    kept = {k: values[k] for k in _STORED if values.get(k) and not (k == "QUOTA" and values[k] == "0")}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else ""


def rebuilt_attributes(state: State, workspace: Workspace) -> str:
    """Stored attributes, with default rights and quota read from the ACLs of `ROOT_GROUP`."""
    values = dict(workspace.attributes)
    mine = [a for a in state.acls.of_workspace(workspace.uuid) if a.role == "ROOT_GROUP"]
    letters = "".join(letter for action, letter in (("read", "r"), ("write", "w")) if any(a.action == action for a in mine))
    quota = next((a.value for a in mine if a.action == "quota"), "")
    return attributes_text({**values, "DEFAULT_RIGHTS": letters, "QUOTA": quota})


def root_ids(state: State, workspace: Workspace) -> list[str]:
    """Node ids of the declared roots (`workspace-path` ACLs)."""
    return [a.node for a in state.acls.of_workspace(workspace.uuid) if a.action == "workspace-path"]


def root_node(state: State, uuid: str, caller: Person | None = None) -> dict[str, Any] | None:
    """A root as the search shows it; with the shares on it that the caller may read."""
    if uuid in state.virtual_nodes:
        return state.virtual_nodes[uuid]
    node = state.nodes.get(uuid)
    if node is None:
        return None
    from migrate.cells.sandbox.shares import shares_on
    shares = shares_on(state, caller, node) if caller is not None else ""
    return node_answer(state, node, extra={"workspaces_shares": shares} if shares else None)


def workspace_answer(call: Call, workspace: Workspace, with_nodes: bool = True) -> dict[str, Any]:
    """A workspace as read back."""
    state = call.state
    out = compact({"UUID": workspace.uuid, "Label": workspace.label, "Description": workspace.description, "Slug": workspace.slug,
                   "Scope": "" if workspace.scope == "ANY" else workspace.scope, "LastUpdated": workspace.last_updated,
                   "Policies": workspace.policies, "Attributes": rebuilt_attributes(state, workspace)})
    if with_nodes:
        nodes = {uuid: shown for uuid in root_ids(state, workspace) if (shown := root_node(state, uuid, call.caller)) is not None}
        if nodes:
            out["RootNodes"] = nodes
        if allows(state, call.caller, workspace.policies, "WRITE"):
            out["PoliciesContextEditable"] = True
    return out


def _fits(workspace: Workspace, query: dict[str, Any]) -> bool:
    fits = True
    for name, value in (("uuid", workspace.uuid), ("label", workspace.label), ("slug", workspace.slug), ("description", workspace.description)):
        if query.get(name):
            pattern = ".*".join(re.escape(p) for p in query[name].split("*"))
            fits = fits and re.fullmatch(pattern, value, re.DOTALL) is not None
    if query.get("scope", "ANY") != "ANY":
        fits = fits and workspace.scope == query["scope"]
    if query.get("HasAttribute"):
        fits = fits and query["HasAttribute"] in workspace.attributes
    if query.get("AttributeName"):
        fits = fits and str(workspace.attributes.get(query["AttributeName"])) == query.get("AttributeValue", "")
    return not fits if query.get("not") else fits


def search(call: Call) -> Answer:
    """`POST /a/workspace`; filtered by policies, `Total` is the number returned."""
    body, state = call.body, call.state
    queries = body.get("Queries", [])
    every = all if body.get("Operation") == "AND" else any
    found = [w for w in state.workspaces.values() if (not queries or every(_fits(w, q) for q in queries))
             and in_context(state, call.caller, w.policies, body.get("ResourcePolicyQuery", {}))]
    if body.get("Limit", 0) > 0:
        found = found[body.get("Offset", 0):body.get("Offset", 0) + body["Limit"]]
    if body.get("CountOnly"):
        return reply(compact({"Total": len(found)}))
    return reply(compact({"Workspaces": [workspace_answer(call, w) for w in found], "Total": len(found)}))


def free_slug(state: State, slug: str, uuid: str) -> str:
    """The slug, or with `-1`, `-2` … when another has it. Suffixes skip the caller's own present slug, as the server does."""
    taken = {w.slug: w.uuid for w in state.workspaces.values()}
    reserved = () if state.profile == "3.0.9" else RESERVED
    if slug not in reserved and taken.get(slug, uuid) == uuid:
        return slug
    number = 1
    while f"{slug}-{number}" in taken:
        number += 1
    return f"{slug}-{number}"


def check_lengths(label: str, description: str, slug: str) -> None:
    """Validators: they count bytes."""
    for name, value, most in (("Label", label, 500), ("Description", description, 1000), ("Slug", slug, 500)):
        if len(value.encode()) >= most:
            raise Failure(500, f"invalid field {name}: value '{value}' must have a length smaller than '{most}'")


def put(call: Call) -> Answer:
    """`PUT /a/workspace/{Slug}`: create or replace; rewrites roots and the rights of `ROOT_GROUP`."""
    body, state = call.body, call.state
    check_lengths(body.get("Label", ""), body.get("Description", ""), body.get("Slug", ""))
    old = state.profile == "3.0.9"
    if old and any(ord(c) > 0xFFFF for c in body.get("Label", "")):
        raise Failure(500, "DAO error received")
    roots = body.get("RootNodes", {})
    if not roots and not body.get("RootUUIDs") and not old:
        raise Failure(400 if state.profile == "5" else 404, "cannot define workspace without any root nodes")
    for uuid in [*roots, *body.get("RootUUIDs", [])]:
        if root_node(state, uuid) is None and not old:
            raise Failure(404, f"cannot find root node for uuid {uuid}")
    uuid = body.get("UUID") or state.new_uuid()
    if len(uuid) > 128:
        raise Failure(500, "DAO error received") if old else rpc_error("Error 1406: Data too long for column 'uuid' at row 1")
    workspace = state.workspaces.get(uuid)
    new = workspace is None
    if workspace is not None and not allows(state, call.caller, workspace.policies, "WRITE"):
        raise forbidden("You are not allowed to edit this workspace")
    slug = free_slug(state, body.get("Slug") or ("" if old else call.params["Slug"]), uuid)
    if old and not body.get("Slug"):
        slug = "-1"
    attributes = parse_attributes(body.get("Attributes", ""))
    if workspace is None:
        workspace = Workspace(uuid, "", "")
        state.workspaces[uuid] = workspace
    workspace.label, workspace.description, workspace.slug = body.get("Label", ""), body.get("Description", ""), slug
    workspace.scope = body.get("Scope", "ANY")
    workspace.attributes = {k: v for k, v in attributes.items() if k not in ("DEFAULT_RIGHTS", "QUOTA")}
    workspace.last_updated = state.now()
    if body.get("Policies"):
        workspace.policies = state.stored_policies(uuid, body["Policies"])
    elif new:
        workspace.policies = state.policies(uuid, STANDARD_POLICIES)
    write_roots(state, workspace, {key: (value or {}) for key, value in roots.items()}, attributes)
    state.changed()
    shown = attributes if roots else {k: v for k, v in attributes.items() if k not in ("DEFAULT_RIGHTS", "QUOTA")}
    policies = [{k: p[k] for k in ("Action", "Subject", "Effect") if k in p} for p in workspace.policies] if new else []
    if body.get("Policies"):
        policies = [compact({k: v for k, v in p.items() if v not in ("ANY", "deny")}) for p in body["Policies"]]
    return reply(compact({"UUID": uuid, "Label": workspace.label, "Description": workspace.description, "Slug": slug,
                          "Scope": "" if workspace.scope == "ANY" else workspace.scope, "Policies": policies,
                          "Attributes": attributes_text(shown), "RootUUIDs": body.get("RootUUIDs", []), "RootNodes": roots}))


def write_roots(state: State, workspace: Workspace, roots: dict[str, dict[str, Any]], attributes: dict[str, Any]) -> None:
    """Replace the root ACLs and those of `ROOT_GROUP`; every other ACL of the workspace stays."""
    state.acls.remove([a for a in state.acls.of_workspace(workspace.uuid) if a.action in ("workspace-path", "recycle_root")
                       or (a.role == "ROOT_GROUP" and a.action in ("read", "write", "quota"))])
    for uuid, node in roots.items():
        state.acls.put(uuid, "", workspace.uuid, "workspace-path", node.get("Path", ""))
        if not attributes.get("SKIP_RECYCLE"):
            state.acls.put(uuid, "", workspace.uuid, "recycle_root", "1")
    letters, quota = attributes.get("DEFAULT_RIGHTS", ""), attributes.get("QUOTA", "")
    for node in roots.values():
        target = node.get("Uuid", "")
        for action, letter in (("read", "r"), ("write", "w")):
            if letter in letters and not any(a.action == action for a in state.acls.of_workspace(workspace.uuid)
                                             if a.role == "ROOT_GROUP" and a.node == target):
                state.acls.put(target, "ROOT_GROUP", workspace.uuid, action, "1")
        if quota and quota != "0":
            state.acls.put(target, "ROOT_GROUP", workspace.uuid, "quota", quota)


def delete(call: Call) -> Answer:
    """`DELETE /a/workspace/{Slug}`; an unknown one is 200 without a count."""
    state = call.state
    workspace = state.slug_of(call.params["Slug"])
    if workspace is None:
        return reply({"Success": True})
    if not allows(state, call.caller, workspace.policies, "WRITE"):
        raise forbidden("You are not allowed to edit this workspace")
    remove_workspace(state, workspace)
    return reply({"Success": True, "NumRows": "1"})


def remove_workspace(state: State, workspace: Workspace) -> None:
    """A workspace with all its ACLs."""
    state.workspaces.pop(workspace.uuid, None)
    state.acls.remove(state.acls.of_workspace(workspace.uuid))
    state.changed()


def graph_state(call: Call) -> Answer:
    """`GET /a/graph/state/{any}`: the caller's workspaces and the rights shown for them."""
    state = call.state
    access = compile_access(state, call.me)
    workspaces, rights = [], {}
    for workspace, letters in listed(state, access):
        shown = workspace_answer(call, workspace, with_nodes=False)
        attributes = attributes_text(workspace.attributes)
        shown.pop("Attributes", None)
        if attributes:
            shown["Attributes"] = attributes
        shown["RootUUIDs"] = workspace_roots(state, access, workspace)
        workspaces.append(shown)
        rights[workspace.uuid] = ",".join(a for a, letter in (("read", "r"), ("write", "w")) if letter in letters)
    if call.me.profile not in ("shared", "anon"):
        rights["homepage"] = "read,write"
    return reply(compact({"Workspaces": workspaces, "WorkspacesAccesses": dict(sorted(rights.items()))}))


ROUTES = [
    Route("POST", "/workspace", search, SEARCH_WORKSPACES),
    Route("PUT", "/workspace/{Slug}", put, WORKSPACE),
    Route("DELETE", "/workspace/{Slug}", delete),
    Route("GET", "/graph/state/{Segment*}", graph_state),
]
