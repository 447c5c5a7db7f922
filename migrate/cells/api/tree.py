"""Files and folders: as an administrator sees the data sources, and as the token's user sees his workspaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from migrate.cells.api.datasources import get_data_source
from migrate.cells.conventions import node_path
from migrate.cells.errors import AlreadyExists, CellsRefused, NotFound, RefusedToSend
from migrate.cells.models import Node
from migrate.cells.session import Session
from migrate.cells.shapes import node_of, objects

PAGE = 1000
CREATE_BATCH = 50
CREATE_LEVELS = 600
"""Levels of all folders of one call together: making one takes the longer the deeper it is (half a second at 150), and a call has to end."""
HIDDEN = frozenset({".pydio"})
"""Technical files of a structured data source; in administrative listings only."""


def admin_stat(session: Session, path: str) -> Node | None:
    """A node by its path with the data source first; None when there is none. `POST /a/tree/admin/stat`.

    A missing node is 500 on 4.x, and so are other failures; so after a 500 the node is listed, which is 404 when it is missing.
    A path in another form than NFC is asked for as it is first. In a data source that Cells does not know there is nothing; to learn
    that takes up to 42 s, so do not ask where it is known to be missing."""
    exact, clean = node_path(path, exact=True), node_path(path)
    if exact != clean:
        found = _admin_stat(session, exact)
        if found is not None:
            return found
    return _admin_stat(session, clean)


def _admin_stat(session: Session, clean: str) -> Node | None:
    try:
        return node_of(session.search("/a/tree/admin/stat", {"Node": {"Path": clean}}).get("Node") or {})
    except NotFound:
        return None
    except CellsRefused as error:
        if error.status != 500:
            raise
        try:
            session.search("/a/tree/admin/list", {"Node": {"Path": clean}, "Limit": "1", "Offset": "0"})
        except NotFound:
            return None
        except CellsRefused:
            if get_data_source(session, clean.partition("/")[0]) is None:
                return None
        raise


def admin_list(session: Session, path: str = "", *, recursive: bool = False, folders_only: bool = False, page: int = PAGE) -> Iterator[Node]:
    """What lies in a folder, by its path with the data source first; the empty path lists the data sources, by pages.
    `POST /a/tree/admin/list`. NotFound when the folder is missing. `recursive` is one huge slow answer: list folder by folder."""
    clean = node_path(path) if path.strip("/") else "/"
    exact = node_path(path, exact=True) if path.strip("/") else "/"
    if exact != clean:  # a folder indexed in place in decomposed form is found by that alone
        try:
            first = next(pages := _admin_list(session, exact, recursive, folders_only, page), None)
        except NotFound:
            pass
        else:
            if first is not None:
                yield first
                yield from pages
            return
    yield from _admin_list(session, clean, recursive, folders_only, page)


def _admin_list(session: Session, clean: str, recursive: bool, folders_only: bool, page: int) -> Iterator[Node]:
    offset = 0
    while True:
        body: dict[str, Any] = {"Node": {"Path": clean}, "Recursive": recursive, "Limit": str(page), "Offset": str(offset)}
        if folders_only:
            body["FilterType"] = "COLLECTION"
        found = objects(session.search("/a/tree/admin/list", body), "Children")
        for value in found:
            node = node_of(value)
            if node.path.rpartition("/")[2] not in HIDDEN:
                yield node
        if len(found) < page or recursive:
            return
        offset += len(found)


def stat(session: Session, path: str) -> Node | None:
    """A node by workspace slug and path; None when it is missing or may not be seen. `POST /a/tree/stats`: unlike the GET it
    also reaches names with `%`."""
    return next(iter(stats(session, [path])), None)


def stats(session: Session, paths: Sequence[str]) -> list[Node]:
    """Those of these nodes (workspace slug first) that exist and may be seen, in any order. `POST /a/tree/stats`.
    About 40 a second; for whole folders use `children`."""
    if not paths:
        return []
    try:
        answer = session.search("/a/tree/stats", {"NodePaths": [node_path(path) for path in paths]})
    except NotFound:
        return []
    return [node_of(value) for value in objects(answer, "Nodes")]


def children(session: Session, folder: str, *, page: int = 0) -> list[Node]:
    """What lies in a folder (workspace slug first) as the token's user sees it; dot files are hidden. NotFound when the
    folder is missing or closed. `POST /a/tree/stats` with `folder/*`: 250 nodes a second."""
    clean = node_path(folder)
    found: list[Node] = []
    offset = 0
    while True:
        body: dict[str, Any] = {"NodePaths": [clean + "/*"]}
        if page:
            body.update(Limit=page, Offset=offset)
        answer = session.search("/a/tree/stats", body)
        found += [node_of(value) for value in objects(answer, "Nodes")]
        after = int((answer.get("Pagination") or {}).get("NextOffset") or 0)
        if not page or after <= offset:
            return found
        offset = after


def caller_can_stat(session: Session, path: str) -> bool:
    """Whether the token's user sees this node. `GET /a/tree/stat/{path}`: 404 for everything that is not a yes."""
    try:
        session.get("/a/tree/stat/" + quote(node_path(path), safe="/"))
    except NotFound:
        return False
    return True


