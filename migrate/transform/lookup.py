"""Answers what old ids become, from the decisions of a plan."""

from __future__ import annotations

import unicodedata

from migrate.cells.models import Target
from migrate.extract.records import Root
from migrate.transform.actions import NodeRef
from migrate.transform.people import Person
from migrate.transform.placement import GROUP, PERSONAL, USER, Place
from migrate.transform.plan import Plan
from migrate.transform.records_view import Records


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
        place = self.place(workspace)
        root = self._root(place, login) if place is not None else None
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

    def _root(self, place: Place, login: str | None) -> Root | None:
        """The old folder that `login` saw as this workspace."""
        workspace = place.workspace.id
        if place.kind in (USER, PERSONAL):
            return self._records.root(f"{workspace}\0{login or ''}\0") or self._records.root(f"{workspace}\0\0")
        if place.kind == GROUP:
            user = self._records.user(login) if login else None
            return self._records.root(f"{workspace}\0\0{user.group if user else ''}")
        return self._records.root(f"{workspace}\0\0") or self._records.root(f"{workspace}\0{login or ''}\0")
