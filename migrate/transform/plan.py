"""What has to be done to a Cells server so that it holds what the old one held? Records, decisions and target in, Actions out.

Groups, roles and workspaces are held in memory, people are streamed: every property of a Plan goes through the records anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from migrate.cells.models import Target
from migrate.errors import ExitStatus, Finding, MigrationError, finding
from migrate.extract.records import Access, Root, User
from migrate.transform import codes, names
from migrate.transform.accounts import Accounts
from migrate.transform.actions import (
    Action,
    CarryFolder,
    CreateFolder,
    CreateUser,
    NodeRef,
    OpenDesk,
    RemoveRight,
    SetRight,
)
from migrate.transform.file_actions import CopyFolder, KeepDates
from migrate.transform.folders import Folders, roots_in_place
from migrate.transform.groups import clean, plan_groups
from migrate.transform.identity import Identity
from migrate.transform.in_place import InPlace
from migrate.transform.mapping import Mappings, Proposal
from migrate.transform.people import People, Person
from migrate.transform.placement import DESK_SLUG, PERSONAL, USER, Place, plan_placement
from migrate.transform.records_view import Records, paired
from migrate.transform.rights import PersonalRights, Rights
from migrate.transform.roles import plan_roles
from migrate.transform.standing import CLOSING, Standing, Triple, actions_of
from migrate.transform.ways import PasswordPolicy


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
                                         options.in_place, roots_in_place(records, mappings))
        self._folders = Folders(records, self._placement, self._people, options.in_place, self._single_roots, wide=self._wide)
        self._live = Standing.of(target)
        self._accounts = Accounts(records, target, self._people, self._groups, self._roles, identity, mappings, options.passwords, stated=options.stated,
                                  removed_people=options.removed_people, delete_removed="users" in options.delete_removed, source_wins=options.source_wins)
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
            folder_of=self._folders.of,
            groups_of=self._groups_of,
            assigned=self._roles.assigned,
            entry=self._folders.entry,
            ours=ours,
            our_roles=self._accounts.our_roles | {place.uuid for place in self._groups.places.values() if not place.adopted},
            made=self._options.stated,
        )

    # -- look-ups -----------------------------------------------------------------------------------------------------------

    def _groups_of(self, person: Person) -> list[str]:
        return self._groups.chain(self._groups.path_of(person.user.group))

    def _persons(self) -> Iterator[tuple[Person, Access]]:
        for user, access in paired(iter(self._records.users()), iter(self._records.access())):
            yield self._people.decide(user), access

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
        return self._folders.node_of(root, place)

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
        yield from self._accounts.actions
        for root, node, where in self._folders.carried() if self._options.copy else ():
            if where.route == "in-place" and where.folder and not where.original:
                yield CopyFolder(root.key, where.folder + node.removeprefix(where.data_source), where.data_source), False
        yield from self._storage()
        yield from self._folders_to_make()
        for place in self._placement.places.values():
            if place.made:
                yield place.action(self._wide), self._is_made(place)
        yield from self._grants()
        uploaded: set[str] = set()
        for root, node, where in self._folders.carried():
            carry = CarryFolder(root.key, NodeRef(node), where.route, where.route == "external" and not where.folder)
            yield carry, False
            if carry.by_desk:
                uploaded.add(where.data_source)
        for name in sorted(uploaded) if self._options.dates else ():
            yield KeepDates(name), False

    def people_changed(self) -> Iterator[tuple[Person, tuple[str, ...]]]:
        """Who was changed in Cells since the account was made, and in what."""
        return self._accounts.changed()

    def removed_people(self) -> Iterator[CreateUser]:
        """Accounts that earlier runs made of people whom the old server has no more, as they were written."""
        return self._accounts.removed()

    def people_gave(self) -> list[Triple]:
        """Rights on workspaces of this migration that somebody in Cells gave to people, groups and roles of this migration."""
        if not self._options.given:
            return []
        spaces = {place.uuid for place in self._placement.places.values() if place.made}
        groups = {place.uuid for place in self._groups.places.values() if not place.adopted}
        roles = self._accounts.our_roles | groups | {account.uuid for account in self._options.stated.values()}
        said = ((role, node, workspace) for role in roles for node, spoken in self._live.nodes_of(role).items() for workspace in spoken if spoken[workspace])
        found = {triple for triple in said if triple[2] in spaces and triple not in self._options.given}
        if found:
            found -= {(a.role, str(a.node), a.workspace) for a in self._all_rights()}
        return sorted(found)

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

    def _folders_to_make(self) -> Iterator[tuple[Action, bool]]:
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
            elif self._accounts.of(person)[1]:
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
                yield "users", user.key, {"login": person.login, "uuid": person.uuid, "password": self._accounts.password(person, user)}
        for place in self._groups.places.values():
            yield "groups", place.old, {"path": place.path, "uuid": place.uuid}
        for old, uuid in self._roles.uuids.items():
            yield "roles", old, {"uuid": uuid}
        for key, team in self._roles.teams.items():
            yield "teams", key, {"uuid": self._identity.team(key), "id": team.id}
        for wid, where in self._placement.places.items():
            yield "workspaces", wid, {"uuid": where.uuid, "slug": where.slug, "root": where.root, "data_source": where.data_source, "scope": where.kind}
        yield from self._folders.targets()

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
        yield from self._folders.findings
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
