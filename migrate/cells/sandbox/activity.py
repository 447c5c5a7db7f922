"""Who watches what? `/a/activity`."""

from __future__ import annotations

from migrate.cells.sandbox.answers import Answer, Failure, Panic, compact, reply
from migrate.cells.sandbox.messages import SEARCH_SUBSCRIPTIONS, STREAM, SUBSCRIPTION
from migrate.cells.sandbox.router import Call, Route


def subscribe(call: Call) -> Answer:
    """`POST /a/activity/subscribe`: an upsert; no events unsubscribes. Names and nodes are not checked."""
    body, state = call.body, call.state
    user, target = body.get("UserId", ""), body.get("ObjectId", "")
    if not user or not target:
        raise Panic("subscribe without user or node")
    if state.profile == "5" and user != call.me.name:
        raise Failure(403, "you are not allowed to set subscriptions for another user")
    kind = body.get("ObjectType", "NODE")
    answer = compact({"UserId": user, "ObjectType": "" if kind == "NODE" else kind, "ObjectId": target, "Events": body.get("Events", [])})
    if body.get("Events"):
        state.subscriptions.pop((user, target), None)
        state.subscriptions[(user, target)] = answer
    else:
        state.subscriptions.pop((user, target), None)
    return reply(answer)


def subscriptions(call: Call) -> Answer:
    """`POST /a/activity/subscriptions`: of the first user given, or of everybody, on the nodes given."""
    body, state = call.body, call.state
    user = body.get("UserIds", [])[:1]
    if state.profile == "5":
        user = [call.me.name]
    found = [s for (login, _), s in state.subscriptions.items() if s["ObjectId"] in body.get("ObjectIds", []) and (not user or login == user[0])]
    return reply(compact({"subscriptions": found}))


def stream(call: Call) -> Answer:
    """`POST /a/activity/stream`: always empty, the stand-in sends no notifications."""
    return reply({"@context": "https://www.w3.org/ns/activitystreams", "type": "Collection"})


ROUTES = [
    Route("POST", "/activity/subscribe", subscribe, SUBSCRIPTION),
    Route("POST", "/activity/subscriptions", subscriptions, SEARCH_SUBSCRIPTIONS),
    Route("POST", "/activity/stream", stream, STREAM),
]
