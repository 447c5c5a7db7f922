"""Who gets which rule in Cells so that everybody reaches what the old server gave, and nothing more?

First groups, roles and everybody's role say what the old ones said. Then Cells' result is computed for each person from those
rules and compared with the old effective right; where it differs the person's own role, which is last and wins, says it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migrate.cells.models import MY_FILES, Target
from migrate.errors import Code, Finding, finding
from migrate.extract.records import CLEAR, Access
from migrate.rights import Right
from migrate.transform import codes, masks
from migrate.transform.actions import NodeRef, SetRight
from migrate.transform.people import Person
from migrate.transform.placement import DESK_SLUG, PERSONAL, SHARED, Place, Placement
from migrate.transform.roles import Source
from migrate.transform.standing import ROOT_GROUP_ROLE, Outlook, Standing, Triple, actions_of, automatic_roles, lineage, order_of_roles

SIGNATURES = 512
"""How many different combinations of roles are remembered at once."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A workspace of Cells as rights see it: its uuid and a root."""

    workspace: str
    node: str


@dataclass(frozen=True, slots=True)
class Base:
    """What people with the same roles get without their own role. `rights`: old workspace id -> right, where there is one.
    `foreign`: workspaces of others that would be open to them."""

    outlook: Outlook
    rights: Mapping[str, Right]
    foreign: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One pair of the access table: letters before and as planned, a code where they differ on purpose."""

    workspace: str
    before: Right
    planned: Right
    code: str | None = None


@dataclass
class PersonalRights:
    """What one person's own role has to say, and how the person then stands."""

    sets: list[SetRight] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stale: list[Triple] = field(default_factory=list)
    corrections: int = 0


