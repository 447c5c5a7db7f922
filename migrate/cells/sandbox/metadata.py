"""User metadata: fields, values, bookmarks, tags, content locks. `/a/user-meta`."""

from __future__ import annotations

import json
from typing import Any

from migrate.cells.sandbox.access import Access, compile_access, rights, root_name, sees, workspace_roots
from migrate.cells.sandbox.acl_table import Duplicate
from migrate.cells.sandbox.answers import Answer, Failure, Plain, compact, forbidden, json_text, not_found, reply, rpc_error, text
from migrate.cells.sandbox.messages import ANYTHING, SEARCH_META, TAG, UPDATE_META, UPDATE_NAMESPACES
from migrate.cells.sandbox.nodes import Node, node_answer
from migrate.cells.sandbox.policies import allows
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import Person, State

PREFIX = "usermeta-"
BOOKMARK = "bookmark"
LOCK = "content_lock"


def user_metadata(state: State, person: Person, node: Node) -> dict[str, str]:
    """What `AllMetaProviders` adds to a node for this person."""
    out = {}
    for meta in state.user_meta.values():
        if meta["NodeUuid"] == node.uuid and allows(state, person, meta["Policies"], "READ"):
            out[meta["Namespace"]] = meta["JsonValue"]
    for acl in state.acls.of_node(node.uuid):
        if acl.action == LOCK:
            out[LOCK] = json_text(acl.value)
    watch = state.subscriptions.get((person.name, node.uuid))
    if watch:
        out["user_subscriptions"] = json_text(",".join(watch["Events"]))
    return out


# Fields

def list_namespaces(call: Call) -> Answer:
    """`GET /a/user-meta/namespace`: those the caller may read."""
    state = call.state
    out = []
    for namespace in state.namespaces.values():
        if allows(state, call.caller, namespace["Policies"], "READ"):
            shown = compact(namespace)
            if allows(state, call.caller, namespace["Policies"], "WRITE"):
                shown["PoliciesContextEditable"] = True
            out.append(shown)
    return reply(compact({"Namespaces": out}))


def put_namespaces(call: Call) -> Answer:
    """`PUT /a/user-meta/namespace`. Deletes before it inserts: a failed insert has lost the old definition."""
    state, body = call.state, call.body
    five = state.profile == "5"
    for namespace in body.get("Namespaces", []):
        if not namespace.get("Namespace", "").startswith(PREFIX):
            raise Failure(400 if five else 500, "user defined meta must start with usermeta- prefix")
        _check_definition(namespace.get("JsonDefinition", ""))
    out = []
    for namespace in body.get("Namespaces", []):
        name = namespace["Namespace"]
        state.namespaces.pop(name, None)
        if body.get("Operation") == "DELETE":
            continue
        for column, value in (("namespace", name), ("label", namespace.get("Label", ""))):
            if len(value) > 255:
                raise Failure(500, "DAO error received") if state.profile == "3.0.9" else rpc_error(
                    f"Error 1406: Data too long for column '{column}' at row 1")
        state.namespaces[name] = {
            "Namespace": name, "Label": namespace.get("Label", ""), "Order": namespace.get("Order", 0),
            "Indexable": namespace.get("Indexable", False), "JsonDefinition": namespace["JsonDefinition"],
            "Policies": state.stored_policies(name, namespace.get("Policies", []))}
        shown = {k: v for k, v in namespace.items() if k != "Policies"}
        policies = [compact({k: p[k] for k in p}) for p in namespace.get("Policies", [])]
        order = ("Namespace", "Label", "Order", "Indexable", "JsonDefinition")
        out.append(compact({**{k: shown[k] for k in order if k in shown}, "Policies": policies}))
    return reply(compact({"Namespaces": out}))


def _check_definition(definition: str) -> None:
    bad = "invalid json definition for namespace: "
    if not definition:
        raise Failure(500, bad + "readObjectStart: expect { or n, but found \x00, error found in #0 byte of ...||..., bigger context ...||...")
    try:
        value = json.loads(definition)
    except ValueError:
        found = definition[1:2]
        raise Failure(500, bad + f"idm.metaNsDef.ReadString: expects \" or n, but found {found}, error found in #2 byte of "
                      f"...|{definition[:10]}|..., bigger context ...|{definition}|...") from None
    if not isinstance(value, dict):
        raise Failure(500, bad + f"readObjectStart: expect {{ or n, but found {definition[:1]}")


