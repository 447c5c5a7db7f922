"""Roles and teams."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.cells.api.policies import Policies
from migrate.cells.conventions import segment, stand_in
from migrate.cells.errors import NotAllowed, NotFound, OtherObject, RefusedToSend
from migrate.cells.models import Role
from migrate.cells.session import Session
from migrate.cells.shapes import objects, role_of

PAGE = 500
RESERVED = frozenset({"root_group", "admins", "external_users", "minisite", "minisite_nodownload"})


def search_roles(session: Session, *, with_user_roles: bool = False) -> list[Role]:
    """All roles, teams and group roles; roles of single users only on demand (as many as users). `POST /a/role`.

    In one call: the order of pages is not promised."""
    queries = [] if with_user_roles else [{"IsUserRole": True, "not": True}]
    answer = session.search("/a/role", {"Queries": queries, "Operation": "AND", "ResourcePolicyQuery": {"Type": "ANY"}})
    return [role_of(value) for value in objects(answer, "Roles")]


def get_role(session: Session, uuid: str) -> Role | None:
    """The role with exactly this uuid; None when there is none. `POST /a/role`."""
    return next(iter(get_roles(session, [uuid])), None)


def get_roles(session: Session, uuids: list[str]) -> Iterator[Role]:
    """Those of these roles that exist. `POST /a/role`, 200 uuids a call. The server compares without case; here exactly."""
    if not all(uuids):
        raise RefusedToSend(method="POST", path="/a/role", status=0, reason="an empty uuid would match every role")
    wanted = set(uuids)
    for start in range(0, len(uuids), 200):
        answer = session.search("/a/role", {
            "Queries": [{"Uuid": uuids[start:start + 200]}], "Operation": "AND", "ResourcePolicyQuery": {"Type": "ANY"}})
        yield from (role for role in map(role_of, objects(answer, "Roles")) if role.uuid in wanted)


def put_role(session: Session, role: Role, policies: Policies | None = None) -> Role:
    """Make or replace a role. `PUT /a/role/{Uuid}`. All fields are replaced, absent policies become the default ones.

    A team is a role with `is_team` and `policies.owned_by(...)`. Reserved roles are refused: the call would overwrite them."""
    path = "/a/role/" + stand_in(role.uuid)
    problem = ""
    if not role.uuid or len(role.uuid) > 255 or "," in role.uuid:
        problem = "the uuid is empty, longer than 255 characters or holds a comma"
    elif role.uuid.lower() in RESERVED:
        problem = "a role of Cells itself is not to be replaced"
    elif not role.label or len(role.label) > 500:
        problem = "the label is empty or longer than 500 characters"
    if problem:
        raise RefusedToSend(method="PUT", path=path, status=0, reason=problem)
    body = {"Uuid": role.uuid, "Label": role.label, "IsTeam": role.is_team, "AutoApplies": list(role.auto_applies), "ForceOverride": role.force_override}
    if policies:
        body["Policies"] = policies
    made = role_of(session.put(path, body))
    if made.uuid != role.uuid:
        raise OtherObject(method="PUT", path=path, status=200, reason=f"uuid {made.uuid or 'none'} instead of {role.uuid}")
    return made


def delete_role(session: Session, uuid: str) -> bool:
    """Delete a role; its rules and memberships go some seconds later. False when it is gone already.
    `DELETE /a/role/{Uuid}`: an unknown role is 403 on 4.x, so it is looked up first."""
    if uuid.lower() in RESERVED:
        raise RefusedToSend(method="DELETE", path="/a/role/" + uuid, status=0, reason="a role of Cells itself is not to be deleted")
    name = segment(uuid, method="DELETE", what="/a/role/{Uuid}")
    if get_role(session, uuid) is None:
        return False
    try:
        session.delete("/a/role/" + name)
    except (NotAllowed, NotFound):
        if get_role(session, uuid) is None:  # somebody was faster
            return False
        raise
    return True