class Rights:
    """The rights of a whole plan. `folder_of(place, person)`: the node of a person in a per-user or per-group workspace.
    `groups_of(person)`: uuids of the groups whose roles a new account gets, from the top down. `assigned(person)`: its roles.
    `entry(place, person, path)`: `dir`, `file` or None: what the old folder holds under a path."""

    def __init__(
        self,
        placement: Placement,
        sources: Sequence[Source],
        everybody: str,
        adopted: Iterable[str],
        target: Target,
        *,
        enforce_masks: bool,
        given: Mapping[Triple, frozenset[str]],
        folder_of: Callable[[Place, Person], str | None],
        groups_of: Callable[[Person], Sequence[str]],
        assigned: Callable[[Person], tuple[str, ...]],
        entry: Callable[[Place, Person, str], str | None],
        ours: Iterable[str],
        our_roles: Iterable[str] = (),
        made: Container[str] = (),
    ) -> None:
        """`our_roles`: of groups, roles and everybody, made by this migration; `made`: logins whose accounts this work folder made."""
        self.places = placement.places
        self.skipped = placement.skipped
        self._target = target
        self._features = target.facts.features
        self._enforce = enforce_masks
        self._given = given
        self._folder_of, self._groups_of, self._assigned, self._entry = folder_of, groups_of, assigned, entry
        self._everybody = everybody
        self._ours = frozenset(ours)
        self._bases: OrderedDict[tuple[object, ...], Base] = OrderedDict()
        self.findings: list[Finding] = []
        self.shared = [(wid, p) for wid, p in self.places.items() if p.kind in (SHARED, PERSONAL)]
        self.single = [(wid, p) for wid, p in self.places.items() if p.kind not in (SHARED, PERSONAL)]
        by_node: dict[str, list[tuple[str, Place]]] = {}
        for wid, place in self.shared:
            by_node.setdefault(place.root, []).append((wid, place))
        self._shared_ids = frozenset(wid for wid, _ in self.shared)
        self._by_node = sorted(by_node.items())
        self.standing = Standing.of(target)
        self.foreign = self._foreign_spots()
        for triple in given:
            self.standing.forget(triple)
        for role in our_roles if given else ():
            self.standing.rules.pop(role, None)  # what else they say was given by people in Cells: nothing is closed against it
        self._made = made
        self.role_sets = list(self._role_rights(sources))
        self.role_sets += self._closings(adopted)
        for action in self.role_sets:
            self.standing.state(action.role, action.node, action.workspace, actions_of(action.right, action.mode))
        self._live = Standing.of(target)

    # -- what groups and roles say ---------------------------------------------------------------------------------------

    def _role_rights(self, sources: Sequence[Source]) -> Iterator[SetRight]:
        giving = {wid for source in sources for wid, letters in source.acls.items() if Right.from_letters(letters)}
        for source in sources:
            for wid in sorted(source.acls):
                place = self.places.get(wid)
                if place is None or place.kind not in (SHARED, PERSONAL) or place.own_only:
                    continue
                letters = source.acls[wid]
                right = Right.from_letters(letters)
                if right and not (self._enforce and wid in source.masked):
                    yield SetRight(source.uuid, NodeRef(place.root), place.uuid, right, why="role")
                elif letters == CLEAR and wid in giving and place.root != MY_FILES and self._features.policy_closes:
                    yield SetRight(source.uuid, NodeRef(place.root), place.uuid, Right.NONE, "close", why="role")

    def _foreign_spots(self) -> list[Spot]:
        """Roots of existing workspaces that are not part of the migration. A busy server lists a workspace without its roots: then
        every node counts of which a rule speaks in it, for what is not seen here stays open."""
        mine = {p.uuid for p in self.places.values()} | self._ours
        spots = []
        for live in sorted(self._target.workspaces.values(), key=lambda w: w.uuid):
            if live.uuid in mine or live.scope != "ADMIN" or live.slug.startswith(DESK_SLUG):
                continue
            nodes = {MY_FILES if uuid == MY_FILES else path.strip("/") for uuid, path in live.roots.items()}
            spots += [Spot(live.uuid, node) for node in sorted(nodes or self.standing.spoken(live.uuid))]
        return spots

    def _closings(self, adopted: Iterable[str]) -> list[SetRight]:
        """Existing workspaces that groups or automatic roles would open to the people who come: closed on everybody's role."""
        reaching = {ROOT_GROUP_ROLE, *adopted, *(r for profile in ("standard", "admin") for r in automatic_roles(self._target, profile))}
        closed: list[SetRight] = []
        for spot in self.foreign:
            saying = [self.standing.says(role, spot.node, spot.workspace) for role in reaching]
            if not any(said & {"read", "write"} for said in saying):
                continue
            mode = self._closing_mode(spot.node)
            live = self._target.workspaces[spot.workspace]
            if mode is None:
                self.findings.append(finding(codes.NOT_CLOSED, "workspaces", live.slug))
                continue
            self.findings.append(finding(codes.WORKSPACE_CLOSED, "workspaces", live.slug))
            closed.append(SetRight(self._everybody, NodeRef(spot.node), spot.workspace, Right.NONE, mode, why="not seen before"))
        return closed

    def _closing_mode(self, node: str) -> str | None:
        """How to take a workspace away: `deny` where nothing else lies inside, else `close`; None where neither will do."""
        if node == MY_FILES:
            return "deny"
        if self._features.policy_closes:
            return "close"
        return None if self._holds_places(node) else "deny"

    def _holds_places(self, node: str) -> bool:
        return any(place.root.startswith(node + "/") for place in self.places.values())

    def folders(self, person: Person, access: Access) -> list[str]:
        """Only the folders of `of`: people without a folder of their own are passed by quickly."""
        masked = self._enforce and any(access.paths.get(wid) for wid in access.paths if wid in self.places)
        return self.of(person, access).folders if masked or any(access.workspaces.get(wid) for wid, _ in self.single) else []

    # -- what one person's own role says -----------------------------------------------------------------------------------

    def roles_of(self, person: Person) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(roles in the order that decides, without the own one; those of them whose order some servers do not keep)."""
        if person.existing:
            roles = tuple(r for r in self._target.users[person.login].roles if r != person.uuid)
            return roles, roles
        assigned = self._assigned(person)
        return tuple(order_of_roles(self._target, person.profile, self._groups_of(person), assigned)), assigned

    def base(self, person: Person) -> Base:
        """What the person gets without the own role; remembered by combination of roles."""
        roles, unordered = self.roles_of(person)
        key: tuple[object, ...] = (person.existing, roles)
        known = self._bases.get(key)
        if known is None:
            outlook = Outlook.through(self.standing, roles, () if self._features.role_order else unordered)
            rights = {wid: right for wid, place in self.shared if (right := outlook.right(place.uuid, place.root))}
            foreign = () if person.existing else tuple(s for s in self.foreign if outlook.right(s.workspace, s.node))
            known = self._bases[key] = Base(outlook, rights, foreign)
            if len(self._bases) > SIGNATURES:
                self._bases.popitem(last=False)
        else:
            self._bases.move_to_end(key)
        return known

    def of(self, person: Person, access: Access) -> PersonalRights:
        """Rules for one person's own role. `access`: what the old server gave."""
        task = _Task(person, access, self.base(person), "existing account" if person.existing else "correction")
        for node, members in self._by_node:
            self._settle_node(task, node, members)
        for wid, place in self.single:
            right = access.workspaces.get(wid, Right.NONE)
            node = self._folder_of(place, person) if right else None
            if node is not None:
                task.nodes[wid] = node
                task.result.folders.append(node)
                if not masks.applies(access, wid, self._enforce):
                    task.say(node, place.uuid, right, reason="own folder")
        for wid in sorted(access.paths) if self._enforce else ():
            if access.paths[wid] and access.workspaces.get(wid) and wid in task.nodes:
                self._narrow(task, wid)
        for spot in task.base.foreign:
            mode = self._closing_mode(spot.node)
            if mode is None:
                live = self._target.workspaces[spot.workspace]
                task.result.findings.append(finding(codes.NOT_CLOSED, "workspaces", live.slug))
            else:
                task.say(spot.node, spot.workspace, Right.NONE, mode, "not seen before")
        self._leftovers(task)
        self._judge(task)
        return task.finished()

    def _settle_node(self, task: _Task, node: str, members: Sequence[tuple[str, Place]]) -> None:
        """What the own role has to say on a node that one workspace shows (or, rarely, several)."""
        access, base = task.access, task.base
        loose = node in base.outlook.loose
        if len(members) == 1 and not loose and access.workspaces.get(members[0][0]) is base.rights.get(members[0][0]):
            task.nodes[members[0][0]] = node  # the usual case, by far: nothing to say
            return
        wanted = {wid: access.workspaces.get(wid, Right.NONE) for wid, _ in members}
        if len(members) > 1:
            wanted = _shared_wishes(members, wanted)
        for wid, place in members:
            task.nodes[wid] = node
            right, have = wanted[wid], base.rights.get(wid, Right.NONE)
            if (right == have and not loose) or (right and masks.applies(access, wid, self._enforce)):
                continue
            task.result.corrections += not task.person.existing
            if right:
                task.say(node, place.uuid, right)
            else:
                self._take_away(task, node, place.uuid, wid)

    def _take_away(self, task: _Task, node: str, workspace: str, wid: str) -> None:
        mode = self._closing_mode(node) or "deny"
        if mode == "deny" and self._holds_places(node):
            task.result.findings.append(finding(codes.DENIED_INSIDE, "users", task.person.user.login, workspace=wid))
        task.say(node, workspace, Right.NONE, mode)

    def _narrow(self, task: _Task, wid: str) -> None:
        """Give the covered folders of a masked workspace as roots, and keep the real root closed."""
        person, place, node, login = task.person, self.places[wid], task.nodes[wid], task.person.user.login
        cut = masks.narrow(task.access.paths[wid], task.access.workspaces[wid], lambda path: self._entry(place, person, path))
        task.narrowed[wid] = cut
        for path in cut.absent:
            task.result.findings.append(finding(codes.MASK_NOTHING, "users", login, path=path, workspace=wid))
        if cut.whole is not None:
            task.say(node, place.uuid, cut.whole, reason="mask")
        elif task.base.outlook.right(place.uuid, node) or node in task.base.outlook.loose:
            if self._closing_mode(node) == "close":
                task.say(node, place.uuid, Right.NONE, "close", "mask")
            else:
                self._take_away(task, node, place.uuid, wid)
                cut.roots.clear()
                cut.inside.clear()
        for path, right in cut.roots.items():
            task.say(masks.below(node, path), place.uuid, right, reason="mask")
            task.result.folders.append(masks.below(node, path))
        for path, right in cut.inside.items():
            task.say(masks.below(node, path), "", right, "allow" if right else "deny", "mask")
            task.result.folders.append(masks.below(node, path))
        if cut.roots or cut.inside:
            task.result.findings.append(finding(codes.MASKED, "users", login, workspace=wid))

    def _leftovers(self, task: _Task) -> None:
        """What the own role says already on the server counts, unless an earlier run gave it: then it is taken back."""
        uuid = task.person.uuid
        for node, by_workspace in self._live.nodes_of(uuid).items():
            for workspace, actions in by_workspace.items():
                if workspace in task.own.get(node, {}):
                    continue
                stated = self._given.get((uuid, node, workspace))
                if stated == actions:
                    task.result.stale.append((uuid, node, workspace))
                elif stated is None and task.person.login not in self._made:  # else people said it in Cells, and it stays as it is
                    task.own.setdefault(node, {})[workspace] = actions

    def _judge(self, task: _Task) -> None:
        """Compute Cells' answer for every workspace once more, own role included, and compare. What would be wider is closed."""
        access, base = task.access, task.base
        outlook = base.outlook.with_own(task.own)
        for wid in sorted(access.workspaces.keys() | base.rights.keys()):
            before, place = access.workspaces.get(wid, Right.NONE), self.places.get(wid)
            if place is None:
                if before:
                    task.result.verdicts.append(Verdict(wid, before, Right.NONE, self.skipped.get(wid, codes.WORKSPACE_GONE).code))
                continue
            node = task.nodes.get(wid, place.root)
            if wid in task.narrowed or wid not in self._shared_ids or any(n in task.own for n in lineage(node)):
                planned = self._planned(task, outlook, wid, place, node)
            else:
                planned = base.rights.get(wid, Right.NONE)  # the own role says nothing on the way to this node
            if planned == before and wid not in task.narrowed:
                if before:
                    task.result.verdicts.append(Verdict(wid, before, planned))
                continue
            if not planned.within(before):
                self._explain(task, codes.RIGHT_MORE, wid, before, planned)
                for workspace in {place.uuid, *task.own.get(node, {})}:
                    task.say(node, workspace, Right.NONE, self._closing_mode(node) or "deny", "wider than before")
                outlook = base.outlook.with_own(task.own)
                planned = self._planned(task, outlook, wid, place, node)
            why = None
            if wid in task.narrowed:
                why = codes.MASKED.code
            elif planned != before:
                same = any(p is not place and p.root == node for _, p in self.shared)
                why = self._explain(task, codes.SAME_FOLDER_RIGHT if same else codes.RIGHT_LESS, wid, before, planned)
            if planned or before:
                task.result.verdicts.append(Verdict(wid, before, planned, why))

    def _planned(self, task: _Task, outlook: Outlook, wid: str, place: Place, node: str) -> Right:
        cut = task.narrowed.get(wid)
        if cut is None or cut.whole is not None:
            return outlook.right(place.uuid, node)
        planned = outlook.right(place.uuid, node)
        for path in cut.roots:
            planned |= outlook.right(place.uuid, masks.below(node, path))
        return planned

    def _explain(self, task: _Task, entry: Code, wid: str, before: Right, planned: Right) -> str:
        reason = "rules that were there before the migration" if entry is codes.RIGHT_MORE else "a rule of Cells on or above its folder stands against it"
        task.result.findings.append(
            finding(
                entry, "users", task.person.user.login, before=before.letters or "nothing", planned=planned.letters or "nothing", workspace=wid, reason=reason
            )
        )
        return entry.code


