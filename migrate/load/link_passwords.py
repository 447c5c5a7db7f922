"""Lets protected links open with their old passwords: the stored forms go to the hidden users behind them.

Each link has a generated password until then, so it is never open. Where its owner has set another one meanwhile (the server makes
a new hidden user for it), that one stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.cells.api import imports, shares
from migrate.cells.models import LiveLink
from migrate.cells.stored_forms import opens, scheme_of
from migrate.errors import Severity, code, finding
from migrate.load.by_rpc import send_forms
from migrate.load.cells_database import LEAF
from migrate.load.passwords import Keeping, database_of, keeping_of, try_once
from migrate.load.tools import Result, Tools, performs
from migrate.transform.share_actions import StoreLinkHashes

KNOWN, NEW = "link", "new-link"
"""Kinds of secrets: clear passwords of the old server, and those that were made up."""

NOT_KEPT = code(
    "F4925", Severity.WARNING, "The old password of link {subject} could not be kept: {reason}. The new one in link-passwords.csv is in force.",
    "Hand its owner the letter with the new password.")
OWN_CHANGE = code(
    "F4926", Severity.INFO, "The password of link {subject} was changed in Cells already; it is left as it is.", "Nothing to do.")


@performs(StoreLinkHashes)
def store_link_hashes(tools: Tools, action: StoreLinkHashes, look: bool) -> Result:
    """Natural key: the link's hidden user, which is ours as long as the server has not made another one, and the stored form."""
    keeping = keeping_of(tools)
    wanted: dict[str, tuple[LiveLink, str, str]] = {}
    done: list[str] = []
    refused: dict[str, str] = {}
    made = _made(tools)
    for hash_, old in zip(action.hashes, action.records, strict=True):
        link, reason = _ours(tools, hash_, made.get(hash_, {}))
        form = keeping.links.get(old) if keeping.links is not None else None
        if link is None and not reason:
            done.append(hash_)
            tools.ledger.add_finding("apply", finding(OWN_CHANGE, "shares", old))
        elif link is None:
            refused[hash_] = reason
        elif tools.secrets.get(KNOWN, old):
            done.append(hash_)  # its clear password is known and set
        elif form is None or scheme_of(form) is None:
            refused[hash_] = "its stored form is missing or damaged"
        else:
            wanted[hash_] = (link, form, old)
    for scheme in sorted({str(scheme_of(form)) for _, form, _ in wanted.values()}):
        try_once(tools, keeping, action.route, scheme)
    failed = _by_sql(tools, keeping, wanted) if action.route == "sql" else _by_rpc(tools, keeping, wanted)
    refused |= failed
    kept = [hash_ for hash_ in wanted if hash_ not in failed]
    records = dict(zip(action.hashes, action.records, strict=True))
    for hash_, reason in refused.items():
        tools.ledger.add_finding("apply", finding(NOT_KEPT, "shares", records[hash_], reason=reason))
    targets = dict(tools.ledger.targets("shares"))
    tools.ledger.put_targets("shares", [(records[hash_], {**targets[records[hash_]], "password": "kept"}) for hash_ in kept if records[hash_] in targets])
    return {"stored": [*done, *kept], "refused": sorted(refused)}


def _made(tools: Tools) -> dict[str, Mapping[str, Any]]:
    """Hash -> what the run that made the link, or last gave it a password, was answered (`uuid`, `user`)."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, _, result in tools.ledger.effects():  # newest first
        kind, _, hash_ = name.partition(":")
        if kind in ("link", "update-link") and (result or {}).get("user"):
            found.setdefault(hash_, result or {})
    return found


def _ours(tools: Tools, hash_: str, made: Mapping[str, Any]) -> tuple[LiveLink | None, str]:
    """The link while it has the hidden user that it was made with; else None, with a reason when something is wrong with it."""
    link = shares.get_link(tools.session, str(made["uuid"])) if made.get("uuid") else None
    if link is None or link.hash != hash_ or not link.user_login:
        return None, "the link is not there"
    if not link.protected:
        return None, "the link has no password any more"
    return (link, "") if link.user_uuid == made.get("user") else (None, "")


def _by_sql(tools: Tools, keeping: Keeping, wanted: dict[str, tuple[LiveLink, str, str]]) -> dict[str, str]:
    """Only where the generated password is still the one in force."""
    if not wanted:
        return {}
    database = database_of(keeping)
    rows = database.read([link.user_uuid for link, _, _ in wanted.values()])
    failed: dict[str, str] = {}
    todo: dict[str, tuple[str, str, str]] = {}
    for hash_, (link, form, old) in wanted.items():
        row = rows.get(link.user_uuid)
        if row is None or row.leaf != LEAF or row.name != link.user_login:
            failed[hash_] = "its row in the database of Cells is missing or belongs to something else"
        elif row.form != form and not opens(row.form, tools.secrets.get(NEW, old) or ""):
            failed[hash_] = "the password in the database of Cells is not the one that was set"
        elif row.form != form:
            todo[hash_] = (row.uuid, row.form, form)
    stored = set(database.store(list(todo.values())))
    database.forget(sorted(stored))  # the new password that each had is in the secrets file; undo removes the link itself
    failed |= {hash_: "it was changed at the same moment" for hash_, change in todo.items() if change[0] not in stored}
    return failed


def _by_rpc(tools: Tools, keeping: Keeping, wanted: dict[str, tuple[LiveLink, str, str]]) -> dict[str, str]:
    if not wanted:
        return {}
    facts = keeping.facts() if keeping.facts is not None else None
    by_login = {link.user_login: (hash_, link.user_uuid, form) for hash_, (link, form, _) in wanted.items()}
    failed = send_forms(tools, {login: (uuid, form) for login, (_, uuid, form) in by_login.items()},
                        three_parts=facts is None or facts.features.rpc_three_parts, templates=facts is not None and facts.features.enterprise)
    imports.run_calls(tools.session, [], tools.stop.wait)  # the stored job holds the forms
    return {by_login[login][0]: reason for login, reason in failed.items()}
