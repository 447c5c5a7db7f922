"""Makes and removes groups, roles, teams and accounts."""

from __future__ import annotations

import dataclasses
import json
import random

from migrate.cells.api import groups, policies, roles, users
from migrate.cells.errors import CellsRefused, NoAnswer, OtherObject
from migrate.cells.models import Group, Role, User
from migrate.cells.models.locks import LOCKED, LOCKS, locks_of
from migrate.errors import MigrationError
from migrate.load.tools import Result, Tools, performs
from migrate.transform.actions import CreateGroup, CreateRole, CreateUser, DeleteGroup, DeleteRole, DeleteUser, RetireUser


class HalfAccount(MigrationError):
    """The server made half an account (without rules of who may change it) and lets nobody, not even an administrator, repair or
    remove it. Its password is known to nobody. Seen on 4.1 after a deadlock of its database, on 3.x after odd characters."""

    code = "E4908"
    title = "Cells made only half of the account {login} and refuses to repair or remove it."
    remedy = "In the database of Cells: DELETE FROM idm_user_idx_tree WHERE uuid='{uuid}'; then restart Cells and run `apply` again."


@performs(CreateGroup)
def create_group(tools: Tools, action: CreateGroup, look: bool) -> Result:
    """Natural key: the path, and our uuid on it."""
    there = groups.get_group(tools.session, action.path)
    if there is not None and there.uuid != action.uuid:
        raise OtherObject(method="PUT", path=action.path, status=0, reason="a group of this path was made meanwhile; plan again")
    if there is None or there.display_name != action.display_name:
        groups.put_group(tools.session, Group(action.uuid, action.path, action.display_name))
    return {"uuid": action.uuid}


@performs(CreateRole)
def create_role(tools: Tools, action: CreateRole, look: bool) -> Result:
    """Natural key: our uuid; the call replaces by it, so it may be repeated."""
    owned = policies.owned_by(action.owner_uuid, action.owner_login) if action.owner_login else None
    roles.put_role(tools.session, Role(action.uuid, action.label, is_team=action.is_team), owned)
    return {"uuid": action.uuid}


@performs(CreateUser)
def create_user(tools: Tools, action: CreateUser, look: bool) -> Result:
    """Natural key: the login, and our uuid on it. The password is on disk before the request that sets it."""
    there = users.find_users(tools.session, action.login)
    if any(user.uuid != action.uuid for user in there):
        raise OtherObject(method="PUT", path=action.login, status=0, reason="an account of this login was made meanwhile; plan again")
    wanted = User(action.uuid, action.login, action.group_path, action.roles, dict(action.attributes))
    rules = _policies(action)
    if there:
        wanted = _onto(_not_asked_again(wanted, there[0]), there[0])
        users.put_user(tools.session, wanted, None, rules)
    else:
        make = tools.keeping.make if tools.keeping is not None and action.temporary else None
        password = tools.secrets.password("user", action.login, make)
        _create(tools, wanted, password, rules)
    return {"uuid": action.uuid}


TRIES = 5


def _create(tools: Tools, wanted: User, password: str, rules: policies.Policies | None) -> None:
    """Create an account, completely or not at all. A creation that the server refuses halfway (a deadlock of its database, 4.1) can
    leave an account without attributes and roles, which has the rights of everybody in Cells: more than the person may have. So
    the whole object is sent again until it is accepted; in the end, what is left of it is removed."""
    for attempt in range(TRIES):
        try:
            if attempt and any(user.uuid == wanted.uuid for user in users.find_users(tools.session, wanted.login)):
                users.put_user(tools.session, wanted, password, rules)
            else:
                users.create_user(tools.session, wanted, password, rules)
            return
        except NoAnswer:
            raise
        except CellsRefused as error:
            if error.status == 500 and attempt + 1 < TRIES:
                tools.stop.wait(random.uniform(0.2, 0.6) * (attempt + 1))
                continue
            if any(user.uuid == wanted.uuid for user in users.find_users(tools.session, wanted.login)):
                try:
                    users.delete_user(tools.session, wanted.login, wanted.uuid)
                except CellsRefused:
                    raise HalfAccount(login=wanted.login, uuid=wanted.uuid) from None
            raise


def _not_asked_again(wanted: User, there: User) -> User:
    """Who was asked to change the password and has done so is not asked again by a later run."""
    locks = json.loads(wanted.attributes.get("locks", "[]"))
    if "pass_change" not in locks or "pass_change" in there.attributes.get("locks", ""):
        return wanted
    attributes = {**wanted.attributes, "locks": json.dumps([lock for lock in locks if lock != "pass_change"])}
    return dataclasses.replace(wanted, attributes=attributes)


def _onto(wanted: User, there: User) -> User:
    """What is not sent is wiped: attributes that the plan says nothing of (the picture, settings of people) are sent as they are. Those
    it says to be empty go."""
    attributes = {**there.attributes, **wanted.attributes}
    return dataclasses.replace(wanted, attributes={name: value for name, value in attributes.items() if value or name not in wanted.attributes})


@performs(RetireUser)
def retire_user(tools: Tools, action: RetireUser, look: bool) -> Result:
    """Natural key: login and uuid. Everything the account holds is sent back with it, so that only the lock is new."""
    there = next((user for user in users.find_users(tools.session, action.login) if user.uuid == action.uuid), None)
    if there is None:
        return {"gone": True}
    locks = locks_of(there.attributes)
    if LOCKED not in locks:
        attributes = {**there.attributes, LOCKS: json.dumps([LOCKED, *locks])}
        users.put_user(tools.session, dataclasses.replace(there, roles=action.roles, attributes=attributes))
    return {"uuid": action.uuid}


def _policies(action: CreateUser) -> policies.Policies | None:
    """An external account may be changed by the person who made it; others keep the server's usual rules."""
    if not action.owner_login:
        return None
    return [policies.policy("READ", "user:" + action.owner_login), policies.policy("WRITE", "user:" + action.owner_login),
            policies.policy("READ", "user:" + action.login), policies.policy("WRITE", "user:" + action.login),
            policies.policy("WRITE", "profile:admin")]


@performs(DeleteGroup)
def delete_group(tools: Tools, action: DeleteGroup, look: bool) -> Result:
    """Only when it is listed empty: deleting a group deletes everybody below."""
    if groups.delete_group(tools.session, Group(action.uuid, action.path)):
        tools.wait(lambda: groups.get_group(tools.session, action.path) is None, 120.0,
                   lambda: CellsRefused(method="DELETE", path=action.path, status=0, reason="the group is still there"))
    return {}


@performs(DeleteRole)
def delete_role(tools: Tools, action: DeleteRole, look: bool) -> Result:
    """By our uuid."""
    roles.delete_role(tools.session, action.uuid)
    return {}


@performs(DeleteUser)
def delete_user(tools: Tools, action: DeleteUser, look: bool) -> Result:
    """By login and our uuid."""
    users.delete_user(tools.session, action.login, action.uuid)
    return {}
