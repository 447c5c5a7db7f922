"""The server itself: HTTP/1.1 with keep-alive over a socket, one handler at a time, faults on demand."""

from __future__ import annotations

import json
import re
import secrets
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from migrate.cells.sandbox import (
    access,
    acls,
    activity,
    admin_tree,
    avatars,
    cells,
    content,
    control,
    datasources,
    dav,
    discovery,
    jobs,
    links,
    metadata,
    oauth,
    people,
    public,
    roles,
    s3,
    search,
    session,
    shares,
    tree,
    workspaces,
)
from migrate.cells.sandbox.answers import Answer, Failure, Plain, text, unauthorised, web_client
from migrate.cells.sandbox.faults import EXPIRED, Fault, Faults
from migrate.cells.sandbox.http_front import Http
from migrate.cells.sandbox.router import Call, Router
from migrate.cells.sandbox.snapshot import snapshot
from migrate.cells.sandbox.state import Person, State, fresh

PROFILES = ("4.1", "3.0.9", "5")
MODULES = (people, roles, acls, workspaces, datasources, tree, admin_tree, session, discovery, metadata, jobs, activity, cells, links, shares, avatars, search)
_BAD_PERCENT = re.compile(r"%(?![0-9a-fA-F]{2})")


class Sandbox:
    """A stand-in for a Cells server.

    `faults` is a Faults programme or a map of request numbers to effects; `profile` one of `4.1`, `3.0.9`, `5`;
    `settle_seconds` how long the etag of a file on a structured source reads `temporary`; `index_seconds` how long
    indexing a folder takes; `control` opens `/sandbox/…` for programmes in other processes (never on by itself)."""

    def __init__(self, port: int = 0, latency_ms: float = 0, faults: Faults | Mapping[int, int | str] | None = None, profile: str = "4.1", *,
                 settle_seconds: float = 0.0, index_seconds: float = 0.0, control: bool = False, content_folder: Path | None = None) -> None:
        if profile not in PROFILES:
            raise ValueError(f"no such profile: {profile}")
        self.latency_ms = latency_ms
        self.faults = Faults.of(faults)
        self.control = control
        self.router = Router([route for module in MODULES for route in module.ROUTES])
        self.state = State(profile, content=content_folder)
        self.state.settle_seconds, self.state.index_seconds = settle_seconds, index_seconds
        self.admin: Person = fresh(self.state)
        for source in self.state.sources.values():
            source.configuration = datasources.describe(self.state, source.name, source.flat, source.folder)
        self.token = session.personal_token(self.state, self.admin)
        self.requests: Counter[str] = Counter()
        self.log: list[tuple[str, str, int]] = []
        self.keep_log = False
        self._number = 0
        self._count_lock = threading.Lock()
        self._port = port
        self._http: Http | None = None
        self._thread: threading.Thread | None = None

    # Life

    def start(self) -> Sandbox:
        """Listen and serve in a thread."""
        self._http = Http(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="cells-sandbox")
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and remove the content."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None
        access.forget(self.state)
        self.state.close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        if self._http is None:
            raise RuntimeError("the sandbox is not running")
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def seen_url(self, headers: Mapping[str, str]) -> str:
        """The site's URL as this client addressed it."""
        return "http://" + headers.get("host", "127.0.0.1")

    # What tests ask

    def snapshot(self) -> dict[str, Any]:
        """Everything the server holds, comparable between two servers: natural keys, no ids or times made by the server."""
        with self.state.lock:
            return snapshot(self.state)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, token: str = "") -> dict[str, Any]:
        """A REST call without a socket, by default as the administrator: to prepare what a test needs. Raises ValueError unless 200."""
        headers = {"authorization": "Bearer " + (token or self.token), "content-type": "application/json"}
        answer = self.answer(method, path, headers, json.dumps(body).encode() if body is not None else b"", None, None)
        if answer.status != 200:
            raise ValueError(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
        return json.loads(answer.body or b"{}")

    def token_for(self, login: str, life: float | None = None, window: int = 0) -> str:
        """A personal access token of a user, as the command on the server's own machine makes it."""
        with self.state.lock:
            person = self.state.people.login(login)
            if person is None:
                raise KeyError(login)
            return session.personal_token(self.state, person, life, window)

    def expire(self, token: str) -> None:
        """Let a token run out now."""
        with self.state.lock:
            self.state.tokens[token].expires = 0.0

    def run_sql(self, script: str) -> int:
        """What a server's owner does with the SQL scripts of the tool: set password hashes and file dates. Gives the number of rows."""
        from migrate.cells.sandbox.sql import run
        with self.state.lock:
            return run(self.state, script)

    @property
    def reads(self) -> int:
        """Requests that only read (GET, HEAD, and the POST searches)."""
        return self.requests["read"]

    @property
    def writes(self) -> int:
        """Requests that can change something."""
        return self.requests["write"]

    def count(self, method: str, path: str) -> int:
        """Count a request; gives its number, from 1."""
        with self._count_lock:
            self._number += 1
            self.requests[is_write(method, path) and "write" or "read"] += 1
            self.requests["all"] += 1
            return self._number

    # Answering

    def answer(self, method: str, target: str, headers: dict[str, str], raw: bytes, stored: content.Stored | None, fault: Fault | None) -> Answer:
        """The answer to one request; raises Panic when the connection closes without one."""
        parts = urlsplit(target)
        raw_path = parts.path or "/"
        decoded = unquote(raw_path, errors="surrogateescape")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        call = Call(self, method, decoded, query, headers, raw)
        if decoded.startswith("/sandbox/") and self.control:
            return control.handle(call)
        if _BAD_PERCENT.search(decoded) and self.state.profile != "3.0.9" and not decoded.startswith("/oidc"):
            return Answer(200)
        segments = decoded.split("/")[1:]
        if "//" in decoded or (segments[0] in s3.BUCKETS and ("." in segments or ".." in segments)):
            return _moved(re.sub("/{2,}", "/", raw_path))
        if segments in ([bucket] for bucket in s3.BUCKETS):
            return _moved(f"{raw_path}/?{parts.query}" if parts.query else raw_path + "/")
        expired = fault is not None and fault.effect == EXPIRED
        with self.state.lock:
            if segments[0] == "a":
                return self._rest(call, decoded[2:] or "/", expired)
            if segments[0] in s3.BUCKETS:
                if expired:
                    return s3.Request(self, method, raw_path, segments[0], "", query, headers, stored).error(s3.Refused("AccessDenied"))
                return s3.handle(call, segments[0], "/".join(segments[1:]), raw_path, stored)
            if segments[0] == "dav":
                return dav.refused() if expired else dav.handle(call, "/".join(segments[1:]), stored)
            if segments[0] == "public" and len(segments) > 1:
                return public.page(call, unquote(raw_path[len("/public/"):]), raw_path)
            if segments[0] in ("oidc", "oauth2"):
                return oauth.handle(call)
        return web_client()

    def _rest(self, call: Call, path: str, expired: bool) -> Answer:
        call.path = path
        header = call.headers.get("authorization", "")
        given = header[7:] if header.startswith("Bearer ") else ""
        if path in ("", "/"):
            return web_client()
        if given:
            known = None if expired else session.verify(self.state, given)
            if known is None:
                if path != "/frontend/state":
                    return unauthorised(True)
            else:
                call.token, call.caller = known
        try:
            answer = self.router.dispatch(call, bool(given))
        except Failure as failure:
            answer = failure.answer()
        except Plain as plain:
            answer = plain.answer
        return negotiate(call, answer)


def negotiate(call: Call, answer: Answer) -> Answer:
    """`Accept`: HTML is refused, XML gives an empty body."""
    accept = call.headers.get("accept", "*/*")
    if answer.content_type != "application/json" or "*/*" in accept or "application/json" in accept or not accept:
        return answer
    if "application/xml" in accept:
        return Answer(answer.status)
    if accept.startswith("text/"):
        return text(406, "406: Not Acceptable\n\nAvailable representations: application/json, application/octet-stream, application/xml")
    return answer


_SEARCHES = re.compile(r"/a/(?:user|role|acl|workspace|tree/stats|tree/admin/(?:list|stat)|meta/(?:bulk/)?get.*|user-meta/(?:search|bookmarks)|"
                       r"jobs/user|jobs/tasks/logs|share/resources|activity/(?:stream|subscriptions)|config/peers/.*|frontend/session|search/nodes)")


def is_write(method: str, path: str) -> bool:
    """Whether a request can change something; searches by POST and signing in do not."""
    if method in ("GET", "HEAD", "OPTIONS", "PROPFIND"):
        return False
    return not (method == "POST" and _SEARCHES.fullmatch(path) is not None)


def run(port: int, latency_ms: float = 0, profile: str = "4.1") -> None:
    """Serve until SIGTERM or SIGINT; when ready print one JSON line `{"url", "token"}`."""
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    with Sandbox(port, latency_ms, profile=profile) as sandbox:
        print(json.dumps({"url": sandbox.url, "token": sandbox.token}), flush=True)
        done.wait()


def random_password() -> str:
    """A password for test people."""
    return secrets.token_urlsafe(24)


def _moved(place: str) -> Answer:
    """301, as the router in front of all services says it."""
    return Answer(301, f'<a href="{escape(place)}">Moved Permanently</a>.\n\n'.encode(), "text/html; charset=utf-8", {"Location": place})
