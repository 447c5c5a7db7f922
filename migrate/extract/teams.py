"""Which teams had users made? Rows of the table of 5.1 to 7, and owned roles of 8; an upgraded server has both."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.logins import from_key, to_key
from migrate.extract.plain import items
from migrate.extract.records import Login, RoleId, Team

if TYPE_CHECKING:
    from migrate.extract.context import Context

MEMBER_GONE = code(
    "F1221",
    Severity.INFO,
    "The team {subject} of {owner} has the member {login}, who does not exist any more.",
    "Nothing to do: the member is left out.",
)
OWNER_GONE = code(
    "F1222",
    Severity.WARNING,
    "The team {subject} belongs to {owner}, who does not exist any more.",
    "Decide who shall own it, or leave it behind.",
)
NO_LABEL = code("F1223", Severity.INFO, "The team {subject} of {owner} has no label; its id is used.", "Nothing to do.")


def read_teams(context: Context) -> Iterator[Team]:
    """Every team with the members who exist. A role of the same id as a table team carries that team's rights."""
    members = _Members()
    for team, label, owner, login in context.store.teams():
        members.add(team, _owner(context, owner), label, _member(context, team, owner, login))
    owned = {role.id: role for role in context.roles.values() if role.owner is not None}
    for role in owned.values():
        members.add(role.id, _owner(context, role.owner or ""), role.label, None)
    if owned:
        for row in context.store.users():
            for name, _ in items(row.rights.get("ajxp.roles")):
                if name in owned:
                    owner = owned[name].owner or ""
                    members.add(name, _owner(context, owner), owned[name].label, _member(context, name, owner, row.login))
    for team, owner, label, logins in members.teams():
        yield _team(context, team, owner, label, logins, team in owned)
    members.close()


class _Members:
    """Who is in which team, on disk: teams of a large server have many members in all."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("")
        self._db.execute("CREATE TABLE team (owner BLOB, id BLOB, label TEXT, PRIMARY KEY (owner, id)) WITHOUT ROWID")
        self._db.execute("CREATE TABLE member (owner BLOB, id BLOB, login BLOB, PRIMARY KEY (owner, id, login)) WITHOUT ROWID")

    def add(self, team: str, owner: str, label: str, login: str | None) -> None:
        key = (to_key(owner), to_key(team))
        self._db.execute("INSERT OR IGNORE INTO team VALUES (?, ?, ?)", (*key, label or ""))
        if login is not None:
            self._db.execute("INSERT OR IGNORE INTO member VALUES (?, ?, ?)", (*key, to_key(login)))

    def teams(self) -> Iterator[tuple[str, str, str, list[str]]]:
        """(team id, owner, label, members), ordered by owner and id."""
        for owner, team, label in self._db.execute("SELECT owner, id, label FROM team ORDER BY owner, id").fetchall():
            rows = self._db.execute("SELECT login FROM member WHERE owner = ? AND id = ? ORDER BY login", (owner, team)).fetchall()
            yield from_key(team), from_key(owner), label, [from_key(login) for (login,) in rows]

    def close(self) -> None:
        self._db.close()


def _member(context: Context, team: str, owner: str, login: str) -> str | None:
    known = context.login(login)
    if known is not None and known.is_person:
        return known.login
    context.findings(finding(MEMBER_GONE, "teams", team, owner=owner, login=login))
    return None


def _owner(context: Context, stored: str) -> str:
    known = context.login(stored)
    return known.login if known is not None else stored


def _team(context: Context, team: str, owner: str, label: str, members: list[str], has_role: bool) -> Team:
    if not context.is_person(owner):
        context.findings(finding(OWNER_GONE, "teams", team, owner=owner))
    if not label:
        context.findings(finding(NO_LABEL, "teams", team, owner=owner))
    return Team(RoleId(team), label or team, Login(owner), tuple(Login(login) for login in members), has_role)
