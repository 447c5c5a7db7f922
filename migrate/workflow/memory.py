"""What did earlier runs of this work folder last say, as far as it was not taken back? The journal's answers for a new plan."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Container, Iterable, Mapping
from typing import Any

from migrate.cells.models import Target
from migrate.errors import Finding, Severity, finding
from migrate.ledger import Ledger, State
from migrate.ledger.files import target_of_gone
from migrate.transform.actions import (
    Action,
    CreateDataSource,
    CreateGroup,
    CreateRole,
    CreateUser,
    CreateWorkspace,
    RemoveRight,
    RetireUser,
    SetRight,
    from_json,
)
from migrate.transform.identity import Identity
from migrate.transform.merged import LOCKED, LOCKS, locks_of, wished
from migrate.transform.metadata_actions import LiftLocks, RemoveLocks, RestoreWatches, SetLocks, SetWatches
from migrate.transform.plan import PlanOptions
from migrate.transform.share_actions import CreateCell, CreateLink, EndShare
from migrate.transform.since import PUT_BACK
from migrate.transform.standing import Triple, actions_of
from migrate.transform.withdrawn import Wanted, Withdrawn
from migrate.workflow.settings import Settings

SEEN = "seen"
"""Kind of targets: what was in Cells as wanted without this work folder having written it, action by action."""


class Memory:
    """Answers from the journal and from what was found as wanted."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._any = ledger.has_history() or next(iter(ledger.targets(SEEN)), None) is not None
        self._seen: dict[str, dict[str, Any]] = dict(ledger.targets(SEEN)) if self._any else {}

    def said(self, action_id: str) -> Action | None:
        """The Action of this id as it was last carried out or found; None when it never was, or was taken back since."""
        if not self._any:
            return None
        done = self._ledger.last_done(action_id)
        seen = self._seen.get(action_id)
        if seen is not None and self._ledger.unsettled_since(action_id, int(seen["at"])):
            return None  # begun and killed: what is missing now is not people's doing
        if seen is not None and (done is None or done[0] <= int(seen["at"])):
            return from_json(str(seen["body"]))
        if done is None:
            return None
        action = from_json(done[1])
        for other in _opposites(action):
            later = self._ledger.last_done(other)
            if later is not None and later[0] > done[0]:
                return None
        return action


def _opposites(action: Action) -> Iterable[str]:
    """Ids of what takes an Action back in a later plan."""
    reverse = action.reverse()
    if reverse is not None:
        yield reverse.id
    if isinstance(action, CreateLink):
        yield EndShare(hash=action.hash).id
    elif isinstance(action, CreateCell):
        yield EndShare(cell=action.uuid).id


def keep_seen(ledger: Ledger, kept: Container[str]) -> None:
    """Remember what the plan found as wanted and nobody here wrote: the base of the next comparison. Not what is `kept` (action ids)
    although it is not as wanted."""
    at = ledger.journal_end()
    old = dict(ledger.targets(SEEN))

    def rows() -> Iterable[tuple[str, Mapping[str, Any]]]:
        for row in ledger.actions(State.ALREADY):
            if row.id in kept:
                continue
            done = ledger.last_done(row.id)
            if done is not None and done[1] == row.body:
                continue
            known = old.get(row.id)
            if known is None or known["body"] != row.body:
                yield row.id, {"body": row.body, "at": at}

    ledger.put_targets(SEEN, list(rows()))


def forget_what_was_put_back(ledger: Ledger, target: Target, identity: Identity) -> list[Finding]:
    """When Cells was put back to a state before this migration (or before its files), nothing the journal says of that is there any
    more: everything is made again, files are looked up again."""
    made = gone = 0
    for _, body, _ in ledger.effects():
        action = from_json(body)
        there = _is_there(action, target)
        if there is not None:
            made, gone = made + 1, gone + (not there)
    base = Memory(ledger)
    sources = [a for a in (from_json(body) for _, body, _ in ledger.effects()) if isinstance(a, CreateDataSource) and base.said(a.id) is not None]
    lost = any(source.name not in target.data_sources for source in sources)
    everybody = base.said(CreateRole(identity.everybody, "").id) is not None and identity.everybody not in target.roles
    if not (lost or everybody) or not gone:
        return []
    ledger.forget_journal()
    ledger.put_targets(SEEN, (), replace=True)
    ledger.forget_sent()
    return [finding(PUT_BACK, "server", target.facts.url, gone=gone, made=made)]


def _is_there(action: Action, target: Target) -> bool | None:
    if isinstance(action, CreateUser):
        return action.login in target.users
    if isinstance(action, CreateGroup):
        return action.path in target.groups
    if isinstance(action, CreateRole):
        return action.uuid in target.roles
    if isinstance(action, CreateWorkspace):
        return action.uuid in target.workspaces
    if isinstance(action, CreateDataSource):
        return action.name in target.data_sources
    return None


