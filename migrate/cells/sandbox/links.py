"""Public links. `/a/share/link`: a workspace, a hidden user, and a document found by its hash."""

from __future__ import annotations

import posixpath
import secrets
from typing import Any

from migrate.cells.sandbox import passwords
from migrate.cells.sandbox.answers import Answer, Failure, Panic, bad_request, compact, forbidden, not_found, reply, rpc_error
from migrate.cells.sandbox.cells import can_write
from migrate.cells.sandbox.messages import PUT_LINK
from migrate.cells.sandbox.nodes import Node
from migrate.cells.sandbox.people import remove_person
from migrate.cells.sandbox.policies import allows
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.shares import policies_answer, slugify
from migrate.cells.sandbox.state import Person, Role, State, Workspace
from migrate.cells.sandbox.workspaces import free_slug, remove_workspace

OPEN_SUFFIX = "#$!Az1"       # what the server appends to the hidden login to make the password of an open link


def documents_of(state: State, uuid: str) -> list[dict[str, Any]]:
    """Hash documents of a link workspace; an update with another hash makes a second one."""
    return [d for d in state.hashes.values() if d["WorkspaceUuid"] == uuid]


def count_download(state: State, person: Person) -> bool:
    """Count a full download of a hidden user; False when the limit is reached."""
    if person.attributes.get("hidden") != "true":
        return True
    for document in state.hashes.values():
        if document["UserUuid"] == person.uuid:
            if document["MaxDownloads"] and document["Downloads"] >= document["MaxDownloads"]:
                return False
            document["Downloads"] += 1
            return True
    return True


def put(call: Call) -> Answer:
    """`PUT /a/share/link`."""
    state, body = call.state, call.body
    if "ShareLink" not in body:
        if state.profile == "3.0.9":
            return Answer(200)
        raise Panic("PUT link without ShareLink")
    link = body["ShareLink"]
    for name, most in (("Label", 500), ("Description", 1000)):
        if len(link.get(name, "").encode()) >= most:
            raise Failure(500, f"invalid field ShareLink.{name}: value '{link[name]}' must have a length smaller than '{most}'")
    nodes = [_node(call, wanted or {}) for wanted in link.get("RootNodes", [])]
    _check_rights(call, link, nodes)
    if link.get("Uuid"):
        return _update(call, link, nodes)
    return _create(call, link, nodes)


def _node(call: Call, wanted: dict[str, Any]) -> Node:
    from migrate.cells.sandbox.access import compile_access, sees
    uuid = wanted.get("Uuid", "")
    if not uuid:
        if wanted.get("Path"):
            raise not_found("Not found")
        raise bad_request("Cannot get ancestors on ROOT node!")
    node = call.state.nodes.get(uuid)
    if node is None:
        raise not_found(f"Node {uuid} Not found in tree!")
    if not sees(call.state, compile_access(call.state, call.me), node):
        raise forbidden("Node does not belong to any accessible workspace!")
    return node


def _check_rights(call: Call, link: dict[str, Any], nodes: list[Node]) -> None:
    options = call.state.configuration.get("frontend/plugin/action.share", {})
    for node in nodes:
        if not options.get("ENABLE_FOLDER_PUBLIC_LINK" if node.is_folder else "ENABLE_FILE_PUBLIC_LINK", True):
            raise Failure(403, "You are not allowed to create public links on this resource")
    if "Upload" in link.get("Permissions", []) and not all(can_write(call, node) for node in nodes):
        raise forbidden("This resource is not writeable, you are not allowed to set this permission.")


def _create(call: Call, link: dict[str, Any], nodes: list[Node]) -> Answer:
    state, body, me = call.state, call.body, call.me
    if not link.get("Label"):
        raise bad_request("please provide a non-empty label for this workspace")
    workspace = Workspace(state.new_uuid(), link["Label"], free_slug(state, slugify(link["Label"]), ""), "LINK", link.get("Description", ""),
                          last_updated=state.now())
    workspace.policies = state.policies(workspace.uuid, (("OWNER", me.uuid), ("READ", "user:" + me.name), ("WRITE", "user:" + me.name),
                                                         ("WRITE", "profile:admin")))
    state.workspaces[workspace.uuid] = workspace
    for node in nodes:
        state.acls.put(node.uuid, "", workspace.uuid, "workspace-path", "uuid:" + node.uuid)
    if body.get("PasswordEnabled") and not body.get("CreatePassword"):
        raise bad_request("Please provide a non empty password!") if state.profile != "5" else Failure(400, "Please provide a non empty password!")
    password = body.get("CreatePassword", "") if body.get("PasswordEnabled") else ""
    hidden = _hidden_user(state, me, password)
    workspace.policies += state.policies(workspace.uuid, (("READ", "user:" + hidden.name),))
    hash_ = body.get("UpdateCustomHash") or secrets.token_hex(6)
    if hash_ in state.hashes:
        if state.profile == "3.0.9":
            remove_person(state, hidden)
        raise Failure(409 if state.profile == "5" else 500, "hash is already in use, please use another one")
    document = {"Hash": hash_, "WorkspaceUuid": workspace.uuid, "Downloads": 0, "Repeat": 1}
    state.hashes[hash_] = document
    _store(call, workspace, document, link, nodes, hidden, bool(password))
    return reply(link_answer(call, workspace, document, stored=False))


