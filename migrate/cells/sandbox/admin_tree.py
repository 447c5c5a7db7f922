"""The tree as an administrator sees it: raw paths, data sources first. `/a/tree/admin`."""

from __future__ import annotations

from migrate.cells.sandbox.answers import Answer, Failure, compact, reply
from migrate.cells.sandbox.messages import LIST_NODES, STAT_NODE
from migrate.cells.sandbox.nodes import FOLDER, Node, node_answer
from migrate.cells.sandbox.router import Call, Route


def admin_node(call: Call, status: int) -> Node:
    """Node of a raw path; the failure of a missing one has another status in list and stat."""
    path = (call.body.get("Node") or {}).get("Path", "").strip("/")
    name, _, rest = path.partition("/")
    source = call.state.sources.get(name)
    if source is None:
        raise Failure(500, f"Could not find DataSource {name}")
    from migrate.cells.sandbox.datasources import settle
    settle(call.state, source)
    node = source.root.find(rest)
    if node is None or "\\" in rest:
        status = 404 if call.state.profile == "5" else status
        raise Failure(status, f"Could not retrieve node /{rest}", f"Not Found: Could not retrieve node /{rest}")
    return node


def admin_stat(call: Call) -> Answer:
    """`POST /a/tree/admin/stat`: by raw path, or by uuid."""
    wanted = call.body.get("Node") or {}
    if wanted.get("Uuid") and not wanted.get("Path"):
        node = call.state.nodes.get(wanted["Uuid"])
        if node is None:
            raise Failure(500, "Could not retrieve node", "Not Found: Could not retrieve node")
        return reply({"Node": node_answer(call.state, node)})
    return reply({"Node": node_answer(call.state, admin_node(call, 500))})


def admin_list(call: Call) -> Answer:
    """`POST /a/tree/admin/list`."""
    state, body = call.state, call.body
    if not (body.get("Node") or {}).get("Path", "").strip("/"):
        children = [node_answer(state, s.root, s.name) for s in sorted(state.sources.values(), key=lambda s: s.name)]
        return reply(compact({"Parent": {"Path": "/", "Type": FOLDER}, "Children": children}))
    parent = admin_node(call, 404)
    nodes = list(parent.walk()) if body.get("Recursive") else parent.sorted_children()
    wanted = body.get("FilterType", "UNKNOWN")
    if wanted != "UNKNOWN":
        nodes = [n for n in nodes if n.type == wanted]
    offset = body.get("Offset", 0)
    nodes = nodes[offset:offset + body["Limit"]] if body.get("Limit", 0) > 0 else nodes[offset:]
    return reply({"Parent": node_answer(state, parent), **compact({"Children": [node_answer(state, n) for n in nodes]})})


ROUTES = [
    Route("POST", "/tree/admin/list", admin_list, LIST_NODES),
    Route("POST", "/tree/admin/stat", admin_stat, STAT_NODE),
]
