"""Data sources, and what indexing a folder in place finds. `/a/config/datasource`, `/a/config/peers`, `/a/config/virtualnodes`.

The folder itself is only ever read: the `.pydio` files of a structured source exist in the index alone, unless
`state.write_marker_files` says to write them as the real server does."""

from __future__ import annotations

import hashlib
import os
import re
import stat as modes
from pathlib import Path
from typing import Any

from migrate.cells.sandbox import content
from migrate.cells.sandbox.answers import Answer, Failure, compact, not_found, reply
from migrate.cells.sandbox.buckets import index_bucket
from migrate.cells.sandbox.messages import DATA_SOURCE, PEER_FOLDER
from migrate.cells.sandbox.nodes import FILE, FOLDER, Node, Source, add_node, drop_node, marker, nfc, unique_etag
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import State

PEER = "127.0.0.1|sandbox"
NO_JOB, NO_TASK = 0.5, 0.6      # parts of the indexing time without a job, and with a job but no task


def source_answer(source: Source) -> dict[str, Any]:
    """A source as JSON; `LOCAL` and `CLEAR` are zero values and missing."""
    return source.configuration


def list_sources(call: Call) -> Answer:
    """`GET /a/config/datasource`."""
    sources = [source_answer(s) for s in call.state.sources.values()]
    return reply({"DataSources": sources, "Total": len(sources)})


def read(call: Call) -> Answer:
    """`GET /a/config/datasource/{Name}`."""
    source = call.state.sources.get(call.params["Name"])
    if source is None:
        raise not_found_plain(call.params["Name"])
    return reply(source_answer(source))


def not_found_plain(name: str) -> Failure:
    """404 whose detail has no prefix."""
    return Failure(404, f"unknown datasource [{name}]")


def describe(state: State, name: str, flat: bool, folder: str) -> dict[str, Any]:
    """Configuration of one of the sources a fresh server has."""
    return compact({"Name": name, "StorageConfiguration": {"folder": folder, "normalize": "false"}, "ObjectsServiceName": "local1",
                    "ObjectsPort": 42975, "ObjectsBucket": name, "ApiKey": "key-local1", "ApiSecret": "vault-pydiods1", "FlatStorage": flat})


def put(call: Call) -> Answer:
    """`POST /a/config/datasource/{Name}`: the answer comes before anything is started."""
    state, body = call.state, dict(call.body)
    name = body.get("Name") or call.params["Name"]
    if len(name) >= 34:
        raise Failure(500, f"invalid field Name: value '{name}' must have a length smaller than '34'")
    if body.get("StorageType", "LOCAL") == "LOCAL":
        check_folder(state, name, body.get("StorageConfiguration", {}), flat=bool(body.get("FlatStorage")))
    if not re.fullmatch(r"[0-9a-z]*", name):
        raise Failure(400 if state.profile == "5" else 500, "datasource name contains an invalid character, please use alphanumeric characters")
    folder = body.get("StorageConfiguration", {}).get("folder", "")
    service = objects_service(state, name, os.path.dirname(folder))
    configuration = compact({
        "Name": name, "StorageType": "" if body.get("StorageType") == "LOCAL" else body.get("StorageType", ""),
        "StorageConfiguration": body.get("StorageConfiguration", {}), "ObjectsServiceName": service,
        "ObjectsBucket": body.get("ObjectsBucket") or os.path.basename(folder),
        "ObjectsBaseFolder": body.get("ObjectsBaseFolder", ""), "ApiKey": body.get("ApiKey") or "key-" + service,
        "ApiSecret": state.new_uuid(), "PeerAddress": body.get("PeerAddress", ""), "FlatStorage": body.get("FlatStorage", False),
        "SkipSyncOnRestart": body.get("SkipSyncOnRestart", False), "VersioningPolicyName": body.get("VersioningPolicyName", "")})
    source = state.sources.get(name)
    if source is None:
        source = Source.create(state, name, body.get("FlatStorage", False), folder, configuration)
        state.sources[name] = source
        source.keys = (str(body.get("ApiKey", "")), str(body.get("ApiSecret", "")))
        source.read_only = body.get("StorageConfiguration", {}).get("readOnly") == "true"
        if not source.flat:
            source.ready_at = state.clock() + state.index_seconds
            start_index(state, source)
    source.configuration = configuration
    return reply(configuration)


