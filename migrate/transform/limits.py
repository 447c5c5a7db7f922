"""Quotas, start workspaces and pictures: what belongs to an account or workspace beside rights?

Old quota of a person in a workspace: what the roles say for this workspace, else what they say for all, else the workspace's
own. Cells knows a quota for a role on the root of a workspace, the last role counts. It limits the whole workspace, as
the old application did, and everybody's own folder in the personal space."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migrate import note_codes
from migrate.cells.models import MY_FILES, ROOT_GROUP_ROLE
from migrate.cells.models.notes import LiveNotes
from migrate.errors import Code, Finding, finding
from migrate.extract.records import Access, Role, User, Workspace
from migrate.transform.actions import Action
from migrate.transform.metadata_actions import SetParameter, SetPicture, SetQuota
from migrate.transform.parts import Lookup, Outcome
from migrate.transform.people import Person
from migrate.transform.placement import GROUP, PAGES, PERSONAL, SHARED, USER, Place
from migrate.transform.records_view import Records, paired

START = "parameter:core.conf:DEFAULT_START_REPOSITORY"
EVERYWHERE = "AJXP_REPO_SCOPE_ALL"
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


@dataclass(frozen=True, slots=True)
class Limit:
    """One quota. `key`: who and where, for the report; `skip`: why it is not set."""

    key: str
    amount: int = 0
    role: str = ""
    workspace: str = ""
    node: str = ""
    skip: Code | None = None
    name: str = ""


def size_of(stored: Any) -> int | None:
    """Bytes of an old quota (`500M`, `2G`, a number); None for none, zero or anything else."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgtKMGT]?)[bBoO]?\s*", str(stored)) if stored is not None else None
    return int(float(match[1]) * _UNITS[match[2].lower()]) or None if match else None


