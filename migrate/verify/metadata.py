"""Does Cells hold what people noted? Values, watches, locks, quotas, start workspaces, pictures and fields, read back in bulk.

Bookmarks are shown to their owner only: they are looked at with the sessions that the tool can open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any

from migrate.cells.api import activity, metadata, parameters, users
from migrate.cells.models import MY_FILES
from migrate.cells.notes import find_nodes
from migrate.cells.session import Session
from migrate.errors import Severity, code, finding
from migrate.ledger import Ledger
from migrate.verify.difference import Options, Verdict
from migrate.verify.expected import Expected

CHUNK = 1000
PEOPLE = 50
"""How many people are signed in to look at their bookmarks."""

NOT_PROVEN = code("F6201", Severity.INFO, "{subject} bookmarks were not read back: only their owners see them, and the passwords are not known here.",
                  "Ask some people whether their bookmarks are there.")
WATCHES_UNSEEN = code("F6202", Severity.INFO, "{subject} watches were not read back: version 5 shows them to their owners only.",
                      "Ask some people whether their watches are there.")

Body = Mapping[str, Any]


SignIn = Callable[[str, str], "AbstractContextManager[Session | None]"]
"""(login in Cells, old login) -> a session of the person, or None."""


def notes_check(ledger: Ledger, session: Session, person: SignIn, options: Options | None = None) -> Callable[[Expected, Verdict], None]:
    """The comparison. `person`: opens a session of somebody, as far as a password or token is at hand."""
    wanted = options or Options()

    def check(_expected: Expected, verdict: Verdict) -> None:
        if wanted.wants("fields"):
            _fields(ledger, session, verdict)
        for kind in ("metadata", "comments"):
            if wanted.wants(kind):
                _values(ledger, session, kind, verdict)
        if wanted.wants("watches"):
            _watches(ledger, session, verdict)
        if wanted.wants("locks"):
            _locks(ledger, session, verdict)
        if wanted.wants("quotas"):
            _rules(ledger, session, verdict)
        if wanted.wants("pictures"):
            _pictures(ledger, session, verdict)
        if wanted.wants("bookmarks"):
            _bookmarks(ledger, session, person, verdict)

    return check


def carried(ledger: Ledger, kind: str) -> Iterator[tuple[str, Body]]:
    """(key, target) of the records of a kind that are said to be in Cells."""
    return ledger.standing(kind)


def _chunks(rows: Iterable[tuple[str, Body]]) -> Iterator[list[tuple[str, Body]]]:
    iterator = iter(rows)
    while part := list(islice(iterator, CHUNK)):
        yield part


def _same(one: str | None, other: str) -> bool:
    if one is None:
        return False
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one == other


def _fields(ledger: Ledger, session: Session, verdict: Verdict) -> None:
    there = metadata.list_fields(session)
    for key, body in carried(ledger, "fields"):
        verdict.checked["fields"] += 1
        found = there.get(body["namespace"])
        kind = json.loads(body["definition"]).get("type")
        if found is None or found.type != kind and {found.type, kind} - {"string", "textarea"}:
            verdict.differs("fields", key, f"{body['namespace']} ({kind})", f"{found.namespace} ({found.type})" if found else "nothing")


def _values(ledger: Ledger, session: Session, kind: str, verdict: Verdict) -> None:
    for part in _chunks(carried(ledger, kind)):
        nodes = dict(find_nodes(session, {body["node"]: None for _, body in part}))
        there = {(v.node, v.namespace): v.json for v in metadata.search_values(session, list(nodes.values()))}
        for _, body in part:
            verdict.checked[kind] += 1
            uuid = nodes.get(body["node"], "")
            for namespace, text in body["values"].items():
                if not _same(there.get((uuid, namespace)), text):
                    verdict.differs(kind, f"{body['node']} {namespace.removeprefix('usermeta-')}", text, there.get((uuid, namespace), "nothing"))


def _watches(ledger: Ledger, session: Session, verdict: Verdict) -> None:
    if int((ledger.get("server") or {}).get("major") or 4) >= 5:
        number = sum(1 for _ in carried(ledger, "watches"))
        if number:
            verdict.findings.append(finding(WATCHES_UNSEEN, "watches", str(number)))
        return
    for part in _chunks(carried(ledger, "watches")):
        nodes = dict(find_nodes(session, {body["node"]: None for _, body in part}))
        there = {(w.login, w.node): w.events for w in activity.watches(session, list(nodes.values()))}
        for _, body in part:
            verdict.checked["watches"] += 1
            events = there.get((body["login"], nodes.get(body["node"], "")), frozenset())
            if not set(body["events"]) <= events:
                verdict.differs("watches", f"{body['login']}: {body['node']}", ", ".join(body["events"]), ", ".join(sorted(events)) or "nothing")


def _locks(ledger: Ledger, session: Session, verdict: Verdict) -> None:
    rows = list(carried(ledger, "locks"))
    nodes = dict(find_nodes(session, {body["node"]: None for _, body in rows}))
    there = metadata.list_locks(session) if rows else {}
    for _, body in rows:
        verdict.checked["locks"] += 1
        holder = there.get(nodes.get(body["node"], ""), "nobody")
        if holder != body["login"]:
            verdict.differs("locks", body["node"], body["login"], holder)


def _rules(ledger: Ledger, session: Session, verdict: Verdict) -> None:
    """Quotas and start workspaces."""
    rows = list(carried(ledger, "quotas"))
    nodes = {MY_FILES: MY_FILES, **dict(find_nodes(session, {body["node"]: None for _, body in rows if body["node"] != MY_FILES}))}
    there = {(a.role, a.workspace, a.node): a.value for a in parameters.find(session, parameters.QUOTA)} if rows else {}
    for key, body in rows:
        verdict.checked["quotas"] += 1
        amount = there.get((body["role"], body["workspace"], nodes.get(body["node"], "")))
        if amount != str(body["bytes"]):
            verdict.differs("quotas", key.replace("\0", " on "), f"{body['bytes']} bytes", f"{amount} bytes" if amount else "none")
    starts = list(carried(ledger, "start workspaces"))
    chosen = {a.role: a.value for a in parameters.find(session, parameters.START_WORKSPACE)} if starts else {}
    for key, body in starts:
        verdict.checked["start workspaces"] += 1
        if not _same(chosen.get(body["role"]), body["value"]):
            verdict.differs("start workspaces", key, body["value"], chosen.get(body["role"], "none"))


def _pictures(ledger: Ledger, session: Session, verdict: Verdict) -> None:
    for key, body in carried(ledger, "pictures"):
        verdict.checked["pictures"] += 1
        account = users.get_user(session, body["login"])
        image = users.get_avatar(session, body["login"]) if account is not None and account.attributes.get("avatar") else None
        if not image:
            verdict.differs("pictures", key, "a picture", "none")
        elif hashlib.sha256(image).hexdigest() != body.get("sha256", hashlib.sha256(image).hexdigest()):
            verdict.differs("pictures", key, f"SHA-256 {body['sha256']}", f"SHA-256 {hashlib.sha256(image).hexdigest()} ({len(image)} bytes)")


def _bookmarks(ledger: Ledger, session: Session, person: SignIn, verdict: Verdict) -> None:
    people: dict[tuple[str, str], list[Body]] = {}
    for key, body in carried(ledger, "bookmarks"):
        people.setdefault((body["login"], key.split("\0", 1)[0]), []).append(body)
    unseen = 0
    for number, ((login, old), rows) in enumerate(sorted(people.items())):
        found = _marked(person, login, old) if number < PEOPLE else None
        if found is None:
            unseen += len(rows)
            continue
        nodes = dict(find_nodes(session, {body["node"]: None for body in rows}))
        for body in rows:
            verdict.checked["bookmarks"] += 1
            if nodes.get(body["node"], "") not in found:
                verdict.differs("bookmarks", f"{login}: {body['node']}", "bookmarked", "nothing")
    if unseen:
        verdict.findings.append(finding(NOT_PROVEN, "bookmarks", str(unseen)))


def _marked(person: SignIn, login: str, old: str) -> set[str] | None:
    """Nodes that a person has bookmarked; None when no session can be opened."""
    with person(login, old) as signed:
        return None if signed is None else {node.uuid for node in metadata.bookmarks(signed)}