def objects_service(state: State, name: str, parent: str) -> str:
    """Sources whose folders have one parent share one objects service."""
    for source in state.sources.values():
        if os.path.dirname(source.folder) == parent and source.name != name:
            return source.configuration.get("ObjectsServiceName", "local1")
    used = {s.configuration.get("ObjectsServiceName", "local1") for s in state.sources.values()}
    return f"local{len(used) + 1}"


def check_folder(state: State, name: str, storage: dict[str, str], *, flat: bool) -> None:
    """The refusals of a local folder, in the server's order. The folder of a flat source need not exist here: its content is
    kept in memory and a private place."""
    folder = storage.get("folder", "")
    creates = storage.get("create") == "true" and os.path.isabs(folder)
    if not (creates and flat) and not os.path.lexists(folder) or not os.path.isabs(folder):
        if creates:
            raise Failure(500, "the stand-in does not create folders on this machine")
        what = f"rpc error: code = Unknown desc = stat {folder}: no such file or directory"
        raise Failure(500, what, "Not Found: " + what)
    parent = os.path.dirname(folder.rstrip("/"))
    if parent in ("", "/"):
        raise Failure(500, "please use at least a two-levels deep folder", "Bad Request: please use at least a two-levels deep folder")
    for source in state.sources.values():
        other = os.path.dirname(source.folder)
        if source.name == name or other in ("", parent):  # a bucket has no folder
            continue
        if parent.startswith(other + "/") or other.startswith(parent + "/"):
            service = source.configuration.get("ObjectsServiceName", "local1")
            what = f"object service {service} is already pointing to {other}, make sure to avoid using nested paths for different datasources"
            raise Failure(409 if state.profile == "5" else 500, what, "Conflict: " + what)


def delete(call: Call) -> Answer:
    """`DELETE /a/config/datasource/{Name}`: index and job go, the folder stays as it is."""
    state, name = call.state, call.params["Name"]
    source = state.sources.get(name)
    five = state.profile == "5"
    if source is None:
        raise Failure(404 if five else 500, "Cannot find datasource!")
    if name == "pydiods1":
        raise Failure(400 if five else 500,
                      "This is the default datasource! Please replace it in your config file before trying to delete.")
    inside = {n.uuid for n in source.root.walk()} | {source.root.uuid}
    for workspace in state.workspaces.values():
        if workspace.scope == "ADMIN" and any(a.node in inside for a in state.acls.of_workspace(workspace.uuid) if a.action == "workspace-path"):
            raise Failure(409 if five else 500,
                          "There are workspaces defined on this datasource, please delete them before removing datasource")
    drop_node(state, source.root)
    del state.sources[name]
    state.jobs.pop("resync-ds-" + name, None)
    return reply({"Success": True})


# Indexing

def start_index(state: State, source: Source) -> None:
    """A resync task of a structured source, and its effect. Repeated: new files are added, dates of known ones stay."""
    job = state.jobs.setdefault("resync-ds-" + source.name, {
        "ID": "resync-ds-" + source.name, "Label": "Sync DataSource " + source.name, "Owner": "pydio.system.user", "AutoStart": True,
        "Actions": [{"ID": "actions.cmd.resync", "Parameters": {"service": "pydio.grpc.data.sync." + source.name}}],
        "MaxConcurrency": 1, "tasks": [], "source": source.name})
    task = {"ID": state.new_uuid(), "JobID": job["ID"], "Status": "Running", "StatusMessage": "Starting...", "TriggerOwner": "pydio.system.user",
            "StartTime": state.now(), "CanStop": True, "begun": state.clock(), "ends": source.ready_at}
    job["tasks"].insert(0, task)
    settle(state, source)


