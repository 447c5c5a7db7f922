"""What is an account to be, when the old server and people in Cells both may have changed it since this migration last wrote it?

Attribute by attribute and role by role: where Cells still says what was written, the old server's word counts; where people said
something else, theirs does. Without a memory of what was written (another work folder) what is there counts, except that a lock of
the old server is always put on and a role of ours that it does not give any more is taken off: on doubt, less access."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from migrate.cells.models import User
from migrate.cells.models.locks import LOCKED, LOCKS, locks_of
from migrate.transform.actions import CreateUser


@dataclass(frozen=True, slots=True)
class Merged:
    """The account as it is to be; whether Cells holds it so; what people changed (in words) and what of it stays."""

    action: CreateUser
    already: bool
    changed: tuple[str, ...] = ()


def merged(wanted: CreateUser, there: User, before: CreateUser | None, *, given: Iterable[str], ours: Collection[str], ordered: bool,
           source_wins: bool = False) -> Merged:
    """`there`: the account in Cells; `before`: as this work folder last wrote it. `given`: its assigned roles in Cells, in order; `ours`:
    roles that this migration makes. `ordered`: whether the server keeps their order."""
    changed: list[str] = []
    attributes = _attributes(wanted, there, before, source_wins, changed)
    locks = _locks(wanted, there, before, source_wins, changed)
    if locks or LOCKS in wanted.attributes or locks_of(there.attributes):
        attributes[LOCKS] = json.dumps(locks) if locks else ""
    roles = _roles(wanted, list(given), before, ours, source_wins, changed)
    group = _group(wanted, there, before, source_wins, changed)
    action = replace(wanted, attributes=attributes, roles=roles, group_path=group)
    if changed and not source_wins:
        action = replace(action, wish={"attributes": dict(wanted.attributes), "roles": list(wanted.roles), "group_path": wanted.group_path})
    same = all(there.attributes.get(name, "") == value for name, value in attributes.items() if name != LOCKS)
    same = same and set(locks_of(there.attributes)) == set(locks) and group.rstrip("/") == there.group_path.rstrip("/")
    same = same and (list(given) == list(roles) if ordered else sorted(given) == sorted(roles))
    return Merged(action, same, tuple(dict.fromkeys(changed)))


def wished(action: CreateUser) -> CreateUser:
    """What the old server said when an account was written, without what was kept for people."""
    if not action.wish:
        return action
    wish = action.wish
    return replace(action, attributes=wish["attributes"], roles=tuple(wish["roles"]), group_path=wish["group_path"], wish={})


def _attributes(wanted: CreateUser, there: User, before: CreateUser | None, source_wins: bool, changed: list[str]) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, value in wanted.attributes.items():
        live = there.attributes.get(name, "")
        if name == LOCKS:
            continue
        result[name] = value
        if live == value or not live and before is None:
            continue
        if before is None or live != before.attributes.get(name, ""):
            changed.append(name)
            result[name] = value if source_wins else live
    for name, value in before.attributes.items() if before is not None else ():
        if name not in wanted.attributes and name != LOCKS and value and there.attributes.get(name, "") == value:
            result[name] = ""  # the old server dropped it
    return {name: value for name, value in result.items() if value or there.attributes.get(name)}


def _locks(wanted: CreateUser, there: User, before: CreateUser | None, source_wins: bool, changed: list[str]) -> list[str]:
    """A lock that the old server put on since is put on; one that it took off is taken off; a person who changed the password is not
    asked again."""
    live, asked = locks_of(there.attributes), locks_of(wanted.attributes)
    was = locks_of(before.attributes) if before is not None else []
    locked = LOCKED in live
    if LOCKED in asked and not locked:
        locked = before is None or LOCKED not in was or source_wins
        if LOCKED in was:
            changed.append("unlocked")
    elif LOCKED not in asked and locked:
        if LOCKED in was:
            locked = False
        elif before is not None:
            changed.append("locked")
    result = [lock for lock in live if lock != LOCKED]
    return [LOCKED, *result] if locked else result


def _roles(wanted: CreateUser, given: list[str], before: CreateUser | None, ours: Collection[str], source_wins: bool, changed: list[str]) -> tuple[str, ...]:
    known = set(before.roles) if before is not None else {role for role in given if role in ours}
    taken = known - set(given) if before is not None else {role for role in wanted.roles if role not in given}
    added = [role for role in given if role not in known and role not in wanted.roles]
    if taken & set(wanted.roles):
        changed.append("roles taken away")
    if added:
        changed.append("roles given")
    roles = [role for role in wanted.roles if role not in taken or source_wins]
    return tuple(dict.fromkeys([*roles, *added]))


def _group(wanted: CreateUser, there: User, before: CreateUser | None, source_wins: bool, changed: list[str]) -> str:
    live = there.group_path.rstrip("/") or "/"
    if live == (wanted.group_path.rstrip("/") or "/"):
        return wanted.group_path
    if before is not None and live == (before.group_path.rstrip("/") or "/"):
        return wanted.group_path
    changed.append("the group")
    return wanted.group_path if source_wins else there.group_path
