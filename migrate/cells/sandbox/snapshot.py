"""Is the result the same? The whole server as plain values with natural keys, for comparing an interrupted run with an undisturbed one."""

from __future__ import annotations

import re
from typing import Any

from migrate.cells.sandbox.state import Person, State

_MADE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class _Names:
    """Natural names instead of ids."""

    def __init__(self, state: State) -> None:
        self.known: dict[str, str] = {}
        for person in state.people:
            self.known[person.uuid] = person_name(person)
        for node in state.nodes.values():
            self.known[node.uuid] = "node:" + node.path
        for workspace in state.workspaces.values():
            self.known[workspace.uuid] = f"{workspace.scope.lower()}:{workspace.slug}"
        hidden = [d for d in state.hashes.values()]
        for document in hidden:
            self.known[document["UserUuid"]] = "linkuser:" + document["Hash"]
            self.known[document["UserLogin"]] = "linkuser:" + document["Hash"]
            self.known[document["WorkspaceUuid"]] = "link:" + document["Hash"]

    def of(self, value: str) -> str:
        """The name of an id, or the value itself; ids made by the server that name nothing are one and the same."""
        if value in self.known:
            return self.known[value]
        for prefix in ("user:", "role:"):
            if value.startswith(prefix):
                return prefix + self.known.get(value[len(prefix):], value[len(prefix):])
        return "made" if _MADE.fullmatch(value) else value


def person_name(person: Person) -> str:
    """`group:/a/b` or `user:/a/login`."""
    if person.uuid == "ROOT_GROUP":
        return "group:/"
    return ("group:" if person.is_group else "user:") + person.path


def snapshot(state: State) -> dict[str, Any]:
    """Plain, sorted, comparable."""
    names = _Names(state)
    policies = lambda rules: sorted((p.get("Action", ""), names.of(p.get("Subject", "")), p.get("Effect", "")) for p in rules)  # noqa: E731
    return {
        "people": {names.of(p.uuid): {
            # Refused sign-ins since the last good one: a check that is made again counts again, and no person's doing is lost by it.
            "attributes": {k: "picture" if k == "avatar" else v for k, v in sorted(p.attributes.items()) if k != "failedConnections"},
            "roles": [names.of(r) for r in p.roles], "policies": policies(p.policies),
            "password": bool(p.password)} for p in state.people},
        "roles": {names.of(r.uuid): {
            "label": r.label if not r.user_role else "", "team": r.is_team, "group": r.group_role, "user": r.user_role,
            "auto": r.auto_applies, "override": r.force_override, "policies": policies(r.policies)} for r in state.roles.values()},
        "acls": sorted((names.of(a.node), names.of(a.role), names.of(a.workspace), a.action, names.of(a.value.removeprefix("uuid:")))
                       for a in state.acls.rows.values()),
        "workspaces": {names.of(w.uuid): {
            "label": w.label, "description": w.description, "slug": w.slug if w.scope != "LINK" else "", "scope": w.scope,
            "attributes": w.attributes, "policies": policies(w.policies)} for w in state.workspaces.values()},
        "sources": {s.name: {"flat": s.flat, "folder": s.folder, "configuration": s.configuration.get("StorageConfiguration", {})}
                    for s in state.sources.values()},
        "nodes": {n.path: {"type": n.type, "size": n.size, "etag": n.etag if not n.is_folder else ""}
                  for s in state.sources.values() for n in s.root.walk()},
        "namespaces": {n: {k: v for k, v in d.items() if k != "Policies"} | {"policies": policies(d["Policies"])}
                       for n, d in sorted(state.namespaces.items())},
        "values": sorted((names.of(m["NodeUuid"]), m["Namespace"], names.of(m.get("owner", "")), m["JsonValue"])
                         for m in state.user_meta.values()),
        "tags": {n: sorted(t) for n, t in sorted(state.tags.items())},
        "subscriptions": sorted((user, names.of(node), ",".join(s["Events"])) for (user, node), s in state.subscriptions.items()),
        "links": {h: {k: d.get(k) for k in ("Label", "AccessEnd", "MaxDownloads", "Downloads", "Template", "Password")}
                  | {"owner": d.get("Owner", "")} for h, d in sorted(state.hashes.items())},
        "uploads": len(state.uploads),
        "configuration": state.configuration,
        "binaries": len(state.binaries),
    }
