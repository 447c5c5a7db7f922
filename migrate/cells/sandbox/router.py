"""Which handler answers this request? Routes, the default access policies, and what happens to paths nobody serves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrate.cells.sandbox import proto
from migrate.cells.sandbox.answers import Answer, Failure, Plain, text, unauthorised, web_client
from migrate.cells.sandbox.state import Person, State, Token

if TYPE_CHECKING:
    from migrate.cells.sandbox.server import Sandbox

SERVICES = ("user", "role", "acl", "workspace", "config", "tree", "meta", "jobs", "frontend", "graph", "auth", "user-meta", "activity",
            "share", "search", "log", "policy", "templates", "changes", "mailer", "update", "docstore", "install", "license")
_PUBLIC = re.compile(r"GET /config/discovery(?:/.*)?|GET /frontend/(?:bootconf|state|auth/state|messages/.*|plugins/.*|binaries/GLOBAL/.*|"
                     r"login/connectors)|(?:GET|POST) /frontend/session|(?:PUT|POST) /auth/reset-password.*")
_ANY = "(?:GET|POST|PUT|PATCH|DELETE) "
_PEOPLE = re.compile(
    _ANY + r"/user(?:/.*)?|POST /workspace|" + _ANY + r"/role(?:/.*)?|" + _ANY + r"/graph.*|" + _ANY + r"/jobs/user.*|" + _ANY + r"/meta/.*|"
    r"POST /mailer/send|" + _ANY + r"/search/nodes|" + _ANY + r"/share.*|" + _ANY + r"/activity.*|" + _ANY + r"/changes.*|" + _ANY
    + r"/tree/(?:create|delete|restore|selection|stats)|" + _ANY + r"/tree/stat/.*|" + _ANY + r"/templates.*|POST /auth/token/document|"
    r"(?:GET|POST) /user-meta/(?:bookmarks|namespace|search|tags/.*)|PUT /user-meta/update|GET /frontend/.*|"
    r"POST /frontend/(?:binaries/USER/.*|enroll|session)")


@dataclass(slots=True)
class Call:
    """One REST request on its way to a handler."""

    sandbox: Sandbox
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes = b""
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    caller: Person | None = None
    token: Token | None = None

    @property
    def state(self) -> State:
        """Data of the server."""
        return self.sandbox.state

    @property
    def me(self) -> Person:
        """The caller; only for routes that need one."""
        if self.caller is None:
            raise Plain(unauthorised(False))
        return self.caller

    @property
    def admin(self) -> bool:
        """Whether the caller is an administrator."""
        return self.caller is not None and self.caller.profile == "admin"


Handler = Callable[[Call], Answer]


@dataclass(slots=True, frozen=True)
class Route:
    """`path` below `/a`; `{name}` takes one segment, `{name*}` the rest with slashes."""

    method: str
    path: str
    handler: Handler
    schema: Any = None
    raw: bool = False

    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression."""
        escaped = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", self.path)
        escaped = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", escaped)
        return re.compile(escaped, re.DOTALL)


class Router:
    """All routes; the more specific ones first."""

    def __init__(self, routes: list[Route]) -> None:
        order = sorted(routes, key=lambda r: ("*}" in r.path, "{" in r.path, -len(r.path)))
        self.routes = [(r.pattern(), r) for r in order]

    def dispatch(self, call: Call, token_given: bool) -> Answer:
        """The answer of `/a<path>`; `call.caller` is already known. Raises Plain, Failure, Panic."""
        path = call.path
        first = path.strip("/").split("/")[0]
        if first not in SERVICES:
            if call.sandbox.state.profile == "3.0.9":
                return text(404, "404: Page Not Found") if not first else text(500, "")
            return web_client()
        if not self.permitted(call):
            answer = unauthorised(False)
            if call.method == "HEAD":
                answer.body = b""
            return answer
        lookup = path.rstrip("/") if path != "/" and call.method in ("GET",) else path
        matches = [(m, r) for p, r in self.routes if (m := p.fullmatch(lookup))]
        if not matches:
            if re.fullmatch(r"/(user|role|workspace)/?", path):
                return text(405, "405: Method Not Allowed")
            return text(404, "404: Page Not Found")
        for found, route in matches:
            if route.method == call.method:
                call.params = found.groupdict()
                if route.schema is not None and not route.raw:
                    call.body = self.decode(call, route)
                return route.handler(call)
        return text(405, "405: Method Not Allowed")

    @staticmethod
    def permitted(call: Call) -> bool:
        """The default access policies: anonymous, people, administrators."""
        if call.method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            return False
        if call.admin:
            return True
        request = call.method + " " + call.path
        if call.caller is None or call.caller.profile == "anon":
            return _PUBLIC.fullmatch(request) is not None
        return call.caller.profile in ("standard", "shared") and _PEOPLE.fullmatch(request) is not None

    @staticmethod
    def decode(call: Call, route: Route) -> dict[str, Any]:
        """The body of a PUT or POST as the message of the route."""
        if call.method not in ("PUT", "POST", "PATCH"):
            return {}
        kind = call.headers.get("content-type", "").split(";")[0].strip().lower()
        old = call.sandbox.state.profile == "3.0.9"
        if kind == "application/x-www-form-urlencoded":
            raise Failure(500, "[ServiceError:400] Unable to unmarshal content of type:application/x-www-form-urlencoded")
        if kind != "application/json":
            if not call.raw and not kind and not old:
                raise Plain(text(406, "406: Not Acceptable\n\nAvailable representations: "))
            raise Plain(text(415, "415: Unsupported Media Type"))
        if old and not call.raw:
            return {}
        return proto.decode(call.raw, route.schema)
