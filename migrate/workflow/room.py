"""Is there room in Cells for what is carried? Quotas that are smaller than the files they limit, and free space where it can be known."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

from migrate.cells.models import MY_FILES, Target
from migrate.errors import Finding, Severity, code, finding
from migrate.ledger import Ledger
from migrate.ledger.listed import is_sent
from migrate.transform.actions import CreateDataSource, from_json

QUOTA = code("F5021", Severity.WARNING, "The quota of {subject} is {quota} bytes, and its files are {size} bytes.",
             "Raise the quota before the plan is applied (on the old server, or in Cells afterwards), or make the files fewer.",
             "All files are carried, but nobody can add one in Cells as long as they are more than the quota allows.")
NO_ROOM = code("F5022", Severity.ERROR, "The data source {subject} has {free} bytes free, and {size} bytes are carried there.",
               "Make room on the disk of Cells, or name a data source on another one in workspaces.csv, then plan again.")
ROOM_UNKNOWN = code("F5023", Severity.INFO, "{size} bytes are carried to the data source {subject}; how much room it has is not told by Cells.",
                    "Look on the server whether there is as much room, and some more for its database.")
_HERE = ("127.0.0.1", "::1", "localhost")


def room_findings(ledger: Ledger, target: Target) -> Iterator[Finding]:
    """To be asked when everything is planned. Memory: one number for each old folder."""
    roots = dict(ledger.targets("roots"))
    sizes = ledger.sizes_of_roots()
    yield from _quotas(ledger, target, roots, sizes)
    yield from _space(ledger, target, roots)


def _quotas(ledger: Ledger, target: Target, roots: dict[str, dict[str, object]], sizes: dict[str, int]) -> Iterator[Finding]:
    limits: dict[tuple[str, str, str], int] = {(a.role, a.workspace, a.node): int(a.value) for a in target.acls if a.action == "quota" and a.value.isdigit()}
    named = {}
    for key, body in ledger.targets("quotas"):
        if body.get("role") and body.get("node"):
            where = (str(body["role"]), str(body["workspace"]), _node(target, str(body["node"])))
            limits[where], named[where] = int(body["bytes"]), key.replace("\0", " on ")
    if not limits:
        return
    people = {str(body.get("uuid")): login for login, body in ledger.targets("users")}
    by_node: dict[str, int] = {}
    for key, body in roots.items():
        login, node = key.split("\0")[1], str(body.get("node") or "")
        if body.get("carried_by"):
            continue
        for place in {_node(target, node), *((f"{login}\0{_node(target, node)}",) if login else ())}:
            by_node[place] = by_node.get(place, 0) + sizes.get(key, 0)
    labels = {workspace.uuid: workspace.label for workspace in target.workspaces.values()}
    for where, quota in sorted(limits.items()):
        role, workspace, node = where
        login = people.get(role)
        size = by_node.get(f"{login}\0{node}") if login else None
        if size is None and node != MY_FILES:
            size = by_node.get(node)
        if size is not None and size > quota:
            yield finding(QUOTA, "quotas", named.get(where) or f"{login or role} on {labels.get(workspace, workspace)}", quota=quota, size=size)


def _node(target: Target, node: str) -> str:
    """One name for a node: its uuid where it is known (quotas in Cells name it so), else its path."""
    return target.nodes.get(node, node)


def _space(ledger: Ledger, target: Target, roots: dict[str, dict[str, object]]) -> Iterator[Finding]:
    needed: dict[str, int] = {}
    open_sizes = ledger.sizes_of_roots(left=True)
    for key, body in roots.items():
        if is_sent(body) and open_sizes.get(key):
            source = str(body.get("data_source") or "")
            needed[source] = needed.get(source, 0) + open_sizes[key]
    beside = {action.name: action.beside for action in map(lambda row: from_json(row.body), ledger.actions()) if isinstance(action, CreateDataSource)}
    for source, size in sorted(needed.items()):
        known = target.data_sources.get(source) or target.data_sources.get(beside.get(source) or "")
        free = _free(known.folder, target.facts.url) if known is not None and known.folder else None
        if free is None:
            yield finding(ROOM_UNKNOWN, "files", source, size=size)
        elif free < size:
            yield finding(NO_ROOM, "files", source, free=free, size=size)


def _free(folder: str, url: str) -> int | None:
    """Free bytes of a folder of Cells, when Cells is on this machine; None when that cannot be known."""
    if urlsplit(url).hostname not in _HERE or not os.path.isdir(folder):
        return None
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
