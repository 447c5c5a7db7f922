"""Signing in: web sessions, personal access tokens, locks and the counter of failures. `/a/frontend/session`, `/a/auth`."""

from __future__ import annotations

import json
import secrets
from typing import Any

from migrate.cells.sandbox import passwords, proto
from migrate.cells.sandbox.answers import Answer, Failure, Panic, bad_request, not_found, reply, rpc_error
from migrate.cells.sandbox.messages import RESET_PASSWORD, RESET_TOKEN, REVOKE, SESSION, TOKEN_DOCUMENT
from migrate.cells.sandbox.router import Call, Route
from migrate.cells.sandbox.state import Person, State, Token

SESSION_LIFE = 599
MAX_FAILURES = 10


def locks(person: Person) -> list[str]:
    """The list in attribute `locks`; a text that is not JSON locks nothing."""
    try:
        value = json.loads(person.attributes.get("locks") or "[]")
    except ValueError:
        return []
    return [str(v) for v in value] if isinstance(value, list) else []


def verify(state: State, value: str) -> tuple[Token, Person] | None:
    """Who this token is of, now. None for an unknown, expired or revoked one, and for a deleted or locked user."""
    token = state.tokens.get(value)
    if token is None or token.kind == "id":
        return None
    if token.expires is not None and token.expires <= state.clock():
        return None
    person = state.people.by_uuid.get(token.user)
    if person is None or "logout" in locks(person):
        return None
    if token.window:
        token.expires = state.clock() + token.window
    return token, person


def personal_token(state: State, person: Person, life: float | None = None, window: int = 0, scopes: tuple[str, ...] = ()) -> str:
    """A personal access token, as the command on the server makes it: fixed life in seconds, or a sliding window."""
    expires = state.clock() + (window or life or 0) if (window or life is not None) else None
    value = state.new_token()
    state.tokens[value] = Token(value, person.uuid, "pat", expires, window, scopes)
    return value


def open_session(state: State, person: Person, kind: str = "session", life: int = SESSION_LIFE, chain: str = "") -> tuple[Token, Token]:
    """Access and id token of a new session."""
    access = Token(state.new_token(), person.uuid, kind, state.clock() + life, chain=chain)
    identity = Token(secrets.token_urlsafe(200), person.uuid, "id", state.clock() + 3600, chain=chain)
    state.tokens[access.value], state.tokens[identity.value] = access, identity
    return access, identity


def _session_answer(state: State, access: Token, identity: Token, cookie: str) -> Answer:
    expires = int(access.expires or 0)
    answer = reply({"JWT": access.value, "ExpireTime": expires,
                    "Token": {"AccessToken": access.value, "IDToken": identity.value, "ExpiresAt": str(expires)}})
    answer.headers["Set-Cookie"] = f"pydio={cookie}; Path=/a/frontend; Max-Age=3600; HttpOnly"
    return answer


def check_password(state: State, login: str, password: str, minisite: bool) -> Person:
    """The person whose login and password these are; counts failures and locks at ten. Raises Failure 401."""
    person = state.people.login(login)
    failed = Failure(401, "Login failed", "Unauthorized: Login failed")
    if person is None or (person.attributes.get("hidden") == "true" and not minisite):
        raise failed
    locked = Failure(401, "User is locked - Please contact your admin", "Unauthorized: User is locked - Please contact your admin")
    if "logout" in locks(person):
        raise locked
    if passwords.verify(person.password, password):
        person.attributes.pop("failedConnections", None)
        person.last_connected = state.now()
        return person
    count = int(person.attributes.get("failedConnections") or 0) + 1
    person.attributes["failedConnections"] = str(count)
    if count >= MAX_FAILURES:
        person.attributes["locks"] = json.dumps([*locks(person), "logout"])
        raise locked
    raise failed


