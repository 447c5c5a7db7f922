"""Internal calls through the import job: the only way over the interface that stores a password as the old server kept it.

`PUT /a/jobs/user/import-p8` runs any action of the scheduler, `actions.cmd.rpc` among them. What is sent appears in the job, in
the task log and in the server's log. The job has one fixed id: a new one stops the old one, so each is waited for."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from migrate.cells.api.jobs import SECONDS, Task, tasks_of
from migrate.cells.conventions import own_group_path
from migrate.cells.errors import CellsRefused, RefusedToSend
from migrate.cells.session import Session
from migrate.cells.shapes import objects

JOB = "pydio8-data-import"
PATH = "/a/jobs/user/import-p8"
PATIENCE = 300.0
_one_job = threading.Lock()
_NUMBERS = {"ANY": 0, "OWNER": 1, "READ": 2, "WRITE": 3, "deny": 0, "allow": 1}
Raw = dict[str, Any]


def raw_users(session: Session, login: str) -> list[Raw]:
    """Accounts of exactly this login as the server shows them, roles and policies whole. `POST /a/user`."""
    if not login:
        raise RefusedToSend(method="POST", path="/a/user", status=0, reason="an empty login would match everybody")
    answer = session.search("/a/user", {
        "Queries": [{"Login": login, "NodeType": "USER"}], "Operation": "AND", "ResourcePolicyQuery": {"Type": "ANY"}})
    return [user for user in objects(answer, "Users") if user.get("Login") == login]


def incomplete(user: Raw) -> str:
    """Why this account must not be sent to the internal service, which checks nothing; empty when it may."""
    for name in ("Uuid", "Login", "GroupPath"):
        if not isinstance(user.get(name), str) or not user[name]:
            return f"{name} is missing"
    attributes = user.get("Attributes")
    if not isinstance(attributes, dict) or not attributes.get("profile"):
        return "its attributes are not shown whole"
    if not objects(user, "Policies"):
        return "its policies are not shown"
    return ""


def create_user_call(user: Raw, form: str, *, three_parts: bool) -> dict[str, Any]:
    """The action that replaces an account by itself with another stored password. Everything is sent again, as CreateUser wipes
    what is missing. `three_parts`: 4.x and 5 take method names of three parts and enums by name; 3.x two parts and numbers."""
    problem = incomplete(user)
    if problem or not form:
        raise RefusedToSend(method="PUT", path=PATH, status=0, reason=problem or "there is no stored password")
    attributes = {k: v for k, v in user["Attributes"].items() if not k.startswith("parameter:")}
    body = {"Uuid": user["Uuid"], "Login": user["Login"], "GroupPath": own_group_path(user["GroupPath"], ""), "Password": form,
            "Attributes": {**attributes, "pydio:password_hashed": "true"},
            "Roles": [{"Uuid": role["Uuid"]} for role in objects(user, "Roles") if _given(role)],
            "Policies": [_policy(p, three_parts) for p in objects(user, "Policies")]}
    method = "idm.UserService.CreateUser" if three_parts else "UserService.CreateUser"
    request = json.dumps({"User": body}, ensure_ascii=False)
    return {"name": "actions.cmd.rpc", "params": {"service": "pydio.grpc.user", "method": method, "request": request}}


def _given(role: Raw) -> bool:
    automatic = [name for name in role.get("AutoApplies") or [] if name]
    return bool(role.get("Uuid")) and not role.get("UserRole") and not role.get("GroupRole") and not automatic


def _policy(policy: Raw, names: bool) -> Raw:
    sent = {name: policy[name] for name in ("Resource", "Action", "Subject", "Effect") if name in policy}
    if names:
        return sent
    return {name: _NUMBERS.get(value, value) if name in ("Action", "Effect") else value for name, value in sent.items()}


def same_account(before: Raw, after: Raw) -> list[str]:
    """What differs between two readings of an account, apart from what the server counts by itself; names only, no values."""
    different = [name for name in ("Uuid", "Login", "IsGroup") if before.get(name) != after.get(name)]
    if own_group_path(str(before.get("GroupPath", "")), "") != own_group_path(str(after.get("GroupPath", "")), ""):
        different.append("group")
    for name in sorted({*before.get("Attributes", {}), *after.get("Attributes", {})}):
        if name != "failedConnections" and before.get("Attributes", {}).get(name) != after.get("Attributes", {}).get(name):
            different.append(f"attribute {name}")
    if [r.get("Uuid") for r in objects(before, "Roles")] != [r.get("Uuid") for r in objects(after, "Roles")]:
        different.append("roles")
    if _rules(before) != _rules(after):
        different.append("policies")
    return different


def _rules(user: Raw) -> set[tuple[str, str, str]]:
    return {(str(p.get("Action")), str(p.get("Subject")), str(p.get("Effect"))) for p in objects(user, "Policies")}


def bookmarks_call(uuid: str, login: str, nodes: Sequence[str], *, three_parts: bool) -> dict[str, Any]:
    """The action that bookmarks nodes for somebody else; a repeat makes no second bookmark. The policies are those of a bookmark that
    the person sets: nobody else sees it."""
    if not uuid or not login or not nodes or not all(nodes):
        raise RefusedToSend(method="PUT", path=PATH, status=0, reason="a bookmark needs a person and a node")
    rules: list[Raw] = [{"Action": "OWNER", "Subject": uuid, "Effect": "allow"}, {"Action": "READ", "Subject": f"user:{login}", "Effect": "allow"},
                        {"Action": "WRITE", "Subject": f"user:{login}", "Effect": "allow"}, {"Action": "WRITE", "Subject": "profile:admin", "Effect": "allow"}]
    policies = [_policy(rule, three_parts) for rule in rules]
    metas = [{"NodeUuid": node, "Namespace": "bookmark", "JsonValue": "true", "Policies": policies} for node in nodes]
    method = "idm.UserMetaService.UpdateUserMeta" if three_parts else "UserMetaService.UpdateUserMeta"
    request = json.dumps({"Operation": "PUT" if three_parts else 0, "MetaDatas": metas}, ensure_ascii=False)
    return {"name": "actions.cmd.rpc", "params": {"service": "pydio.grpc.user-meta", "method": method, "request": request}}


TRIES = {True: 1, False: 6}
"""A method name of two parts may reach another service of that name and fail for it (seen: one of two calls)."""


def set_bookmarks(session: Session, uuid: str, login: str, nodes: Sequence[str], wait: Callable[[float], Any] = time.sleep, *, three_parts: bool,
                  templates: bool) -> list[tuple[str, str]]:
    """Bookmark nodes for somebody else. Gives (uuid of the value, node) as far as the log of the task tells them. CellsRefused
    when the job fails. `templates`: this edition evaluates double braces in what it is sent."""
    call = bookmarks_call(uuid, login, nodes, three_parts=three_parts)
    if templates and "{{" in login:
        raise RefusedToSend(method="PUT", path=PATH, status=0, reason="the login holds double braces, which this edition would evaluate")
    for _ in range(TRIES[three_parts]):
        task = run_calls(session, [call], wait)
        if task.status == "Finished":
            return _told(session, task.id)
    raise CellsRefused(method="PUT", path=PATH, status=0, reason=f"the internal service of Cells refused the bookmarks ({task.message[:200]})")


def remove_bookmarks(session: Session, pairs: Sequence[tuple[str, str]], wait: Callable[[float], Any] = time.sleep, *, three_parts: bool) -> None:
    """Take back what `set_bookmarks` made: (uuid of the value, node). CellsRefused when the job fails."""
    metas = [{"Uuid": uuid, "NodeUuid": node, "Namespace": "bookmark", "JsonValue": "true"} for uuid, node in pairs if uuid and node]
    if not metas:
        return
    method = "idm.UserMetaService.UpdateUserMeta" if three_parts else "UserMetaService.UpdateUserMeta"
    request = json.dumps({"Operation": "DELETE" if three_parts else 1, "MetaDatas": metas})
    call = {"name": "actions.cmd.rpc", "params": {"service": "pydio.grpc.user-meta", "method": method, "request": request}}
    for _ in range(TRIES[three_parts]):
        if run_calls(session, [call], wait).status == "Finished":
            return
    raise CellsRefused(method="PUT", path=PATH, status=0, reason="the internal service of Cells did not remove the bookmarks")


_TOLD = re.compile(r'MetaDatas:\s*\{\s*Uuid:\s*"([^"]+)"\s+NodeUuid:\s*"([^"]+)"')


def _told(session: Session, task: str) -> list[tuple[str, str]]:
    """(uuid of the value, node) in the answer of an internal call, from the log of its task; empty where the log does not tell."""
    if not task:
        return []
    answer = session.search("/a/jobs/tasks/logs", {"Query": f'+OperationUuid:"{JOB}-{task[:8]}"', "Size": 20}, timeout=SECONDS)
    found: dict[tuple[str, str], None] = {}
    for line in objects(answer, "Logs"):
        try:
            told = json.loads(str(line.get("JsonZaps", ""))).get("response")
        except (ValueError, AttributeError):
            continue
        found.update(dict.fromkeys(_TOLD.findall(told if isinstance(told, str) else "")))
    return list(found)


def run_calls(session: Session, calls: Sequence[Mapping[str, Any]], wait: Callable[[float], Any] = time.sleep) -> Task:
    """Run a chain of internal calls (none: only replaces the stored job by an empty one) and give its task when it has ended. The
    chain stops at the first call that fails; its `message` may hold parts of what was sent: do not show it."""
    with _one_job:
        return _run(session, calls, wait)


def _run(session: Session, calls: Sequence[Mapping[str, Any]], wait: Callable[[float], Any]) -> Task:
    before = {task.id for task in tasks_of(session, JOB) or []}
    try:
        session.put(PATH, {"JobName": "import-p8", "JsonParameters": json.dumps(list(calls), ensure_ascii=False)}, timeout=SECONDS)
    except CellsRefused as error:
        # The server repeats what it was sent in some refusals.
        raise type(error)(**{**error.fields, "reason": "the import job was not accepted"}) from None
    waited, pause = 0.0, 0.5
    while waited < PATIENCE:
        wait(pause)
        waited, pause = waited + pause, min(pause * 1.3, 3.0)
        found = [task for task in tasks_of(session, JOB) or [] if task.id not in before]
        if found and found[0].ended:
            return found[0]
        if not calls and not found and waited > 4.0:
            return Task("", "Finished")  # an empty chain leaves no task on some versions
    raise CellsRefused(method="PUT", path=PATH, status=0, reason=f"the job had not ended after {PATIENCE:.0f} s")