# Values

def update(call: Call) -> Answer:
    """`PUT /a/user-meta/update`: checked in order, refused items end the call with nothing written."""
    body = call.body
    removing = body.get("Operation") == "DELETE"
    items = body.get("MetaDatas", [])
    checked: list[tuple[dict[str, Any], Node]] = []
    for item in items:
        node = visible_node(call, item.get("NodeUuid", ""))
        if item.get("Namespace") == LOCK:
            return _lock(call, item, node, removing)
        if item.get("Namespace") != BOOKMARK:
            _require_writable(call, node)
            _require_namespace(call, item.get("Namespace", ""))
        checked.append((item, node))
    if removing:
        for item, _ in checked:
            call.state.user_meta.pop(item.get("Uuid", ""), None)
        return reply({})
    resolved = {node.uuid: seen_resolved(call, node) for _, node in checked}
    return reply(compact({"MetaDatas": [_store(call, item, node, resolved[node.uuid]) for item, node in checked]}))


def visible_node(call: Call, uuid: str) -> Node:
    """The node, when the caller sees it through one of his workspaces."""
    state = call.state
    node = state.nodes.get(uuid)
    if node is None:
        raise not_found(f"Node {uuid} Not found in tree!") if uuid else Failure(
            404, "Cannot get ancestors on ROOT node!", "Bad Request: Cannot get ancestors on ROOT node!")
    if not sees(state, compile_access(state, call.me), node):
        what = "Node does not belong to any accessible workspace!"
        raise Failure(404, what, "Forbidden: " + what)
    return node


def _require_writable(call: Call, node: Node) -> None:
    if not writable(call.state, call.me, node):
        raise Failure(403, "path is not writeable", "Forbidden: path is not writeable")
    owner = next((a.value for a in call.state.acls.of_node(node.uuid) if a.action == LOCK), "")
    if owner and owner != call.me.name:
        raise Failure(423 if call.state.profile == "5" else 403, "This file is locked by another user",
                      "Forbidden: This file is locked by another user")


def writable(state: State, person: Person, node: Node) -> bool:
    """Whether one of the person's workspaces lets him write the node."""
    from migrate.cells.sandbox.access import locate
    access = compile_access(state, person)
    for _, path in sees(state, access, node):
        place = locate(state, access, path)
        if place is not None and "write" in rights(access, place, node):
            return True
    return False


def _require_namespace(call: Call, name: str) -> None:
    namespace = call.state.namespaces.get(name)
    if namespace is None or not allows(call.state, call.caller, namespace["Policies"], "READ"):
        raise not_found(f"Namespace {name} is not defined!")
    if not allows(call.state, call.caller, namespace["Policies"], "WRITE"):
        raise forbidden(f"You are not authorized to write on namespace {name}")


def _store(call: Call, item: dict[str, Any], node: Node, resolved: dict[str, Any]) -> dict[str, Any]:
    state, me = call.state, call.me
    name, value = item.get("Namespace", ""), item.get("JsonValue", "")
    try:
        parsed = json.loads(value)
    except ValueError:
        shown = value[:10]
        raise rpc_error("make sure to use JSON format for metadata: Read: unexpected value type: 0, error found in #0 byte of "
                        f"...|{shown}|..., bigger context ...|{value}|...") from None
    if len(value.encode()) > 65535:
        raise rpc_error("Error 1406: Data too long for column 'data' at row 1")
    owner = me.uuid if name == BOOKMARK else ""
    known = next((m for m in state.user_meta.values()
                  if m["NodeUuid"] == node.uuid and m["Namespace"] == name and m["owner"] == owner), None)
    uuid = known["Uuid"] if known else state.new_uuid()
    if name == BOOKMARK:
        policies = state.policies(uuid, bookmark_rules(me))
    else:
        policies = [{**p, "Resource": uuid} for p in state.namespaces[name]["Policies"]]
        if '"tags"' in state.namespaces[name]["JsonDefinition"]:
            remember_tags(state, name, parsed)
    state.user_meta[uuid] = {"Uuid": uuid, "NodeUuid": node.uuid, "Namespace": name, "JsonValue": value, "Policies": policies, "owner": owner}
    if name == BOOKMARK:
        policies = [{k: v for k, v in p.items() if k != "id"} for p in policies]
    return compact({"Uuid": uuid, "NodeUuid": node.uuid, "Namespace": name, "JsonValue": value, "Policies": policies, "ResolvedNode": resolved})