def session(call: Call) -> Answer:
    """`POST /a/frontend/session`."""
    state = call.state
    info: dict[str, str] = call.body.get("AuthInfo", {})
    kind = info.get("type", "")
    cookie = _cookie(call)
    if kind == "credentials":
        challenge = info.get("challenge")
        if challenge and challenge not in state.challenges:
            raise Failure(401, "Login failed", "Unauthorized: Login failed")
        minisite = str(call.headers.get("x-pydio-minisite") or "")
        if not minisite.isascii():
            raise Panic("a header outside ASCII cannot be handed on")
        person = check_password(state, info.get("login", ""), info.get("password", ""), bool(minisite))
        if challenge:
            from migrate.cells.sandbox.oauth import grant_code
            return reply({"RedirectTo": grant_code(state, challenge, person)})
        return _start(state, person)
    if kind == "external" and cookie and info.get("challenge"):
        from migrate.cells.sandbox.oauth import grant_code
        token = state.tokens.get(state.cookies.get(cookie, ""))
        if token is None or info["challenge"] not in state.challenges:
            raise Failure(401, "Login failed", "Unauthorized: Login failed")
        return reply({"JWT": token.value, "ExpireTime": int(token.expires or 0),
                      "RedirectTo": grant_code(state, info["challenge"], state.people.by_uuid[token.user])})
    if kind == "refresh":
        old = state.cookies.pop(cookie, None) if cookie else None
        token = state.tokens.pop(old, None) if old else None
        if token is None:
            raise Failure(401, "No refresh token")
        person = state.people.by_uuid.get(token.user)
        if person is None:
            raise Failure(401, "No refresh token")
        return _start(state, person)
    if kind == "logout":
        old = state.cookies.pop(cookie, None) if cookie else None
        if old:
            state.tokens.pop(old, None)
        answer = reply({})
        answer.headers["Set-Cookie"] = "pydio=; Path=/a/frontend; HttpOnly"
        return answer
    if kind == "authorization_code":
        raise Failure(401, "rpc error: code = Unknown desc = invalid_grant")
    return reply({})


def _start(state: State, person: Person) -> Answer:
    access, identity = open_session(state, person)
    cookie = secrets.token_urlsafe(64)
    state.cookies[cookie] = access.value
    return _session_answer(state, access, identity, cookie)


def _cookie(call: Call) -> str:
    for part in call.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "pydio":
            return value
    return ""


def token_document(call: Call) -> Answer:
    """`POST /a/auth/token/document`: a token of the caller for one readable node."""
    from migrate.cells.sandbox import tree
    try:
        if call.body.get("Path", "").startswith("personal-files"):
            raise Failure(404, "")
        _, _, node = tree.find(call, call.body.get("Path", ""))
    except Failure:
        raise Failure(403, "path is not readable", "Forbidden: path is not readable") from None
    return reply({"AccessToken": personal_token(call.state, call.me, window=1800, scopes=(f"node:{node.uuid}:rw",))})


def revoke(call: Call) -> Answer:
    """`POST /a/auth/token/revoke`: does not work on the real server either."""
    try:
        proto.decode(call.raw, REVOKE)
    except Failure:
        raise bad_request("Cannot decode input request") from None
    raise rpc_error("not_found")


def ask_reset(call: Call) -> Answer:
    """`PUT /a/auth/reset-password-token/{login}`."""
    asked = call.params["UserLogin"]
    person = call.state.people.login(asked) or next((p for p in call.state.people if p.attributes.get("email") == asked), None)
    if person is None or not person.attributes.get("email"):
        return Answer(200)
    return reply({"Success": True, "Message": "An email has been sent to you with further instructions"})


def reset(call: Call) -> Answer:
    """`POST /a/auth/reset-password`: keys are mailed, so no key is right here."""
    raise rpc_error("document not found")


def missing(call: Call) -> Answer:
    """Nothing here."""
    raise not_found("not found")


def describe(state: State) -> dict[str, Any]:
    """How many sessions are open; for the snapshot of tests."""
    return {"open": sum(1 for t in state.tokens.values() if t.kind == "session")}


ROUTES = [
    Route("POST", "/frontend/session", session, SESSION),
    Route("POST", "/auth/token/document", token_document, TOKEN_DOCUMENT),
    Route("POST", "/auth/token/revoke", revoke, REVOKE, raw=True),
    Route("PUT", "/auth/reset-password-token/{UserLogin*}", ask_reset, RESET_TOKEN),
    Route("POST", "/auth/reset-password", reset, RESET_PASSWORD),
]
