"""Cells: folders shared with people. `/a/share/cell`."""

from __future__ import annotations

from typing import Any

from migrate.cells.sandbox import tree
from migrate.cells.sandbox.access import compile_access, locate, rights, sees
from migrate.cells.sandbox.answers import Answer, Failure, Panic, bad_request, compact, forbidden, reply
from migrate.cells.sandbox.messages import PUT_CELL
from migrate.cells.sandbox.metadata import visible_node
from migrate.cells.sandbox.nodes import Node, make_folders
from migrate.cells.sandbox.people_found import shown_group
from migrate.cells.sandbox.policies import allows
from migrate.cells.sandbox.roles import role_answer
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.shares import contextual_node, require_editable, share_of, shared_roots, slugify
from migrate.cells.sandbox.state import State, Workspace
from migrate.cells.sandbox.workspaces import free_slug, remove_workspace


def put(call: Call) -> Answer:
    """`PUT /a/share/cell`: create (no `Uuid`: every time a new one) or update."""
    state, body = call.state, call.body
    if "Room" not in body:
        if state.profile == "3.0.9":
            return Answer(200)
        raise Panic("PUT cell without Room")
    room = body["Room"]
    _check(room)
    me = call.me
    if body.get("CreateEmptyRoot"):
        folder, _ = make_folders(state, state.sources["cellsdata"].root, f"{me.name}/{slugify(room.get('Label', ''))}")
        roots = [folder]
    else:
        if not room.get("RootNodes"):
            raise bad_request("Wrong configuration, missing RootNodes in CellRequest")
        try:
            roots = [_root(call, wanted) for wanted in room["RootNodes"]]
        except Failure:
            if state.profile == "5":
                return Answer(200)
            raise
    wanted = _wanted_rights(call, room, roots, bool(body.get("CreateEmptyRoot")))
    workspace = _workspace(call, room)
    new = workspace.uuid not in state.workspaces
    state.workspaces[workspace.uuid] = workspace
    made = _write(call, workspace, roots, wanted, new)
    state.changed()
    return reply(cell_answer(call, workspace, made, hide_roots=bool(body.get("CreateEmptyRoot"))))


def _check(room: dict[str, Any]) -> None:
    for name, most in (("Label", 500), ("Description", 1000)):
        if len(room.get(name, "").encode()) >= most:
            raise Failure(500, f"invalid field Room.{name}: value '{room[name]}' must have a length smaller than '{most}'")


def _root(call: Call, wanted: dict[str, Any]) -> Node:
    if wanted.get("Path"):
        return tree.find(call, wanted["Path"])[2]
    return visible_node(call, wanted.get("Uuid", ""))


def can_write(call: Call, node: Node) -> bool:
    """Whether the caller may write a node through one of his workspaces."""
    access = compile_access(call.state, call.me)
    for _, path in sees(call.state, access, node):
        place = locate(call.state, access, path)
        if place is not None and "write" in rights(access, place, node):
            return True
    return False


def _wanted_rights(call: Call, room: dict[str, Any], roots: list[Node], empty: bool) -> dict[str, list[str]]:
    wanted = {acl.get("RoleId") or role: [a["Name"] for a in acl.get("Actions", []) if a.get("Name") in ("read", "write")]
              for role, acl in room.get("ACLs", {}).items() if acl}
    writable = empty or all(can_write(call, node) for node in roots)
    if not writable and any("write" in actions for actions in wanted.values()):
        raise forbidden("One of the resource you are sharing is readonly. You cannot assign write permission on this Cell.")
    wanted.setdefault(call.me.uuid, ["read", "write"] if writable else ["read"])
    return wanted


def _workspace(call: Call, room: dict[str, Any]) -> Workspace:
    state, me, uuid = call.state, call.me, room.get("Uuid", "")
    label, description = room.get("Label", ""), room.get("Description", "")
    if not uuid:
        if not label:
            raise bad_request("please provide a non-empty label for this workspace")
        made = Workspace(state.new_uuid(), label, free_slug(state, slugify(label), ""), "ROOM", description, last_updated=state.now())
        made.policies = state.policies(made.uuid, (("OWNER", me.uuid), ("READ", "user:" + me.name), ("WRITE", "user:" + me.name),
                                                   ("WRITE", "profile:admin")))
        return made
    workspace = state.workspaces.get(uuid)
    if workspace is None or workspace.scope != "ROOM":
        what = f"Cannot find workspace with Uuid {uuid}"
        raise Failure(500, what, "Not Found: " + what)
    require_editable(call, workspace, "room")
    if label != workspace.label or (description and description != workspace.description):
        workspace.label, workspace.description = label, description
    workspace.last_updated = state.now()
    return workspace


