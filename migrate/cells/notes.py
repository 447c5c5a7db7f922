"""What does a server hold about the nodes of a plan? Read in bulk, before anything is planned about them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from migrate.cells.api import activity, metadata, parameters, tree
from migrate.cells.errors import CellsRefused, NotFound
from migrate.cells.models import Target, data_source_root
from migrate.cells.models.notes import LiveNotes
from migrate.cells.session import Session
from migrate.shelf import Shelf

FEW = 3
"""From this many wanted nodes in one folder on, the folder is listed: a stat is 20 a second, a listing 250."""


CHUNK = 1000
"""Nodes whose values are asked for together."""


def read_notes(session: Session, target: Target, nodes: Iterable[str], watched: Iterable[str] = (), shelf: Shelf | None = None) -> LiveNotes:
    """Everything that is noted about these nodes (paths, data source first); of `watched`, which are among them, also who watches them.
    Nodes that are not there are left out, and data sources that are not there are not asked for: an unknown one takes the server most
    of a minute. What is read lies on `shelf`, so that it may be much."""
    shelf = shelf or Shelf()
    there = ((posixpath.dirname(n), n) for n in nodes if n.split("/", 1)[0] in target.data_sources)
    found = shelf.mapping(_find(session, ((folder, set(paths)) for folder, paths in shelf.groups(there))))
    fields = metadata.list_fields(session)
    locks = metadata.list_locks(session)
    locked = {path: uuid for path, uuid in found.items() if uuid in locks} if locks else {}
    seen = {uuid for uuid in (found.get(path) for path in watched) if uuid is not None} if target.facts.major < 5 else set()
    return LiveNotes(
        fields=fields,
        nodes=found,
        values=shelf.mapping(_values(session, found)),
        watches={(w.login, w.node): w.events for w in activity.watches(session, sorted(seen))},
        locks=locks,
        sizes={uuid: node.size for path, uuid in locked.items() if (node := tree.admin_stat(session, path)) is not None},
        parameters={(a.role, a.action): a.value for a in parameters.find(session, parameters.START_WORKSPACE)},
        tags={name: metadata.list_tags(session, name) for name, field in fields.items() if field.type == "tags"},
    )


def _values(session: Session, found: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """((uuid, namespace), JSON text), some nodes at a time."""
    uuids = (found[path] for path in found)
    while part := list(islice(uuids, CHUNK)):
        for value in metadata.search_values(session, part):
            if value.namespace.startswith(metadata.PREFIX):
                yield (value.node, value.namespace), value.json


def find_nodes(session: Session, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(path, uuid) of those nodes that are there, folder by folder."""
    together: dict[str, set[str]] = {}
    for path in paths:
        together.setdefault(posixpath.dirname(path), set()).add(path)
    return _find(session, sorted(together.items()))


def _find(session: Session, folders: Iterable[tuple[str, set[str]]]) -> Iterator[tuple[str, str]]:
    """The same, of nodes that are together by folder, a folder before those in it."""
    missing: set[str] = set()
    for folder, wanted in folders:
        if not folder:
            yield from ((source, data_source_root(source)) for source in sorted(wanted))
        elif _below(folder, missing):
            continue
        elif len(wanted) > FEW:
            try:
                for node in tree.admin_list(session, folder):
                    if node.path in wanted:
                        yield node.path, node.uuid
            except NotFound:
                missing.add(folder)
            except CellsRefused as error:
                if error.status != 500 or tree.admin_stat(session, folder) is not None:
                    raise
                missing.add(folder)
        else:
            for path in sorted(wanted):
                node_found = tree.admin_stat(session, path)
                if node_found is not None:
                    yield path, node_found.uuid


def _below(folder: str, missing: set[str]) -> bool:
    """Whether the folder or one above it is known not to be there."""
    while folder:
        if folder in missing:
            return True
        folder = posixpath.dirname(folder)
    return False
