"""What does a server hold about the nodes of a plan? Read in bulk, before anything is planned about them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from migrate.cells.api import activity, metadata, parameters, tree
from migrate.cells.errors import CellsRefused, NotFound
from migrate.cells.models import Target, data_source_root
from migrate.cells.models.notes import LiveNotes
from migrate.cells.session import Session

FEW = 3
"""From this many wanted nodes in one folder on, the folder is listed: a stat is 20 a second, a listing 250."""


def read_notes(session: Session, target: Target, nodes: Iterable[str], tag_fields: Sequence[str] = ()) -> LiveNotes:
    """Everything that is noted about these nodes (paths, data source first). Nodes that are not there are left out, and data
    sources that are not there are not asked for: an unknown one takes the server most of a minute."""
    found = dict(find_nodes(session, (n for n in nodes if n.split("/", 1)[0] in target.data_sources)))
    uuids = list(found.values())
    fields = metadata.list_fields(session)
    locks = metadata.list_locks(session)
    locked = {path: uuid for path, uuid in found.items() if uuid in locks}
    return LiveNotes(
        fields=fields,
        nodes=found,
        values={(v.node, v.namespace): v.json for v in metadata.search_values(session, uuids) if v.namespace.startswith(metadata.PREFIX)},
        watches={(w.login, w.node): w.events for w in activity.watches(session, uuids)} if target.facts.major < 5 else {},
        locks=locks,
        sizes={uuid: node.size for path, uuid in locked.items() if (node := tree.admin_stat(session, path)) is not None},
        parameters={(a.role, a.action): a.value for a in parameters.find(session, parameters.START_WORKSPACE)},
        tags={name: metadata.list_tags(session, name) for name, field in fields.items() if field.type == "tags"},
    )


def find_nodes(session: Session, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(path, uuid) of those nodes that are there, folder by folder."""
    together: dict[str, set[str]] = {}
    for path in paths:
        if "/" not in path:
            yield path, data_source_root(path)
        else:
            together.setdefault(posixpath.dirname(path), set()).add(path)
    missing: set[str] = set()
    for folder in sorted(together):
        if any(folder == gone or folder.startswith(gone + "/") for gone in missing):
            continue
        wanted = together[folder]
        if len(wanted) > FEW:
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
            continue
        for path in sorted(wanted):
            node_found = tree.admin_stat(session, path)
            if node_found is not None:
                yield path, node_found.uuid