def _hidden_user(state: State, owner: Person, password: str) -> Person:
    uuid = state.new_uuid()
    login = uuid.replace("-", "")[:16]
    person = Person(uuid, login, owner.group_path, attributes={"hidden": "true", "profile": "shared"},
                    last_connected=state.now(), password=passwords.make(password or login + OPEN_SUFFIX))
    person.policies = state.policies(uuid, (("OWNER", owner.uuid), ("READ", "user:" + owner.name), ("WRITE", "user:" + owner.name),
                                            ("WRITE", "profile:admin"), ("READ", "user:" + login)))
    state.people.add(person)
    state.put_role(Role(uuid, login, user_role=True, policies=list(person.policies)))
    return person


def _store(call: Call, workspace: Workspace, document: dict[str, Any], link: dict[str, Any], nodes: list[Node], hidden: Person,
           protected: bool) -> None:
    state = call.state
    wanted = link.get("Permissions", [])
    template = link.get("ViewTemplateName", "")
    state.acls.remove([a for a in state.acls.of_workspace(workspace.uuid) if a.action in ("read", "write") and a.role])
    for node in nodes:
        if "Preview" in wanted or "Download" in wanted:
            state.acls.put(node.uuid, hidden.uuid, workspace.uuid, "read", "1")
        if "Upload" in wanted:
            state.acls.put(node.uuid, hidden.uuid, workspace.uuid, "write", "1")
    hidden.roles = [] if "Download" in wanted else ["MINISITE_NODOWNLOAD"]
    document.update({
        "Label": workspace.label, "AccessEnd": link.get("AccessEnd", 0), "MaxDownloads": link.get("MaxDownloads", 0), "Downloads": 0,
        "Template": template, "TargetUsers": link.get("TargetUsers", {}), "Restrict": link.get("RestrictToTargetUsers", False),
        "UserUuid": hidden.uuid, "UserLogin": hidden.name, "Password": protected, "NoDownload": "Download" not in wanted,
        "Owner": call.me.name})
    state.changed()


def _update(call: Call, link: dict[str, Any], nodes: list[Node]) -> Answer:
    state, body = call.state, call.body
    workspace = state.workspaces.get(link["Uuid"])
    if workspace is None or workspace.scope != "LINK":
        what = f"Cannot find workspace with Uuid {link['Uuid']}"
        raise Failure(500, what, "Not Found: " + what)
    if not allows(state, call.caller, workspace.policies, "WRITE"):
        raise Failure(403, "you are not allowed to edit this link")
    known = documents_of(state, workspace.uuid)
    hash_ = link.get("LinkHash", "")
    if not hash_:
        raise rpc_error("key required")
    old = known[0] if known else {}
    custom = body.get("UpdateCustomHash")
    if custom and custom != hash_:
        _check_custom_hash(state, custom)
        if custom in state.hashes:
            raise Failure(409 if state.profile == "5" else 500, "hash is already in use, please use another one")
        state.hashes.pop(hash_, None)
        hash_ = custom
    if not link.get("Label"):
        raise bad_request("please provide a non-empty label for this workspace")
    workspace.label, workspace.description, workspace.last_updated = link["Label"], link.get("Description", ""), state.now()
    hidden = state.people.by_uuid.get(old.get("UserUuid", ""))
    protected, repeat = bool(old.get("Password")), 1
    password = body.get("UpdatePassword", "") if protected else body.get("CreatePassword", "")
    if body.get("PasswordEnabled") and (password or not protected):
        if not password:
            raise bad_request("Please provide a non empty password!")
        hidden, protected, repeat = _replace(state, call.me, hidden, password), True, 2 if state.profile != "3.0.9" else 1
    elif not body.get("PasswordEnabled") and protected:
        hidden, protected, repeat = _replace(state, call.me, hidden, ""), False, 2 if state.profile != "3.0.9" else 1
    if hidden is None:
        hidden = _hidden_user(state, call.me, "")
    document = state.hashes.setdefault(hash_, {"Hash": hash_, "WorkspaceUuid": workspace.uuid})
    document["Repeat"] = repeat
    _store(call, workspace, document, link, nodes, hidden, protected)
    for other in known:
        if other is not document:
            other.update({k: v for k, v in document.items() if k != "Hash"})
    return reply(link_answer(call, workspace, documents_of(state, workspace.uuid)[0], stored=True))


