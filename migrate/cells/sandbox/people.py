"""Users and groups: read, create, update, move, delete. `/a/user`; how they are found is in `people_found`."""

from __future__ import annotations

from typing import Any

from migrate.cells.sandbox import passwords
from migrate.cells.sandbox.answers import Answer, Failure, Panic, bad_request, compact, forbidden, not_found, reply, rpc_error
from migrate.cells.sandbox.messages import SEARCH_USERS, USER
from migrate.cells.sandbox.people_found import EXPOSED_PARAMETERS, PRIVATE, group_answer, label_like, login_fits, person_answer, search
from migrate.cells.sandbox.policies import allows
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import STANDARD_POLICIES, Person, Role, State

_ORDER = {"anon": 0, "shared": 1, "standard": 2, "admin": 3}


def read(call: Call) -> Answer:
    """`GET /a/user/{Login}`: users only, `*` is a wildcard."""
    login = call.params["Login"]
    if "*" in login:
        found = next((p for p in call.state.people if not p.is_group and login_fits(p, login)), None)
    else:
        found = call.state.people.login(login)
    if found is None:
        raise not_found(f"cannot find user with login {login}")
    return reply(person_answer(call, found))


# Writing

def put(call: Call) -> Answer:
    """`PUT /a/user/{Login}`: create, replace, move or rename a user or a group."""
    body = call.body
    state = call.state
    if state.profile == "3.0.9" and not body.get("Login") and not body.get("IsGroup"):
        root = state.role("ROOT_GROUP")
        assert root is not None
        root.label, root.user_role = "User ", True
        return reply({"Uuid": "ROOT_GROUP", "GroupPath": "/", "IsGroup": True})
    login = body.get("Login") or call.params["Login"]
    if body.get("IsGroup"):
        return put_group(call, call.params["Login"])
    if state.profile == "5" and "/" in login:
        raise Failure(400, "login field cannot contain a group path")
    uuid = body.get("Uuid", "")
    existing = state.people.by_uuid.get(uuid) if uuid else None
    if not uuid and state.people.login(login) is not None:
        raise Failure(409 if state.profile == "5" else 403, "User with the same login already exists!")
    attributes = body.get("Attributes")
    if attributes and any(k.startswith("pydio:password_hashed") for k in attributes):
        raise Failure(403, "you are not allowed to use this attribute")
    if existing is not None and not allows(state, call.caller, existing.policies, "WRITE"):
        raise Failure(403, "You are not allowed to edit this user!")
    if attributes is None and existing is None:
        if state.profile != "3.0.9":
            raise Panic("PUT user without Attributes")
        attributes = {}
    profile = (attributes or {}).get("profile") or "shared"
    if call.caller is not None and _ORDER.get(profile, 2) > _ORDER.get(call.caller.profile, 2):
        raise Failure(403, f"you are not allowed to set a profile ({profile}) higher than your current profile ({call.caller.profile})")
    own = existing is not None and existing is call.caller
    if own and body.get("Password") and not passwords.verify(existing.password, body.get("OldPassword", "")):
        raise Failure(401, "password does not match", "Forbidden: password does not match")
    _check_roles(call, existing, body)
    group_path, name = split_path(body.get("GroupPath", ""), login)
    _check_lengths(state, uuid, name, attributes or {}, existing)
    return _store_user(call, existing, uuid, (group_path, name), login, dict(attributes or {}), profile, own)


def split_path(group_path: str, login: str) -> tuple[str, str]:
    """Parent path and name; a slash in the login makes groups of what comes before."""
    parent = group_path if group_path.startswith("/") else "/" + group_path
    if parent != "/" and parent.endswith("/"):
        parent = parent[:-1]
    if "/" in login:
        above, _, login = login.rpartition("/")
        parent = (parent if parent != "/" else "") + "/" + above.strip("/")
    return parent, login


def _check_roles(call: Call, existing: Person | None, body: dict[str, Any]) -> None:
    before = set(existing.roles) if existing else set()
    after = set(assigned(body))
    for uuid in before ^ after:
        role = call.state.role(uuid)
        if role is not None and not allows(call.state, call.caller, role.policies, "WRITE"):
            raise forbidden(f"You are not allowed to edit this role {uuid}")


def assigned(body: dict[str, Any]) -> list[str]:
    """Role ids of a body that are stored: not those of groups, of users, nor automatic ones."""
    return [r["Uuid"] for r in body.get("Roles", []) if r and r.get("Uuid") and not r.get("GroupRole") and not r.get("UserRole")
            and not any(r.get("AutoApplies", []))]


