"""What becomes of each account: a new one, an existing one that is kept, or nothing? Logins, profiles, locks, owners.

Passwords are no matter here: every account is made with a random one, and `load` carries hashes by other ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from migrate.cells.models import Target
from migrate.cells.models import User as CellsUser
from migrate.errors import Code, Finding, finding
from migrate.extract.records import User
from migrate.transform import codes, names
from migrate.transform.identity import Identity
from migrate.transform.mapping import Mappings, Proposal
from migrate.transform.ways import PasswordPolicy

LANGUAGE = "parameter:core.conf:lang"
_LOCKS = ("logout", "pass_change")
GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Person:
    """The decision on one account. `uuid`: of the account and its own role. `existing`: made by others, only rights are
    added. `outside`: external (profile shared), without rights of groups. `skip`: why it is left out."""

    user: User
    login: str = ""
    uuid: str = ""
    profile: str = "standard"
    existing: bool = False
    skip: Code | None = None

    @property
    def outside(self) -> bool:
        return self.profile == "shared"


@dataclass
class People:
    """Decisions on accounts, one at a time. `special`: decisions that depend on others (renamed, mapped, skipped), by old login."""

    identity: Identity
    target: Target
    mappings: Mappings
    wide: bool
    special: dict[str, tuple[str, Code | None]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    passwords: PasswordPolicy = PasswordPolicy()

    def survey(self, users: Iterable[User]) -> None:
        """The first pass: who is renamed or left out, and where names collide. Keeps logins, nothing else of a person."""
        folded: dict[str, str] = {}
        wanted: dict[str, list[str]] = {}
        for user in users:
            self.known.add(user.login)
            new, why, skip = self._name(user)
            if skip is not None or new != user.login:
                self.special[user.login] = (new, skip)
                if skip is None:
                    wanted.setdefault(new, []).append(user.login)
            self._say(user, new, why, skip)
            other = folded.setdefault(new.casefold(), user.login) if skip is None else user.login
            if other != user.login:
                self.findings.append(finding(codes.LOGIN_CASE, "users", user.login, other=other))
        self._follow(wanted)
        for new, olds in wanted.items():
            first = new in self.known and self.special.get(new, (new, None)) == (new, None)
            for old in sorted(olds)[0 if first else 1 :]:
                self.special[old] = (new, codes.LOGIN_TAKEN)
                self.findings.append(finding(codes.LOGIN_TAKEN, "users", old, new=new))
        cells = {login.casefold(): login for login in self.target.users}
        for key, old in folded.items():
            other = cells.get(key)
            if other is not None and self.cells_login(old) not in self.target.users:
                self.findings.append(finding(codes.LOGIN_CASE, "users", old, other=f"{other} in Cells"))

    def _follow(self, wanted: dict[str, list[str]]) -> None:
        """Accounts of ours that are in Cells under another login than the one wanted now (a mapping file was changed after a first run, or
        somebody renamed them): they keep it. A second account with the same uuid would replace the first."""
        ours = {self.identity.user(old): old for old in self.known}
        for login, found in self.target.users.items():
            old = ours.get(found.uuid)
            new, skip = self.special.get(old, (old, None)) if old is not None else (login, None)
            if old is None or skip is not None or new == login or found.login != login:
                continue
            if old in wanted.get(str(new), ()):
                wanted[str(new)].remove(old)
            self.special[old] = (login, None)
            self.findings.append(finding(codes.LOGIN_STAYS, "users", old, there=login, new=new))

    def _name(self, user: User) -> tuple[str, str | None, Code | None]:
        line = self.mappings.users.get(user.login)
        if line is not None and line.action == "skip":
            return user.login, None, codes.USER_SKIPPED
        if line is not None and line.new_login:
            return line.new_login, None if line.new_login == user.login or line.action == "merge" else "the mapping file says so", None
        if user.login == GUEST and user.profile in (GUEST, "") and not (line is not None and line.profile):
            return user.login, None, codes.GUEST_SKIPPED
        new, why = names.cells_login(user.login, self.wide)
        return (new, why, None) if new else (new, None, codes.LOGIN_EMPTY)

    def _say(self, user: User, new: str, why: str | None, skip: Code | None) -> None:
        note = None
        if skip in (codes.GUEST_SKIPPED, codes.LOGIN_EMPTY):
            self.findings.append(finding(skip, "users", user.login))
            note = "left out: no person"
        elif why is not None:
            self.findings.append(finding(codes.LOGIN_RENAMED, "users", user.login, new=new, reason=why))
            note = f"becomes {new}: {why}"
        elif skip is None and self._found(user, new) is not None and not self._ours(user, new):
            note = "this account exists in Cells: the same person?"
        if note is not None:
            self.proposals.append(Proposal("users.csv", {"old_login": user.login, "action": "keep", "note": note}))

    def _found(self, user: User, login: str) -> CellsUser | None:
        return self.target.users.get(login)

    def _ours(self, user: User, login: str) -> bool:
        found = self._found(user, login)
        return found is not None and found.uuid == self.identity.user(user.login)

    def __contains__(self, login: object) -> bool:
        """Whether Cells has, or will have, an account of this login (after `survey`)."""
        if login in self.target.users or login in self._renamed:
            return True
        return login in self.known and login not in self.special

    @cached_property
    def _renamed(self) -> frozenset[str]:
        return frozenset(new for new, skip in self.special.values() if skip is None)

    def cells_login(self, old: str) -> str | None:
        """The login in Cells of an old one; None when it is unknown or not carried."""
        if old not in self.known:
            return None
        new, skip = self.special.get(old, (old, None))
        return None if skip is not None else new

    def decide(self, user: User) -> Person:
        """What becomes of one account (after `survey`)."""
        new, skip = self.special.get(user.login, (user.login, None))
        if skip is not None:
            return Person(user, skip=skip)
        found = self._found(user, new)
        if found is not None and not self._ours(user, new):
            return Person(user, new, found.uuid, found.profile, existing=True)
        return Person(user, new, self.identity.user(user.login), self.profile(user))

    def profile(self, user: User) -> str:
        """`shared` for external users, `admin` for administrators of everything, else `standard`, unless mapped."""
        line = self.mappings.users.get(user.login)
        if line is not None and line.profile:
            return line.profile
        if user.external or user.profile == "shared":
            return "shared"
        return "admin" if user.admin and user.group == "/" else "standard"

    def notes(self, person: Person) -> Iterator[Finding]:
        """What an administrator should know of one decision."""
        user = person.user
        if person.skip is not None:
            return
        if person.existing:
            yield finding(codes.ACCOUNT_KEPT, "users", user.login)
            if user.applied_roles:
                yield finding(codes.TEAM_MEMBER_KEPT, "users", user.login)
            return
        if user.admin and person.profile != "admin":
            yield finding(codes.GROUP_ADMIN, "users", user.login, group=user.group)
        if user.profile not in ("", "standard", "admin", "shared") and not getattr(self.mappings.users.get(user.login), "profile", ""):
            yield finding(codes.PROFILE_UNKNOWN, "users", user.login, profile=user.profile)
        for lock in user.locks:
            if lock not in _LOCKS:
                yield finding(codes.LOCK_UNKNOWN, "users", user.login, lock=lock)
        for name, value in (("display name", user.display_name), ("e-mail address", user.email)):
            if value and not self.wide and names.has_wide(value):
                yield finding(codes.WIDE_CHARACTERS, "users", user.login, field=name)
        if user.parent is not None and self.cells_login(user.parent) is None:
            yield finding(codes.OWNER_MISSING, "users", user.login, owner=user.parent)

    def attributes(self, person: Person) -> dict[str, str]:
        """What Cells stores with a new account; values are text, locks and language JSON in a text."""
        user = person.user
        result = {"profile": person.profile}
        for name, value in (("displayName", user.display_name), ("email", user.email)):
            text = names.label(value or "", self.wide)
            if text:
                result[name] = text
        if user.language:
            result[LANGUAGE] = json.dumps(names.label(user.language, self.wide))
        change = self.passwords.must_be_changed(user, self.mappings.users.get(user.login))
        locks = [lock for lock in _LOCKS if lock in user.locks or (change and lock == "pass_change")]
        if locks:
            result["locks"] = json.dumps(locks)
        return result