class LimitsPart:
    """Quotas of workspaces, roles, groups and people. Counted as `quotas`."""

    kinds: tuple[str, ...] = ()

    def __init__(self, records: Records, lookup: Lookup) -> None:
        self._records, self._lookup = records, lookup
        self._places: dict[str, Place] = {}
        self._quota: dict[str, int | None] = {}
        self._lost: list[tuple[Workspace, int]] = []
        for workspace in records.workspaces():
            if workspace.shared_child or workspace.template:
                continue
            place = lookup.place(workspace.id)
            if place is not None:
                self._places[workspace.id], self._quota[workspace.id] = place, workspace.quota_bytes
            elif workspace.quota_bytes:
                self._lost.append((workspace, workspace.quota_bytes))
        self._scoped: dict[str, dict[str, int]] = {}
        for role in records.roles():
            for scope, amount in _amounts(role):
                if scope != EVERYWHERE:
                    self._scoped.setdefault(role.id, {})[scope] = amount
        there = lookup.target.acls
        self._there = {(a.role, a.workspace, a.node): a.value for a in there if a.action == "quota"}

    # -- decisions -----------------------------------------------------------------------------------------------------------

    def _limits(self) -> Iterator[Limit]:
        for workspace, amount in self._lost:
            yield Limit(f"workspace\0{workspace.id}", amount, skip=note_codes.NOTHING_TO_LIMIT)
        for wid, place in self._places.items():
            quota = self._quota[wid]
            if quota and place.kind == SHARED:
                if place.made:
                    yield Limit(f"workspace\0{wid}", quota, ROOT_GROUP_ROLE, place.uuid, place.root)
                else:
                    yield Limit(f"workspace\0{wid}", quota, skip=note_codes.ACCOUNT_KEPT)
        for role, scopes in sorted(self._scoped.items()):
            if not role.startswith("AJXP_USR_/"):
                yield from self._of_role(role, scopes)
        for user, access in paired(iter(self._records.users()), iter(self._records.access())):
            yield from self._of_person(user, access)

    def _of_role(self, role: str, scopes: dict[str, int]) -> Iterator[Limit]:
        uuid = self._lookup.group(role.removeprefix("AJXP_GRP_")) if role.startswith("AJXP_GRP_/") else self._lookup.role(role)
        for wid, amount in sorted(scopes.items()):
            place, key = self._places.get(wid), f"role {role}\0{wid}"
            if uuid is None or place is None or not place.made and place.kind == SHARED:
                yield Limit(key, amount, skip=note_codes.NOTHING_TO_LIMIT)
            elif place.kind in (USER, GROUP):
                yield Limit(key, amount, skip=note_codes.PERSONAL_ONLY, name="a role")
            else:
                yield Limit(key, amount, uuid, place.uuid, MY_FILES if place.kind == PERSONAL else place.root)

    def _of_person(self, user: User, access: Access) -> Iterator[Limit]:
        person = self._lookup.person(user.login)
        own = self._scoped.get(f"AJXP_USR_/{user.login}", {})
        roles = {*user.applied_roles, *_groups(user)}
        wanted: dict[str, int] = {}
        for wid, place in self._places.items():
            if wid not in access.workspaces and not (place.kind == PERSONAL and user.quota_bytes):
                continue
            active = self._quota[wid] is not None
            amount: int | None = None
            if wid in own:
                amount = own[wid]
            elif place.kind == PERSONAL and not active:
                amount = user.quota_bytes
            elif active and any(wid in self._scoped.get(role, {}) for role in roles):
                amount = None if place.kind in (SHARED, PERSONAL) else self._last(user, wid)
            elif active and user.quota_bytes:
                amount = user.quota_bytes
            elif place.kind in (PERSONAL, USER, GROUP):
                amount = self._quota[wid]
            if amount:
                wanted[wid] = amount
        for wid in own:
            if wid not in wanted:
                yield Limit(f"{user.login}\0{wid}", own[wid], skip=note_codes.NOTHING_TO_LIMIT)
        if user.quota_bytes and not wanted:
            yield Limit(f"{user.login}\0", user.quota_bytes, skip=note_codes.NOTHING_TO_LIMIT)
        for wid, amount in wanted.items():
            yield self._on(person, user, wid, amount)

    def _on(self, person: Person | None, user: User, wid: str, amount: int) -> Limit:
        place, key = self._places[wid], f"{user.login}\0{wid}"
        if person is None:
            return Limit(key, amount, skip=note_codes.PERSON_LEFT)
        if place.kind == PERSONAL:
            node: str | None = MY_FILES
        elif place.kind == SHARED:
            node = place.root
        else:
            node = self._lookup.node(wid, user.login, "/")
        return Limit(key, amount, person.uuid, place.uuid, node) if node else Limit(key, amount, skip=note_codes.NOTHING_TO_LIMIT)

    def _last(self, user: User, wid: str) -> int | None:
        """What the last of a person's roles says for a workspace."""
        found = [self._scoped[r][wid] for r in (*_groups(user), *user.applied_roles) if wid in self._scoped.get(r, {})]
        return found[-1] if found else None

    # -- what a part gives ----------------------------------------------------------------------------------------------------

    def _before(self, limit: Limit) -> str:
        """The value in Cells; roots are stored by uuid, known for `my-files` and for folders the plan asked for."""
        uuid = MY_FILES if limit.node == MY_FILES else self._lookup.target.nodes.get(limit.node, "")
        if not uuid and "/" not in limit.node:
            uuid = "DATASOURCE:" + limit.node
        return self._there.get((limit.role, limit.workspace, uuid), "")

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        for limit in self._limits():
            if limit.skip is None:
                before = self._before(limit)
                yield SetQuota(limit.role, limit.workspace, limit.node, str(limit.amount), before, limit.key), before == str(limit.amount)

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for limit in self._limits():
            if limit.skip is not None:
                yield "quotas", limit.key, "skipped", limit.skip.code, None
            elif self._before(limit) == str(limit.amount):
                yield "quotas", limit.key, "already", None, None

    @property
    def targets(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for limit in self._limits():
            if limit.skip is None:
                yield "quotas", limit.key, {"role": limit.role, "workspace": limit.workspace, "node": limit.node, "bytes": limit.amount}

    @property
    def derived(self) -> Iterator[tuple[str, Iterable[tuple[str, dict[str, Any]]]]]:
        yield "quotas", ((limit.key, {"bytes": limit.amount}) for limit in self._limits())

    @property
    def findings(self) -> list[Finding]:
        return [finding(limit.skip, "quotas", limit.key.replace("\0", " on "), name=limit.name) for limit in self._limits()
                if limit.skip is not None and limit.skip.severity is note_codes.WARNING]


def _groups(user: User) -> list[str]:
    """Ids of the roles of a person's groups, from the root down."""
    parts = [p for p in user.group.split("/") if p]
    return ["AJXP_GRP_/", *("AJXP_GRP_/" + "/".join(parts[:n + 1]) for n in range(len(parts)))]


def _amounts(role: Role) -> Iterator[tuple[str, int]]:
    for scope, plugins in role.parameters.items():
        options = plugins.get("meta.quota") if isinstance(plugins, dict) else None
        amount = size_of(options.get("DEFAULT_QUOTA")) if isinstance(options, dict) else None
        if amount:
            yield scope, amount


class AccountsPart:
    """Start workspaces and pictures of people. Counted as `start workspaces` and `pictures`."""

    kinds: tuple[str, ...] = ()

    def __init__(self, records: Records, lookup: Lookup, live: LiveNotes, pictures: Mapping[str, str] | None = None) -> None:
        """`pictures`: login -> SHA-256 of what earlier runs of this work folder brought."""
        self._records, self._lookup, self._live, self._brought = records, lookup, live, pictures or {}
        self._pages = {w.id for w in records.workspaces() if w.driver in PAGES}

    def _people(self) -> Iterator[tuple[User, Person | None]]:
        for user in self._records.users():
            if user.avatar_sha256 or self._starts(user):
                yield user, self._lookup.person(user.login)

    def _starts(self, user: User) -> bool:
        """Whether the person chose a workspace of files; pages of the old application are the usual start."""
        return bool(user.start_workspace) and user.start_workspace not in self._pages and not str(user.start_workspace).startswith("ajxp_")

    def _start(self, user: User, person: Person | None) -> tuple[SetParameter | None, Code | None]:
        if person is None:
            return None, note_codes.PERSON_LEFT
        if person.existing:
            return None, note_codes.ACCOUNT_KEPT
        place = self._lookup.place(user.start_workspace or "")
        if place is None:
            return None, note_codes.START_LEFT
        before = self._live.parameters.get((person.uuid, START), "")
        return SetParameter(person.uuid, START, json.dumps(place.uuid), before, user.key), None

    def _picture(self, user: User, person: Person | None) -> tuple[SetPicture | None, Code | None]:
        if person is None:
            return None, note_codes.PERSON_LEFT
        if person.existing:
            return None, note_codes.PICTURE_KEPT
        before = self._brought.get(person.login, "")
        return SetPicture(person.login, person.uuid, user.avatar_sha256 or "", user.key, "" if before == user.avatar_sha256 else before), None

    def _has_picture(self, person: Person | None) -> bool:
        found = self._lookup.target.users.get(person.login) if person is not None else None
        return found is not None and bool(found.attributes.get("avatar"))

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        for user, person in self._people():
            if self._starts(user):
                start, _ = self._start(user, person)
                if start is not None:
                    yield start, start.before == start.value
            if user.avatar_sha256:
                picture, _ = self._picture(user, person)
                if picture is not None:
                    yield picture, self._has_picture(person) and not picture.before

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for user, person in self._people():
            if self._starts(user):
                start, why = self._start(user, person)
                if why is not None:
                    yield "start workspaces", user.key, "skipped", why.code, None
                elif start is not None and start.before == start.value:
                    yield "start workspaces", user.key, "already", None, None
            if user.avatar_sha256:
                picture, why = self._picture(user, person)
                if why is not None:
                    yield "pictures", user.key, "skipped", why.code, None
                elif picture is not None and self._has_picture(person) and not picture.before:
                    yield "pictures", user.key, "already", None, None

    @property
    def targets(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for user, person in self._people():
            start = self._start(user, person)[0] if self._starts(user) else None
            if start is not None:
                yield "start workspaces", user.key, {"role": start.role, "name": start.name, "value": start.value}
            if user.avatar_sha256 and person is not None and not person.existing:
                yield "pictures", user.key, {"login": person.login, "sha256": user.avatar_sha256}

    @property
    def derived(self) -> Iterator[tuple[str, Iterable[tuple[str, dict[str, Any]]]]]:
        yield "start workspaces", ((u.key, {"workspace": u.start_workspace}) for u, _ in self._people() if self._starts(u))
        yield "pictures", ((u.key, {"sha256": u.avatar_sha256}) for u, _ in self._people() if u.avatar_sha256)

    @property
    def findings(self) -> list[Finding]:
        return []
