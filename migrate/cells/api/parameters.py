"""Settings and quotas of roles, kept by Cells as rules without a right: `parameter:<plugin>:<name>`, `quota`. `/a/acl`."""

from __future__ import annotations

from typing import Any

from migrate.cells.errors import RefusedToSend
from migrate.cells.models import Acl
from migrate.cells.session import Session
from migrate.cells.shapes import acl_body, acl_of, objects

EVERYWHERE = "PYDIO_REPO_SCOPE_ALL"
START_WORKSPACE = "parameter:core.conf:DEFAULT_START_REPOSITORY"
QUOTA = "quota"


def find(session: Session, action: str, role: str = "", workspace: str = "") -> list[Acl]:
    """Rules of one action (of one role, in one workspace). `POST /a/acl`."""
    query: dict[str, Any] = {"Actions": [{"Name": action}]}
    if role:
        query["RoleIDs"] = [role]
    if workspace:
        query["WorkspaceIDs"] = [workspace]
    found = (acl_of(value) for value in objects(session.search("/a/acl", {"Queries": [query], "Operation": "AND"}), "ACLs"))
    return [a for a in found if a.action == action and (not role or a.role == role) and (not workspace or a.workspace == workspace)]


def state(session: Session, wanted: Acl) -> str | None:
    """Make this value the one of its key, give the former one (None: there was none). A PUT on a key that is taken is refused by
    the server, so another value is removed first."""
    _checked(wanted)
    former = next((a.value for a in find(session, wanted.action, wanted.role, wanted.workspace) if a.key == wanted.key), None)
    if former == wanted.value:
        return former
    if former is not None:
        _remove(session, wanted)
    session.put("/a/acl", acl_body(wanted))
    return former


def withdraw(session: Session, acl: Acl) -> None:
    """Remove the rule with this key, whatever its value, if it is there."""
    _checked(acl)
    if any(a.key == acl.key for a in find(session, acl.action, acl.role, acl.workspace)):
        _remove(session, acl)


def _remove(session: Session, acl: Acl) -> None:
    body = acl_body(acl)
    del body["Action"]["Value"]
    session.post("/a/acl/bulk/delete", body)


def _checked(acl: Acl) -> None:
    """An empty part means "any" in a deletion: role, workspace and action must be named; a rule without node is for parameters."""
    parts = [acl.role, acl.workspace, acl.action, *([acl.node] if acl.action == QUOTA else [])]
    if not all(parts) or any("*" in part for part in parts):
        raise RefusedToSend(method="PUT", path="/a/acl", status=0, reason="an empty or wildcard key would hit other rules")
