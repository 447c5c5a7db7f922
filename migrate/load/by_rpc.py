"""Stores old passwords through the internal service of Cells, with whole accounts read before and compared after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from migrate.cells.api import imports, policies, users
from migrate.cells.errors import CellsRefused, RefusedToSend
from migrate.cells.models import User
from migrate.errors import Severity, code, finding
from migrate.load.tools import Tools
from migrate.logs import keep_out

CHANGED = code(
    "F4922", Severity.ERROR, "After its password was stored, the account {subject} differs: {fields}. It was written again as it was before.",
    "Look at this account in Cells.",
    "The internal call replaces the whole account and checks nothing, so every account is read before and after.")


def send_forms(tools: Tools, wanted: Mapping[str, tuple[str, str]], *, three_parts: bool, templates: bool) -> dict[str, str]:
    """login -> (uuid, stored form). Gives the logins that could not be done, with a reason without secrets. `templates`: this
    edition evaluates double braces in what it is sent."""
    failed: dict[str, str] = {}
    before: dict[str, imports.Raw] = {}
    calls: dict[str, dict[str, Any]] = {}
    for login, (uuid, form) in wanted.items():
        keep_out(form)  # a server may repeat in an error what it was sent
        found = imports.raw_users(tools.session, login)
        if len(found) != 1 or found[0].get("Uuid") != uuid:
            failed[login] = "Cells has another account of this login"
            continue
        try:
            call = imports.create_user_call(found[0], form, three_parts=three_parts)
        except RefusedToSend as error:
            failed[login] = str(error.fields.get("reason"))
            continue
        if templates and "{{" in json.dumps(call):
            failed[login] = "its data hold double braces, which this edition would evaluate"
            continue
        before[login], calls[login] = found[0], call
    if calls:
        _run(tools, calls, failed)
    for login, was in before.items():
        _compare(tools, login, was)
    return failed


def _run(tools: Tools, calls: Mapping[str, dict[str, Any]], failed: dict[str, str]) -> None:
    """All in one chain; when it stops on the way, one by one, to know whose call was refused."""
    if imports.run_calls(tools.session, list(calls.values()), tools.stop.wait).status == "Finished":
        return
    for login, call in calls.items():
        task = imports.run_calls(tools.session, [call], tools.stop.wait)
        if task.status != "Finished":
            failed[login] = "the internal service of Cells refused the account"
    imports.run_calls(tools.session, [], tools.stop.wait)


def _compare(tools: Tools, login: str, was: imports.Raw) -> None:
    for last in (False, True):
        found = imports.raw_users(tools.session, login)
        different = imports.same_account(was, found[0]) if len(found) == 1 else ["the account"]
        if not different:
            return
        if last:
            break
        tools.stop.wait(1.0)
    tools.ledger.add_finding("apply", finding(CHANGED, "users", login, fields=", ".join(different)))
    rules: policies.Policies = [{k: p[k] for k in ("Action", "Subject", "Effect") if k in p} for p in was.get("Policies", [])]
    given = tuple(str(r["Uuid"]) for r in was.get("Roles", []) if not r.get("UserRole") and not r.get("GroupRole"))
    account = User(str(was["Uuid"]), login, "/" + str(was["GroupPath"]).strip("/"), given, dict(was["Attributes"]))
    if len(found) == 1 and found[0].get("Uuid") == was["Uuid"]:
        users.put_user(tools.session, account, None, rules)
    else:
        raise CellsRefused(method="PUT", path=imports.PATH, status=0, reason=f"the account {login} is gone after its password was stored")
