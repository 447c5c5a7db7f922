"""What people note about nodes: fields, values, tags, bookmarks, content locks. `/a/user-meta`, locks by `/a/acl`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from migrate.cells.api.policies import policy
from migrate.cells.errors import CellsRefused, RefusedToSend
from migrate.cells.models import Node
from migrate.cells.models.notes import Field, Value
from migrate.cells.session import Session
from migrate.cells.shapes import node_of, number, objects

PREFIX = "usermeta-"
BOOKMARK = "bookmark"
LOCK = "content_lock"
MAX_VALUE = 65_535
"""Bytes of a value's JSON text (4.x: the column's size; longer ones are 500 and leave the items before them written)."""
MAX_NAME = 255
NODES = 200
"""Nodes asked for in one search."""


def list_fields(session: Session) -> dict[str, Field]:
    """Fields that the caller may read, by namespace. `GET /a/user-meta/namespace`. One without a READ policy for the caller is
    not shown, not even to an administrator."""
    answer = session.get("/a/user-meta/namespace")
    return {found.namespace: found for found in map(_field_of, objects(answer, "Namespaces"))}


def _field_of(value: dict[str, Any]) -> Field:
    rules = objects(value, "Policies")
    subjects = {action: tuple(str(p.get("Subject", "")) for p in rules if p.get("Action") == action) for action in ("READ", "WRITE")}
    return Field(str(value.get("Namespace", "")), str(value.get("Label", "")), str(value.get("JsonDefinition", "")), number(value.get("Order")),
                 bool(value.get("Indexable")), subjects["READ"], subjects["WRITE"])


def put_field(session: Session, field: Field) -> None:
    """Make or replace a field. `PUT /a/user-meta/namespace`. The server deletes before it inserts and not in one transaction:
    what the database would refuse (lengths) is refused here, and the field is read back by the caller after an error."""
    _checked(field)
    rules = [policy("READ", subject) for subject in field.readers] + [policy("WRITE", subject) for subject in field.writers]
    if not rules:
        raise RefusedToSend(method="PUT", path=field.namespace, status=0, reason="a field without policies is seen by nobody and cannot be removed")
    session.put("/a/user-meta/namespace", {"Operation": "PUT", "Namespaces": [{
        "Namespace": field.namespace, "Label": field.label, "Order": field.order, "Indexable": field.indexable,
        "JsonDefinition": field.definition, "Policies": rules}]})


def delete_field(session: Session, namespace: str) -> None:
    """Remove a definition; values stay where they are and come back with it. `PUT /a/user-meta/namespace` with DELETE."""
    _checked(Field(namespace, "", "{}"))
    session.put("/a/user-meta/namespace", {"Operation": "DELETE", "Namespaces": [{"Namespace": namespace, "JsonDefinition": "{}"}]})


def _checked(field: Field) -> None:
    reason = ""
    if not field.namespace.startswith(PREFIX) or len(field.namespace) <= len(PREFIX) or len(field.namespace) > MAX_NAME:
        reason = f"its name must start with {PREFIX} and have at most {MAX_NAME} characters"
    elif len(field.label.encode("utf-8", "surrogatepass")) > MAX_NAME:
        reason = f"its label is longer than {MAX_NAME} bytes"
    else:
        try:
            if not isinstance(json.loads(field.definition), dict):
                reason = "its definition is not a JSON object"
        except ValueError:
            reason = "its definition is not JSON"
    if reason:
        raise RefusedToSend(method="PUT", path="/a/user-meta/namespace", status=0, reason=f"{field.namespace}: {reason}")


def search_values(session: Session, nodes: Sequence[str], namespace: str = "") -> list[Value]:
    """Values on these nodes that the caller may read. `POST /a/user-meta/search`, some hundred nodes a request: without nodes it
    would return everything. Bookmarks of other people are not shown."""
    found: list[Value] = []
    wanted = [node for node in dict.fromkeys(nodes) if node]
    for start in range(0, len(wanted), NODES):
        body: dict[str, Any] = {"NodeUuids": wanted[start:start + NODES]}
        if namespace:
            body["Namespace"] = namespace
        for value in objects(session.search("/a/user-meta/search", body), "Metadatas"):
            found.append(Value(str(value.get("Uuid", "")), str(value.get("NodeUuid", "")), str(value.get("Namespace", "")), str(value.get("JsonValue", ""))))
    keep = set(wanted)
    return [value for value in found if value.node in keep]


def write_values(session: Session, values: Mapping[tuple[str, str], str]) -> None:
    """Write values: (node uuid, namespace) -> JSON text. `PUT /a/user-meta/update`, an upsert that needs write access to each node
    through the caller's workspaces. Not atomic: a refused item (404, 403) ends it with nothing written, another failure leaves
    what stood before it written. After an error look what is there and go item by item."""
    _write(session, [(node, namespace, text) for (node, namespace), text in values.items()])


def _write(session: Session, items: Sequence[tuple[str, str, str]]) -> None:
    for node, namespace, text in items:
        reason = ""
        if not node or not namespace or namespace == LOCK:
            reason = "a value needs a node and a field"
        elif len(text.encode("utf-8", "surrogatepass")) > MAX_VALUE:
            reason = f"it is longer than {MAX_VALUE} bytes"
        if reason:
            raise RefusedToSend(method="PUT", path="/a/user-meta/update", status=0, reason=reason)
        json.loads(text)  # ours: a ValueError here is a defect
    if items:
        session.put("/a/user-meta/update", {"Operation": "PUT", "MetaDatas": [
            {"NodeUuid": node, "Namespace": namespace, "JsonValue": text} for node, namespace, text in items]}, timeout=300)


def delete_values(session: Session, values: Sequence[Value]) -> None:
    """Remove values by their uuid (without it the server answers 200 and does nothing). `PUT /a/user-meta/update` with DELETE."""
    if any(not (value.uuid and value.node and value.namespace) for value in values):
        raise RefusedToSend(method="PUT", path="/a/user-meta/update", status=0, reason="a value without uuid is not removed")
    if values:
        session.put("/a/user-meta/update", {"Operation": "DELETE", "MetaDatas": [
            {"Uuid": v.uuid, "NodeUuid": v.node, "Namespace": v.namespace, "JsonValue": v.json} for v in values]}, timeout=300)


def list_tags(session: Session, namespace: str) -> tuple[str, ...]:
    """Tags that a field offers. `GET /a/user-meta/tags/{namespace}`."""
    tags = session.get("/a/user-meta/tags/" + quote(namespace, safe="")).get("Tags")
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()


def add_tag(session: Session, namespace: str, tag: str) -> None:
    """Offer one more tag. `POST /a/user-meta/tags/{namespace}`: a read-modify-write of one document for all fields, so never in
    parallel. Empty ones and those with a comma would be taken and be of no use."""
    if not tag.strip() or "," in tag:
        raise RefusedToSend(method="POST", path="/a/user-meta/tags", status=0, reason="a tag is not empty and has no comma")
    session.post("/a/user-meta/tags/" + quote(namespace, safe=""), {"Namespace": namespace, "Tag": tag})


def clear_tags(session: Session, namespace: str) -> None:
    """Forget the tags a field offers; values of nodes stay. `DELETE /a/user-meta/tags/{namespace}/*`."""
    session.delete("/a/user-meta/tags/" + quote(namespace, safe="") + "/*")


def bookmarks(session: Session) -> list[Node]:
    """The caller's bookmarks, as nodes; their paths vary, compare uuids. `POST /a/user-meta/bookmarks`."""
    return [node_of(value) for value in objects(session.search("/a/user-meta/bookmarks", {}), "Nodes")]


