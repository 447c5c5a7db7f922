"""Who gets which right in which cell? Cells decides per folder, whatever cell or workspace shows it, so each person's result is
computed for the folder of every cell and stated on the person's own role where groups and teams would give another one."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from migrate.cells.models import MY_FILES
from migrate.errors import Finding, finding
from migrate.extract.records import Access
from migrate.rights import Right
from migrate.transform import share_codes as codes
from migrate.transform.actions import NodeRef, SetRight
from migrate.transform.people import Person
from migrate.transform.placement import PERSONAL_SOURCE
from migrate.transform.share_actions import ShareRight
from migrate.transform.standing import Outlook, Standing, actions_of, lineage

SIGNATURES = 512


@dataclass
class Cell:
    """A cell to be: `child` is the old workspace id (empty for a restricted link). `grants`: role uuid -> right, of groups and
    teams. `people`: old login -> right, of those named; where the old server gave somebody another right on the child, that
    counts. `closed`: everybody not named has nothing, whatever the access records say (they do not know single files)."""

    child: str
    uuid: str
    slug: str
    label: str
    node: str
    owner: Person
    description: str = ""
    record: str = ""
    is_file: bool = False
    grants: dict[str, Right] = field(default_factory=dict)
    people: dict[str, Right] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    """Team role -> old logins, where access records do not tell."""


class World(Protocol):
    """What is asked of the plan."""

    @property
    def standing(self) -> Standing: ...

    def persons(self) -> Iterator[tuple[Person, Access]]: ...

    def roles_of(self, person: Person) -> Sequence[str]: ...

    def loose_roles(self, person: Person) -> Sequence[str]: ...

    def own_rights(self, person: Person, access: Access) -> Sequence[SetRight]: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One person's part in one cell: what the old server gave (`before`), and what the own role has to say (None: nothing)."""

    login: str
    cell: Cell
    before: Right
    said: ShareRight | None


