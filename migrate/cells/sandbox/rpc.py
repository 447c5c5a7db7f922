"""What do the internal calls of the import job do? `actions.cmd.rpc`: password hashes, bookmarks, file dates, link documents."""

from __future__ import annotations

import json
from typing import Any

from migrate.cells.sandbox.router import Call
from migrate.cells.sandbox.state import Person, State


class ActionFailed(Exception):
    """The chain stops here; the text becomes the task's `StatusMessage`."""


def run(call: Call, action: str, parameters: dict[str, str]) -> str:
    """Run one action of a chain; gives what the log of the task tells of its answer."""
    if action != "actions.cmd.rpc":
        if action.startswith("actions.etl."):
            raise ActionFailed("cannot find writeable store cells-local")
        raise ActionFailed("cannot find a concrete implementation for action " + action)
    method = parameters.get("method", "")
    short = method.rpartition(".")[0].rpartition(".")[2] + "." + method.rpartition(".")[2]
    old = call.state.profile == "3.0.9"
    if (old and method.count(".") != 1) or (not old and method.count(".") not in (1, 2)):
        raise ActionFailed("malformed method name: " + json.dumps(method))
    try:
        request = json.loads(parameters.get("request", "{}"))
    except ValueError:
        raise ActionFailed("proto: syntax error") from None
    runner = {"UserService.CreateUser": _create_user, "UserMetaService.UpdateUserMeta": _update_meta, "NodeReceiver.CreateNode": _create_node,
              "DocStore.PutDocument": _put_document, "ActivityService.Subscribe": _nothing}.get(short)
    if runner is None:
        raise ActionFailed("rpc error: code = Unimplemented desc = unknown method " + method)
    return runner(call.state, parameters.get("service", ""), request) or ""


def _nothing(state: State, service: str, request: dict[str, Any]) -> None:
    """Finished without an effect, as seen."""


def _create_user(state: State, service: str, request: dict[str, Any]) -> None:
    user = request.get("User") or {}
    if not user.get("Uuid") or not user.get("Login"):
        root = state.role("ROOT_GROUP")
        if root is not None:
            root.policies = state.policies("ROOT_GROUP", (("READ", "profile:standard"), ("WRITE", "profile:admin")))
        return
    person = state.people.by_uuid.get(user["Uuid"])
    group_path = "/" + user.get("GroupPath", "/").strip("/")
    if person is None:
        person = state.people.add(Person(user["Uuid"], user["Login"], group_path, last_connected=state.now()))
    elif (person.group_path, person.name) != (group_path, user["Login"]):
        state.people.move(person, group_path, user["Login"])
    attributes = dict(user.get("Attributes") or {})
    hashed = attributes.pop("pydio:password_hashed", "") == "true"
    person.attributes = attributes
    person.roles = [r["Uuid"] for r in user.get("Roles") or [] if not r.get("UserRole") and not r.get("GroupRole") and not any(r.get("AutoApplies") or [])]
    if user.get("Policies"):
        person.policies = state.stored_policies(person.uuid, [_by_name(state, policy) for policy in user["Policies"]])
    if user.get("Password"):
        from migrate.cells.sandbox import passwords
        person.password = user["Password"] if hashed else passwords.make(user["Password"])
    state.changed()


def _by_name(state: State, policy: dict[str, Any]) -> dict[str, Any]:
    """3.x takes enums of internal calls as numbers only; 4.x and 5 take names."""
    if state.profile != "3.0.9":
        return policy
    if any(isinstance(policy.get(name), str) for name in ("Action", "Effect")):
        raise ActionFailed("json: cannot unmarshal string into Go value of type idm.ResourcePolicyAction")
    action = ("ANY", "OWNER", "READ", "WRITE")[policy.get("Action", 0)]
    return {**policy, "Action": action, "Effect": "allow" if policy.get("Effect") else "deny"}


def _update_meta(state: State, service: str, request: dict[str, Any]) -> str:
    """Gives the answer as the log of the task shows it."""
    told = []
    for meta in request.get("MetaDatas") or []:
        if request.get("Operation") in ("DELETE", 1):
            state.user_meta.pop(meta.get("Uuid", ""), None)
            continue
        owner = next((p["Subject"] for p in meta.get("Policies") or [] if p.get("Action") in ("OWNER", 1)), "")
        known = next((m for m in state.user_meta.values() if m["NodeUuid"] == meta["NodeUuid"] and m["Namespace"] == meta["Namespace"]
                      and m["owner"] == owner), None)
        uuid = known["Uuid"] if known else state.new_uuid()
        state.user_meta[uuid] = {"Uuid": uuid, "NodeUuid": meta["NodeUuid"], "Namespace": meta["Namespace"], "JsonValue": meta.get("JsonValue", ""),
                                 "Policies": state.stored_policies(uuid, [_by_name(state, p) for p in meta.get("Policies") or []]), "owner": owner}
        told.append(f'MetaDatas:{{Uuid:"{uuid}"  NodeUuid:"{meta["NodeUuid"]}"  Namespace:"{meta["Namespace"]}"}}')
    return " ".join(told)


def _create_node(state: State, service: str, request: dict[str, Any]) -> None:
    source = state.sources.get(service.removeprefix("pydio.grpc.data.index."))
    wanted = request.get("Node") or {}
    node = source.root.find(wanted.get("Path", "")) if source else None
    if node is None:
        raise ActionFailed("rpc error: code = NotFound")
    if not request.get("UpdateIfExists"):
        raise ActionFailed('rpc error: code = Unknown desc = {"Code":409,"Detail":"A node with same UUID already exists. Pass updateIfExists '
                           'parameter if you are sure to override."}')
    node.mtime = int(wanted.get("MTime", node.mtime))
    node.size = int(wanted.get("Size", 0))
    node.etag = wanted.get("Etag", "")


def _put_document(state: State, service: str, request: dict[str, Any]) -> None:
    document = request.get("Document") or {}
    if request.get("StoreID") == "virtualnodes":
        state.virtual_nodes[request["DocumentID"]] = json.loads(document.get("Data", "{}"))
    elif request.get("StoreID") == "share":
        stored = state.hashes.get(request.get("DocumentID", ""))
        if stored is not None:
            data = json.loads(document.get("Data", "{}"))
            stored["Downloads"] = int(data.get("DOWNLOAD_COUNT", stored["Downloads"]))
            stored["Owner"] = data.get("OWNER_ID", stored["Owner"])
