"""Accounts: look up, list, create, replace, delete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.cells.api.policies import Policies
from migrate.cells.conventions import segment, stand_in
from migrate.cells.errors import OtherObject, RefusedToSend, WrongAnswer
from migrate.cells.models import User
from migrate.cells.session import Session
from migrate.cells.shapes import number, objects, user_of
from migrate.logs import keep_out

PAGE = 500
MAX_LOGIN = 250
"""Longer ones leave a broken account behind that only SQL removes (4.x)."""


def find_users(session: Session, login: str) -> list[User]:
    """Everybody with exactly this login (two are possible: 4.x creates a twin for an unknown Uuid). `POST /a/user`.

    Exact and case-sensitive here, whatever the server does with `*` and loginCI; names that a URL cannot carry work too."""
    if not login:
        raise RefusedToSend(method="POST", path="/a/user", status=0, reason="an empty login would match everybody")
    answer = session.search("/a/user", {
        "Queries": [{"Login": login, "NodeType": "USER"}], "Operation": "AND", "ResourcePolicyQuery": {"Type": "ANY"}})
    return [user for user in map(user_of, objects(answer, "Users")) if user.login == login]


def get_user(session: Session, login: str) -> User | None:
    """The account of this login; None when there is none. `parameter:*` are merged into the attributes."""
    found = find_users(session, login)
    return found[0] if found else None


def get_user_by_uuid(session: Session, uuid: str) -> User | None:
    """The account with this uuid, whatever its login. `POST /a/user`."""
    if not uuid:
        raise RefusedToSend(method="POST", path="/a/user", status=0, reason="an empty uuid would match everybody")
    answer = session.search("/a/user", {
        "Queries": [{"Uuid": uuid, "NodeType": "USER"}], "Operation": "AND", "ResourcePolicyQuery": {"Type": "ANY"}})
    return next((user for user in map(user_of, objects(answer, "Users")) if user.uuid == uuid), None)


def search_users(session: Session, group: str = "/", *, recursive: bool = True, page: int = PAGE) -> Iterator[User]:
    """Everybody in `group` and below, hidden users of links included, in pages ordered by login. `POST /a/user`.

    The list may change while it is read; a page that repeats the one before raises WrongAnswer instead of never ending."""
    query = {"GroupPath": group, "Recursive": recursive, "NodeType": "USER"}
    yield from map(user_of, _pages(session, query, "Users", page))


def count_users(session: Session) -> int:
    """How many accounts there are, hidden ones included. `POST /a/user` with a page of one (3.x may not tell: then 0)."""
    answer = session.search("/a/user", {"Queries": [{"GroupPath": "/", "Recursive": True, "NodeType": "USER"}], "Operation": "AND", "Offset": "0",
                                        "Limit": "1", "ResourcePolicyQuery": {"Type": "ANY"}})
    return number(answer.get("Total"))


def _pages(session: Session, query: Mapping[str, Any], key: str, page: int) -> Iterator[dict[str, Any]]:
    offset, before = 0, ""
    while True:
        answer = session.search("/a/user", {"Queries": [dict(query)], "Operation": "AND", "Offset": str(offset), "Limit": str(page),
                                            "ResourcePolicyQuery": {"Type": "ANY"}})
        found = objects(answer, key)
        if not found:
            return
        first = str(found[0].get("Uuid", ""))
        if first == before:
            raise WrongAnswer(method="POST", path="/a/user", status=200, reason="the same page of users again and again")
        yield from found
        if len(found) < page:
            return
        offset, before = offset + len(found), first


def create_user(session: Session, user: User, password: str, policies: Policies | None = None) -> User:
    """Make an account with a chosen uuid. `PUT /a/user/{Login}`. Search by login first: with an unknown `Uuid` the server
    skips that check and replaces or doubles an existing account.

    A password is always sent: version 5 gives an account without one a password that can be computed. `user.roles` are the
    given roles; those of groups, profile and own are the server's. OtherObject when another uuid came back (version 5
    keeps the old account), NoAnswer when the outcome is unknown."""
    if len(password) < 16:
        raise RefusedToSend(method="PUT", path="/a/user", status=0, reason="an account needs a long random password")
    return _put(session, user, password, policies)


def put_user(session: Session, user: User, password: str | None = None, policies: Policies | None = None) -> User:
    """Replace an account, named by its uuid. `PUT /a/user/{Login}`. Everything not sent is wiped: read, change, send the
    whole (locks and failedConnections are attributes too). Absent policies are reset to the default ones (all versions).

    `password` None keeps it. Version 5: a PUT that moves the account to another group drops the password of that PUT."""
    return _put(session, user, password, policies)


def _put(session: Session, user: User, password: str | None, policies: Policies | None) -> User:
    path = "/a/user/" + stand_in(user.login)
    problem = _problem(user)
    if problem:
        raise RefusedToSend(method="PUT", path=path, status=0, reason=problem)
    body: dict[str, Any] = {"Uuid": user.uuid, "Login": user.login, "GroupPath": user.group_path, "Attributes": dict(user.attributes),
                            "Roles": [{"Uuid": uuid} for uuid in user.roles]}
    if password:
        keep_out(password)
        body["Password"] = password
    if policies:
        body["Policies"] = policies
    made = user_of(session.put(path, body))
    if made.uuid != user.uuid:
        raise OtherObject(method="PUT", path=path, status=200, reason=f"uuid {made.uuid or 'none'} instead of {user.uuid}")
    return made


def _problem(user: User) -> str:
    """Why this account must not be sent; empty when it may."""
    if not user.uuid or len(user.uuid) > 128 or not user.uuid.isascii():
        return "the uuid is empty, too long or not ASCII"
    if not user.login:
        return "without Login version 3 overwrites the root group"
    if len(user.login) > MAX_LOGIN:
        return f"the login is longer than {MAX_LOGIN} characters"
    if "/" in user.login or any(ord(c) < 32 or ord(c) == 127 for c in user.login):
        return "the login holds a slash or control characters"
    if not user.attributes.get("profile"):
        return "without profile the account would become an external user"
    if "pydio:password_hashed" in user.attributes:
        return "hashes are not accepted this way"
    return ""


def put_user_roles(session: Session, uuid: str, login: str, roles: Sequence[str]) -> None:
    """Replace the given roles, in order; attributes, password and group stay. `PUT /a/user/roles/{Login}`.

    Roles of groups, of the profile and the own one do not belong into the list. Unknown uuids are stored without a word."""
    if not uuid or not login:
        raise RefusedToSend(method="PUT", path="/a/user/roles", status=0, reason="uuid and login are needed")
    session.put("/a/user/roles/" + stand_in(login), {"Uuid": uuid, "Login": login, "Roles": [{"Uuid": role} for role in roles]})


def delete_user(session: Session, login: str, uuid: str) -> bool:
    """Delete the account with this login and this uuid; False when it is gone already. `DELETE /a/user/{Login}`.

    Looks first, because the call knows logins only and `*` in one is a wildcard (3.x and 5 delete all matches). A login that
    a URL cannot carry is renamed first (PUT with its uuid, seen on 4.1), then deleted under the safe name. Its role and
    rights go some seconds later, cells and links of the person stay. OtherObject when somebody else has the login now."""
    found = find_users(session, login)
    if not found:
        return False
    path = "/a/user/" + stand_in(login)
    if len(found) > 1 or not uuid or found[0].uuid != uuid:
        raise OtherObject(method="DELETE", path=path, status=0, reason="the login belongs to another account")
    try:
        name = segment(login, method="DELETE", what=path)
    except RefusedToSend:
        name = _under_safe_login(session, found[0])
    answer = session.delete("/a/user/" + name)
    return number(answer.get("NumRows")) > 0


def _under_safe_login(session: Session, user: User) -> str:
    """Rename an account that is to be deleted; gives the new login, read back to be this account's and nobody else's."""
    safe = stand_in(user.login)
    if find_users(session, safe):
        raise RefusedToSend(method="DELETE", path="/a/user/" + safe, status=0, reason="the login cannot be named safely in a URL")
    session.put("/a/user/" + safe, {"Uuid": user.uuid, "Login": safe, "GroupPath": user.group_path, "Attributes": dict(user.attributes), "Roles": []})
    found = find_users(session, safe)
    if [u.uuid for u in found] != [user.uuid]:
        raise OtherObject(method="PUT", path="/a/user/" + safe, status=200, reason="the account could not be renamed before its deletion")
    return safe


def request_reset(session: Session, login: str) -> bool:
    """Let Cells mail a link to set a password (20 minutes). `PUT /a/auth/reset-password-token/{login}`. False for the empty 200 that
    means nothing was sent. 200 with a body is given without a mail server too: ask `config.mailer_set` first."""
    path = "/a/auth/reset-password-token/" + segment(login, method="PUT", what="/a/auth/reset-password-token/{login}")
    return bool(session.put(path, {}, empty_ok=True).get("Success"))


def get_avatar(session: Session, login: str) -> bytes | None:
    """The picture of a person as it was stored (without `dim` the server scales nothing), None without one.
    `GET /a/frontend/binaries/USER/{login}`."""
    return session.picture("/a/frontend/binaries/USER/" + segment(login, method="GET", what="/a/frontend/binaries/USER/{login}"))


def set_avatar(session: Session, login: str, image: bytes, content_type: str) -> str:
    """Store a picture (at most 5 MB) and give its id, which later PUTs of the account have to carry as attribute `avatar`.
    `POST /a/frontend/binaries/USER/{login}`."""
    if not content_type.startswith("image/"):
        raise RefusedToSend(method="POST", path="avatar", status=0, reason="not an image")
    path = "/a/frontend/binaries/USER/" + segment(login, method="POST", what="/a/frontend/binaries/USER/{login}")
    answer = session.upload(path, {"userfile": ("avatar", image, content_type)})
    return str(answer.get("binary", ""))
