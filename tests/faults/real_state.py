"""What a real Cells holds, in natural keys: over its interface, and (CELLS_DB_URL) how many rows each table of its database has, where
orphans would be that no interface shows."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy

from migrate.cells.api import acls, datasources, groups, metadata, roles, shares, tree, users, workspaces
from migrate.cells.session import Session

NOISE = re.compile(r"(^|_)(log|logs|jobs?|tasks?|oauth|hydra|token|session|changes?|version|migrations?|event|broker|cache|index_queue|timeranges)", re.I)
"""Tables that grow with time or with every request."""


def state(session: Session) -> dict[str, Any]:
    """Comparable with another run's: what the server chooses (uuids of nodes, links and hidden people) is replaced by what it is for."""
    names: dict[str, str] = {}
    people = list(users.search_users(session))
    links = shares.read_links(session)
    for person in people:
        names[person.uuid] = "user:" + person.login
    for link in links:
        names[link.uuid], names[link.user_uuid], names[link.user_login] = "link:" + link.hash, "linkuser:" + link.hash, "linkuser:" + link.hash
    nodes = {}
    for source in datasources.list_data_sources(session):
        if source.name in ("thumbnails", "versions", "binaries"):
            continue
        names["DATASOURCE:" + source.name] = "source:" + source.name
        for node in tree.admin_list(session, source.name, recursive=True):
            names[node.uuid] = "node:" + node.path
            if not node.path.endswith("/.pydio"):
                nodes[node.path] = (node.is_file, node.size if node.is_file else 0, node.etag if node.is_file else "")

    def name(value: str) -> str:
        return names.get(value, value)

    spaces = [space for scope in ("ADMIN", "ROOM", "LINK") for space in workspaces.search_workspaces(session, scope=scope)]
    for space in spaces:
        names.setdefault(space.uuid, f"{space.scope}:{space.slug}")
    values = metadata.search_values(session, [uuid for uuid, text in names.items() if text.startswith("node:")])
    return {
        "people": sorted((name(p.login), p.group_path, tuple(sorted(map(name, p.roles))), tuple(sorted((k, name(v)) for k, v in p.attributes.items()
                          if k not in ("avatar", "lastConnected")))) for p in people),
        "groups": sorted((g.path, g.display_name) for g in groups.search_groups(session)),
        "roles": sorted((name(r.uuid), r.label if not r.user_role else "") for r in roles.search_roles(session, with_user_roles=True)),
        "acls": sorted((name(a.node), name(a.role), name(a.workspace), a.action, name(a.value.removeprefix("uuid:"))) for a in acls.search_acls(session)),
        "workspaces": sorted((s.scope, s.slug if s.scope != "LINK" else name(s.uuid), s.label, tuple(sorted(map(name, s.roots)))) for s in spaces),
        "links": sorted((k.hash, k.label, k.protected, tuple(sorted(k.permissions)), k.max_downloads, k.access_end > 0) for k in links),
        "sources": sorted(s.name for s in datasources.list_data_sources(session)),
        "nodes": nodes,
        "fields": sorted(metadata.list_fields(session)),
        "values": sorted((name(v.node), v.namespace, v.json) for v in values),
    }


def rows(url: str) -> dict[str, int]:
    """Table -> number of rows, without those that only grow; where rows have a namespace, of each namespace."""
    engine = sqlalchemy.create_engine(url)
    found: dict[str, int] = {}
    try:
        with engine.connect() as db:
            inspector = sqlalchemy.inspect(db)
            for table in (t for t in inspector.get_table_names() if not NOISE.search(t)):
                found[table] = db.execute(sqlalchemy.text(f"SELECT count(*) FROM `{table}`")).scalar() or 0  # noqa: S608 - names of the database itself
                if any(column["name"] == "namespace" for column in inspector.get_columns(table)):
                    parts = db.execute(sqlalchemy.text(f"SELECT namespace, count(*) FROM `{table}` GROUP BY namespace"))  # noqa: S608
                    found |= {f"{table} {namespace}": number for namespace, number in parts}
    finally:
        engine.dispose()
    return found
