"""What has to be done to a Cells server so that it holds what the old one held? Records, decisions and target in, Actions out.

Groups, roles and workspaces are held in memory, people are streamed: every property of a Plan goes through the records anew."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from migrate.cells.models import Target
from migrate.cells.models import User as CellsUser
from migrate.cells.models.locks import LOCKED, locks_of
from migrate.errors import ExitStatus, Finding, MigrationError, finding
from migrate.extract.records import Access, Root, User
from migrate.transform import codes, names
from migrate.transform.actions import (
    Action,
    CarryFolder,
    CreateFolder,
    CreateUser,
    DeleteUser,
    NodeRef,
    OpenDesk,
    RemoveRight,
    RetireUser,
    SetRight,
)
from migrate.transform.file_actions import CopyFolder, KeepDates
from migrate.transform.groups import clean, plan_groups
from migrate.transform.identity import Identity
from migrate.transform.in_place import InPlace
from migrate.transform.mapping import Mappings, Proposal
from migrate.transform.merged import Merged, merged
from migrate.transform.people import People, Person
from migrate.transform.placement import DESK_SLUG, GROUP, PERSONAL, PERSONAL_SOURCE, SHARED, USER, Place, plan_placement
from migrate.transform.records_view import Records, paired
from migrate.transform.rights import PersonalRights, Rights
from migrate.transform.roles import plan_roles
from migrate.transform.standing import CLOSING, Standing, Triple, actions_of
from migrate.transform.ways import TEMPORARY, PasswordPolicy

NO_FOLDER = "_root"
"""Name of the folder of the root group in a per-group workspace, whose own name is empty."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """`seed`: what all chosen uuids derive from. `data_source`: holds migrated content. `masks`: `enforce` or `ignore`.
    `given`: (role, node, workspace) of rights that earlier runs of this migration gave -> the rules by which they stated them; what is
    not planned again and still stands so is taken back. `removed_people`: `lock` or `keep`. `source_wins`: what people changed in
    Cells since then is not kept."""

    seed: str
    data_source: str = "legacy"
    masks: str = "enforce"
    given: Mapping[Triple, frozenset[str]] = field(default_factory=dict)
    passwords: PasswordPolicy = PasswordPolicy()
    in_place: InPlace = InPlace()
    dates: bool = False
    """Whether old dates are put into the database of Cells."""
    copy: bool = False
    """Whether this machine is that of Cells, so that copies for folders in place are made by the tool."""
    stated: Mapping[str, CreateUser] = field(default_factory=dict)
    """New login -> the account as earlier runs of this work folder last wrote it: what differs in Cells now is people's."""
    removed_people: str = "lock"
    delete_removed: frozenset[str] = frozenset()
    """Kinds of which is deleted in Cells what the old server has no more: users, roles, workspaces, groups, files."""
    source_wins: bool = False


class BadDataSourceName(MigrationError):
    """Cells takes data source names of at most 33 small letters and digits."""

    code = "E2103"
    title = "A data source cannot be called '{name}'."
    remedy = "Use --data-source with at most 33 small letters and digits."
    exit_status = ExitStatus.USAGE


