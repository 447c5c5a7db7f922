"""A week between two runs: what the old server changes, what people in Cells change, and what is left of both."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import night

from fixtures.generator import build
from fixtures.generator.description import Organisation
from migrate.ledger import Ledger, State

Was = Callable[[Organisation], Organisation]
Done = Callable[[Any], None]


class Week:
    """One old installation at one place, one server, one work folder."""

    def __init__(self, tmp: Path, server: night.Disturbed, was: Organisation | None = None) -> None:
        self.server, self.old, self.work = server, tmp / "old", tmp / "w"
        self.was = was or night.organisation()
        build(self.was, self.old)
        first = night.migrate(self.old, server.url, self.work)
        assert first.status == 0, first.out + first.err

    def passes(self, old: Was | None = None, cells: Done | None = None) -> None:
        """The old server and Cells live on."""
        if old is not None:
            shutil.rmtree(self.old)
            build(old(self.was), self.old)
        if cells is not None:
            cells(self)

    def plan(self, *options: object) -> night.Ran:
        ran = night.command("plan", "--legacy", self.old, "--cells", self.server.url, "--work", self.work, "--json", *options)
        assert ran.status in (0, 3), ran.err
        assert ran.json["requests"]["write"] == 0
        return ran

    def todo(self) -> list[str]:
        """Ids of what the plan would do, without the loader's own preparations."""
        with Ledger.open(self.work) as ledger:
            return [row.id for row in ledger.actions(State.PLANNED, State.STARTED) if not row.id.startswith(("desk:", "close-desk:", "lift-locks:"))]

    def named(self, ran: night.Ran, code: str) -> list[str]:
        """Subjects of the findings of a code."""
        return [f["subject"] for f in ran.json["findings"] if f["code"] == code]

    def changes(self) -> str:
        """What changes.csv says."""
        return (self.work / "changes.csv").read_text()

    def apply(self) -> night.Ran:
        ran = night.command("apply", "--work", self.work, "--accept-skips", "--quiet")
        assert ran.status == 0, ran.out + ran.err
        return ran

    def quiet(self, *options: object) -> None:
        """Nothing is left to do, and `verify` agrees."""
        again = night.migrate(self.old, self.server.url, self.work, "--json", *options)
        assert again.json["requests"]["write"] == 0, self.todo()
        assert again.status == 0, again.json["verdict"] + str(again.json.get("differences"))

    # -- people in Cells ------------------------------------------------------------------------------------------------------

    def user(self, login: str) -> dict[str, Any] | None:
        found = self.server.call("POST", "/a/user", {"Queries": [{"Login": login, "NodeType": 1}]}).get("Users") or []
        return found[0] if found else None

    def change_user(self, login: str, **attributes: str) -> None:
        body = self.server.call("GET", f"/a/user/{login}")
        body["Attributes"].update(attributes)
        self.server.call("PUT", f"/a/user/{login}", body)

    def rules(self, role: str = "", workspace: str = "") -> set[tuple[str, str, str, str]]:
        """(role, node, workspace, action) by names, of the snapshot."""
        return {tuple(rule[:4]) for rule in self.server.snapshot()["acls"] if role in str(rule) and workspace in str(rule)}  # type: ignore[misc]


def user_of(was: Organisation, login: str, **changes: Any) -> Organisation:
    return dataclasses.replace(was, users=tuple(dataclasses.replace(u, **changes) if u.login == login else u for u in was.users))


def without_user(was: Organisation, login: str) -> Organisation:
    """As the old application deletes a person: with the memberships and what was shared with the person."""
    shares = tuple(dataclasses.replace(s, entries=tuple(e for e in s.entries if e.id != login)) for s in was.shares if s.owner != login)
    teams = tuple(dataclasses.replace(t, members=tuple(m for m in t.members if m != login)) for t in was.teams if t.owner != login)
    return dataclasses.replace(was, users=tuple(u for u in was.users if u.login != login), shares=shares, teams=teams,
                               marks=tuple(m for m in was.marks if m.user != login), comments=tuple(c for c in was.comments if c.user != login))
