"""Which users and groups does a search find, and what does each look like? `POST /a/user`."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from migrate.cells.sandbox.access import roles_of
from migrate.cells.sandbox.answers import Answer, compact, reply
from migrate.cells.sandbox.policies import allows, in_context
from migrate.cells.sandbox.roles import role_answer, role_made
from migrate.cells.sandbox.router import Call
from migrate.cells.sandbox.state import STANDARD_POLICIES, Person, Role, State

PRIVATE = "pydio:"
EXPOSED_PARAMETERS = ("parameter:core.conf:lang", "parameter:core.conf:displayName", "parameter:core.conf:email",
                      "parameter:core.conf:country", "parameter:core.uploader:UPLOAD_MAX_NUMBER")


def label_like(text: str) -> str:
    """Lower case without accents, as the wildcard search compares."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).lower()


def roles_answer(state: State, person: Person) -> list[dict[str, Any]]:
    """`Roles` of a user, in order."""
    out = []
    for role in roles_of(state, person):
        if isinstance(role, Role):
            out.append(role_answer(state, role, None))
        else:
            uuid, group = role
            out.append({"Uuid": uuid, "GroupRole": True} if group else {"Uuid": uuid, "Label": uuid})
    return out


def person_answer(call: Call, person: Person, parameters: bool = False, editable: bool = True) -> dict[str, Any]:
    """A user as JSON; `parameters` merges the `parameter:*` ACLs of his own role, as searches and PUT do."""
    state = call.state
    if person.is_group:
        return group_answer(call, person)
    attributes = {k: v for k, v in person.attributes.items() if not k.startswith(PRIVATE)}
    if parameters:
        attributes.update({a.action: a.value for a in state.acls.of_role(person.uuid) if a.action.startswith("parameter:")})
    out: dict[str, Any] = {"Uuid": person.uuid, "GroupPath": shown_group(person.group_path)}
    if attributes:
        out["Attributes"] = dict(sorted(attributes.items()))
    out.update(compact({"Roles": roles_answer(state, person), "Login": person.name, "LastConnected": person.last_connected,
                        "Policies": person.policies}))
    if editable and allows(state, call.caller, person.policies, "WRITE"):
        out["PoliciesContextEditable"] = True
    return out


def shown_group(path: str) -> str:
    """A parent path with the trailing slash of the answers."""
    return path if path.endswith("/") else path + "/"


def group_answer(call: Call, group: Person, editable: bool = True, fresh_role: bool = False) -> dict[str, Any]:
    """A group as JSON; a missing role is made by reading, with a label that ends in a blank."""
    state = call.state
    role = state.role(group.uuid)
    if role is None:
        role = state.put_role(Role(group.uuid, "Group ", group_role=True, policies=state.policies(group.uuid, STANDARD_POLICIES)))
        shown = role_made(role)
    else:
        shown = role_answer(state, role, None)
    out: dict[str, Any] = {"Uuid": group.uuid, "GroupPath": shown_group(group.group_path)}
    if group.attributes:
        out["Attributes"] = dict(sorted(group.attributes.items()))
    out.update(compact({"Roles": [shown], "IsGroup": True, "GroupLabel": group.name, "Policies": group.policies}))
    if editable and group.policies and allows(state, call.caller, group.policies, "WRITE"):
        out["PoliciesContextEditable"] = True
    return out


def matches(state: State, person: Person, query: dict[str, Any]) -> bool:
    """Whether a person fits one `UserSingleQuery` (all its fields)."""
    fits = _fits(state, person, query)
    return not fits if query.get("not") else fits


def _fits(state: State, person: Person, query: dict[str, Any]) -> bool:
    if query.get("Uuid") and person.uuid != query["Uuid"]:
        return False
    login = query.get("Login", "")
    if login and not login_fits(person, login):
        return False
    kind = query.get("NodeType", "UNKNOWN")
    if (kind == "USER" and person.is_group) or (kind == "GROUP" and not person.is_group):
        return False
    if query.get("FullPath") and (person.uuid == "ROOT_GROUP" or person.path != "/" + query["FullPath"].strip("/")):
        return False
    if query.get("GroupPath"):
        wanted, parent = "/" + query["GroupPath"].strip("/"), person.group_path
        if person.uuid == "ROOT_GROUP":
            return False
        if query.get("Recursive"):
            if not (wanted == "/" or parent == wanted or parent.startswith(wanted + "/")):
                return False
        elif parent != wanted:
            return False
    if query.get("AttributeName"):
        value = person.attributes.get(query["AttributeName"])
        if value is None:
            return False
        if not query.get("AttributeAnyValue") and not _like(query.get("AttributeValue", ""), value):
            return False
    if query.get("HasProfile") and (person.is_group or person.attributes.get("profile", "shared") != query["HasProfile"]):
        return False
    if query.get("HasRole"):
        return not person.is_group and query["HasRole"] in person.roles
    return True


def login_fits(person: Person, login: str) -> bool:
    if "*" not in login:
        return not person.is_group and person.name == login
    label = person.attributes.get("pydio:labelLike") or label_like(person.attributes.get("displayName", ""))
    return _like(login, person.name) or _like(label_like(login), label)


def _like(pattern: str, value: str) -> bool:
    return re.fullmatch(".*".join(re.escape(p) for p in pattern.split("*")), value, re.DOTALL) is not None


def candidates(state: State, queries: list[dict[str, Any]]) -> list[Person]:
    """Persons that can match at all: an exact login or uuid needs no walk through everybody."""
    if len(queries) == 1 and not queries[0].get("not"):
        query = queries[0]
        if query.get("Login") and "*" not in query["Login"]:
            return [p for p in state.people._by_name.get(query["Login"], [])]
        if query.get("Uuid"):
            found = state.people.by_uuid.get(query["Uuid"])
            return [found] if found else []
    return list(state.people)


def search(call: Call) -> Answer:
    """`POST /a/user`."""
    body, state = call.body, call.state
    queries = body.get("Queries", [])
    every = all if body.get("Operation") == "AND" else any
    scope = body.get("ResourcePolicyQuery", {})
    found = []
    for person in candidates(state, queries):
        if queries and not every(matches(state, person, q) for q in queries):
            continue
        if person.uuid == "ROOT_GROUP":
            if not queries:
                found.append(person)
            continue
        if in_context(state, call.caller, person.policies, scope):
            found.append(person)
    found.sort(key=lambda p: (not p.is_group, p.name.encode("utf-8", "surrogatepass"), p.uuid))
    total = len(found)
    if body.get("CountOnly"):
        return reply(compact({"Total": total}))
    limit, offset = body.get("Limit", 0), body.get("Offset", 0)
    if limit > 0:
        found = found[offset:offset + limit]
    users = [person_answer(call, p, parameters=True) for p in found if not p.is_group]
    groups = [group_answer(call, p) for p in found if p.is_group]
    return reply(compact({"Groups": groups, "Users": users, "Total": total}))