def create_folders(session: Session, folders: Iterable[str] | Mapping[str, int]) -> list[Node]:
    """Make folders by workspace slug and path, parents included; existing ones are given as they are. A mapping gives
    modification times (epoch seconds; kept in flat data sources only). `POST /a/tree/create`.

    In depth order and in batches: on structured sources a call waits until the folders are indexed (up to 50 s). Version 5
    answers 409 when one of them exists: then each is looked up and made on its own."""
    times = dict(folders) if isinstance(folders, Mapping) else {}
    wanted = sorted({node_path(path) for path in folders}, key=lambda path: (path.count("/"), path))
    dates = {node_path(path): mtime for path, mtime in times.items()}
    for path in wanted:
        if "/" not in path:
            raise RefusedToSend(method="POST", path="/a/tree/create", status=0, reason=f"{path} is a workspace, not a folder in one")
    made: list[Node] = []
    for batch in _calls(wanted):
        try:
            made += _create(session, batch, dates)
        except AlreadyExists:
            for path in batch:
                made += _create_one(session, path, dates)
    return made


def _calls(paths: Iterable[str]) -> Iterator[list[str]]:
    """What goes into one call each: fewer folders, the deeper they are."""
    batch: list[str] = []
    levels = 0
    for path in paths:
        deep = path.count("/")
        if batch and (len(batch) == CREATE_BATCH or levels + deep > CREATE_LEVELS):
            yield batch
            batch, levels = [], 0
        batch.append(path)
        levels += deep
    if batch:
        yield batch


def _create(session: Session, paths: Sequence[str], dates: Mapping[str, int]) -> list[Node]:
    nodes = []
    for path in paths:
        node: dict[str, Any] = {"Path": path, "Type": "COLLECTION"}
        if dates.get(path):
            node["MTime"] = str(dates[path])
        nodes.append(node)
    answer = session.post("/a/tree/create", {"Nodes": nodes, "Recursive": True}, timeout=180)
    return [node_of(value) for value in objects(answer, "Children")]


def _create_one(session: Session, path: str, dates: Mapping[str, int]) -> list[Node]:
    there = stat(session, path)
    if there is None:
        return _create(session, [path], dates)
    if there.is_file:
        raise AlreadyExists(method="POST", path="/a/tree/create", status=409, reason=f"{path} is a file")
    return [there]


def delete_nodes(session: Session, paths: Sequence[str], *, permanently: bool = False) -> list[str]:
    """Start deleting nodes by workspace slug and path (into the recycle bin unless `permanently`); gives the job ids to wait
    for. `POST /a/tree/delete`. NotFound for a missing one, LockedInCells when something below is locked."""
    clean = [node_path(path) for path in paths]
    if not clean or any("/" not in path for path in clean):
        raise RefusedToSend(method="POST", path="/a/tree/delete", status=0, reason="a workspace itself is not to be deleted this way")
    answer = session.post("/a/tree/delete", {"Nodes": [{"Path": path} for path in clean], "RemovePermanently": permanently}, timeout=120)
    return [str(job.get("Uuid", "")) for job in objects(answer, "DeleteJobs")]
