"""Files and folders over REST: stat, list, create, delete, restore, `/a/tree`, `/a/meta`; the administrative tree is in `admin_tree`."""

from __future__ import annotations

from typing import Any

from migrate.cells.sandbox import content
from migrate.cells.sandbox.access import Access, Place, compile_access, locate, mask_of, resolve, rights, root_name
from migrate.cells.sandbox.answers import Answer, Failure, Plain, compact, json_text, not_found, reply, text
from migrate.cells.sandbox.messages import (
    ANYTHING,
    BULK_STAT,
    CREATE_NODES,
    DELETE_NODES,
    META_NAMESPACES,
    NODES,
    SET_META,
)
from migrate.cells.sandbox.metadata import user_metadata
from migrate.cells.sandbox.nodes import FILE, FOLDER, Node, add_node, drop_node, make_folders, move_node, new_folder, node_answer
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.shares import shares_on
from migrate.cells.sandbox.state import Person, State

BIN = "recycle_bin"
EMPTY_ETAG = "59adb24ef3cdbe0297f05b395827453f-1"


def enter(call: Call, path: str, person: Person | None = None) -> tuple[Access, Place]:
    """Place of a path for the caller; 404 when he has no such workspace."""
    access = compile_access(call.state, person or call.me)
    place = locate(call.state, access, path)
    if place is None:
        raise not_found(f"Workspace {path.strip('/').partition('/')[0]} is not found")
    return access, place


def find(call: Call, path: str) -> tuple[Access, Place, Node]:
    """An existing node that the caller may read or write; the 404 of the server otherwise."""
    access, place = enter(call, path)
    if place.start is None:
        raise not_found("Cannot find root node")
    node = place.node if "\\" not in path else None
    scopes = call.token.scopes if call.token else ()
    if node is None:
        raise not_found(f"Could not retrieve node {missing_path(place)}")
    if not rights(access, place, node) or (scopes and not any(s.split(":")[1:2] == [node.uuid] for s in scopes)):
        raise Failure(404, "path is not readable", "Forbidden: path is not readable")
    return access, place, node


def missing_path(place: Place) -> str:
    """The path that the server names in its 404: inside the data source."""
    assert place.start is not None
    inside = place.start.path.partition("/")[2].strip("/")
    return "/" + "/".join(p for p in (inside, place.rest.strip("/")) if p)


def seen_node(call: Call, access: Access, place: Place, node: Node, all_meta: bool = False, counts: bool = False) -> dict[str, Any]:
    """A node as this caller sees it."""
    state = call.state
    extra: dict[str, str] = {}
    mask = rights(access, place, node)
    if "write" not in mask:
        extra["node_readonly"] = '"true"'
    if node is place.start:
        extra["ws_root"] = '"true"'
        root = place.virtual or node.uuid
        quota = access.quotas.get((place.workspace.uuid, root))
        if quota:
            extra["ws_quota"], extra["ws_quota_usage"] = quota, str(node.total)
    if counts and node.is_folder:
        children = [c for c in node.children.values() if not c.name.startswith(".")]
        files = sum(not c.is_folder for c in children)
        extra |= {"ChildrenCount": str(len(children)), "ChildrenFiles": str(files), "ChildrenFolders": str(len(children) - files)}
    shares = shares_on(state, call.me, node)
    if shares:
        extra["workspaces_shares"] = shares
    if all_meta:
        extra |= user_metadata(state, call.me, node)
    return node_answer(state, node, place.shown(node), extra)


def stat(call: Call) -> Answer:
    """`GET /a/tree/stat/{path}`."""
    access, place = enter(call, call.params["Node"])
    if place.start is None and not place.rest:
        return reply({"Success": True, "Node": {"Path": place.prefix + "/", "Type": FOLDER, "MTime": str(call.state.now()), "MetaStore": {
            "level_readonly": '"true"', "name": json_text(place.workspace.label), "virtual_root": '"true"'}}})
    access, place, node = find(call, call.params["Node"])
    return reply({"Node": seen_node(call, access, place, node)})


