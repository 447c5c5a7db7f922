"""Which roles and teams does Cells get, and whose rights do they carry? Also the one role of everybody, and who has what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from migrate.cells.models import Target
from migrate.errors import Code, Finding, finding
from migrate.extract.records import Role, Team, User
from migrate.transform import codes, names
from migrate.transform.actions import CreateRole
from migrate.transform.identity import Identity
from migrate.transform.mapping import Mappings, Proposal
from migrate.transform.people import People, Person

EVERYBODY_LABEL = "Everybody of the old server"
GROUP_PREFIX = "AJXP_GRP_"
PERSONAL_PREFIX = "AJXP_USR_"
ROOT_ROLES = ("AJXP_GRP_/", "ROOT_ROLE")
"""In the order of application: what everybody had from 6.2 on, and from 4.3 to 6.0."""
_TECHNICAL = re.compile(r"(?:AJXP_|MINISITE(?:_NODOWNLOAD)?\Z|GUEST\Z)")


@dataclass(frozen=True, slots=True)
class Source:
    """A role of Cells (a uuid) that carries what an old role said."""

    uuid: str
    acls: Mapping[str, str]
    masked: frozenset[str]
    """Workspaces on which the old role has a path mask."""


@dataclass
class Roles:
    """`uuids`: old role or team id -> role in Cells. `sources`: whose old rights go onto which role."""

    everybody: str
    uuids: dict[str, str] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    actions: list[tuple[CreateRole, bool]] = field(default_factory=list)
    outcomes: list[tuple[str, str, Code]] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=dict)
    """Login -> teams that no old role carries."""
    teams: dict[str, Team] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)

    def assigned(self, person: Person) -> tuple[str, ...]:
        """Roles given to a new account, in the order in which they apply: everybody's first, then the old order."""
        if person.existing:
            return ()
        user: User = person.user
        given = [] if person.outside else [self.everybody]
        given += [self.uuids[role] for role in user.applied_roles if role in self.uuids]
        given += self.members.get(user.login, [])
        return tuple(dict.fromkeys(given))


def plan_roles(
    roles: Iterable[Role], teams: Iterable[Team], groups: Mapping[str, str], people: People, target: Target, mappings: Mappings, identity: Identity, wide: bool
) -> Roles:
    """`groups`: old group path -> uuid of the group's role where rights may stand on it (groups that this migration makes)."""
    result = Roles(identity.everybody)
    everybody: dict[str, Role] = {}
    _make(result, target, CreateRole(identity.everybody, EVERYBODY_LABEL))
    owned = _plan_teams(result, teams, people, target, identity, wide)
    for role in roles:
        if role.id.startswith(PERSONAL_PREFIX):
            result.outcomes.append(("roles", role.id, codes.ROLE_PERSONAL))
        elif role.id in ROOT_ROLES:
            everybody[role.id] = role
            result.outcomes.append(("roles", role.id, codes.ROLE_ROOT))
        elif role.id.startswith(GROUP_PREFIX):
            result.outcomes.append(("roles", role.id, codes.ROLE_OF_GROUP))
            uuid = groups.get(role.id.removeprefix(GROUP_PREFIX))
            if uuid is not None:
                result.sources.append(_source(uuid, role))
        elif role.id in owned:
            result.outcomes.append(("roles", role.id, codes.ROLE_OF_TEAM))
            result.sources.append(_source(owned[role.id], role))
        elif _TECHNICAL.match(role.id) or (role.id == "EXTERNAL_USERS" and not _says_anything(role)):
            result.outcomes.append(("roles", role.id, codes.ROLE_TECHNICAL))
        else:
            _plan_role(result, role, target, mappings, identity, wide)
    merged: dict[str, str] = {}
    masked: set[str] = set()
    for name in ROOT_ROLES:
        if name in everybody:
            merged.update({ws: letters for ws, letters in everybody[name].acls.items() if letters or ws not in merged})
            masked |= set(everybody[name].masks)
    result.sources.append(Source(identity.everybody, merged, frozenset(masked)))
    return result


def _plan_role(result: Roles, role: Role, target: Target, mappings: Mappings, identity: Identity, wide: bool) -> None:
    line = mappings.roles.get(role.id)
    if line is not None and line.action == "skip":
        result.outcomes.append(("roles", role.id, codes.ROLE_SKIPPED))
        return
    shown = names.label((line.label if line is not None else "") or role.label, wide)
    if not shown:
        shown = names.label(role.id, wide) or "role"
    uuid = identity.role(role.id)
    result.uuids[role.id] = uuid
    result.sources.append(_source(uuid, role))
    _make(result, target, CreateRole(uuid, shown, record=role.key))
    if line is None:
        result.proposals.append(Proposal("roles.csv", {"old_role": role.id, "action": "keep", "note": shown}))


def _plan_teams(result: Roles, teams: Iterable[Team], people: People, target: Target, identity: Identity, wide: bool) -> dict[str, str]:
    owned: dict[str, str] = {}
    for team in teams:
        uuid = identity.team(team.key)
        login = people.cells_login(team.owner)
        owner_uuid = ""
        if login is None:
            result.findings.append(finding(codes.TEAM_OWNER_GONE, "teams", team.id, owner=team.owner))
        else:
            found = target.users.get(login)
            owner_uuid = found.uuid if found is not None else identity.user(team.owner)
        _make(result, target, CreateRole(uuid, names.label(team.label, wide) or names.label(team.id, wide) or "team", True, login or "", owner_uuid, team.key))
        result.teams[team.key] = team
        if team.has_role:
            owned[team.id] = uuid
            result.uuids[team.id] = uuid
        for member in team.members:
            result.members.setdefault(member, []).append(uuid)
    return owned


def _make(result: Roles, target: Target, action: CreateRole) -> None:
    found = target.roles.get(action.uuid)
    result.actions.append((action, found is not None and found.label == action.label and found.is_team == action.is_team))


def _source(uuid: str, role: Role) -> Source:
    return Source(uuid, role.acls, frozenset(ws for ws, paths in role.masks.items() if paths))


def _says_anything(role: Role) -> bool:
    return any(role.acls.values()) or any(role.masks.values())