class CellRights:
    """Streams what people's own roles have to say about cells. `known`: children that access records know."""

    def __init__(self, world: World, cells: Sequence[Cell], known: frozenset[str], *, policy_closes: bool) -> None:
        self._world, self._cells, self._known, self._closes = world, cells, known, policy_closes
        self._plain = world.standing
        self._with_cells = copy.deepcopy(world.standing)
        for cell in cells:
            for role, right in cell.grants.items():
                if right:
                    self._with_cells.state(role, cell.node, cell.uuid, actions_of(right, "allow"))
        self._by_child: dict[str, Cell] = {cell.child: cell for cell in cells if cell.child}
        self._by_role: dict[str, list[Cell]] = {}
        self._by_login: dict[str, list[Cell]] = {}
        self._by_node: dict[str, list[Cell]] = {}
        for cell in cells:
            self._by_node.setdefault(cell.node, []).append(cell)
            for role in cell.grants:
                self._by_role.setdefault(role, []).append(cell)
            for login in {*cell.people, cell.owner.user.login}:
                self._by_login.setdefault(login, []).append(cell)
        self._looks: OrderedDict[tuple[str, ...], tuple[Outlook, Outlook]] = OrderedDict()
        self.findings: list[Finding] = []
        self.more = 0

    def members(self) -> Iterator[Member]:
        """Every person with every cell that concerns the person, as often as asked."""
        self.findings, self.more = [], 0
        for person, access in self._world.persons() if self._cells else ():
            if person.skip is None:
                roles = tuple(self._world.roles_of(person))
                cells = self._concerning(person, access, roles)
                if cells:
                    yield from self._of(person, access, roles, cells)

    def _concerning(self, person: Person, access: Access, roles: Sequence[str]) -> list[Cell]:
        found = {cell.uuid: cell for cell in self._by_login.get(person.user.login, ())}
        found |= {cell.uuid: cell for wid in access.workspaces if (cell := self._by_child.get(wid)) is not None}
        found |= {cell.uuid: cell for role in roles for cell in self._by_role.get(role, ())}
        around = {cell.uuid: cell for known in list(found.values()) for node in lineage(known.node) for cell in self._by_node.get(node, ())}
        return sorted((found | around).values(), key=lambda cell: (cell.node.count("/"), cell.node, cell.uuid))

    def _before(self, person: Person, access: Access, cell: Cell, roles: Sequence[str]) -> Right:
        """What the old server let this person do with what the cell shows."""
        if cell.child and cell.child in self._known:
            return access.workspaces.get(cell.child, Right.NONE)
        right = cell.people.get(person.user.login, Right.NONE)
        if not right and person.user.login != cell.owner.user.login:
            for role in roles:
                right = cell.grants.get(role, right)
        return right

    def _of(self, person: Person, access: Access, roles: tuple[str, ...], cells: Sequence[Cell]) -> Iterator[Member]:
        plain, outlook = self._look(person, roles)
        own: dict[str, dict[str, frozenset[str]]] = {}
        for node, by_workspace in self._plain.nodes_of(person.uuid).items():
            own.setdefault(node, {}).update(by_workspace)
        for action in self._world.own_rights(person, access):
            own.setdefault(action.node, {})[action.workspace] = actions_of(action.right, action.mode)
        plain, outlook = plain.with_own(own), outlook.with_own(own)
        before = {cell.uuid: self._before(person, access, cell, roles) for cell in cells}
        for cell in cells:
            mine = before[cell.uuid]
            elsewhere = _in_workspaces(plain, cell.node, person)
            wanted = mine | elsewhere
            for other in cells:
                if other is not cell and (cell.node == other.node or cell.node.startswith(other.node + "/")):
                    wanted |= before[other.uuid]
            said = None
            listed = (cell.uuid, cell.node) in outlook.shown
            owns = person.user.login == cell.owner.user.login
            if (mine or owns) and wanted and (not listed or outlook.inside(cell.node) != wanted or cell.node in outlook.loose):
                said = ShareRight(person.uuid, NodeRef(cell.node), cell.uuid, wanted)
            elif listed and (outlook.inside(cell.node) != wanted or cell.node in outlook.loose):
                mode = "allow" if wanted else "close" if self._closes else "deny"
                said = ShareRight(person.uuid, NodeRef(cell.node), cell.uuid, wanted, mode)
            if said is not None:
                own.setdefault(cell.node, {})[cell.uuid] = actions_of(said.right, said.mode)
                outlook = outlook.with_own({cell.node: own[cell.node]})
            if mine and not mine.within(outlook.right(cell.uuid, cell.node)):
                self.findings.append(finding(codes.ABOVE_CLOSED, "shares", person.user.login, cell=cell.label))
            self.more += bool(mine) and mine != wanted
            if mine or said is not None:
                yield Member(person.user.login, cell, mine, said)

    def _look(self, person: Person, roles: tuple[str, ...]) -> tuple[Outlook, Outlook]:
        known = self._looks.get(roles)
        if known is None:
            loose = self._world.loose_roles(person)
            known = self._looks[roles] = (Outlook.through(self._plain, roles, loose), Outlook.through(self._with_cells, roles, loose))
            if len(self._looks) > SIGNATURES:
                self._looks.popitem(last=False)
        return known


def _in_workspaces(outlook: Outlook, node: str, person: Person) -> Right:
    """What workspaces let the person do on a node; the own personal folder stands for `my-files`."""
    right = outlook.inside(node)
    home = f"{PERSONAL_SOURCE}/{person.login}"
    if node == home or node.startswith(home + "/"):
        right |= outlook.inside(MY_FILES)
    return right


def statements(members: Iterator[Member]) -> Iterator[ShareRight]:
    """Only what is to be said."""
    return (member.said for member in members if member.said is not None)


def readers_of(members: Iterator[Member]) -> Mapping[str, set[str]]:
    """Cell uuid -> uuids of people's own roles that may find it."""
    found: dict[str, set[str]] = {}
    for member in members:
        if member.said is not None and member.said.right.readable:
            found.setdefault(member.cell.uuid, set()).add(member.said.role)
    return found
