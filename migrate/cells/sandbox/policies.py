"""May this caller read or change this object? Resource policies of users, roles, workspaces, shares and fields."""

from __future__ import annotations

from typing import Any

from migrate.cells.sandbox.access import roles_of
from migrate.cells.sandbox.state import Person, Role, State

_PROFILES = {"admin": ("admin", "standard", "shared", "anon"), "standard": ("standard", "shared", "anon"), "shared": ("shared", "anon"),
             "anon": ("anon",)}


def subjects(state: State, person: Person | None) -> set[str]:
    """Everything a policy can name this caller by; profiles include the lower ones."""
    if person is None:
        return {"*", "profile:anon"}
    out = {"*", "user:" + person.name, person.uuid}
    out.update("profile:" + p for p in _PROFILES.get(person.profile, (person.profile, "shared", "anon")))
    for role in roles_of(state, person):
        out.add("role:" + (role.uuid if isinstance(role, Role) else role[0]))
    return out


def allows(state: State, person: Person | None, policies: list[dict[str, Any]], action: str) -> bool:
    """Whether one of the policies allows `READ`, `WRITE` or `OWNER` to the caller. Without any policy nobody may."""
    names = subjects(state, person)
    return any(p.get("Action") == action and p.get("Effect") == "allow" and p.get("Subject") in names for p in policies)


def in_context(state: State, person: Person | None, policies: list[dict[str, Any]], query: dict[str, Any]) -> bool:
    """Whether a search with this `ResourcePolicyQuery` gives the object."""
    kind = query.get("Type", "CONTEXT")
    if kind == "NONE":
        return False
    if kind == "ANY":
        return person is not None and person.profile == "admin"
    if kind == "USER":
        person = state.people.by_uuid.get(query.get("UserId", ""))
    return allows(state, person, policies, "READ")