def stated_people(ledger: Ledger) -> dict[str, CreateUser]:
    """New login -> the account as earlier runs of this work folder last wrote it, with the lock of those who had left."""
    memory = Memory(ledger)
    stated: dict[str, CreateUser] = {}
    logins = {action.login for _, body, _ in ledger.effects(begun=True) if isinstance(action := from_json(body), CreateUser)}
    logins |= {json.loads(body["body"])["login"] for key, body in ledger.targets(SEEN) if key.startswith("user:")}
    for login in logins:
        action = memory.said(CreateUser("", login, "").id)
        if not isinstance(action, CreateUser):
            continue
        action = wished(action)
        locked, created = ledger.last_done(RetireUser("", login).id), ledger.last_done(action.id)
        if locked is not None and (created is None or locked[0] > created[0]):
            action = dataclasses.replace(action, attributes={**action.attributes, LOCKS: json.dumps([LOCKED, *locks_of(action.attributes)])})
        stated[login] = action
    return stated


def given_rights(ledger: Ledger) -> dict[Triple, frozenset[str]]:
    """(role, node, workspace) -> rules of every right that earlier runs of this work folder gave (or found given as wanted) and did not
    take back."""
    given: dict[Triple, frozenset[str]] = {}
    taken: set[Triple] = set()
    for _, body, _ in ledger.effects(begun=True):  # newest first
        action = from_json(body)
        if isinstance(action, RemoveRight):
            taken.add((action.role, str(action.node), action.workspace))
        elif isinstance(action, SetRight):
            triple = (action.role, str(action.node), action.workspace)
            if triple not in taken:
                given.setdefault(triple, actions_of(action.right, action.mode))
    for key, seen in ledger.targets(SEEN):
        if key.startswith("right:"):
            action = from_json(str(seen["body"]))
            if isinstance(action, SetRight):
                triple = (action.role, str(action.node), action.workspace)
                if triple not in taken:
                    given.setdefault(triple, actions_of(action.right, action.mode))
    return given



def delta_options(settings: Settings) -> dict[str, Any]:
    """Fields of PlanOptions."""
    given = settings.delta
    return {"source_wins": bool(given.get("source_wins")), "removed_people": str(given.get("removed_people") or "lock"),
            "delete_removed": frozenset(given.get("delete_removed") or ())}


def withdrawn(ledger: Ledger, target: Target, options: PlanOptions) -> Withdrawn:
    """The part of a plan that takes back what the old server has no more. To be made when the targets of all other parts are known."""
    history = (from_json(body) for _, body, _ in ledger.effects()) if ledger.has_history() else iter(())
    wanted = Wanted.of({kind: [body for _, body in ledger.targets(kind)] for kind in
                        ("metadata", "comments", "watches", "bookmarks", "locks", "quotas", "groups", "roles", "teams", "workspaces")})
    nodes = {key: str(body["node"]) for key, body in ledger.targets("roots")}
    gone: dict[str, tuple[str, list[tuple[str, str, str]]]] = {}
    for entry in ledger.gone_files() if "files" in options.delete_removed else ():
        if entry["root"] in nodes:
            gone.setdefault(entry["root"], (nodes[entry["root"]], []))[1].append((target_of_gone(entry), entry["etag"] or "", entry["type"]))
    keep = {Identity(options.seed).everybody}
    unread = {entry.kind for _, entry in ledger.findings("extract") if entry.severity == Severity.ERROR} if ledger.has_history() else set()
    return Withdrawn(history, wanted, target, keep=keep, delete=options.delete_removed, gone=gone, unread=unread)


def marks_set(ledger: Ledger) -> tuple[dict[tuple[str, str], frozenset[str]], frozenset[str]]:
    """((login, node) -> events of watches, nodes of locks) that earlier runs set and did not take back."""
    watches: dict[tuple[str, str], frozenset[str] | None] = {}
    locks: dict[str, bool] = {}
    for name, body, result in ledger.effects(begun=True) if ledger.has_history() else ():  # newest first
        if not name.startswith(("watches:", "restore-watches:", "locks:", "remove-locks:", "lift-locks:")):
            continue
        action = from_json(body)
        if isinstance(action, LiftLocks):  # a run lifted them for its work, or was killed over it: nobody else took them away
            for node, _ in action.items:
                locks.setdefault(node, False)
        elif result is None and not name.startswith(("restore-", "remove-")):
            continue  # begun, and perhaps not done
        elif isinstance(action, (SetWatches, RestoreWatches)):
            for item in action.items:
                watches.setdefault((action.login, item[1]), frozenset(item[2]) if isinstance(action, SetWatches) else None)
        elif isinstance(action, (SetLocks, RemoveLocks)):
            for item in action.items:
                locks.setdefault(item[1], isinstance(action, SetLocks))
    return {key: events for key, events in watches.items() if events is not None}, frozenset(node for node, stands in locks.items() if stands)
