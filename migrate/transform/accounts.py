"""What becomes of each account? New, as it was written before with what people changed of it since, or of somebody who is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from migrate.cells.models import Target
from migrate.cells.models import User as CellsUser
from migrate.cells.models.locks import LOCKED, locks_of
from migrate.extract.records import User
from migrate.transform.actions import Action, CreateUser, DeleteUser, RetireUser
from migrate.transform.groups import Groups
from migrate.transform.identity import Identity
from migrate.transform.mapping import Mappings
from migrate.transform.merged import Merged, merged
from migrate.transform.people import People, Person
from migrate.transform.records_view import Records
from migrate.transform.roles import Roles
from migrate.transform.ways import TEMPORARY, PasswordPolicy


class Accounts:
    """Accounts of the plan, streamed. `stated`: new login -> the account as earlier runs last wrote it. `removed_people`: `lock` or
    `keep`; `delete_removed`: whether accounts of people who are gone are deleted instead. `source_wins`: what people changed in Cells is
    not kept."""

    def __init__(self, records: Records, target: Target, people: People, groups: Groups, roles: Roles, identity: Identity, mappings: Mappings,
                 passwords: PasswordPolicy, *, stated: Mapping[str, CreateUser], removed_people: str, delete_removed: bool, source_wins: bool) -> None:
        self._records, self._target, self._people, self._groups, self._roles = records, target, people, groups, roles
        self._identity, self._mappings, self._passwords, self._stated = identity, mappings, passwords, stated
        self._removed_people, self._delete_removed, self._source_wins = removed_people, delete_removed, source_wins

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        """New accounts, then those of people who are gone; with whether Cells holds each as wanted already."""
        for person in self._new():
            yield self.of(person)
        for before in self.removed():
            if self._delete_removed:
                yield DeleteUser(before.uuid, before.login), False
            elif self._removed_people == "lock":
                found = self._target.users[before.login]
                yield RetireUser(before.uuid, before.login, self._assigned(found)), LOCKED in locks_of(found.attributes)

    def of(self, person: Person) -> tuple[CreateUser, bool]:
        """The account of somebody who had none in Cells before, and whether it is there as wanted."""
        action = self._wanted(person)
        found = self._target.users.get(person.login)
        if found is None:
            return action, False
        result = self._merged(person, action, found)
        return result.action, result.already

    def changed(self) -> Iterator[tuple[Person, tuple[str, ...]]]:
        """Who was changed in Cells since the account was made, and in what."""
        for person in self._new():
            found = self._target.users.get(person.login)
            if found is not None and (changed := self._merged(person, self._wanted(person), found).changed):
                yield person, changed

    def removed(self) -> Iterator[CreateUser]:
        """Accounts that earlier runs made of people whom the old server has no more, as they were written."""
        if not self._stated:
            return
        still = {self._identity.user(user.login) for user in self._records.users()}
        for login, before in sorted(self._stated.items()):
            found = self._target.users.get(login)
            if before.uuid not in still and found is not None and found.uuid == before.uuid:
                yield before

    def password(self, person: Person, user: User) -> str:
        """`existing`, `kept`, `temporary`, `reset` or `none`; see `ways`."""
        return self._passwords.way(user, self._mappings.users.get(user.login), existing=person.existing)[0]

    @cached_property
    def our_roles(self) -> frozenset[str]:
        """Uuids of the roles of this migration: everybody's, the old ones and teams."""
        return frozenset({self._identity.everybody, *self._roles.uuids.values(), *(self._identity.team(key) for key in self._roles.teams)})

    def _new(self) -> Iterator[Person]:
        for user in self._records.users():
            person = self._people.decide(user)
            if person.skip is None and not person.existing:
                yield person

    def _wanted(self, person: Person) -> CreateUser:
        user = person.user
        owner = (self._people.cells_login(user.parent) or "") if user.parent else ""
        return CreateUser(person.uuid, person.login, self._groups.path_of(user.group), self._people.attributes(person), self._roles.assigned(person),
                          owner, user.key, self.password(person, user) == TEMPORARY)

    def _merged(self, person: Person, action: CreateUser, found: CellsUser) -> Merged:
        """The account as it is to be, with what people changed of it in Cells."""
        return merged(action, found, self._stated.get(person.login), given=self._assigned(found, action.roles), ours=self.our_roles,
                      ordered=self._target.facts.features.role_order, source_wins=self._source_wins)

    def _assigned(self, found: CellsUser, ours: Collection[str] = ()) -> tuple[str, ...]:
        """Roles that somebody assigned to an account: without the own one and those of groups and profile."""
        technical = {found.uuid, "ROOT_GROUP"} | self._group_roles
        return tuple(r for r in found.roles if r not in technical and (r in ours or not self._automatic(r)))

    @cached_property
    def _group_roles(self) -> frozenset[str]:
        return frozenset(g.uuid for g in self._target.groups.values())

    def _automatic(self, role: str) -> bool:
        known = self._target.roles.get(role)
        return known is not None and (any(known.auto_applies) or known.group_role or known.user_role)
