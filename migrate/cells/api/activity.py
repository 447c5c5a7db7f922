"""Who is told of what happens to a node? `/a/activity`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from migrate.cells.errors import RefusedToSend
from migrate.cells.models.notes import Watch
from migrate.cells.session import Session
from migrate.cells.shapes import objects

EVENTS = frozenset({"change", "read"})
NODES = 200


def watches(session: Session, nodes: Sequence[str], login: str = "") -> list[Watch]:
    """Who watches these nodes: everybody, or one person. `POST /a/activity/subscriptions`. There is no list by person alone:
    without nodes the server answers nothing. Version 5 always answers for the caller only."""
    found: list[Watch] = []
    wanted = [node for node in dict.fromkeys(nodes) if node]
    for start in range(0, len(wanted), NODES):
        body: dict[str, object] = {"ObjectTypes": ["NODE"], "ObjectIds": wanted[start:start + NODES]}
        if login:
            body["UserIds"] = [login]
        for value in objects(session.search("/a/activity/subscriptions", body), "subscriptions"):
            events = value.get("Events")
            found.append(Watch(str(value.get("UserId", "")), str(value.get("ObjectId", "")), frozenset(events if isinstance(events, list) else ())))
    return found


def watch(session: Session, login: str, node: str, events: Iterable[str]) -> None:
    """Let a person be told of `change` and/or `read`; no events: no longer. `POST /a/activity/subscribe`, the last list wins.

    The server takes any login, node and event and does nothing with unknown ones, and breaks the connection for empty ones: the
    caller has to know that both exist. Version 5 takes the caller's own login only (403)."""
    wanted = sorted(set(events))
    if not login or not node or not EVENTS.issuperset(wanted):
        raise RefusedToSend(method="POST", path="/a/activity/subscribe", status=0, reason="a watch needs a login, a node and known events")
    session.post("/a/activity/subscribe", {"UserId": login, "ObjectType": "NODE", "ObjectId": node, "Events": wanted})
