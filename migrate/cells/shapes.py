"""Reads what Cells sends into the words of `models`. Absent fields are zero values: the server omits them."""

from __future__ import annotations

import json
from typing import Any

from migrate.cells.conventions import own_group_path
from migrate.cells.models import Acl, DataSource, Group, LiveWorkspace, Node, Role, User

Json = dict[str, Any]


def objects(value: Json, key: str) -> list[Json]:
    """The list under `key`; absent (or of another type) means empty."""
    items = value.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def number(value: Any) -> int:
    """64-bit integers come as text, 32-bit ones as numbers; anything else is 0."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    """An empty list comes back as `[""]` (AutoApplies)."""
    return tuple(str(v) for v in value if v) if isinstance(value, list) else ()


def user_of(value: Json) -> User:
    """`idm.User` of a person. `GroupPath` comes with or without trailing slash."""
    roles = tuple(str(role.get("Uuid", "")) for role in objects(value, "Roles"))
    attributes = {str(k): str(v) for k, v in _mapping(value.get("Attributes")).items()}
    return User(str(value.get("Uuid", "")), str(value.get("Login", "")), own_group_path(str(value.get("GroupPath", "")), ""), roles, attributes)


def group_of(value: Json) -> Group:
    """`idm.User` with IsGroup: `GroupPath` is the parent, `GroupLabel` the last part."""
    label = str(value.get("GroupLabel", ""))
    name = str(_mapping(value.get("Attributes")).get("displayName", "")) or label
    return Group(str(value.get("Uuid", "")), own_group_path(str(value.get("GroupPath", "")), label), name)


def role_of(value: Json) -> Role:
    """`idm.Role`."""
    return Role(str(value.get("Uuid", "")), str(value.get("Label", "")), bool(value.get("IsTeam")), bool(value.get("GroupRole")),
                bool(value.get("UserRole")), _texts(value.get("AutoApplies")), bool(value.get("ForceOverride")))


def acl_of(value: Json) -> Acl:
    """`idm.ACL`."""
    action = _mapping(value.get("Action"))
    return Acl(str(value.get("NodeID", "")), str(value.get("RoleID", "")), str(value.get("WorkspaceID", "")), str(action.get("Name", "")),
               str(action.get("Value", "")))


def acl_body(acl: Acl) -> Json:
    """The body of a PUT or delete; all four key parts are there, empty ones too."""
    return {"NodeID": acl.node, "RoleID": acl.role, "WorkspaceID": acl.workspace, "Action": {"Name": acl.action, "Value": acl.value}}


def workspace_of(value: Json) -> LiveWorkspace:
    """`idm.Workspace`. `Attributes` is JSON text, of which only DEFAULT_RIGHTS is kept; broken text means no attributes."""
    roots = {str(uuid): str(_mapping(node).get("Path", "")).strip("/") for uuid, node in _mapping(value.get("RootNodes")).items()}
    try:
        attributes = _mapping(json.loads(value.get("Attributes") or "{}"))
    except (TypeError, ValueError, RecursionError):
        attributes = {}
    return LiveWorkspace(str(value.get("UUID", "")), str(value.get("Slug", "")), str(value.get("Label", "")), str(value.get("Description", "")),
                         str(value.get("Scope", "ANY")), roots, str(attributes.get("DEFAULT_RIGHTS") or ""))


def data_source_of(value: Json) -> DataSource:
    """`object.DataSource`. A missing StorageType is LOCAL, a missing FlatStorage is structured (in place)."""
    storage = str(value.get("StorageType") or "LOCAL")
    folder = _mapping(value.get("StorageConfiguration")).get("folder")
    return DataSource(str(value.get("Name", "")), storage, str(folder) if folder and storage == "LOCAL" else None, bool(value.get("FlatStorage")),
                      str(value.get("PeerAddress", "")))


def node_of(value: Json) -> Node:
    """`tree.Node`. `content_hash` only where it is the known one (blocks of 10 MiB): version 5 names its method."""
    meta = _mapping(value.get("MetaStore"))
    known = _meta_text(meta, "x-cells-hash-method") in ("", "v4") and str(value.get("HashingMethod") or "v4") == "v4"
    content_hash = _meta_text(meta, "x-cells-hash") if known else ""
    return Node(str(value.get("Uuid", "")), str(value.get("Path", "")).strip("/"), value.get("Type") == "LEAF", number(value.get("Size")),
                number(value.get("MTime")), str(value.get("Etag", "")), content_hash or None)


def _meta_text(meta: Json, key: str) -> str:
    """Values of MetaStore are JSON texts (`"\\"abc\\""`)."""
    raw = meta.get(key)
    if not isinstance(raw, str):
        return ""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    return value if isinstance(value, str) else ""