def _check_lengths(state: State, uuid: str, name: str, attributes: dict[str, str], existing: Person | None) -> None:
    if len(uuid) > 128:
        raise database(state, "Error 1406: Data too long for column 'uuid' at row 1")
    if not uuid.isascii():
        raw = "".join(f"\\x{b:02X}" for b in "".join(c for c in uuid if ord(c) > 127).encode())
        raise database(state, f"Error 1366: Incorrect string value: '{raw}' for column `cells`.`idm_user_idx_tree`.`uuid` at row 1")
    if len(name) > 255:
        raise database(state, "Error 1406: Data too long for column 'name' at row 1")
    if len(name) > 250 and existing is None:
        orphan = Person(uuid or state.new_uuid(), name, "/", attributes=dict(attributes))
        state.people.add(orphan)
        raise database(state, "Error 1406: Data too long for column 'subject' at row 1")
    if state.profile == "3.0.9" and any(ord(c) > 0xFFFF for v in attributes.values() for c in v):
        state.people.add(Person(uuid or state.new_uuid(), name, "/"))
        raise database(state, "Error 1366")


def database(state: State, text: str) -> Failure:
    """An error of the database layer; 3.0.9 does not tell the cause."""
    return Failure(500, "DAO error received") if state.profile == "3.0.9" else rpc_error(text)


def _store_user(call: Call, existing: Person | None, uuid: str, place: tuple[str, str], login: str, attributes: dict[str, str], profile: str,
                own: bool) -> Answer:
    state, body = call.state, call.body
    group_path, name = place
    make_groups(state, group_path)
    if any(len(key) > 255 for key in attributes):
        if existing is not None:
            existing.attributes.clear()
        raise database(state, "Error 1406: Data too long for column 'name' at row 1")
    parameters = {k: attributes.pop(k) for k in list(attributes) if k.startswith("parameter:")}
    attributes["profile"] = profile
    attributes.pop("send_email", None)
    if own and body.get("Password") and "pass_change" in attributes.get("locks", ""):
        attributes["locks"] = "null"
    person, new = existing, existing is None
    if person is None:
        at = state.people.at((group_path if group_path != "/" else "") + "/" + name)
        if at is not None and state.profile == "5" and uuid:
            person, new = at, False
        else:
            person = Person(uuid or state.new_uuid(), name, group_path, last_connected=state.now())
            state.people.add(person)
    moved = (person.group_path, person.name) != (group_path, name)
    if moved:
        state.people.move(person, group_path, name)
    private = {k: v for k, v in person.attributes.items() if k.startswith(PRIVATE)}
    person.attributes = {**private, **attributes}
    person.roles = assigned(body)
    if body.get("Password") and not (state.profile == "5" and moved):
        person.password = passwords.make(body["Password"])
    elif new:
        person.password = "" if state.profile != "5" else passwords.weak_default(person.uuid, state.now())
    person.policies = (state.stored_policies(person.uuid, body["Policies"]) if body.get("Policies")
                       else state.policies(person.uuid, (*STANDARD_POLICIES, ("WRITE", "user:" + login))))
    role = state.role(person.uuid)
    if new or role is None:
        state.put_role(Role(person.uuid, "User " + login, user_role=True, policies=state.policies(
            person.uuid, (("READ", "profile:standard"), ("WRITE", "user:" + login), ("WRITE", "profile:admin")))))
    for key, value in parameters.items():
        if key in EXPOSED_PARAMETERS:
            scope = "PYDIO_REPO_SCOPE_ALL"
            old = [a for a in state.acls.of_role(person.uuid) if a.action == key and a.workspace == scope]
            if not old or old[0].value != value:
                state.acls.remove(old)
                state.acls.put("", person.uuid, scope, key, value)
    state.changed()
    return reply(person_answer(call, person, parameters=True))


def make_groups(state: State, path: str) -> None:
    """Make the groups of a path that are missing: without role, without attributes."""
    current = "/"
    for part in path.strip("/").split("/") if path.strip("/") else ():
        full = (current if current != "/" else "") + "/" + part
        if state.people.at(full) is None:
            group = Person(state.new_uuid(), part, current, is_group=True)
            group.policies = state.policies(group.uuid, STANDARD_POLICIES)
            state.people.add(group)
        current = full


