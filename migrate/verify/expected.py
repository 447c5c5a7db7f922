"""Where each old id should be found in Cells: the plan's targets, as lookups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.cells.models import MY_FILES
from migrate.ledger import Ledger
from migrate.ledger.listed import is_sent
from migrate.transform.actions import CreateUser, from_json

PERSONAL = "personal"
"""Data source of the personal spaces (`my-files` resolves to `personal/<login>`)."""


@dataclass(frozen=True)
class Expected:
    """Old id -> what the plan says it becomes. Memory: people, groups, roles and workspaces, never files."""

    users: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, Mapping[str, Any]]
    teams: Mapping[str, Mapping[str, Any]]
    workspaces: Mapping[str, Mapping[str, Any]]
    shares: Mapping[str, Mapping[str, Any]]
    roots: Mapping[str, str]
    """Key of an old root -> path of its node, data source first."""
    announced: frozenset[tuple[str, str]]
    """(kind, subject) of the plan's findings: a deviation from the old value is accepted where it was said."""
    dated: frozenset[str] = frozenset()
    """Keys of roots whose files keep their dates: indexed in place, or set in the database of Cells."""
    uploaded: frozenset[str] = frozenset()
    """Keys of roots whose folders were made with their dates, where the data source keeps those."""
    indexed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Key of a root that Cells shows as it lies, the old folder itself or a copy that others made -> names of the old
    application's own files in it."""

    @classmethod
    def of(cls, ledger: Ledger) -> Expected:
        """Read the targets of a ledger."""
        kinds = {kind: dict(ledger.targets(kind)) for kind in ("users", "groups", "roles", "teams", "workspaces", "shares")}
        users = kinds["users"]
        roots = {}
        dated: set[str] = set()
        uploaded: set[str] = set()
        indexed = {}
        for key, body in ledger.targets("roots"):
            if body.get("route") == "in-place" or (is_sent(body) and ledger.get(f"dates:{body.get('data_source')}") is True):
                dated.add(key)
            if is_sent(body):
                uploaded.add(key)
            if body.get("route") in ("in-place", "external"):
                indexed[key] = frozenset((ledger.record("roots", key) or {}).get("excluded") or ())
            path = root_path(key, body, users)
            if path is not None:
                roots[key] = path
        announced = frozenset((f.kind, f.subject) for _, f in ledger.findings("plan"))
        return cls(roots=roots, announced=announced, dated=frozenset(dated), uploaded=frozenset(uploaded), indexed=indexed, **kinds)

    def workspace(self, old: str) -> Mapping[str, Any] | None:
        """What a workspace, or the child workspace of a share, became; None when it was left out."""
        body = self.workspaces.get(old) or self.shares.get(old)
        return body if body and body.get("uuid") else None

    def home(self, old: str, login: str, group: str) -> str | None:
        """Path of the folder that a person has as root in an old workspace: his own, his group's, or the only one. None when
        there was none on the old server (a person who never signed in has no folder yet)."""
        return self.roots.get(f"{old}\0{login}\0") or self.roots.get(f"{old}\0\0{group}") or self.roots.get(f"{old}\0\0")

    def personal(self, old: str) -> bool:
        """Whether everybody (or every group) has another folder in this workspace."""
        return self.workspaces.get(old, {}).get("scope") in ("user", "group")


def root_path(key: str, body: Mapping[str, Any], users: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Path of a root's node. A personal space is named `my-files`; its folder is `personal/<login in Cells>`."""
    node = str(body.get("node") or "")
    source, path = str(body.get("data_source") or ""), str(body.get("path") or "").strip("/")
    if node and node != MY_FILES:
        return node.strip("/")
    if node == MY_FILES:
        login = key.split("\0")[1]
        return f"{source or PERSONAL}/{users.get(login, {}).get('login', login)}"
    if not source:
        return None
    return path if path == source or path.startswith(source + "/") else f"{source}/{path}".rstrip("/")


def planned_user(ledger: Ledger, login: str) -> CreateUser | None:
    """The planned account of a login in Cells; None when it was there already."""
    row = ledger.action("user:" + login)
    action = from_json(row.body) if row is not None else None
    return action if isinstance(action, CreateUser) else None
