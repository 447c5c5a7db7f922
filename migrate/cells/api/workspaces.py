"""Workspaces: list, make or replace, delete. Cells (scope ROOM) with a chosen uuid are made the same way."""

from __future__ import annotations

import json
import re
from typing import Any

from migrate.cells.api.policies import Policies
from migrate.cells.conventions import segment, stand_in
from migrate.cells.errors import OtherObject, RefusedToSend
from migrate.cells.models import LiveWorkspace
from migrate.cells.session import Session
from migrate.cells.shapes import number, objects, workspace_of

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*\Z")


def search_workspaces(session: Session, *, scope: str = "", uuid: str = "", slug: str = "") -> list[LiveWorkspace]:
    """All workspaces (or those of a scope, uuid or slug), shares of others included, sorted by uuid. `POST /a/workspace`
    with policy ANY: without it an administrator is shown no share of other people. Order and `Total` are not reliable."""
    query = {k: v for k, v in (("scope", scope), ("uuid", uuid), ("slug", slug)) if v}
    answer = session.search("/a/workspace", {"Queries": [query] if query else [], "Operation": "AND", "ResourcePolicyQuery": {"Type": "ANY"}})
    found = [workspace_of(value) for value in objects(answer, "Workspaces")]
    return sorted((w for w in found if (not uuid or w.uuid == uuid) and (not slug or w.slug == slug)), key=lambda w: w.uuid)


def get_workspace(session: Session, uuid: str) -> LiveWorkspace | None:
    """The workspace with exactly this uuid; None when there is none."""
    if not uuid:
        raise RefusedToSend(method="POST", path="/a/workspace", status=0, reason="an empty uuid would match any")
    return next(iter(search_workspaces(session, uuid=uuid)), None)


def put_workspace(session: Session, workspace: LiveWorkspace, policies: Policies | None = None) -> LiveWorkspace:
    """Make or replace a workspace; the answer's slug may carry a suffix. `PUT /a/workspace/{Slug}`.

    Every PUT rewrites the rights of ROOT_GROUP from `default_rights` and drops roots that are not named; with other roots,
    rights of other roles stay on the old ones. Send the slug that was read back: with the wanted one it moves on (docs-1,
    docs-2). Without roots 3.x would empty the workspace. Absent policies: default on creation, kept on an update."""
    path = "/a/workspace/" + stand_in(workspace.slug)
    problem = _problem(workspace)
    if problem:
        raise RefusedToSend(method="PUT", path=path, status=0, reason=problem)
    body: dict[str, Any] = {
        "UUID": workspace.uuid, "Label": workspace.label, "Description": workspace.description, "Slug": workspace.slug, "Scope": workspace.scope,
        "RootNodes": {uuid: {"Uuid": uuid, "Path": root} for uuid, root in workspace.roots.items()},
        "Attributes": json.dumps({"DEFAULT_RIGHTS": workspace.default_rights} if workspace.scope == "ADMIN" else {})}
    if policies:
        body["Policies"] = policies
    made = workspace_of(session.put(path, body))
    if made.uuid != workspace.uuid:
        raise OtherObject(method="PUT", path=path, status=200, reason=f"uuid {made.uuid or 'none'} instead of {workspace.uuid}")
    return made


def _problem(workspace: LiveWorkspace) -> str:
    if not workspace.uuid or len(workspace.uuid) > 128:
        return "without a uuid every call would make another workspace"
    if not _SLUG.match(workspace.slug):
        return "the slug has to be of a-z, 0-9 and -"
    if not workspace.roots or not all(workspace.roots) or not all(workspace.roots.values()):
        return "a workspace without roots, or a root without uuid or path, would be emptied"
    if len(workspace.label.encode("utf-8", "surrogatepass")) >= 500 or len(workspace.description.encode("utf-8", "surrogatepass")) >= 1000:
        return "the label or description is too long (500 and 1000 bytes)"
    if workspace.default_rights not in ("", "r", "rw", "w"):
        return "unknown default rights"
    return ""


def delete_workspace(session: Session, uuid: str, slug: str) -> bool:
    """Delete the workspace that has this uuid and this slug; its files stay. False when it is gone already.
    `DELETE /a/workspace/{Slug}` knows slugs only, so it is looked up first."""
    found = get_workspace(session, uuid)
    if found is None:
        return False
    if found.slug != slug:
        raise OtherObject(method="DELETE", path="/a/workspace/" + slug, status=0, reason=f"its slug is now {found.slug}")
    name = segment(slug, method="DELETE", what="/a/workspace/{Slug}")
    return number(session.delete("/a/workspace/" + name).get("NumRows")) > 0
