"""Do people, groups, roles and teams stand in Cells as they stood on the old server?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from migrate.cells.models import Group, Role, User
from migrate.ledger import Ledger
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected, planned_user

LEFT_OUT = frozenset({"skipped"})
WIDE = 0xFFFF


def check_users(ledger: Ledger, expected: Expected, live: Mapping[str, User], verdict: Verdict, *, ordered: bool = True) -> None:
    """Every person: there, once, with uuid, group, profile, names, lock, roles; nobody extra with a uuid of ours.

    `ordered`: whether the server keeps the order of roles (not on 5, where what decides lies on the own role)."""
    left_out = {key for kind, key, *_ in ledger.settled(*LEFT_OUT) if kind == "users"}
    members = _members(ledger)
    ours: dict[str, str] = {}
    for login, record in ledger.records("users"):
        target = expected.users.get(login)
        if target is None or login in left_out:
            if login not in left_out:
                verdict.differs("users", login, "account", "missing: neither carried nor announced as left out")
            continue
        verdict.checked["users"] += 1
        ours[target["uuid"]] = login
        user = live.get(target["login"])
        if user is None:
            verdict.differs("users", login, f"account {target['login']}", "missing")
            continue
        if user.uuid != target["uuid"]:
            verdict.differs("users", login, f"uuid {target['uuid']}", f"uuid {user.uuid}")
        if not existed(target):
            _check_account(ledger, expected, login, record, user, members.get(login, set()), verdict, ordered)
    for user in live.values():
        known = ours.get(user.uuid)
        if known is not None and expected.users[known]["login"] != user.login:
            verdict.differs("users", user.login, f"uuid of {known}", f"account {user.login}", wider=True)


def existed(target: Mapping[str, Any]) -> bool:
    """Whether the account was in Cells before the migration: what it has beyond ours is not ours to judge."""
    return target.get("password") == "existing" or bool(target.get("existing"))


def _check_account(ledger: Ledger, expected: Expected, login: str, record: Mapping[str, Any], user: User, teams: set[str], verdict: Verdict,
                   ordered: bool) -> None:
    plan = planned_user(ledger, user.login)
    said = ("users", login) in expected.announced

    def compare(field: str, source: object, target: object, planned: object, *, wider: bool = False) -> None:
        if source == target or said and plan is not None and target == planned:
            return
        verdict.differs("users", login, f"{field} {source or 'none'}", f"{field} {target or 'none'}", wider=wider)

    group = record.get("group") or "/"
    compare("group", expected.groups.get(group, {}).get("path", group), user.group_path.rstrip("/") or "/", plan.group_path if plan else None)
    profile = "admin" if record.get("admin") else "shared" if record.get("parent") or record.get("profile") == "shared" else "standard"
    ranks = ("shared", "standard", "admin")
    rank = ranks.index(user.profile) if user.profile in ranks else 1
    compare("profile", profile, user.profile, plan.attributes.get("profile") if plan else None, wider=rank > ranks.index(profile))
    for field, name in (("display name", "displayName"), ("e-mail", "email")):
        source = record.get("display_name" if name == "displayName" else "email") or ""
        shown = user.attributes.get(name) or ""
        if name == "displayName" and not source and shown in (login, user.login):
            continue  # Cells shows something where the old server showed the login
        if shown != source and shown == narrow(source):
            continue  # characters above U+FFFF cannot be stored by servers of version 3
        compare(field, source, shown, plan.attributes.get(name, "") if plan else None)
    locks = live_locks(user)
    for lock in record.get("locks") or ():
        if lock in ("logout", "pass_change") and lock not in locks:
            verdict.differs("users", login, f"locked ({lock})", "not locked", wider=lock == "logout")
    if "logout" in locks and "logout" not in (record.get("locks") or ()) and not (said and plan and "logout" in plan.attributes.get("locks", "")):
        verdict.differs("users", login, "not locked", "locked (logout)")
    _check_roles(expected, login, record, user, teams, verdict, ordered)


def _check_roles(expected: Expected, login: str, record: Mapping[str, Any], user: User, teams: set[str], verdict: Verdict,
                 ordered: bool) -> None:
    """Roles that took effect, in order (only where the server keeps one). Teams by membership."""
    def uuid_of(role: str) -> str | None:
        return expected.roles.get(role, {}).get("uuid")

    # Guests got nothing of ordinary roles on the old server; in Cells a given role always counts, so only applied ones may be there.
    wanted = record["applied_roles"] if "applied_roles" in record else record.get("roles") or ()
    applied = [role for role in dict.fromkeys(wanted) if uuid_of(role)]
    names = {body["uuid"]: role for role, body in expected.roles.items() if body.get("uuid")}
    present = [names[uuid] for uuid in user.roles if uuid in names]
    for role in applied:
        if uuid_of(role) not in user.roles:
            verdict.differs("users", login, f"role {role}", "role missing")
    for role in dict.fromkeys(present):
        if not any(uuid_of(other) == uuid_of(role) for other in applied):
            verdict.differs("users", login, "role not given", f"role {role}", wider=True)
    last = {role: index for index, role in enumerate(present)}
    both = [role for role in applied if role in last]
    if ordered and [last[r] for r in both] != sorted(last[r] for r in both):
        verdict.differs("users", login, "roles in order " + ", ".join(both), "roles in order " + ", ".join(sorted(both, key=last.__getitem__)))
    team_names = {body["uuid"]: key for key, body in expected.teams.items() if body.get("uuid")}
    in_teams = {team_names[uuid] for uuid in user.roles if uuid in team_names}
    for team in sorted(teams - in_teams):
        if expected.teams.get(team, {}).get("uuid"):
            verdict.differs("teams", shown_key(team), f"member {login}", "not a member")
    for team in sorted(in_teams - teams):
        verdict.differs("teams", shown_key(team), f"{login} not a member", f"member {login}", wider=True)


def _members(ledger: Ledger) -> dict[str, set[str]]:
    """login -> keys of the teams he is in."""
    members: dict[str, set[str]] = {}
    for key, record in ledger.records("teams"):
        for login in record.get("members") or ():
            members.setdefault(login, set()).add(key)
    return members


def check_groups(ledger: Ledger, expected: Expected, live: Iterable[Group], verdict: Verdict) -> None:
    """Every group that was carried: its path, uuid and label."""
    by_path = {group.path.rstrip("/") or "/": group for group in live}
    left_out = {key for kind, key, *_ in ledger.settled(*LEFT_OUT) if kind == "groups"}
    for path, record in ledger.records("groups"):
        if path in left_out or path == "/":
            continue
        verdict.checked["groups"] += 1
        target = expected.groups.get(path)
        group = by_path.get(target["path"].rstrip("/")) if target else None
        if target is None or group is None:
            verdict.differs("groups", path, f"group {target['path'] if target else path}", "missing")
            continue
        if target.get("uuid") and group.uuid != target["uuid"]:
            verdict.differs("groups", path, f"uuid {target['uuid']}", f"uuid {group.uuid}")
        if target.get("existing"):
            continue
        label = record.get("label") or ""
        if label and group.display_name not in (label, narrow(label)) and ("groups", path) not in expected.announced:
            verdict.differs("groups", path, f"label {label}", f"label {group.display_name or 'none'}")


def check_roles(ledger: Ledger, expected: Expected, live: Mapping[str, Role], verdict: Verdict) -> None:
    """Every role and team that was carried: there, with its label, and a team is a team."""
    gone = {(kind, key) for kind, key, *_ in ledger.settled(*LEFT_OUT)}
    for kind, targets in (("roles", expected.roles), ("teams", expected.teams)):
        for key, record in ledger.records(kind):
            if (kind, key) in gone:
                continue
            target = targets.get(key)
            if target is None or not target.get("uuid"):
                continue  # group and personal roles live on as the roles Cells makes for groups and people
            verdict.checked[kind] += 1
            role = live.get(target["uuid"])
            subject = shown_key(key)
            if role is None:
                if key.startswith(("AJXP_GRP_", "AJXP_USR_")):
                    continue
                verdict.differs(kind, subject, record.get("label") or key, "missing")
                continue
            if kind == "teams" and not role.is_team:
                verdict.differs(kind, subject, "team", "role")
            label = record.get("label") or ""
            if label and role.label not in (label, narrow(label)) and (kind, key) not in expected.announced and not target.get("existing"):
                verdict.differs(kind, subject, f"label {label}", f"label {role.label or 'none'}")


def live_locks(user: User) -> set[str]:
    """Locks of an account; a text that is not a JSON list locks nobody (as on the server)."""
    try:
        locks = json.loads(user.attributes.get("locks") or "[]")
    except ValueError:
        return set()
    return {str(lock) for lock in locks} if isinstance(locks, list) else set()


def narrow(text: str) -> str:
    """The text without characters above U+FFFF."""
    return "".join(c for c in text if ord(c) <= WIDE)


def shown_key(key: str) -> str:
    """A record key for people: parts joined by a slash."""
    return "/".join(part for part in key.split("\0") if part)