@dataclass
class _Task:
    """The work on one person. `own`: what the own role will say; `nodes`: old workspace id -> node; `narrowed`: masked ones."""

    person: Person
    access: Access
    base: Base
    why: str
    result: PersonalRights = field(default_factory=PersonalRights)
    own: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    narrowed: dict[str, masks.Narrowed] = field(default_factory=dict)
    _sets: dict[tuple[str, str], SetRight] = field(default_factory=dict)

    def say(self, node: str, workspace: str, right: Right, mode: str = "allow", reason: str = "") -> None:
        """Let the own role say this there; the last word on a node in a workspace counts."""
        self._sets[node, workspace] = SetRight(self.person.uuid, NodeRef(node), workspace, right, mode, reason or self.why)
        self.own.setdefault(node, {})[workspace] = actions_of(right, mode)

    def finished(self) -> PersonalRights:
        self.result.sets = list(self._sets.values())
        self.result.folders = list(dict.fromkeys(self.result.folders))
        return self.result


def _shared_wishes(members: Sequence[tuple[str, Place]], rights: Mapping[str, Right]) -> dict[str, Right]:
    """Rights to give where several workspaces show one node. Old workspaces merged into one give what a person had on all of
    them; of different workspaces on one folder only those with the most rights are shown, since a right belongs to the node."""
    merged: dict[str, Right] = {}
    for wid, place in members:
        merged[place.uuid] = merged.get(place.uuid, Right.READ_WRITE) & rights[wid]
    union = Right.NONE
    for right in merged.values():
        union |= right
    best = union if union in merged.values() else Right.READ
    return {wid: merged[place.uuid] if merged[place.uuid] == best else Right.NONE for wid, place in members}