def settle(state: State, source: Source) -> None:
    """Finish tasks of a source whose time has come."""
    job = state.jobs.get("resync-ds-" + source.name)
    if job is None or source.ready_at > state.clock():
        return
    for task in job["tasks"]:
        if task["Status"] != "Running":
            continue
        if source.configuration.get("StorageType") == "S3":
            refused = index_bucket(state, source, source.keys)
            task.update(Status="Error" if refused else "Finished", StatusMessage=refused or "Complete", EndTime=state.now())
            continue
        if os.path.islink(source.folder):
            bucket = os.path.basename(source.folder)
            task.update(Status="Error", EndTime=state.now(), StatusMessage=(
                'rpc error: code = Unknown desc = Cannot Stat Root: {"Id":"bucket.not.found","Code":404,'
                f'"Detail":"cannot find bucket {bucket}","Status":"Not Found"}}'))
            continue
        if os.path.isdir(source.folder):
            index_folder(state, source)
        task.update(Status="Finished", StatusMessage="Complete", EndTime=state.now(), HasProgress=True, Progress=1)


def index_folder(state: State, source: Source) -> None:
    """Enter what lies in the folder: names, sizes, dates, md5; what the server skips in silence is skipped here."""
    normalize = source.configuration.get("StorageConfiguration", {}).get("normalize") == "true"
    _index(state, source, Path(source.folder), source.root, "", normalize)
    if not source.read_only and ".pydio" not in source.root.children:
        _hidden_root_marker(state, source)


def _hidden_root_marker(state: State, source: Source) -> None:
    if state.write_marker_files:
        (Path(source.folder) / ".pydio").write_text(source.root.uuid, "utf-8")


def _index(state: State, source: Source, folder: Path, parent: Node, key: str, normalize: bool) -> None:
    entries = sorted(os.scandir(os.fsencode(folder)), key=lambda e: e.name)
    known_marker = ""
    for entry in entries:
        try:
            name = entry.name.decode("utf-8")
        except UnicodeDecodeError:
            continue
        child_key = f"{key}/{name}".lstrip("/")
        if len(child_key.encode()) > 1024 or name == ".minio.sys":
            continue
        if entry.is_symlink() and (not os.path.exists(entry.path) or os.path.isdir(entry.path)):
            continue
        shown = nfc(name) if normalize else name
        path = Path(os.fsdecode(entry.path))
        if entry.is_dir(follow_symlinks=False):
            child = parent.children.get(shown)
            if child is None:
                child = _new_indexed_folder(state, source, parent, shown, path)
            _index(state, source, path, child, child_key, normalize)
            dates = [n.mtime for n in child.walk() if not n.is_folder and n.name != ".pydio"]
            child.mtime = max(dates) if dates else child.mtime
        elif modes.S_ISREG(entry.stat().st_mode):
            if name == ".pydio":
                known_marker = path.read_text("utf-8", "replace").strip()
                if source.read_only or parent.parent is not None:
                    continue
            _index_file(state, source, parent, shown, path, entry.stat())
    if parent.parent is not None and not source.read_only and ".pydio" not in parent.children:
        entry_node = marker(state, parent)
        entry_node.mime = "text/plain"
        if state.write_marker_files and not known_marker:
            (folder / ".pydio").write_text(parent.uuid, "utf-8")


def _new_indexed_folder(state: State, source: Source, parent: Node, name: str, path: Path) -> Node:
    existing = path / ".pydio"
    uuid = ""
    if source.read_only:
        uuid = hashlib.sha1(f"{source.name}/{path}".encode("utf-8", "surrogateescape")).hexdigest()
    elif existing.is_file():
        uuid = existing.read_text("utf-8", "replace").strip()[:36]
    if uuid in state.nodes and not source.read_only and state.nodes[uuid].source == source.name:
        uuid = ""
    folder = Node(uuid or state.new_uuid(), name, FOLDER, parent, source.name, mtime=state.now())
    folder.etag = unique_etag(folder)
    parent.children[name] = folder
    state.nodes.setdefault(folder.uuid, folder)
    return folder


