"""Sets watches, bookmarks and locks in people's names, and takes them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from migrate import note_codes
from migrate.cells.api import activity, imports, metadata, users
from migrate.cells.errors import CellsRefused, NoAnswer, NotFound
from migrate.cells.notes import find_nodes
from migrate.cells.reader import read_facts
from migrate.cells.session import Session
from migrate.load.metadata import Batch
from migrate.load.sessions import signed_in
from migrate.load.tools import Result, Tools, performs
from migrate.transform.actions import from_json
from migrate.transform.metadata_actions import LiftLocks, RemoveBookmarks, RemoveLocks, RestoreWatches, SetBookmarks, SetLocks, SetWatches

OWN_ONLY = 5
"""From this version on a watch is taken from the person only."""


@performs(SetWatches)
def set_watches(tools: Tools, action: SetWatches, look: bool) -> Result:
    """Natural key: (person, node). Login and nodes are looked up first: the server takes any and does nothing with wrong ones."""
    batch = Batch(tools, action.items)
    batch.locate()
    if not users.find_users(tools.session, action.login):
        error = NotFound(method="POST", path=action.login, status=404, reason="there is no such account")
        batch.errors.update({number: error for number in range(len(action.items))})
        return batch.settle()
    if int((tools.ledger.get("server") or {}).get("major") or 4) >= OWN_ONLY:
        with _as(tools, action.login, action.old_login) as person:
            if person is None:
                return batch.settle({n: note_codes.NOT_WATCHED.code for n in range(len(action.items))})
            _watch(person, batch, action)
    else:
        _watch(tools.session, batch, action)
    return batch.settle()


def _watch(session: Session, batch: Batch, action: SetWatches) -> None:
    there = {w.node: w.events for w in activity.watches(session, list(batch.uuids.values()), action.login) if w.login == action.login}
    for number, uuid in batch.uuids.items():
        wanted = set(action.items[number][2])
        if wanted <= there.get(uuid, frozenset()):
            continue
        try:
            activity.watch(session, action.login, uuid, wanted | there.get(uuid, frozenset()))
        except CellsRefused as error:
            batch.errors[number] = error


@performs(RestoreWatches)
def restore_watches(tools: Tools, action: RestoreWatches, look: bool) -> Result:
    """What was watched before; watches that the person changed meanwhile stay."""
    found = dict(find_nodes(tools.session, [str(item[1]) for item in action.items]))
    there = {w.node: w.events for w in activity.watches(tools.session, list(found.values()), action.login)}
    for _, node, wanted, before in action.items:
        uuid = found.get(node)
        if uuid is not None and there.get(uuid) == frozenset(wanted):
            activity.watch(tools.session, action.login, uuid, before)
    return {}


def _as(tools: Tools, login: str, old_login: str) -> AbstractContextManager[Session | None]:
    return signed_in(tools.session, tools.ledger, tools.secrets, login, old_login)


@performs(SetBookmarks)
def set_bookmarks(tools: Tools, action: SetBookmarks, look: bool) -> Result:
    """Natural key: (person, node). Nodes the person does not see are left out with a reason; without a session they are set by an
    internal job where that was chosen, else all are listed."""
    batch = Batch(tools, action.items)
    batch.locate()
    skipped: dict[int, str] = {}
    made: list[tuple[str, str]] = []
    with _as(tools, action.login, action.old_login) as person:
        if person is not None:
            _bookmark(tools, person, batch, skipped)
        elif action.by_rpc:
            made = _by_job(tools, action, batch)
        else:
            batch.errors.clear()
            batch.settle({n: note_codes.NO_SESSION.code for n in range(len(action.items))})
            return {"set": []}
    done = [item[1] for number, item in enumerate(action.items) if number not in skipped and number not in batch.errors]
    batch.settle(skipped)
    return {"set": done, "values": made} if made else {"set": done}


def _bookmark(tools: Tools, person: Session, batch: Batch, skipped: dict[int, str]) -> None:
    """All together, then one by one those that were refused."""
    missing = _missing(person, batch)
    try:
        metadata.add_bookmarks(person, [batch.uuids[n] for n in missing])
    except CellsRefused as error:
        if not metadata.is_refusal(error) and not isinstance(error, NoAnswer):
            raise
        tools.stop.wait(1.5)  # rights take effect late
        for number in _missing(person, batch):
            try:
                metadata.add_bookmarks(person, [batch.uuids[number]])
            except CellsRefused as refused:
                if refused.status in (403, 404):
                    skipped[number] = note_codes.NOT_SEEN.code
                else:
                    batch.errors[number] = refused


def _by_job(tools: Tools, action: SetBookmarks, batch: Batch) -> list[tuple[str, str]]:
    """By an internal call that checks nothing, so the account is looked up first. Gives (value, node), as far as
    the job told them: with them the bookmarks can be taken back."""
    account = users.get_user(tools.session, action.login)
    if account is None or account.uuid != action.by_rpc:
        error = NotFound(method="POST", path=action.login, status=404, reason="the account is not the one of the plan")
        batch.errors.update({number: error for number in range(len(action.items))})
        return []
    facts = read_facts(tools.session)[0]
    nodes = sorted(set(batch.uuids.values()))
    if not nodes:
        return []
    try:
        return imports.set_bookmarks(tools.session, action.by_rpc, action.login, nodes, tools.stop.wait, three_parts=facts.features.rpc_three_parts,
                                     templates=facts.features.enterprise)
    except CellsRefused as error:
        batch.errors.update({number: error for number in batch.uuids})
        return []


def _missing(person: Session, batch: Batch) -> list[int]:
    there = {node.uuid for node in metadata.bookmarks(person)}
    return [number for number, uuid in batch.uuids.items() if uuid not in there]


@performs(RemoveBookmarks)
def remove_bookmarks(tools: Tools, action: RemoveBookmarks, look: bool) -> Result:
    """With the person's session, or by the job that made them; else they go with the account, or stay with a person who has made it
    his own."""
    found = dict(find_nodes(tools.session, [str(item[1]) for item in action.items]))
    with _as(tools, action.login, action.old_login) as person:
        if person is not None and found:
            metadata.remove_bookmarks(person, list(found.values()))
            return {}
    made = [(str(value), str(node)) for value, node in _made_by_job(tools, action) if node in found.values()]
    if made:
        imports.remove_bookmarks(tools.session, made, tools.stop.wait, three_parts=read_facts(tools.session)[0].features.rpc_three_parts)
    return {"removed": len(made)}


def _made_by_job(tools: Tools, action: RemoveBookmarks) -> Iterator[tuple[str, str]]:
    """(value, node) that the journal knows of these bookmarks."""
    wanted = {str(item[1]) for item in action.items}
    for name, body, result in tools.ledger.effects():
        if name.startswith("bookmarks:") and (result or {}).get("values"):
            did = from_json(body)
            if isinstance(did, SetBookmarks) and did.login == action.login and wanted & {str(item[1]) for item in did.items}:
                yield from (result or {})["values"]


@performs(SetLocks)
def set_locks(tools: Tools, action: SetLocks, look: bool) -> Result:
    """Natural key: the node. A second lock is refused by the server, so what is there is read first."""
    batch = Batch(tools, action.items)
    batch.locate()
    there = metadata.list_locks(tools.session, list(batch.uuids.values())) if batch.uuids else {}
    skipped: dict[int, str] = {}
    for number, uuid in batch.uuids.items():
        login = str(action.items[number][2])
        if there.get(uuid, login) != login:
            skipped[number] = note_codes.LOCK_OF_OTHER.code
        elif uuid not in there:
            try:
                metadata.add_lock(tools.session, uuid, login)
            except CellsRefused as error:
                if metadata.list_locks(tools.session, [uuid]).get(uuid) != login:
                    batch.errors[number] = error
    return batch.settle(skipped)


@performs(RemoveLocks)
def remove_locks(tools: Tools, action: RemoveLocks, look: bool) -> Result:
    """Locks that stand in the names we set them in."""
    return _lift(tools, {str(node): str(login) for _, node, login in action.items})


@performs(LiftLocks)
def lift_locks(tools: Tools, action: LiftLocks, look: bool) -> Result:
    """Until the end of this run."""
    return _lift(tools, {str(node): str(login) for node, login in action.items})


def _lift(tools: Tools, holders: dict[str, str]) -> Result:
    found = dict(find_nodes(tools.session, holders))
    there = metadata.list_locks(tools.session, list(found.values())) if found else {}
    for node, uuid in found.items():
        if there.get(uuid) == holders[node]:
            metadata.remove_lock(tools.session, uuid, holders[node])
    return {"nodes": len(found)}