def bulk_stat(call: Call) -> Answer:
    """`POST /a/tree/stats`: explicit paths that do not exist are skipped, `dir/*` of a missing folder is 404."""
    body = call.body
    out: list[dict[str, Any]] = []
    limit, offset, total, paged = body.get("Limit", 0), body.get("Offset", 0), 0, False
    for path in body.get("NodePaths", []):
        if not path.endswith("/*"):
            try:
                access, place, node = find(call, path)
            except Failure:
                continue
            out.append(seen_node(call, access, place, node, body.get("AllMetaProviders", False), counts=True))
            continue
        children, total = _children(call, path[:-2])
        shown_before = len(out)
        if limit > 0:
            children = children[offset:offset + limit]
        out.extend(_listed(call, children, body.get("AllMetaProviders", False)))
        paged = paged or (limit > 0 and total > len(out) - shown_before)
    answer: dict[str, Any] = compact({"Nodes": out})
    if paged:
        pages = -(-total // limit)
        answer["Pagination"] = compact({
            "Limit": limit, "CurrentOffset": offset, "Total": total, "CurrentPage": offset // limit + 1, "TotalPages": pages,
            "PrevOffset": 0, "NextOffset": offset + limit if offset + limit < total else 0})
    return reply(answer)


def _children(call: Call, path: str) -> tuple[list[tuple[Access, Place, Node]], int]:
    access, place = enter(call, path)
    if place.start is None:
        if place.rest:
            raise not_found("Cannot find root node")
        out = []
        for root in place.root_ids:
            node = resolve(call.state, root, call.me)
            if node is not None:
                inner = locate(call.state, access, place.prefix + "/" + root_name(node))
                if inner is not None and "read" in rights(access, inner, node):
                    out.append((access, inner, node))
        return out, len(out)
    node = place.node
    if node is None:
        raise not_found(f"Could not retrieve node {missing_path(place)}")
    if "read" not in rights(access, place, node):
        return [], 0
    children = [c for c in node.sorted_children() if c.name != ".pydio"]
    return [(access, place, c) for c in children], len(children)


def _listed(call: Call, children: list[tuple[Access, Place, Node]], all_meta: bool) -> list[dict[str, Any]]:
    return [seen_node(call, access, place, node, all_meta) for access, place, node in children
            if not node.name.startswith(".") and "read" in rights(access, place, node)]


def glued(title: str) -> Plain:
    """A refusal that comes out twice in one body, which no JSON parser reads."""
    one = '{{"Title":{}, "Detail":{}}}'.format(json_text(title), json_text("Not Found: " + title))
    answer = text(500, one + one, "application/json")
    return Plain(answer)


def create(call: Call) -> Answer:
    """`POST /a/tree/create`: folders (parents too, whatever `Recursive` says) and tiny files."""
    state, body = call.state, call.body
    if not body.get("Nodes"):
        raise Failure(400 if state.profile == "5" else 500, "please provide at least one node to create")
    out = []
    for wanted in body["Nodes"]:
        path = wanted.get("Path", "")
        access = compile_access(state, call.me)
        place = locate(state, access, path)
        if place is None:
            raise glued(f"Workspace {path.strip('/').partition('/')[0]} is not found")
        if place.start is None:
            raise glued("Cannot find root node")
        require_write(access, place)
        source = state.sources[place.start.source]
        existing = place.node
        if wanted.get("Type") == FOLDER:
            if existing is not None and not existing.is_folder:
                if source.flat:
                    raise Failure(409 if state.profile == "5" else 500, "trying to create a folder on top of an existing file",
                                  "Forbidden: trying to create a folder on top of an existing file")
                raise Failure(500, "Object-prefix is already an object, please choose a different object-prefix name.")
            if existing is not None and state.profile == "5":
                raise Failure(409, "A node with same UUID already exists. Please use another file name")
            folder = existing or create_folder(state, place, wanted.get("MTime", 0))
            out.append(created_folder(state, place, folder, source.flat))
        else:
            write_small(state, call, place, (wanted.get("MetaStore") or {}).get("Contents", " ").encode())
            out.append({k: v for k, v in wanted.items() if k in ("Path", "Type", "MetaStore")}
                       | ({"MTime": str(wanted["MTime"])} if wanted.get("MTime") else {}))
    return reply({"Children": out})


def require_write(access: Access, place: Place) -> None:
    """403-like refusal when the place, or its nearest existing parent, may not be written."""
    assert place.start is not None
    node = place.start
    for part in place.rest.strip("/").split("/") if place.rest.strip("/") else ():
        child = node.children.get(part)
        if child is None:
            break
        node = child
    if "write" not in mask_of(access, node.uuid, node, place.virtual):
        raise Failure(500, "path is not writeable", "Forbidden: path is not writeable")


def create_folder(state: State, place: Place, mtime: int) -> Node:
    """A new folder with its parents."""
    assert place.start is not None
    parent_path, _, name = place.rest.strip("/").rpartition("/")
    source = state.sources[place.start.source]
    parent = place.start
    for part in parent_path.split("/") if parent_path else ():
        child = parent.children.get(part)
        if child is None:
            child = new_folder(state, source, parent, part)
            child.mode = 0o777 if source.flat else 0
        parent = child
    folder = new_folder(state, source, parent, name)
    if mtime and source.flat:
        folder.mtime = mtime
    return folder


def created_folder(state: State, place: Place, folder: Node, flat: bool) -> dict[str, Any]:
    """A folder in the answer of create."""
    shown = node_answer(state, folder, place.shown(folder), {"datasource_node_indexed": "true"} if flat else None)
    if not flat:
        shown.pop("Etag", None)
        if state.profile == "3.0.9":
            shown["MetaStore"] = {}
        else:
            del shown["MetaStore"]
    return shown


def write_small(state: State, call: Call, place: Place, data: bytes) -> None:
    """A file from REST: one blank or the text given; replaces what is there."""
    assert place.start is not None
    stored = content.store(state.content, [data])
    put_content(state, place.start, place.rest.strip("/"), stored, mime="text/plain", multipart=False)


def put_content(state: State, start: Node, path: str, stored: content.Stored, mime: str, multipart: bool, etag: str = "",
                cells_hash: str = "") -> Node:
    """Put bytes at a path below `start`; parents are made, an existing file keeps its uuid."""
    parent_path, _, name = path.rpartition("/")
    source = state.sources[start.source]
    parent, _ = make_folders(state, start, parent_path)
    node = parent.children.get(name)
    if node is None:
        node = add_node(state, parent, name, FILE, mode=0 if source.flat else 0o777)
    if node.content is not None and node.content.is_relative_to(state.content):
        node.content.unlink(missing_ok=True)
    node.content, node.size, node.mime = stored.path, stored.size, mime
    node.content_hash = cells_hash or stored.cells_hash
    node.mtime = state.now()
    if source.flat:
        node.etag = etag or (stored.md5 if stored.size else EMPTY_ETAG)
    else:
        node.etag = stored.md5
    node.settles = state.clock() + state.settle_seconds
    return node


# Recycle bin

def delete(call: Call) -> Answer:
    """`POST /a/tree/delete`: into the recycle bin of the root, or for good. The job is over when the answer comes."""
    state, body = call.state, call.body
    found = []
    for wanted in body.get("Nodes", []):
        access, place, node = find(call, wanted.get("Path", ""))
        if node is place.start:
            raise Failure(500, "please do not modify directly the root of a workspace")
        if "write" not in rights(access, place, node):
            raise Failure(403, "path is not writeable", "Forbidden: path is not writeable")
        locked = lock_owner(state, node)
        if locked and locked != call.me.name:
            raise Failure(423 if state.profile == "5" else 403, "This file is locked by another user",
                          "Forbidden: This file is locked by another user")
        found.append((place, node))
    jobs = []
    for place, node in found:
        assert place.start is not None
        recycles = any(a.action == "recycle_root" for a in state.acls.of_workspace(place.workspace.uuid))
        in_bin = place.rest.strip("/").startswith(BIN)
        if body.get("RemovePermanently") or in_bin or not recycles:
            drop_node(state, node)
            jobs.append({"Uuid": "delete-" + state.new_uuid(), "Label": "Deleting selection in background..."})
            continue
        holder, _ = make_folders(state, place.start, BIN)
        state.recycled[node.uuid] = node.path
        move_node(node, holder, free_name(holder, node.name))
        jobs.append({"Uuid": "copy-move-" + state.new_uuid(), "Label": "Moving to recycle bin in background..."})
    return reply(compact({"DeleteJobs": jobs}))


def free_name(parent: Node, name: str) -> str:
    """The name, or with `-1`, `-2` … before the extension when it is taken."""
    stem, dot, extension = name.rpartition(".") if "." in name[1:] else (name, "", "")
    candidate, number = name, 0
    while candidate in parent.children:
        number += 1
        candidate = f"{stem}-{number}{dot}{extension}"
    return candidate


def restore(call: Call) -> Answer:
    """`POST /a/tree/restore`: back to the path it had, same uuid."""
    state = call.state
    jobs = []
    for wanted in call.body.get("Nodes", []):
        _, _, node = find(call, wanted.get("Path", ""))
        origin = state.recycled.pop(node.uuid, None)
        if origin is None:
            raise Failure(500, "cannot find restore location for selected node")
        source, _, rest = origin.partition("/")
        parent, _ = make_folders(state, state.sources[source].root, rest.rpartition("/")[0])
        move_node(node, parent, free_name(parent, rest.rpartition("/")[2]))
        jobs.append({"Uuid": "copy-move-" + state.new_uuid(), "NodeUuid": node.uuid,
                     "Label": "Moving folder in background..." if node.is_folder else "Moving file in background..."})
    return reply(compact({"RestoreJobs": jobs}))


def lock_owner(state: State, node: Node) -> str:
    """Login that holds a content lock on a node, or nothing."""
    return next((a.value for a in state.acls.of_node(node.uuid) if a.action == "content_lock"), "")


def selection(call: Call) -> Answer:
    """`POST /a/tree/selection`."""
    return reply({"SelectionUUID": call.state.new_uuid(), "Nodes": call.body.get("Nodes", [])})


# Technical metadata

def meta_set(call: Call) -> Answer:
    """`POST /a/meta/set/{path}`: accepted, not shown by stat."""
    access, place, node = find(call, call.params["NodePath"])
    if "write" not in rights(access, place, node):
        raise Failure(403, "path is not writeable", "Forbidden: path is not writeable")
    return reply(node_answer(call.state, node))


def meta_get(call: Call) -> Answer:
    """`POST /a/meta/get/{path}`."""
    access, place, node = find(call, call.params["NodePath"])
    return reply(seen_node(call, access, place, node))


def templates(call: Call) -> Answer:
    """`GET /a/templates`."""
    return reply({})


ROUTES = [
    Route("GET", "/tree/stat/{Node*}", stat),
    Route("POST", "/tree/stats", bulk_stat, BULK_STAT),
    Route("POST", "/meta/bulk/get", bulk_stat, BULK_STAT),
    Route("POST", "/tree/create", create, CREATE_NODES),
    Route("POST", "/tree/delete", delete, DELETE_NODES),
    Route("POST", "/tree/restore", restore, NODES),
    Route("POST", "/tree/selection", selection, NODES),
    Route("POST", "/meta/set/{NodePath*}", meta_set, SET_META),
    Route("POST", "/meta/delete/{NodePath*}", meta_set, META_NAMESPACES),
    Route("POST", "/meta/get/{NodePath*}", meta_get, ANYTHING),
    Route("GET", "/templates", templates),
]
