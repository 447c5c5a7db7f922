"""Answers what old ids become, from the decisions of a plan."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property

from migrate.cells.models import Target
from migrate.extract.records import Access, Root
from migrate.transform.actions import NodeRef, SetRight
from migrate.transform.people import Person
from migrate.transform.placement import GROUP, PERSONAL, USER, Place
from migrate.transform.plan import Plan
from migrate.transform.records_view import Records
from migrate.transform.standing import Standing


class PlanLookup:
    """Implements `parts.Lookup` for a plan. People are remembered as they are asked for."""

    def __init__(self, plan: Plan, records: Records, target: Target) -> None:
        self._plan, self._records, self.target = plan, records, target
        self.identity = plan.identity
        self._people: dict[str, Person | None] = {}

    def person(self, login: str) -> Person | None:
        if login not in self._people:
            user = self._records.user(login)
            person = self._plan.decide(user) if user is not None else None
            self._people[login] = None if person is None or person.skip is not None else person
        return self._people[login]

    def group(self, path: str) -> str | None:
        return self._plan.group_uuid(path)

    def role(self, role_id: str) -> str | None:
        return self._plan.role_uuid(role_id)

    def team(self, owner: str, team_id: str) -> str | None:
        return self._plan.team_uuid(owner, team_id)

    def place(self, workspace: str) -> Place | None:
        return self._plan.place(workspace)

    def node(self, workspace: str, login: str | None, path: str) -> NodeRef | None:
        return self.node_in(workspace, login, path)

    def node_in(self, workspace: str, login: str | None, path: str, group: str | None = None) -> NodeRef | None:
        """`node`, for a folder of a group too."""
        place = self.place(workspace)
        root = self._root(place, login, group) if place is not None else None
        if place is None or root is None:
            return None
        base = self._plan.node_of(root, place)
        if base is None:
            return None
        inner = self._records.target(root.key, path)
        if inner is None:
            inner = unicodedata.normalize("NFC", path.strip("/"))
        return NodeRef(f"{base}/{inner}" if inner else base)

    def kind(self, workspace: str, login: str | None, path: str) -> str | None:
        place = self.place(workspace)
        root = self._root(place, login) if place is not None else None
        if root is None:
            return None
        return "dir" if path.strip("/") == "" else self._records.entry(root.key, path)

    def carried(self, workspace: str, login: str | None, path: str, group: str | None = None) -> bool | None:
        """Whether the file or folder is carried (not in a recycle bin that is left behind, for example); None when the old
        folder does not hold it."""
        place = self.place(workspace)
        root = self._root(place, login, group) if place is not None else None
        if root is None:
            return None
        return True if path.strip("/") == "" else self._records.carried(root.key, path)

    def changed(self, workspace: str, login: str | None, path: str, size_there: int | None) -> bool:
        """Whether the content of a file is still to be brought to Cells, where it has this size."""
        place = self.place(workspace)
        root = self._root(place, login) if place is not None else None
        return root is not None and self._records.changed(root.key, path, size_there)

    def _root(self, place: Place, login: str | None, group: str | None = None) -> Root | None:
        """The old folder that `login` (or `group`) saw as this workspace."""
        workspace = place.workspace.id
        if group is not None and place.kind == GROUP:
            return self._records.root(f"{workspace}\0\0{group}")
        if place.kind in (USER, PERSONAL):
            return self._records.root(f"{workspace}\0{login or ''}\0") or self._records.root(f"{workspace}\0\0")
        if place.kind == GROUP:
            user = self._records.user(login) if login else None
            return self._records.root(f"{workspace}\0\0{user.group if user else ''}")
        return self._records.root(f"{workspace}\0\0") or self._records.root(f"{workspace}\0{login or ''}\0")

    # -- what shares ask besides ----------------------------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """What each role says once the plan is carried out, people's own roles as they are on the server."""
        return self._plan.standing

    def persons(self) -> Iterator[tuple[Person, Access]]:
        """Everybody with the old effective access, streamed."""
        return self._plan.persons()

    def roles_of(self, person: Person) -> Sequence[str]:
        """Uuids of roles in the order that decides, without the own one."""
        return self._plan.roles_of(person)

    def loose_roles(self, person: Person) -> Sequence[str]:
        """Those among them whose order this server may change."""
        return self._plan.loose_roles(person)

    def own_rights(self, person: Person, access: Access) -> Sequence[SetRight]:
        """What the plan says on the person's own role."""
        return self._plan.own_rights(person, access)

    def access_knows(self, children: frozenset[str]) -> frozenset[str]:
        """Those of these child workspaces that the access records name for anybody."""
        found: set[str] = set()
        for access in self._records.access():
            found.update(children.intersection(access.workspaces))
            if len(found) == len(children):
                break
        return frozenset(found)

    @cached_property
    def _mails(self) -> dict[str, str]:
        found: dict[str, str] = {}
        twice: set[str] = set()
        for user in self._records.users():
            mail = (user.email or "").strip().lower()
            if mail:
                twice.update({mail} & found.keys())
                found[mail] = user.login
        return {mail: login for mail, login in found.items() if mail not in twice}

    def logins_by_mail(self) -> dict[str, str]:
        """E-mail address in small letters -> login, where one person has it."""
        return self._mails
