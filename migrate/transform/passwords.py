"""What is to be done so that people can sign in? The part of a plan that carries stored passwords and asks for mails.

Passwords are made, and stored forms are read, only when the plan is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from migrate.errors import Code, Finding, Severity, code, finding
from migrate.extract.records import User
from migrate.transform.actions import Action, ClearHashJob, RequestReset, StoreHashes
from migrate.transform.mapping import UserLine
from migrate.transform.parts import Lookup, Outcome
from migrate.transform.people import Person
from migrate.transform.records_view import Records
from migrate.transform.ways import KEPT, RESET, TEMPORARY, PasswordPolicy

CHUNK: Mapping[str, int] = {"rpc": 30, "sql": 500}
"""People an action: a job of some tens of calls (a chain of 50 was seen to pass), a transaction of some hundreds."""

CASE_MATTERS = code(
    "F2805", Severity.INFO, "{subject} is spelt with capitals. The old server took any spelling at sign-in, Cells takes this one only.",
    "Tell this person; accounts.csv holds the exact spelling.")
CASE_MATTERS_TO_ALL = code(
    "F2806", Severity.INFO, "The old server did not tell small letters from capitals in logins ({subject}); Cells does.",
    "Announce that logins are to be typed exactly as accounts.csv has them.")
SCRIPT_TO_RUN = code(
    "F2807", Severity.WARNING, "The old passwords of {subject} people work only after the script keep-passwords.sql was run on the database of Cells.",
    "Read it, run it on the server of Cells, then run `verify`. Or give --cells-database, and the tool does and proves it.",
    "Cells refuses stored passwords over its interface on purpose. Putting them into its database is the decision of the server's owner.")
BY_INTERNAL_CALL = code(
    "F2808", Severity.WARNING, "The stored old passwords of {subject} people pass through the job log and the server log of Cells.",
    "After the run: `cells admin clean logs` on the server, rotate and remove its log files, and keep backups of them closed.",
    "The route rpc uses a job of Cells that calls an internal service. Cells writes what it is asked into its logs, stored passwords included.")


@dataclass(frozen=True)
class Passwords:
    """The part of a plan that carries passwords. `waiting`: uuids of accounts that this migration made and whose old password it
    has not stored yet; of accounts that were there before it, nothing is known, and nothing is done to them. `refused`: uuid to old
    login of those whose stored form Cells did not take: they keep their temporary password."""

    records: Records
    lookup: Lookup
    lines: Mapping[str, UserLine]
    policy: PasswordPolicy
    waiting: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    any_case: bool = False
    kinds: tuple[str, ...] = ()

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        """Chunks of people whose stored passwords go to Cells, the clearing of the job that held them, mails to send."""
        if self.policy.route in CHUNK:
            yield from self._chunks()
        for person in self._people(RESET):
            if "logout" in person.user.locks:  # once unlocked, `Forgot password?` is there for them
                continue
            yield RequestReset(person.uuid, person.login), not self._new(person)

    def _chunks(self) -> Iterator[tuple[Action, bool]]:
        waiting = (person for person in self._people(KEPT) if self._new(person))
        chunks = 0
        while some := list(islice(waiting, CHUNK[self.policy.route])):
            chunks += 1
            yield StoreHashes(self.policy.route, tuple(p.login for p in some), tuple(p.uuid for p in some), tuple(p.user.login for p in some)), False
        if chunks and self.policy.route == "rpc":
            yield ClearHashJob(chunks), False

    def _new(self, person: Person) -> bool:
        return person.login not in self.lookup.target.users or person.uuid in self.waiting

    def _people(self, wanted: str) -> Iterator[Person]:
        for user in self.records.users():
            if self._way(user)[0] == wanted:
                person = self.lookup.person(user.login)
                if person is not None and not person.existing:
                    yield person

    def _way(self, user: User) -> tuple[str, Code | None]:
        return self.policy.way(user, self.lines.get(user.login), existing=False)

    @property
    def outcomes(self) -> Iterator[Outcome]:
        """Passwords are no records of their own."""
        return iter(())

    @property
    def targets(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The way in stands with the account; here only where it came out otherwise than planned."""
        for uuid, old in self.refused.items():
            person = self.lookup.person(old)
            if person is not None and person.uuid == uuid and self._way(person.user)[0] == KEPT:
                yield "users", old, {"login": person.login, "uuid": uuid, "password": TEMPORARY}

    @property
    def findings(self) -> Iterator[Finding]:
        """Who cannot be given what was asked for, and what the chosen route leaves to do."""
        new = kept = 0
        for user in self.records.users():
            person = self.lookup.person(user.login)
            if person is None or person.existing:
                continue
            way, why = self._way(user)
            if why is not None:
                yield finding(why, "users", user.login)
            new += 1
            kept += way == KEPT and self._new(person)
            if self.any_case and user.login != user.login.lower():
                yield finding(CASE_MATTERS, "users", user.login)
        if new and self.any_case:
            yield finding(CASE_MATTERS_TO_ALL, "users", f"{new} accounts")
        if kept and self.policy.route != "sql":
            yield finding(SCRIPT_TO_RUN if self.policy.route == "script" else BY_INTERNAL_CALL, "users", str(kept))