def add_bookmarks(session: Session, nodes: Sequence[str]) -> None:
    """Bookmark nodes for the caller, who has to see them. One that is not seen (404) ends the call with nothing written."""
    _write(session, [(node, BOOKMARK, "true") for node in nodes])


def remove_bookmarks(session: Session, nodes: Sequence[str]) -> None:
    """Remove the caller's bookmarks of these nodes."""
    delete_values(session, search_values(session, nodes, BOOKMARK))


def list_locks(session: Session, nodes: Sequence[str] = ()) -> dict[str, str]:
    """Content locks: node uuid -> login. `POST /a/acl`; without nodes: all."""
    query: dict[str, Any] = {"Actions": [{"Name": LOCK}]}
    if nodes:
        query["NodeIDs"] = list(nodes)
    found = objects(session.search("/a/acl", {"Queries": [query], "Operation": "AND"}), "ACLs")
    pairs = ((str(a.get("NodeID", "")), a.get("Action") or {}) for a in found)
    return {node: str(action.get("Value", "")) for node, action in pairs if node and action.get("Name") == LOCK}


def add_lock(session: Session, node: str, login: str) -> None:
    """Lock a node's content in somebody's name; from then on nobody else writes it, administrators included. `PUT /a/acl`. A second
    lock on the node is refused (500), even by the same person."""
    if not node or not login:
        raise RefusedToSend(method="PUT", path="/a/acl", status=0, reason="a lock needs a node and a person")
    session.put("/a/acl", {"NodeID": node, "Action": {"Name": LOCK, "Value": login}})


def remove_lock(session: Session, node: str, login: str) -> None:
    """Remove this person's lock from a node. `POST /a/acl/bulk/delete`; another person's stays."""
    if not node or not login or "*" in node or "*" in login:
        raise RefusedToSend(method="POST", path="/a/acl/bulk/delete", status=0, reason="an empty or wildcard key would remove other locks")
    session.post("/a/acl/bulk/delete", {"NodeID": node, "Action": {"Name": LOCK, "Value": login}})


def is_refusal(error: CellsRefused) -> bool:
    """Whether the server refused items of a write (not seen, not writable, locked, not JSON), so that others may still pass."""
    return error.status in (400, 403, 404, 422, 423, 500)