def bookmark_rules(person: Person) -> tuple[tuple[str, str], ...]:
    """Policies that the server puts on every bookmark."""
    return (("OWNER", person.uuid), ("READ", "user:" + person.name), ("WRITE", "user:" + person.name), ("WRITE", "profile:admin"))


def seen_resolved(call: Call, node: Node) -> dict[str, Any]:
    """The node as the answer of an update shows it: raw path, paths inside its workspaces, and what the services noted on the way."""
    state = call.state
    source, _, inside = node.path.partition("/")
    readonly = {} if writable(state, call.me, node) else {"node_readonly": '"true"'}
    shown = node_answer(state, node, extra={"pydio:meta-data-source-name": json_text(source), "pydio:meta-data-source-path": json_text(inside),
                                            **{"pydio:meta-loaded-pydio.grpc." + s: "true" for s in ("acl", "activity", "meta", "user-meta")},
                                            **readonly, **user_metadata(state, call.me, node)})
    shown["AppearsIn"] = []
    for workspace, path in sees(state, compile_access(state, call.me), node):
        root = next((r for r in workspace_roots(state, compile_access(state, call.me), workspace)), "")
        rest = path.partition("/")[2]
        shown["AppearsIn"].append({"WsUuid": workspace.uuid, "WsLabel": workspace.label, "WsScope": workspace.scope, "WsSlug": workspace.slug,
                                   "Path": rest if root.startswith("DATASOURCE:") else "/" + rest})
    return shown


def remember_tags(state: State, namespace: str, value: Any) -> None:
    """Add the values of a tags field to its known ones, split at commas without trimming."""
    known = state.tags.setdefault(namespace, [])
    for tag in (value.split(",") if isinstance(value, str) else [""]):
        if tag not in known:
            known.append(tag)


def _lock(call: Call, item: dict[str, Any], node: Node, removing: bool) -> Answer:
    state, me = call.state, call.me
    rows = [a for a in state.acls.of_node(node.uuid) if a.action == LOCK]
    foreign = Failure(423 if state.profile == "5" else 403, "This file is locked by another user",
                      "Forbidden: This file is locked by another user")
    if not writable(state, me, node):
        raise forbidden("path is not writeable")
    if rows and rows[0].value != me.name:
        raise foreign
    shown = {k: v for k, v in item.items() if k in ("NodeUuid", "Namespace", "JsonValue", "Policies")}
    if removing:
        answer = {"MetaDatas": [compact({**shown, "JsonValue": me.name, "ResolvedNode": seen_resolved(call, node)})]}
        state.acls.remove(rows)
        return reply(answer)
    resolved = seen_resolved(call, node)
    try:
        state.acls.put(node.uuid, "", "", LOCK, me.name)
    except Duplicate:
        raise rpc_error(f"Error 1062: Duplicate entry '{node.uuid[:3]}-content_lock--1--1' for key 'acls_u1'") from None
    return reply({"MetaDatas": [compact({**shown, "JsonValue": me.name, "ResolvedNode": resolved})]})