def _write(call: Call, workspace: Workspace, roots: list[Node], wanted: dict[str, list[str]], new: bool) -> set[str]:
    state = call.state
    keys = {(node.uuid, role, action) for node in roots for role, actions in wanted.items() for action in actions}
    kept = set()
    for acl in state.acls.of_workspace(workspace.uuid):
        if acl.action in ("read", "write") and acl.role:
            if (acl.node, acl.role, acl.action) in keys:
                kept.add((acl.node, acl.role, acl.action))
            else:
                state.acls.remove([acl])
    if new:
        for node in roots:
            state.acls.put(node.uuid, "", workspace.uuid, "workspace-path", "uuid:" + node.uuid)
    for node in roots:
        for role, actions in wanted.items():
            for action in actions:
                if (node.uuid, role, action) not in kept:
                    state.acls.put(node.uuid, role, workspace.uuid, action, "1")
    readers = {"role:" + role for role, actions in wanted.items() if "read" in actions}
    kept_rules = [p for p in workspace.policies if not p.get("Subject", "").startswith("role:") or p["Subject"] in readers]
    known = {p.get("Subject") for p in kept_rules}
    added = state.policies(workspace.uuid, [("READ", "role:" + role) for role in wanted if "role:" + role in readers - known])
    workspace.policies = [*kept_rules, *added]
    return {p["id"] for p in (workspace.policies if new else added)}


def cell_answer(call: Call, workspace: Workspace, made: set[str] | None = None, hide_roots: bool = False) -> dict[str, Any]:
    """A cell as JSON; policies `made` by this very call come without their ids."""
    state = call.state
    nodes = [] if hide_roots else [contextual_node(call, node) for node in shared_roots(state, workspace)]
    entries: dict[str, dict[str, Any]] = {}
    for acl in state.acls.of_workspace(workspace.uuid):
        if acl.action in ("read", "write") and acl.role:
            entry = entries.setdefault(acl.role, {"RoleId": acl.role, "Actions": []})
            if {"Name": acl.action, "Value": acl.value} not in entry["Actions"]:
                entry["Actions"].append({"Name": acl.action, "Value": acl.value})
    for role, entry in entries.items():
        entry.update(_subject(call, role))
    out = compact({"Uuid": workspace.uuid, "Label": workspace.label, "Description": workspace.description, "RootNodes": nodes,
                   "ACLs": entries,
                   "Policies": [{k: v for k, v in p.items() if k != "id" or p["id"] not in (made or ())} for p in workspace.policies]})
    if allows(state, call.caller, workspace.policies, "WRITE"):
        out["PoliciesContextEditable"] = True
    return out


def _subject(call: Call, role_id: str) -> dict[str, Any]:
    state = call.state
    person = state.people.by_uuid.get(role_id)
    if person is not None:
        attributes = {k: v for k, v in person.attributes.items() if person.is_group or not k.startswith("pydio:")}
        shown: dict[str, Any] = {"Uuid": person.uuid, "GroupPath": shown_group(person.group_path)}
        shown.update(compact({"Attributes": dict(sorted(attributes.items())), "Login": "" if person.is_group else person.name,
                              "IsGroup": person.is_group, "GroupLabel": person.name if person.is_group else "",
                              "LastConnected": person.last_connected, "Policies": person.policies}))
        if not person.is_group and allows(state, call.caller, person.policies, "WRITE"):
            shown["PoliciesContextEditable"] = True
        return {"Group" if person.is_group else "User": shown}
    role = state.role(role_id)
    return {"Role": role_answer(state, role, None)} if role is not None else {}


def _require_rights(state: State, workspace: Workspace) -> None:
    if not any(a.action in ("read", "write") and a.role for a in state.acls.of_workspace(workspace.uuid)):
        raise Panic("a cell without any right")


def read(call: Call) -> Answer:
    """`GET /a/share/cell/{Uuid}`."""
    workspace = share_of(call.state, call.params["Uuid"], "ROOM")
    _require_rights(call.state, workspace)
    return reply(cell_answer(call, workspace))


def delete(call: Call) -> Answer:
    """`DELETE /a/share/cell/{Uuid}`: folder and files stay."""
    workspace = share_of(call.state, call.params["Uuid"], "ROOM")
    require_editable(call, workspace, "room")
    _require_rights(call.state, workspace)
    remove_workspace(call.state, workspace)
    return reply({"Success": True})


ROUTES = [
    Route("PUT", "/share/cell", put, PUT_CELL),
    Route("GET", "/share/cell/{Uuid}", read),
    Route("DELETE", "/share/cell/{Uuid}", delete),
]
