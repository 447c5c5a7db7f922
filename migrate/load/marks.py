"""Sets watches, bookmarks and locks in people's names, and takes them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from migrate import note_codes
from migrate.cells.api import activity, metadata, users
from migrate.cells.auth import GivenToken
from migrate.cells.errors import CellsRefused, LoginRefused, NoAnswer, NotFound
from migrate.cells.notes import find_nodes
from migrate.cells.session import Session
from migrate.load.metadata import Batch
from migrate.load.tools import Result, Tools, performs
from migrate.transform.metadata_actions import LiftLocks, RemoveBookmarks, RemoveLocks, RestoreWatches, SetBookmarks, SetLocks, SetWatches

REFUSED = "refused-sign-ins"
"""Fact of the ledger: logins whose password was refused; they are not tried again."""
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
        with _signed_in(tools, action.login) as person:
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


@contextmanager
def _signed_in(tools: Tools, login: str) -> Iterator[Session | None]:
    """A session of the person, with the password this migration made; None when it is not known, not valid any more, or the account
    is locked. Tried once: ten failures lock an account."""
    password = tools.secrets.get("user", login)
    refused = set(tools.ledger.get(REFUSED) or ())
    account = users.get_user(tools.session, login)
    if not password or login in refused or account is None or "logout" in account.attributes.get("locks", ""):
        yield None
        return
    try:
        token, _ = tools.session.sign_in(login, password)
    except LoginRefused:
        tools.ledger.put(REFUSED, sorted(refused | {login}))
        yield None
        return
    with tools.session.as_somebody(GivenToken(token)) as person:
        yield person


@performs(SetBookmarks)
def set_bookmarks(tools: Tools, action: SetBookmarks, look: bool) -> Result:
    """Natural key: (person, node). Nodes the person does not see are left out with a reason; without a session all are listed."""
    batch = Batch(tools, action.items)
    batch.locate()
    skipped: dict[int, str] = {}
    with _signed_in(tools, action.login) as person:
        if person is None:
            batch.errors.clear()
            batch.settle({n: note_codes.NO_SESSION.code for n in range(len(action.items))})
            return {"set": []}
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
    done = [item[1] for number, item in enumerate(action.items) if number not in skipped and number not in batch.errors]
    batch.settle(skipped)
    return {"set": done}


def _missing(person: Session, batch: Batch) -> list[int]:
    there = {node.uuid for node in metadata.bookmarks(person)}
    return [number for number, uuid in batch.uuids.items() if uuid not in there]


@performs(RemoveBookmarks)
def remove_bookmarks(tools: Tools, action: RemoveBookmarks, look: bool) -> Result:
    """With the person's session; without one they go with the account, or stay with a person who has made it his own."""
    found = dict(find_nodes(tools.session, [str(item[1]) for item in action.items]))
    with _signed_in(tools, action.login) as person:
        if person is not None and found:
            metadata.remove_bookmarks(person, list(found.values()))
    return {}


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