def search(call: Call) -> Answer:
    """`POST /a/user-meta/search`: filtered by the policies of the values only."""
    state, body = call.state, call.body
    out = []
    for meta in state.user_meta.values():
        if body.get("MetaUuids") and meta["Uuid"] not in body["MetaUuids"]:
            continue
        if body.get("NodeUuids") and meta["NodeUuid"] not in body["NodeUuids"]:
            continue
        if body.get("Namespace") and meta["Namespace"] != body["Namespace"]:
            continue
        owner = body.get("ResourceSubjectOwner")
        if owner and not any(p.get("Action") == "OWNER" and p.get("Subject") == owner for p in meta["Policies"]):
            continue
        if allows(state, call.caller, meta["Policies"], "READ"):
            shown = compact({k: v for k, v in meta.items() if k != "owner"})
            if allows(state, call.caller, meta["Policies"], "WRITE"):
                shown["PoliciesContextEditable"] = True
            out.append(shown)
    return reply(compact({"Metadatas": out}))


def bookmarks(call: Call) -> Answer:
    """`POST /a/user-meta/bookmarks`: the caller's, as nodes."""
    state, me = call.state, call.me
    access = compile_access(state, me)
    nodes = []
    for meta in state.user_meta.values():
        if meta["Namespace"] != BOOKMARK or not allows(state, me, meta["Policies"], "READ"):
            continue
        node = state.nodes.get(meta["NodeUuid"])
        places = sees(state, access, node) if node is not None else []
        if node is None or not places:
            continue
        full = seen_resolved(call, node)
        meta_store = {k: v for k, v in full["MetaStore"].items() if not k.startswith("pydio:")}
        nodes.append({**full, "Path": places[0][1], "MetaStore": meta_store})
    return reply(compact({"Nodes": nodes}))


def appears_in(state: State, access: Access, places: list[tuple[Any, str]], node: Node) -> list[dict[str, str]]:
    """`AppearsIn` of a node; a root shows with a slash at the end, the only root of a workspace as the workspace."""
    out = []
    for workspace, path in places:
        first, _, rest = path.partition("/")
        if rest == root_name(node) and len(workspace_roots(state, access, workspace)) == 1:
            path = first + "/"
        elif rest == root_name(node):
            path += "/"
        out.append({"WsUuid": workspace.uuid, "WsLabel": workspace.label, "Path": path, "WsSlug": workspace.slug})
    return out


# Tags

def list_tags(call: Call) -> Answer:
    """`GET /a/user-meta/tags/{ns}`."""
    return reply(compact({"Tags": call.state.tags.get(call.params["Namespace"], [])}))


def put_tag(call: Call) -> Answer:
    """`POST /a/user-meta/tags/{ns}`."""
    from migrate.cells.sandbox import proto
    try:
        body = proto.decode(call.raw, TAG)
    except Failure as failure:
        one = '{{"Title":{0}, "Detail":{0}}}'.format(json_text(failure.title))
        raise Plain(text(500, one + '{"Success":true}', "application/json")) from None
    name = body.get("Namespace") or call.params["Namespace"]
    if call.state.profile == "3.0.9" and not body.get("Namespace"):
        raise Failure(500, "key required")
    known = call.state.tags.setdefault(name, [])
    if body.get("Tag", "") not in known:
        known.append(body.get("Tag", ""))
    return reply({"Success": True})


def delete_tags(call: Call) -> Answer:
    """`DELETE /a/user-meta/tags/{ns}/*`: all of a field, values of nodes stay."""
    if call.params["Tags"] != "*":
        raise Failure(501 if call.state.profile == "5" else 500, "not implemented - please use * to clear all tags")
    call.state.tags.pop(call.params["Namespace"], None)
    return reply({"Success": True})


ROUTES = [
    Route("GET", "/user-meta/namespace", list_namespaces),
    Route("PUT", "/user-meta/namespace", put_namespaces, UPDATE_NAMESPACES),
    Route("PUT", "/user-meta/update", update, UPDATE_META),
    Route("POST", "/user-meta/search", search, SEARCH_META),
    Route("POST", "/user-meta/bookmarks", bookmarks, ANYTHING, raw=True),
    Route("GET", "/user-meta/tags/{Namespace}", list_tags),
    Route("POST", "/user-meta/tags/{Namespace}", put_tag, TAG, raw=True),
    Route("DELETE", "/user-meta/tags/{Namespace}/{Tags}", delete_tags),
]
