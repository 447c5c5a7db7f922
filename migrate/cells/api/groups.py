"""Groups: list, look up, create, delete when empty. A group's role has the group's uuid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from migrate.cells.api.users import PAGE, _pages
from migrate.cells.conventions import own_group_path, parent_and_label, segment
from migrate.cells.errors import AlreadyExists, OtherObject, RefusedToSend
from migrate.cells.models import Group
from migrate.cells.session import Session
from migrate.cells.shapes import group_of, objects


def search_groups(session: Session, *, page: int = PAGE) -> Iterator[Group]:
    """All groups. `POST /a/user` with NodeType GROUP. Reading a group that has no role yet makes the server create it."""
    for value in _pages(session, {"GroupPath": "/", "Recursive": True, "NodeType": "GROUP"}, "Groups", page):
        yield group_of(value)


def get_group(session: Session, path: str) -> Group | None:
    """The group at exactly this path; None when there is none. `POST /a/user` by FullPath."""
    found = _at(session, path)
    return next((group_of(g) for g in objects(found, "Groups") if group_of(g).path == own_group_path(path, "")), None)


def _at(session: Session, path: str) -> dict:
    parent_and_label(path)
    return session.search("/a/user", {"Queries": [{"FullPath": own_group_path(path, "")}], "Operation": "AND", "ResourcePolicyQuery": {"Type": "ANY"}})


def is_empty(session: Session, path: str) -> bool:
    """Whether nobody and no group is below this path. `POST /a/user`."""
    parent_and_label(path)
    answer = session.search("/a/user", {"Queries": [{"GroupPath": own_group_path(path, ""), "Recursive": True}], "Operation": "AND", "Offset": "0",
                                        "Limit": "2", "ResourcePolicyQuery": {"Type": "ANY"}})
    own = own_group_path(path, "")
    return not objects(answer, "Users") and all(group_of(g).path == own for g in objects(answer, "Groups"))


def put_group(session: Session, group: Group) -> Group:
    """Make or replace a group, parents first. `PUT /a/user/{any}` with IsGroup; never with an empty GroupLabel, which would
    overwrite the root group. AlreadyExists when a person is at that path: the server would strip that account."""
    parent, label = parent_and_label(group.path)
    if not group.uuid or len(label) > 255:
        raise RefusedToSend(method="PUT", path="group", status=0, reason="the uuid is empty or the name longer than 255 characters")
    path = "/a/user/group-" + hashlib.sha256(group.path.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    if objects(_at(session, group.path), "Users"):
        raise AlreadyExists(method="PUT", path=path, status=0, reason=f"a person is at {group.path}")
    made = group_of(session.put(path, {
        "Uuid": group.uuid, "Login": path.rpartition("/")[2], "IsGroup": True, "GroupPath": parent, "GroupLabel": label,
        "Attributes": {"displayName": group.display_name or label}}))
    if made.uuid != group.uuid:
        raise OtherObject(method="PUT", path=path, status=200, reason=f"uuid {made.uuid or 'none'} instead of {group.uuid}")
    return made


def delete_group(session: Session, group: Group) -> bool:
    """Start the deletion of an empty group; False when it is gone already. `DELETE /a/user/{path}/`: a background job that
    deletes everybody below, so the group is listed first and a group with anything in it is refused. Poll `get_group`."""
    found = get_group(session, group.path)
    if found is None:
        return False
    if not group.uuid or found.uuid != group.uuid:
        raise OtherObject(method="DELETE", path="group", status=0, reason=f"{group.path} is another group")
    if not is_empty(session, group.path):
        raise RefusedToSend(method="DELETE", path="group", status=0, reason=f"{group.path} is not empty")
    parts = group.path.strip("/").split("/")
    url = "/a/user/" + "/".join(segment(part, method="DELETE", what="/a/user/{path}/") for part in parts) + "/"
    session.delete(url, timeout=90)
    return True

