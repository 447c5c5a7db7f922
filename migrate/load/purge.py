"""Removes the files that were carried, where Cells still holds exactly what was sent; only on request."""

from __future__ import annotations

from migrate.cells.api import datasources, tree
from migrate.cells.errors import NotFound
from migrate.ledger import State
from migrate.ledger.listed import target_of
from migrate.load.listings import Listings
from migrate.load.metadata import allow_desks
from migrate.load.tools import Result, Tools, performs
from migrate.transform.actions import CarryFolder
from migrate.transform.file_actions import RemoveFiles

BATCH = 50


def purge_folder(tools: Tools, action: CarryFolder) -> tuple[int, int]:
    """(removed, kept) of the files and folders of one carried folder. A file goes when its content is the one that was sent, a
    folder when nothing is left in it. What was there before the migration, and what lies in place on disk, stays."""
    if action.route != "upload":
        return 0, 0
    source, _, inner = action.node.partition("/")
    if datasources.get_data_source(tools.session, source) is None:
        return 0, 0  # somebody removed it, or Cells was put back: no content is listed any more
    allow_desks(tools, [source])
    listings = Listings(tools.session, action.node)
    doomed: list[str] = []
    removed = kept = 0
    folders: list[str] = []
    for row in tools.ledger.files(action.root, State.DONE):
        path = target_of(row)
        if row.type == "dir":
            folders.append(path)
            continue
        there = listings.find(path)
        if there is None:
            continue
        if there.is_file and there.etag and there.etag in (row.etag, row.md5):  # where parts were sent, Cells may show either
            doomed.append(path)
        else:
            kept += 1
    below = (tools.writable(f"{source}/{inner}".rstrip("/")) + "/" + inner).rstrip("/") + "/" if doomed or folders else ""
    for start in range(0, len(doomed), BATCH):
        tools.stop.check()
        removed += _delete(tools, [below + path for path in doomed[start:start + BATCH]])
    _gone(tools, action, doomed)
    for path in sorted(folders, key=lambda path: -path.count("/")):
        try:
            empty = not any(True for _ in tree.admin_list(tools.session, f"{action.node}/{path}"))
        except NotFound:
            continue
        if empty:
            removed += _delete(tools, [below + path])
            _gone(tools, action, [path])
        else:
            kept += 1
    return removed, kept


@performs(RemoveFiles)
def remove_files(tools: Tools, action: RemoveFiles, look: bool) -> Result:
    """Files whose content is still the one that was sent; folders when nothing is left in them. The deepest first."""
    source, _, inner = action.node.partition("/")
    allow_desks(tools, [source])
    listings = Listings(tools.session, action.node)
    doomed = []
    for path, etag, kind in sorted(action.items, key=lambda item: (-item[0].count("/"), item[0])):
        if kind == "dir":
            continue
        there = listings.find(path)
        if there is None or (there.is_file and etag and there.etag == etag):
            doomed.append(path)
    below = (tools.writable(action.node) + "/" + inner).rstrip("/") + "/"
    present = [path for path in doomed if listings.find(path) is not None]
    for start in range(0, len(present), BATCH):
        tools.stop.check()
        _delete(tools, [below + path for path in present[start:start + BATCH]])
        _gone_below(tools, action.node, present[start:start + BATCH])
    for path in sorted((item[0] for item in action.items if item[2] == "dir"), key=lambda path: -path.count("/")):
        try:
            empty = not any(True for _ in tree.admin_list(tools.session, f"{action.node}/{path}"))
        except NotFound:
            doomed.append(path)
            continue
        if empty:
            _delete(tools, [below + path])
            _gone_below(tools, action.node, [path])
            doomed.append(path)
    tools.ledger.forget_gone(action.root, doomed)
    return {"removed": len(doomed), "kept": len(action.items) - len(doomed)}


def _delete(tools: Tools, paths: list[str]) -> int:
    try:
        tree.delete_nodes(tools.session, paths, permanently=True)
    except NotFound:  # of an undo that was interrupted
        for path in paths:
            try:
                tree.delete_nodes(tools.session, [path], permanently=True)
            except NotFound:
                continue
    return len(paths)


def _gone(tools: Tools, action: CarryFolder, paths: list[str]) -> None:
    _gone_below(tools, action.node, paths)


def _gone_below(tools: Tools, node: str, paths: list[str]) -> None:
    """Deleting is a job: wait until the last of them is not listed any more."""
    for path in paths[-1:]:
        tools.wait(lambda path=path: tree.admin_stat(tools.session, f"{node}/{path}") is None, 120.0,  # type: ignore[misc]
                   lambda: NotFound(method="DELETE", path=node, status=0, reason="the files are still listed"))