def put_group(call: Call, login: str) -> Answer:
    """`PUT /a/user/{any}` with `IsGroup`: `GroupPath` is the parent, `GroupLabel` the name."""
    state, body = call.state, call.body
    if not call.admin:
        raise Failure(403, "You are not allowed to edit groups")
    if state.people.login(login) is not None and state.profile != "3.0.9":
        raise Failure(409 if state.profile == "5" else 403, "User with the same login already exists!")
    label = body.get("GroupLabel", "")
    parent, name = split_path(body.get("GroupPath", ""), label)
    uuid = body.get("Uuid", "")
    attributes = dict(body.get("Attributes", {}))
    attributes["pydio:labelLike"] = label_like(attributes.get("displayName") or label or login)
    if len(name) > 255:
        raise database(state, "Error 1406: Data too long for column 'name' at row 1")
    existing = state.people.by_uuid.get(uuid) if uuid else None
    if not label and parent == "/":
        existing = state.people.by_uuid["ROOT_GROUP"]
        existing.policies = existing.policies or state.policies("ROOT_GROUP", STANDARD_POLICIES)
    elif existing is not None and (parent == existing.path or parent.startswith(existing.path + "/")):
        existing.attributes.clear()
        raise database(state, f"Error 1062: Duplicate entry '{uuid}' for key 'PRIMARY'")
    by_path = existing is None or not label
    if existing is None:
        existing = state.people.at((parent if parent != "/" else "") + "/" + name)
    if existing is not None and not existing.is_group:
        existing.attributes.clear()
        existing.policies = state.policies(existing.uuid, STANDARD_POLICIES)
        _group_role(state, existing, label)
        state.changed()
        answer = person_answer(call, existing)
        return reply(answer)
    make_groups(state, parent)
    if existing is None:
        existing = Person(uuid or state.new_uuid(), name, parent, is_group=True)
        state.people.add(existing)
    elif (existing.group_path, existing.name) != (parent, name) and label:
        state.people.move(existing, parent, name)
    existing.attributes = attributes
    existing.policies = (state.stored_policies(existing.uuid, body["Policies"]) if body.get("Policies")
                         else state.policies(existing.uuid, STANDARD_POLICIES))
    if by_path or state.role(existing.uuid) is None:
        _group_role(state, existing, label)
    state.changed()
    return reply(group_answer(call, existing, editable=False))


def _group_role(state: State, group: Person, label: str) -> None:
    state.put_role(Role(group.uuid, "Group " + label, group_role=True, policies=state.policies(group.uuid, STANDARD_POLICIES)))


def put_roles(call: Call) -> Answer:
    """`PUT /a/user/roles/{Login}`: the assigned roles only."""
    state, body = call.state, call.body
    if not body.get("Uuid"):
        raise bad_request("Please provide a user ID") if state.profile != "5" else Failure(400, "Please provide a user ID")
    person = state.people.by_uuid.get(body["Uuid"])
    if person is None:
        raise not_found("user not found")
    if not allows(state, call.caller, person.policies, "WRITE"):
        raise Failure(403, "You are not allowed to edit this user!")
    _check_roles(call, person, body)
    person.roles = assigned(body)
    person.policies = state.stored_policies(person.uuid, person.policies)
    state.changed()
    attributes = {k: v for k, v in person.attributes.items() if not k.startswith(PRIVATE)}
    return reply(compact({"Uuid": person.uuid, "GroupPath": person.group_path, "Attributes": dict(sorted(attributes.items())),
                          "Roles": [{"Uuid": r} for r in person.roles], "Login": person.name, "LastConnected": person.last_connected,
                          "Policies": person.policies, "PoliciesContextEditable": True}))


def delete(call: Call) -> Answer:
    """`DELETE /a/user/{Login}`; a trailing slash means the group of that path, deleted by a job that is over at once."""
    state, login = call.state, call.params["Login"]
    if login.endswith("/"):
        group = state.people.at("/" + login.strip("/"))
        if group is not None and group.is_group and group.uuid != "ROOT_GROUP":
            for person in [*state.people.below(group.path), group]:
                remove_person(state, person)
        return reply({"Success": True})
    found = [p for p in state.people if not p.is_group and login_fits(p, login)] if "*" in login else [state.people.login(login)]
    people = [p for p in found if p is not None]
    if "*" in login and people and state.profile == "4.1":
        raise forbidden("You are not allowed to edit this resource")
    for person in people:
        if person is call.caller:
            raise forbidden("Please make sure not to delete yourself!")
        if not allows(state, call.caller, person.policies, "WRITE"):
            raise Failure(403, "You are not allowed to edit this user!")
    for person in people:
        remove_person(state, person)
    return reply(compact({"Success": True, "NumRows": str(len(people)) if people else ""}))


def remove_person(state: State, person: Person) -> None:
    """A person with role, ACLs, tokens and bookmarks; the personal folder stays under another name."""
    state.people.remove(person)
    state.acls.remove(state.acls.of_role(person.uuid))
    state.roles.pop(person.uuid.lower(), None)
    for value in [v for v, t in state.tokens.items() if t.user == person.uuid]:
        state.tokens[value].user = ""
    if not person.is_group:
        folder = state.sources["personal"].root.children.get(person.name)
        if folder is not None:
            from migrate.cells.sandbox.nodes import move_node
            move_node(folder, state.sources["personal"].root, f"deleted-{person.name}-{person.uuid[:13]}")
        for key in [k for k, m in state.user_meta.items() if m["Namespace"] == "bookmark" and m.get("owner") == person.uuid]:
            del state.user_meta[key]
    state.changed()


ROUTES = [
    Route("POST", "/user", search, SEARCH_USERS),
    Route("GET", "/user/{Login*}", read),
    Route("PUT", "/user/roles/{Login*}", put_roles, USER),
    Route("PUT", "/user/{Login*}", put, USER),
    Route("DELETE", "/user/{Login*}", delete),
]
