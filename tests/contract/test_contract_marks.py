"""What the loader relies on about values, bookmarks and watches. Asked of the stand-in, and of a real Cells when one is named (CELLS_URL, CELLS_TOKEN)."""

from __future__ import annotations

import json
from typing import Any

from contract.target import Target


def _field(cells: Target, what: str, **fields: Any) -> str:
    name = "usermeta-" + cells.name(what)
    definition = {"Namespace": name, "Label": what, "Indexable": False, "JsonDefinition": '{"type":"string"}'}
    cells.undo.append(lambda: cells.call("PUT", "/a/user-meta/namespace", {"Operation": "DELETE", "Namespaces": [definition]}))
    cells.ok("PUT", "/a/user-meta/namespace", {"Operation": "PUT", "Namespaces": [{**definition, **fields}]})
    return name


EVERYBODY = [{"Action": "READ", "Effect": "allow", "Subject": "*"}, {"Action": "WRITE", "Effect": "allow", "Subject": "*"}]


def test_a_value_is_one_per_node_and_field(cells: Target) -> None:
    node, name = cells.folder("meta"), _field(cells, "f", Policies=EVERYBODY)
    uuids = set()
    for value in ('"a"', '"b"'):
        item = {"NodeUuid": node["Uuid"], "Namespace": name, "JsonValue": value}
        uuids.add(cells.ok("PUT", "/a/user-meta/update", {"Operation": "PUT", "MetaDatas": [item]})["MetaDatas"][0]["Uuid"])
    assert len(uuids) == 1
    found = cells.ok("POST", "/a/user-meta/search", {"NodeUuids": [node["Uuid"]], "Namespace": name})["Metadatas"]
    assert [m["JsonValue"] for m in found] == ['"b"']
    stats = cells.ok("POST", "/a/tree/stats", {"NodePaths": [f"common-files/{cells.prefix}/meta"], "AllMetaProviders": True})
    assert stats["Nodes"][0]["MetaStore"][name] == '"b"'


def test_a_field_without_policies_is_as_if_it_were_not_there(cells: Target) -> None:
    node, name = cells.folder("meta"), _field(cells, "f")
    assert name not in json.dumps(cells.ok("GET", "/a/user-meta/namespace"))
    item = {"NodeUuid": node["Uuid"], "Namespace": name, "JsonValue": '"a"'}
    assert cells.call("PUT", "/a/user-meta/update", {"Operation": "PUT", "MetaDatas": [item]}).status_code == 404


def test_a_bookmark_belongs_to_who_sets_it(cells: Target) -> None:
    root = cells.folder("ws")
    workspace, role = cells.workspace("ws", root)["UUID"], cells.role("r")
    cells.grant(role, workspace, root["Uuid"], "read")
    token = cells.token_of(cells.user("u", Roles=[{"Uuid": role}])["Login"])
    assert cells.eventually(lambda: cells.stat(workspace, token) == 200)
    item = {"NodeUuid": root["Uuid"], "Namespace": "bookmark", "JsonValue": "true"}
    made = cells.ok("PUT", "/a/user-meta/update", {"Operation": "PUT", "MetaDatas": [item]}, token)["MetaDatas"][0]
    cells.undo.append(lambda: cells.call("PUT", "/a/user-meta/update", {"Operation": "DELETE", "MetaDatas": [{**item, "Uuid": made["Uuid"]}]}, token))
    assert [n["Uuid"] for n in cells.ok("POST", "/a/user-meta/bookmarks", {}, token)["Nodes"]] == [root["Uuid"]]
    assert root["Uuid"] not in json.dumps(cells.ok("POST", "/a/user-meta/bookmarks", {}))


def test_a_watch_is_an_upsert_and_goes_with_an_empty_list(cells: Target) -> None:
    node, user = cells.folder("w"), cells.user("u")["Login"]
    ask = {"UserIds": [user], "ObjectTypes": ["NODE"], "ObjectIds": [node["Uuid"]]}
    for events in (["change"], ["change", "read"]):
        cells.ok("POST", "/a/activity/subscribe", {"UserId": user, "ObjectType": "NODE", "ObjectId": node["Uuid"], "Events": events})
        assert [s["Events"] for s in cells.ok("POST", "/a/activity/subscriptions", ask)["subscriptions"]] == [events]
    cells.ok("POST", "/a/activity/subscribe", {"UserId": user, "ObjectType": "NODE", "ObjectId": node["Uuid"]})
    assert cells.ok("POST", "/a/activity/subscriptions", ask) == {}