def _check_custom_hash(state: State, hash_: str) -> None:
    options = state.configuration.get("frontend/plugin/action.share", {})
    if not options.get("HASH_USER_EDITABLE", True):
        raise Failure(403, "You are not allowed to set a custom hash")
    if len(hash_) < int(options.get("HASH_MIN_LENGTH", 12)):
        raise forbidden(f"Please use a link hash with at least {int(options.get('HASH_MIN_LENGTH', 12))} characters")


def _replace(state: State, owner: Person, old: Person | None, password: str) -> Person:
    if old is not None:
        remove_person(state, old)
    return _hidden_user(state, owner, password)


def permissions(state: State, workspace: Workspace, document: dict[str, Any]) -> list[str]:
    """What the rights of the hidden user read back as; doubled for several roots and after a change of password."""
    out = []
    mine = [a for a in state.acls.of_workspace(workspace.uuid) if a.role == document["UserUuid"]]
    for _ in range(document.get("Repeat", 1)):
        for acl in mine:
            if acl.action == "read":
                if document["Template"] != "pydio_unique_dl":
                    out.append("Preview")
                if not document["NoDownload"]:
                    out.append("Download")
            elif acl.action == "write":
                out.append("Upload")
    return out


def link_answer(call: Call, workspace: Workspace, document: dict[str, Any], stored: bool = True) -> dict[str, Any]:
    """A link as JSON."""
    state = call.state
    url = posixpath.normpath("/public/" + document["Hash"])
    roots = dict.fromkeys(a.node for a in state.acls.of_workspace(workspace.uuid) if a.role == document["UserUuid"] and a.node in state.nodes)
    out = compact({
        "Uuid": workspace.uuid, "LinkHash": document["Hash"], "LinkUrl": url, "Label": workspace.label, "Description": workspace.description,
        "UserUuid": document["UserUuid"], "UserLogin": document["UserLogin"], "PasswordRequired": document["Password"],
        "AccessEnd": str(document["AccessEnd"]) if document["AccessEnd"] else "",
        "MaxDownloads": str(document["MaxDownloads"]) if document["MaxDownloads"] else "",
        "CurrentDownloads": str(document["Downloads"]) if document["Downloads"] and document["MaxDownloads"] else "", "ViewTemplateName": document["Template"],
        "TargetUsers": document["TargetUsers"], "RestrictToTargetUsers": document["Restrict"],
        "RootNodes": [{"Uuid": node} for node in roots], "Permissions": permissions(state, workspace, document),
        "Policies": policies_answer(workspace, stored)})
    if allows(state, call.caller, workspace.policies, "WRITE"):
        out["PoliciesContextEditable"] = True
    return out


def _found(call: Call) -> tuple[Workspace, list[dict[str, Any]]]:
    uuid = call.params["Uuid"]
    workspace = call.state.workspaces.get(uuid)
    if workspace is None or workspace.scope != "LINK":
        raise not_found(f"Cannot find workspace with Uuid {uuid}")
    return workspace, documents_of(call.state, uuid)


ORPHAN = "docstore%!(EXTRA string=Cannot find link associated to this workspace)"


def read(call: Call) -> Answer:
    """`GET /a/share/link/{Uuid}`."""
    workspace, documents = _found(call)
    if not documents:
        raise Failure(500, ORPHAN)
    return reply(link_answer(call, workspace, documents[-1]))


def delete(call: Call) -> Answer:
    """`DELETE /a/share/link/{Uuid}`: an orphan answers 500 and is gone all the same."""
    workspace, documents = _found(call)
    state = call.state
    if not allows(state, call.caller, workspace.policies, "WRITE"):
        raise Failure(403, "you are not allowed to edit this link")
    remove_workspace(state, workspace)
    if not documents:
        raise Failure(500, ORPHAN)
    for document in documents:
        del state.hashes[document["Hash"]]
        hidden = state.people.by_uuid.get(document["UserUuid"])
        if hidden is not None:
            remove_person(state, hidden)
    return reply({"Success": True})


ROUTES = [
    Route("PUT", "/share/link", put, PUT_LINK),
    Route("GET", "/share/link/{Uuid}", read),
    Route("DELETE", "/share/link/{Uuid}", delete),
]