class Plan:
    """The plan, as streams. Made by `make_plan`; the same input gives the same plan."""

    def __init__(self, records: Records, target: Target, mappings: Mappings, options: PlanOptions) -> None:
        self._records, self._target, self._mappings, self._options = records, target, mappings, options
        self._features = target.facts.features
        self._wide = self._features.wide_characters
        self._identity = identity = Identity(options.seed)
        self._people = People(identity, target, mappings, self._wide, passwords=options.passwords)
        self._people.survey(records.users())
        self._groups = plan_groups(
            records.groups(), {user.group for user in records.users()}, self._people, target, mappings, identity, self._wide
        )
        on_groups = {old: place.uuid for old, place in self._groups.places.items() if not place.adopted}
        self._roles = plan_roles(records.roles(), records.teams(), on_groups, self._people, target, mappings, identity, self._wide)
        self._workspaces = {w.id: w for w in records.workspaces()}
        self._single_roots = {root.workspace: root for root in records.roots() if root.user is None and root.group is None}
        self._placement = plan_placement(self._workspaces.values(), self._single_roots, target, mappings, identity, options.data_source,
                                         options.in_place, self._roots_in_place())
        self._live = Standing.of(target)
        self._in_place: dict[tuple[str, str], str] = self._folders_in_place()
        adopted = [place.uuid for place in self._groups.places.values() if place.adopted]
        ours = {identity.workspace(w) for w in self._workspaces} | {identity.desk(name) for name in target.data_sources}
        self._rights = Rights(
            self._placement,
            self._roles.sources,
            identity.everybody,
            adopted,
            target,
            enforce_masks=options.masks != "ignore",
            given=options.given,
            folder_of=self._folder_of,
            groups_of=self._groups_of,
            assigned=self._roles.assigned,
            entry=self._entry,
            ours=ours,
            our_roles=self._our_roles | {place.uuid for place in self._groups.places.values() if not place.adopted},
            made=self._options.stated,
        )

    # -- look-ups -----------------------------------------------------------------------------------------------------------

    def _groups_of(self, person: Person) -> list[str]:
        return self._groups.chain(self._groups.path_of(person.user.group))

    def _roots_in_place(self) -> dict[str, list[Root]]:
        """The old folders of every workspace that shall be indexed as it lies."""
        wanted = {wid for wid, line in self._mappings.workspaces.items() if line.route in ("in-place", "external")}
        found: dict[str, list[Root]] = {}
        for root in self._records.roots() if wanted else ():
            if root.workspace in wanted and root.folder and not root.missing:
                found.setdefault(root.workspace, []).append(root)
        return found

    def _folders_in_place(self) -> dict[tuple[str, str], str]:
        """Where people's and groups' folders are in old folders that become data sources themselves: (workspace, user or group) ->
        path below the data source. In a copy they are named like in any other data source."""
        places = {wid: place for wid, place in self._placement.places.items() if place.original}
        found: dict[tuple[str, str], str] = {}
        for root in self._records.roots() if places else ():
            place = places.get(root.workspace)
            inside = self._options.in_place.inside(root.folder, place.folder) if place is not None and root.folder else None
            if inside is not None:
                found[root.workspace, root.user or root.group or ""] = inside
        return found

    def _folder_of(self, place: Place, person: Person) -> str | None:
        """The node of a person in a workspace with a folder for each."""
        if place.kind == USER:
            return self._folder_for(place, person.user.login, person.login)
        group = clean(person.user.group)[0]
        return self._folder_for(place, group, group.strip("/").replace("/", "_") or NO_FOLDER)

    def _folder_for(self, place: Place, old: str, name: str) -> str:
        as_it_lies = self._in_place.get((place.workspace.id, old))
        if as_it_lies is not None:
            return f"{place.data_source}/{as_it_lies}".rstrip("/")
        return place.root + "/" + names.stored_name(name.encode("utf-8", "surrogateescape"), wide=self._wide)[0]

    def _entry(self, place: Place, person: Person, path: str) -> str | None:
        look = getattr(self._records, "entry", None)
        if look is None:
            return None
        user = person.user.login if place.kind in (USER, PERSONAL) else ""
        group = person.user.group if place.kind == GROUP else ""
        kind: str | None = look(f"{place.workspace.id}\0{user}\0{group}", path)
        return kind

    def _persons(self) -> Iterator[tuple[Person, Access]]:
        for user, access in paired(iter(self._records.users()), iter(self._records.access())):
            yield self._people.decide(user), access

    def _new_people(self) -> Iterator[Person]:
        for user in self._records.users():
            person = self._people.decide(user)
            if person.skip is None and not person.existing:
                yield person

    def _personal_rights(self) -> Iterator[tuple[Person, PersonalRights]]:
        for person, access in self._persons():
            if person.skip is None:
                yield person, self._rights.of(person, access)

    # -- answers for `lookup` ---------------------------------------------------------------------------------------------------

    @property
    def identity(self) -> Identity:
        return self._identity

    def decide(self, user: User) -> Person:
        """What becomes of an account."""
        return self._people.decide(user)

    def group_uuid(self, path: str) -> str | None:
        """Uuid of the group an old path becomes; of the role of everybody for the root."""
        clean_path = clean(path)[0]
        if clean_path == "/":
            return self._identity.everybody
        place = self._groups.places.get(clean_path)
        return place.uuid if place is not None else None

    def role_uuid(self, role_id: str) -> str | None:
        """Uuid of the role an old role becomes."""
        return self._roles.uuids.get(role_id)

    def team_uuid(self, owner: str, team_id: str) -> str | None:
        """Uuid of the role an old team becomes."""
        key = f"{owner}\0{team_id}"
        return self._identity.team(key) if key in self._roles.teams else None

    def place(self, workspace: str) -> Place | None:
        """Where an old workspace is in Cells."""
        return self._placement.places.get(workspace)

    def node_of(self, root: Root, place: Place) -> str | None:
        """The node that an old folder becomes."""
        return self._node_of(root, place)

    # -- what parts that come later ask of people and rights -------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """What each role says once the plan is carried out, people's own roles as they are on the server."""
        return self._rights.standing

    def persons(self) -> Iterator[tuple[Person, Access]]:
        """Everybody with the old effective access, streamed."""
        return self._persons()

    def roles_of(self, person: Person) -> tuple[str, ...]:
        """Uuids of roles in the order that decides, without the own one."""
        return self._rights.roles_of(person)[0]

    def loose_roles(self, person: Person) -> tuple[str, ...]:
        """Those among them whose order this server may change."""
        return () if self._features.role_order else self._rights.roles_of(person)[1]

    def own_rights(self, person: Person, access: Access) -> list[SetRight]:
        """What the plan says on the person's own role."""
        return self._rights.of(person, access).sets if person.skip is None else []

    # -- what there is to do -------------------------------------------------------------------------------------------------

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        """Every Action in the order of phases, and whether the server holds it as wanted already."""
        for place in self._groups.places.values():
            if not place.adopted:
                yield place.action(), place.already
        yield from self._roles.actions
        for person in self._new_people():
            yield self._account(person)
        yield from self._retired()
        for root, node, where in self._carried() if self._options.copy else ():
            if where.route == "in-place" and where.folder and not where.original:
                yield CopyFolder(root.key, where.folder + node.removeprefix(where.data_source), where.data_source), False
        yield from self._storage()
        yield from self._folders()
        for place in self._placement.places.values():
            if place.made:
                yield place.action(self._wide), self._is_made(place)
        yield from self._grants()
        uploaded: set[str] = set()
        for root, node, where in self._carried():
            yield CarryFolder(root.key, NodeRef(node), where.route), False
            if where.route == "upload":
                uploaded.add(where.data_source)
        for name in sorted(uploaded) if self._options.dates else ():
            yield KeepDates(name), False

    def _account(self, person: Person) -> tuple[CreateUser, bool]:
        user = person.user
        group = self._groups.path_of(user.group)
        roles = self._roles.assigned(person)
        owner = (self._people.cells_login(user.parent) or "") if user.parent else ""
        action = CreateUser(person.uuid, person.login, group, self._people.attributes(person), roles, owner, user.key,
                            self._password(person, user) == TEMPORARY)
        found = self._target.users.get(person.login)
        if found is None:
            return action, False
        result = self._merged(person, action, found)
        return result.action, result.already

    def _merged(self, person: Person, action: CreateUser, found: CellsUser) -> Merged:
        """The account as it is to be, with what people changed of it in Cells."""
        return merged(action, found, self._options.stated.get(person.login), given=self._assigned(found, action.roles), ours=self._our_roles,
                      ordered=self._features.role_order, source_wins=self._options.source_wins)

    def _assigned(self, found: CellsUser, ours: Collection[str] = ()) -> tuple[str, ...]:
        """Roles that somebody assigned to an account: without the own one and those of groups and profile."""
        technical = {found.uuid, "ROOT_GROUP"} | self._group_roles
        return tuple(r for r in found.roles if r not in technical and (r in ours or not self._automatic(r)))

    @cached_property
    def _group_roles(self) -> frozenset[str]:
        return frozenset(g.uuid for g in self._target.groups.values())

    @cached_property
    def _our_roles(self) -> frozenset[str]:
        return frozenset({self._identity.everybody, *self._roles.uuids.values(), *(self._identity.team(key) for key in self._roles.teams)})

    def people_changed(self) -> Iterator[tuple[Person, tuple[str, ...]]]:
        """Who was changed in Cells since the account was made, and in what."""
        for person in self._new_people():
            found = self._target.users.get(person.login)
            if found is not None:
                user = person.user
                owner = (self._people.cells_login(user.parent) or "") if user.parent else ""
                wanted = CreateUser(person.uuid, person.login, self._groups.path_of(user.group), self._people.attributes(person),
                                    self._roles.assigned(person), owner, user.key)
                changed = self._merged(person, wanted, found).changed
                if changed:
                    yield person, changed

    def people_gave(self) -> list[Triple]:
        """Rights on workspaces of this migration that somebody in Cells gave to people, groups and roles of this migration."""
        if not self._options.given:
            return []
        spaces = {place.uuid for place in self._placement.places.values() if place.made}
        roles = self._our_roles | {place.uuid for place in self._groups.places.values() if not place.adopted} | {a.uuid for a in self._options.stated.values()}
        said = ((role, node, workspace) for role in roles for node, spoken in self._live.nodes_of(role).items() for workspace in spoken if spoken[workspace])
        found = {triple for triple in said if triple[2] in spaces and triple not in self._options.given}
        if found:
            found -= {(a.role, str(a.node), a.workspace) for a in self._all_rights()}
        return sorted(found)

    def removed_people(self) -> Iterator[CreateUser]:
        """Accounts that earlier runs made of people whom the old server has no more, as they were written."""
        if not self._options.stated:
            return
        still = {self._identity.user(user.login) for user in self._records.users()}
        for login, before in sorted(self._options.stated.items()):
            found = self._target.users.get(login)
            if before.uuid not in still and found is not None and found.uuid == before.uuid:
                yield before

    def _retired(self) -> Iterator[tuple[Action, bool]]:
        for before in self.removed_people():
            if "users" in self._options.delete_removed:
                yield DeleteUser(before.uuid, before.login), False
            elif self._options.removed_people == "lock":
                found = self._target.users[before.login]
                yield RetireUser(before.uuid, before.login, self._assigned(found)), LOCKED in locks_of(found.attributes)

    def _automatic(self, role: str) -> bool:
        known = self._target.roles.get(role)
        return known is not None and (any(known.auto_applies) or known.group_role or known.user_role)

    def _storage(self) -> Iterator[tuple[Action, bool]]:
        for source in self._placement.sources.values():
            yield source, source.name in self._target.data_sources and source.name not in self._options.in_place.unfinished
        used = sorted({place.data_source for place in self._placement.places.values()})
        taken = {w.slug for w in self._target.workspaces.values()}
        for name in used:
            uuid = self._identity.desk(name)
            live = self._target.workspaces.get(uuid)
            slug = live.slug if live is not None else names.unique_slug(f"{DESK_SLUG}-{name}", taken)
            yield OpenDesk(uuid, slug, name, self._target.loader_uuid), live is not None

    def _folders(self) -> Iterator[tuple[Action, bool]]:
        """Folders that are to be roots: of workspaces, and of people in them."""
        done: set[str] = set()
        for place in self._placement.places.values():
            if place.kind != PERSONAL and "/" in place.root and place.root not in done:
                done.add(place.root)
                yield self._folder(place.root)
        several = {place.root for place in self._placement.places.values() if place.kind == USER}
        for person, access in self._persons():
            for node in self._rights.folders(person, access) if person.skip is None else ():
                if node in done:
                    continue
                if node.rpartition("/")[0] not in several:
                    done.add(node)  # shared by many people; a person's own folder comes up once and need not be remembered
                yield self._folder(node)

    def _folder(self, node: str) -> tuple[CreateFolder, bool]:
        return CreateFolder(NodeRef(node)), node in self._target.nodes

    def _is_made(self, place: Place) -> bool:
        live = self._target.workspaces.get(place.uuid)
        wanted = place.action(self._wide)
        return (
            live is not None
            and (live.slug, live.label, live.description) == (wanted.slug, wanted.label, wanted.description)
            and place.root in {path.strip("/") for path in live.roots.values()}
        )

    def _grants(self) -> Iterator[tuple[Action, bool]]:
        planned: set[Triple] = set()
        ours = {place.uuid for place in self._placement.places.values()}
        for action in self._all_rights():
            triple = (action.role, str(action.node), action.workspace)
            if triple in self._options.given:
                planned.add(triple)
            yield action, self._live.says(*triple) == actions_of(action.right, action.mode)
        for (role, node, workspace), stated in sorted(self._options.given.items(), key=lambda item: item[0]):
            says = self._live.says(role, node, workspace)
            if role == self._identity.everybody and stated <= CLOSING and workspace not in ours:
                continue  # a workspace of Cells that was closed stays closed: it would open to everybody
            if (role, node, workspace) not in planned and says and (says == stated or self._options.source_wins):
                yield RemoveRight(role, NodeRef(node), workspace), False

    def _all_rights(self) -> Iterator[SetRight]:
        yield from self._rights.role_sets
        for _, rights in self._personal_rights():
            yield from rights.sets

    def _carried(self) -> Iterator[tuple[Root, str, Place]]:
        """Old folders that are on this machine, the node each becomes, and the workspace."""
        for root in self._records.roots():
            place = self._placement.places.get(root.workspace)
            if place is None or root.folder is None or root.missing or root.workspace in self._placement.carried_by:
                continue
            node = self._node_of(root, place)
            if node is not None:
                yield root, node, place

    def _node_of(self, root: Root, place: Place) -> str | None:
        if place.original and (root.workspace, root.user or root.group or "") not in self._in_place:
            return None  # lies elsewhere: it is not part of the folder that was handed over
        if place.kind == SHARED or (root.user is None and root.group is None):
            return place.root if place.kind != PERSONAL else None
        if place.kind == GROUP:
            group = clean(root.group or "/")[0]
            return self._folder_for(place, root.group or "/", group.strip("/").replace("/", "_") or NO_FOLDER)
        login = self._people.cells_login(root.user or "")
        if login is None:
            return None
        return f"{PERSONAL_SOURCE}/{login}" if place.kind == PERSONAL else self._folder_for(place, root.user or "", login)

    # -- what becomes of the old things -----------------------------------------------------------------------------------------

    @property
    def outcomes(self) -> Iterator[tuple[str, str, str, str | None, str | None]]:
        """(kind, key, `already` or `skipped`, code, detail) of records that need no action, or whose action is done already."""
        for user in self._records.users():
            person = self._people.decide(user)
            if person.skip is not None:
                yield "users", user.key, "skipped", person.skip.code, None
            elif person.existing:
                yield "users", user.key, "already", None, "this account was in Cells before"
            elif self._account(person)[1]:
                yield "users", user.key, "already", None, None
        for group in self._records.groups():
            path = clean(group.path)[0]
            place = self._groups.places.get(path)
            if place is not None and place.old == group.path:
                if place.already:
                    yield "groups", group.key, "already", None, "this group was in Cells before" if place.adopted else None
            elif path == "/" or place is not None:
                yield "groups", group.key, "already", None, "it is the root" if path == "/" else f"it is the same as {place.old if place else ''}"
            else:
                yield "groups", group.key, "skipped", codes.GROUP_SKIPPED.code, None
        for kind, key, entry in self._roles.outcomes:
            yield kind, key, "skipped", entry.code, None
        for action, already in self._roles.actions:
            if already and action.record:
                yield action.kind, action.record, "already", None, None
        for workspace in self._workspaces.values():
            place_ = self._placement.places.get(workspace.id)
            if place_ is None:
                why = self._placement.skipped.get(workspace.id, codes.WORKSPACE_GONE)
                yield "workspaces", workspace.key, "skipped", why.code, None
            elif not place_.made:
                yield "workspaces", workspace.key, "already", None, f"its files and rights go to {place_.slug}"
            elif self._is_made(place_):
                yield "workspaces", workspace.key, "already", None, None

    @property
    def access(self) -> Iterator[tuple[str, str, str, str, str | None]]:
        """(login, old workspace, right before, right as planned, code) of every pair; the code says why they differ."""
        for person, access in self._persons():
            login = person.user.login
            if person.skip is not None:
                for wid, before in access.workspaces.items():
                    yield login, wid, before.letters, "", person.skip.code
                continue
            for verdict in self._rights.of(person, access).verdicts:
                yield login, verdict.workspace, verdict.before.letters, verdict.planned.letters, verdict.code

    @property
    def targets(self) -> Iterator[tuple[str, str, dict[str, str | None]]]:
        """(kind, old key, what it becomes)."""
        for user in self._records.users():
            person = self._people.decide(user)
            if person.skip is None:
                yield "users", user.key, {"login": person.login, "uuid": person.uuid, "password": self._password(person, user)}
        for place in self._groups.places.values():
            yield "groups", place.old, {"path": place.path, "uuid": place.uuid}
        for old, uuid in self._roles.uuids.items():
            yield "roles", old, {"uuid": uuid}
        for key, team in self._roles.teams.items():
            yield "teams", key, {"uuid": self._identity.team(key), "id": team.id}
        for wid, where in self._placement.places.items():
            yield "workspaces", wid, {"uuid": where.uuid, "slug": where.slug, "root": where.root, "data_source": where.data_source, "scope": where.kind}
        for root, node, where in self._carried():
            source, _, path = node.partition("/")
            yield "roots", root.key, {"node": node, "data_source": source, "path": path, "route": where.route, **_storage_of(where)}
        yield from self._carried_elsewhere()

    def _carried_elsewhere(self) -> Iterator[tuple[str, str, dict[str, str | None]]]:
        """Folders whose files come with another one that holds them."""
        for wid, carrier in self._placement.carried_by.items():
            place, root, other = self._placement.places[wid], self._single_roots[wid], self._single_roots[carrier]
            source, _, path = place.root.partition("/")
            yield "roots", root.key, {"node": place.root, "data_source": source, "path": path, "route": place.route, "carried_by": other.key}

    def _password(self, person: Person, user: User) -> str:
        """`existing`, `kept`, `temporary`, `reset` or `none`; see `ways`."""
        return self._options.passwords.way(user, self._mappings.users.get(user.login), existing=person.existing)[0]

    @property
    def findings(self) -> Iterator[Finding]:
        """Everything an administrator should know, each once."""
        yield from dict.fromkeys(self._all_findings())

    def _all_findings(self) -> Iterator[Finding]:
        for part in (self._people, self._groups, self._roles, self._placement, self._rights):
            yield from part.findings
        for user in self._records.users():
            yield from self._people.notes(self._people.decide(user))
        corrections = people = 0
        for _, rights in self._personal_rights():
            yield from rights.findings
            corrections, people = corrections + rights.corrections, people + bool(rights.corrections)
        if corrections:
            yield finding(codes.CORRECTIONS, "grants", "", count=corrections, people=people)
        yield from self._about_folders()
        if self._options.masks == "ignore":
            for role in self._records.roles():
                for wid in role.masks:
                    if wid in self._placement.places:
                        yield finding(codes.MASKS_IGNORED, "roles", role.id, workspace=wid)
        taken_back = sum(isinstance(action, RemoveRight) for action, _ in self._grants()) if self._options.given else 0
        if taken_back:
            yield finding(codes.RIGHT_WITHDRAWN, "grants", "", count=taken_back)
        for person, changed in self.people_changed():
            yield finding(codes.CHANGED_IN_CELLS, "users", person.user.login, what=", ".join(changed))

    def _about_folders(self) -> Iterator[Finding]:
        for wid, place in self._placement.places.items():
            root = self._single_roots.get(wid)
            if place.kind == SHARED and place.made and (root is None or root.folder is None or root.missing) and place.route == "upload":
                yield finding(codes.FOLDER_MISSING, "workspaces", wid)

    @property
    def proposals(self) -> Iterator[Proposal]:
        """Lines for the mapping files, one for each thing a person may want to decide."""
        for part in (self._people, self._groups, self._roles, self._placement):
            yield from part.proposals


def make_plan(records: Records, target: Target, mappings: Mappings | None = None, options: PlanOptions | None = None) -> Plan:
    """The plan that brings `records` to the server described by `target`, as the mapping files decide."""
    chosen = options or PlanOptions("unnamed")
    if not re.fullmatch(r"[0-9a-z]{1,33}", chosen.data_source):
        raise BadDataSourceName(name=chosen.data_source)
    return Plan(records, target, mappings or Mappings(), chosen)


def _storage_of(place: Place) -> dict[str, str | None]:
    """What the names and the carrying of a folder depend on, when it is indexed as it lies."""
    return {"folder": place.folder, "original": "yes" if place.original else None} if place.folder else {}


def letters_of(rows: Iterable[tuple[str, str, str, str, str | None]]) -> dict[tuple[str, str], tuple[str, str]]:
    """(login, workspace) -> (before, planned), for small plans."""
    return {(login, wid): (before, planned) for login, wid, before, planned, _ in rows}
