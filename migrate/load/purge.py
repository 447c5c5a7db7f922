"""Removes the files that were carried, where Cells still holds exactly what was sent; only on request."""

from __future__ import annotations

from migrate.cells.api import tree
from migrate.cells.errors import NotFound
from migrate.ledger import State
from migrate.ledger.listed import target_of
from migrate.load.listings import Listings
from migrate.load.metadata import allow_desks
from migrate.load.tools import Tools
from migrate.transform.actions import CarryFolder

BATCH = 50


def purge_folder(tools: Tools, action: CarryFolder) -> tuple[int, int]:
    """(removed, kept) of the files and folders of one carried folder. A file goes when its content is the one that was sent, a
    folder when nothing is left in it. What was there before the migration, and what lies in place on disk, stays."""
    if action.route != "upload":
        return 0, 0
    source, _, inner = action.node.partition("/")
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
        if there.is_file and row.etag and there.etag == row.etag:
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
    """Deleting is a job: wait until the last of them is not listed any more."""
    for path in paths[-1:]:
        tools.wait(lambda path=path: tree.admin_stat(tools.session, f"{action.node}/{path}") is None, 120.0,  # type: ignore[misc]
                   lambda: NotFound(method="DELETE", path=action.node, status=0, reason="the files are still listed"))