def _index_file(state: State, source: Source, parent: Node, name: str, path: Path, status: os.stat_result) -> None:
    known = parent.children.get(name)
    if known is not None and known.content is not None and known.content != path:
        return
    digest = "00000000000000000000000000000000-1"
    if not source.read_only:
        md5 = hashlib.md5()
        for chunk in content.read_chunks(path):
            md5.update(chunk)
        digest = md5.hexdigest()
    if known is not None:
        if known.etag != digest:
            known.etag, known.size, known.mtime = digest, status.st_size, int(status.st_mtime)
        return
    add_node(state, parent, name, FILE, size=status.st_size, mtime=int(status.st_mtime), mode=0o777, etag=digest, content=path)


def resync_job(state: State, source: Source) -> dict[str, Any] | None:
    """The job of a source as it is seen now: nothing yet, without a task, running, finished."""
    job = state.jobs.get("resync-ds-" + source.name)
    if job is None:
        return None
    settle(state, source)
    shown = {k: v for k, v in job.items() if k not in ("tasks", "source")}
    tasks = job["tasks"]
    if tasks and len(tasks) == 1 and tasks[0]["Status"] == "Running":
        begun, ends = tasks[0]["begun"], tasks[0]["ends"]
        part = (state.clock() - begun) / (ends - begun) if ends > begun else 1.0
        if part < NO_JOB:
            return None
        tasks = [] if part < NO_TASK else tasks
    shown["tasks"] = tasks
    return shown


# Peers and virtual nodes

def peers(call: Call) -> Answer:
    """`GET /a/config/peers`."""
    return reply({"PeerAddresses": [PEER]})


def peer_list(call: Call) -> Answer:
    """`POST /a/config/peers/{PeerAddress}`: visible sub-folders of this machine's disk."""
    root = call.body.get("Path") or "/"
    if not os.path.isdir(root):
        return reply({})
    children = []
    for entry in sorted(os.scandir(root), key=lambda e: e.name):
        if entry.name.startswith(".") or not entry.is_dir():
            continue
        status = entry.stat(follow_symlinks=False)
        meta = {"name": entry.name, "permissions": modes.filemode(status.st_mode).replace("l", "L", 1)}
        if entry.is_symlink():
            meta["symlink"] = os.readlink(entry.path)
        children.append({"Path": os.path.join(root, entry.name), "Type": FOLDER, "Size": str(status.st_size),
                         "MTime": str(int(status.st_mtime)), "MetaStore": meta})
    return reply(compact({"Children": children}))


def peer_create(call: Call) -> Answer:
    """`PUT /a/config/peers/{PeerAddress}`: refused, the stand-in creates nothing on this machine outside its own folder."""
    raise Failure(500, "the stand-in does not create folders on this machine")


def virtual_nodes(call: Call) -> Answer:
    """`GET /a/config/virtualnodes`."""
    return reply({"Children": list(call.state.virtual_nodes.values())})


def missing(call: Call) -> Answer:
    """Any other name below peers."""
    raise not_found("not found")


ROUTES = [
    Route("GET", "/config/datasource", list_sources),
    Route("GET", "/config/datasource/{Name}", read),
    Route("POST", "/config/datasource/{Name}", put, DATA_SOURCE),
    Route("DELETE", "/config/datasource/{Name}", delete),
    Route("GET", "/config/peers", peers),
    Route("POST", "/config/peers/{PeerAddress}", peer_list, PEER_FOLDER),
    Route("PUT", "/config/peers/{PeerAddress}", peer_create, PEER_FOLDER),
    Route("GET", "/config/virtualnodes", virtual_nodes),
]
