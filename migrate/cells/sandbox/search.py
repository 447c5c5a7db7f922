"""Which files does the search engine find? `/a/search/nodes`: names, and indexable fields as `+Meta.<field>:<value>`."""

from __future__ import annotations

import json
import re
from typing import Any

from migrate.cells.sandbox.access import compile_access, sees
from migrate.cells.sandbox.answers import Answer, compact, json_text, reply
from migrate.cells.sandbox.metadata import user_metadata
from migrate.cells.sandbox.nodes import Node, node_answer
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import State


def _matches(state: State, node: Node, query: dict[str, Any]) -> bool:
    name = query.get("FileName", "").strip("*").lower()
    if name and name not in node.name.lower():
        return False
    found = re.fullmatch(r"\+Meta\.([^:]+):(.+)", query.get("FreeString", ""))
    if not found:
        return bool(name)
    namespace, value = found.groups()
    definition = state.namespaces.get(namespace)
    if definition is None or not definition["Indexable"]:
        return False
    for meta in state.user_meta.values():
        if meta["NodeUuid"] == node.uuid and meta["Namespace"] == namespace:
            return value.strip('"').lower() in str(json.loads(meta["JsonValue"])).lower()
    return False


def search(call: Call) -> Answer:
    """`POST /a/search/nodes`: one result for each of the caller's workspaces in which a node appears. Facets are not made."""
    state, body = call.state, json.loads(call.raw or b"{}")
    query = body.get("Query") or {}
    access = compile_access(state, call.me)
    prefixes = query.get("PathPrefix") or [""]
    out = []
    for source in state.sources.values():
        for node in source.root.walk():
            if node.name.startswith(".") or not _matches(state, node, query):
                continue
            for workspace, path in sees(state, access, node):
                if any(path.startswith(p) for p in prefixes):
                    extra = {"repository_display": json_text(workspace.label), "repository_id": json_text(workspace.uuid),
                             **user_metadata(state, call.me, node)}
                    out.append(node_answer(state, node, path, extra))
    return reply(compact({"Results": out[:body.get("Size") or 100], "Total": len(out)}))


ROUTES = [Route("POST", "/search/nodes", search, {}, raw=True)]
