"""How we talk to one Cells server: token, patience, what counts as an answer, how many requests were sent.

An answer is not a result (reference: every version answers 200 with the web client's page for a path that no service
serves). What holds for every call:

* only `application/json` is an answer; anything else raises, whatever its status;
* 401 with a dot is the token (renewed once through its source), 401 without is a missing right;
* 429 and "server is starting" were not processed: waited for, for reads and writes alike;
* any other end without an answer is repeated for reads; for a write it raises NoAnswer, because it may have been done."""

from __future__ import annotations

import gzip
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
import tenacity

from migrate.cells import verdicts
from migrate.cells.auth import TokenSource
from migrate.cells.counting import RequestCount
from migrate.cells.errors import (
    CellsUnreachable,
    LoginRefused,
    NoAnswer,
    RefusedToSend,
    TokenRefused,
    TooManyRequests,
    WriteForbidden,
    WrongAnswer,
)
from migrate.cells.transport import Answer, Broken, NeverSent, TooMuch, Transport, in_clear
from migrate.errors import Finding, MigrationError, Severity, code, finding
from migrate.logs import keep_out

log = structlog.get_logger()

IN_CLEAR = code(
    "F4003", Severity.WARNING, "Requests to {subject} are not encrypted: whoever sees the network sees the token.",
    "Use https, or run the migration on the server itself.")
UNVERIFIED = code(
    "F4004", Severity.WARNING, "The certificate of {subject} is not checked (--insecure): whoever sits between can read and change everything.",
    "Give --ca-bundle the certificate of the authority instead.")

GZIP_FROM = 64 * 1024
FIRST_PATIENCE = 6.0
"""Seconds to try when nothing has answered yet: a wrong address should be told soon."""


class _Again(Exception):
    """Try once more, at the earliest after `after` seconds; `error` when patience ends. `most`: tries for this cause."""

    def __init__(self, error: MigrationError, after: float = 0.0, most: int = 1000) -> None:
        self.error = error
        self.after = after
        self.most = most
        super().__init__(error.message)


class Session:
    """One server, one token source. All methods may be called from several threads."""

    def __init__(self, url: str, tokens: TokenSource, *, ca_bundle: Path | None = None, insecure: bool = False, workers: int = 8,
                 timeout: tuple[float, float] = (10.0, 120.0), patience: float = 180.0, allow_writes: bool = True,
                 max_answer: int = 512 << 20, max_seconds: float = 900.0, sleep: Callable[[float], Any] = time.sleep,
                 count: RequestCount | None = None) -> None:
        """`timeout`: seconds to connect, and between two pieces of an answer. `patience`: how long a server that is
        starting, limiting or gone is waited for. `max_answer`: bytes. `allow_writes=False` for commands that only read."""
        self._options = dict(ca_bundle=ca_bundle, insecure=insecure, workers=workers, timeout=timeout, patience=patience,
                             max_answer=max_answer, max_seconds=max_seconds, sleep=sleep)
        self._transport = Transport(url, ca_bundle=ca_bundle, insecure=insecure, connections=workers, timeout=timeout,
                                    max_answer=max_answer, max_seconds=max_seconds)
        self.tokens = tokens
        self.workers = workers
        self.allow_writes = allow_writes
        self.requests = count or RequestCount()
        self._patience = patience
        self._sleep = sleep
        self._reached = False
        self._gate = threading.Lock()
        self._not_before = 0.0
        self._own_findings: list[Finding] = []
        if in_clear(self.url):
            self._own_findings.append(finding(IN_CLEAR, "server", self.url))
        if insecure and self.url.startswith("https:"):
            self._own_findings.append(finding(UNVERIFIED, "server", self.url))

    def __repr__(self) -> str:
        return f"<Session {self.url}>"

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; the session of a signed-in person is not ended by this."""
        self._transport.close()

    @property
    def url(self) -> str:
        """`scheme://host[:port]`."""
        return self._transport.url

    @property
    def verify(self) -> bool | str:
        """How certificates are checked: a file of authorities, True (those of the system) or False."""
        return self._transport.verify

    @property
    def proxies(self) -> dict[str, str]:
        """The proxies in use, by scheme (only ever for https)."""
        return dict(self._transport.proxies)

    @property
    def findings(self) -> list[Finding]:
        """What an administrator should know about connection and token, each once."""
        return [*self._own_findings, *self.tokens.findings]

    def as_somebody(self, tokens: TokenSource) -> Session:
        """The same server and count with another token, for calls in a person's name."""
        return Session(self.url, tokens, allow_writes=self.allow_writes, count=self.requests, **self._options)  # type: ignore[arg-type]

    # ------------------------------------------------------------------ calls

    def get(self, path: str, params: Mapping[str, str] | None = None, **how: Any) -> Any:
        """GET. The JSON value of the answer."""
        return self._json("GET", path, read=True, params=params, **how)

    def search(self, path: str, body: Mapping[str, Any], **how: Any) -> Any:
        """POST that changes nothing (searches, listings, stats): counted and repeated like a read."""
        return self._json("POST", path, read=True, body=body, **how)

    def post(self, path: str, body: Mapping[str, Any], **how: Any) -> Any:
        """POST that changes something."""
        return self._json("POST", path, read=False, body=body, **how)

    def put(self, path: str, body: Mapping[str, Any], **how: Any) -> Any:
        """PUT: replaces what it names. NoAnswer when the outcome is unknown."""
        return self._json("PUT", path, read=False, body=body, **how)

    def delete(self, path: str, **how: Any) -> Any:
        """DELETE. NoAnswer when the outcome is unknown."""
        return self._json("DELETE", path, read=False, **how)

    def xml(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """GET of the one resource that is XML (`/a/frontend/state`)."""
        answer = self._send("GET", path, read=True, params=params, accept="application/xml", max_answer=64 << 20)
        if answer.content_type not in ("application/xml", "text/xml"):
            raise verdicts.wrong("GET", path, answer)
        return answer.text

    def page(self, path: str) -> Answer:
        """GET of a public page, without token, whatever its status and type (`/public/<hash>`). Limit: 8 MiB."""
        return self._send("GET", path, read=True, anonymous=True, accept="text/html, */*", any_answer=True, max_answer=8 << 20)

    def picture(self, path: str) -> bytes | None:
        """GET of a picture, None when there is none. Limit: 8 MiB."""
        answer = self._send("GET", path, read=True, accept="image/*, */*", any_answer=True, max_answer=8 << 20)
        return answer.body if answer.status == 200 and answer.content_type != "application/json" else None

    def upload(self, path: str, files: Mapping[str, Any]) -> Any:
        """POST of a multipart form (avatars)."""
        return verdicts.json_of("POST", path, self._send("POST", path, read=False, files=files))

    def sign_in(self, login: str, password: str, minisite: str | None = None) -> tuple[str, int]:
        """`POST /a/frontend/session`: (token, its end in epoch seconds). `minisite`: hash of a link, for its hidden user.

        LoginRefused for a wrong password, an unknown, locked or hidden account. Ten failures lock the account: never loop."""
        keep_out(password)
        body = {"AuthInfo": {"type": "credentials", "login": login, "password": password}}
        headers = {"X-Pydio-Minisite": quote(minisite)} if minisite else {}  # the server breaks off at letters outside ASCII; any text will do
        path = "/a/frontend/session"
        answer = self._send("POST", path, read=True, body=body, anonymous=True, headers=headers, any_answer=True, once=True)
        if answer.status == 401:
            raise LoginRefused(url=self.url, login=login, detail=verdicts.reason_of(answer))
        value = verdicts.json_of("POST", path, answer)
        token = value.get("Token") if isinstance(value, dict) else None
        secret = token.get("AccessToken") if isinstance(token, dict) else None
        if not isinstance(secret, str) or not secret:  # an unknown kind of sign-in is answered 200 `{}`
            raise LoginRefused(url=self.url, login=login, detail="the answer holds no token")
        keep_out(secret)
        end = str(token.get("ExpiresAt") or value.get("ExpireTime") or "")
        return secret, int(end) if end.isdigit() else int(time.time()) + 300

    def answer_challenge(self, login: str, password: str, challenge: str) -> str:
        """`POST /a/frontend/session` for a sign-in by authorization code: the address that holds the code. LoginRefused like `sign_in`."""
        keep_out(password)
        body = {"AuthInfo": {"type": "credentials", "login": login, "password": password, "challenge": challenge}}
        path = "/a/frontend/session"
        answer = self._send("POST", path, read=True, body=body, anonymous=True, any_answer=True, once=True)
        if answer.status == 401:
            raise LoginRefused(url=self.url, login=login, detail=verdicts.reason_of(answer))
        target = verdicts.json_of("POST", path, answer).get("RedirectTo")
        if not isinstance(target, str) or not target:
            raise LoginRefused(url=self.url, login=login, detail="the answer leads nowhere")
        return target

    # ------------------------------------------------------------------ how

    def _json(self, method: str, path: str, *, read: bool, body: Mapping[str, Any] | None = None, params: Mapping[str, str] | None = None,
              timeout: float | None = None, empty_ok: bool = False, anonymous: bool = False) -> Any:
        answer = self._send(method, path, read=read, body=body, params=params, read_timeout=timeout, anonymous=anonymous)
        if empty_ok and answer.status == 200 and not answer.body:
            return {}
        return verdicts.json_of(method, path, answer)

    def _send(self, method: str, path: str, *, read: bool, body: Mapping[str, Any] | None = None, any_answer: bool = False,
              once: bool = False, **how: Any) -> Answer:
        """Send until there is an answer, as far as repeating is safe. Errors of the answer are raised unless `any_answer`."""
        if not read and not self.allow_writes:
            raise WriteForbidden(method=method, path=path)
        data, headers = _encode(method, path, body)
        headers.update(how.pop("headers", {}))
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Again), stop=self._enough, wait=self._pause, sleep=self._sleep, reraise=True)
        try:
            return tries(self._attempt, method, path, read=read, data=data, headers=headers, any_answer=any_answer, once=once, **how)
        except _Again as last:
            if isinstance(last.error, CellsUnreachable):
                self._reached = False  # it was waited for: what stands in line behind this one does not wait as long again
            raise last.error from None

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        again = state.outcome.exception() if state.outcome else None
        patience = self._patience if self._reached else min(self._patience, FIRST_PATIENCE)
        passed = state.seconds_since_start or 0.0
        return not isinstance(again, _Again) or state.attempt_number >= again.most or passed + again.after > patience

    def _pause(self, state: tenacity.RetryCallState) -> float:
        again = state.outcome.exception() if state.outcome else None
        after = again.after if isinstance(again, _Again) else 0.0
        return after + random.uniform(0.5, 1.0) * min(20.0, 0.4 * 2 ** min(state.attempt_number - 1, 8))

    def _hold(self, seconds: float) -> None:
        """All workers wait: one 429 or "server is starting" concerns them all."""
        with self._gate:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _attempt(self, method: str, path: str, *, read: bool, data: bytes | None, headers: dict[str, str], any_answer: bool, once: bool,
                 anonymous: bool = False, accept: str = "application/json", **how: Any) -> Answer:
        wait = self._not_before - time.monotonic()
        if wait > 0:
            self._sleep(wait)
        sent = {**headers, "Accept": accept, "Accept-Language": "en", "User-Agent": "pydio-to-cells"}
        token = "" if anonymous else self.tokens.token()
        answer = self._exchange(method, path, sent, token, data, read=read, once=once, **how)
        if verdicts.token_refused(answer) and token:
            newer = self.tokens.renew(token)
            if newer:
                answer = self._exchange(method, path, sent, newer, data, read=read, once=once, **how)
            if not newer or verdicts.token_refused(answer):
                raise TokenRefused(url=self.url)
        self._judge(method, path, answer, read=read, once=once)
        if not any_answer:
            verdicts.check(method, path, answer)
        return answer

    def _exchange(self, method: str, path: str, headers: dict[str, str], token: str, data: bytes | None, *, read: bool, once: bool,
                  **how: Any) -> Answer:
        if token:
            headers = {**headers, "Authorization": "Bearer " + token}
        self.requests.add(read=read)
        start = time.monotonic()
        try:
            answer = self._transport.send(method, path, headers=headers, data=data, **how)
        except NeverSent as error:
            log.debug("request.never_sent", method=method, path=path, detail=str(error))
            raise _Again(CellsUnreachable(url=self.url, detail=str(error))) from None
        except Broken as error:
            log.debug("request.broken", method=method, path=path, detail=str(error))
            unknown = NoAnswer(method=method, path=path, status=0, reason=str(error))
            if not read or once:
                raise unknown from None
            raise _Again(unknown, most=3) from None
        except TooMuch as error:
            raise WrongAnswer(method=method, path=path, status=0, reason=f"the answer does not end ({error})") from None
        log.debug("request.done", method=method, path=path, status=answer.status, ms=round((time.monotonic() - start) * 1000))
        return answer

    def _judge(self, method: str, path: str, answer: Answer, *, read: bool, once: bool) -> None:
        """Raise _Again where the answer says "not now"; NoAnswer where a write may have been done."""
        status = answer.status
        if status == 429:
            self._reached = True  # something is there and says so: have the whole patience
            after = verdicts.retry_after(answer)
            self._hold(after)
            raise _Again(TooManyRequests(method=method, path=path, status=429, reason="", waited=round(self._patience)), after)
        if verdicts.starting(answer):
            self._reached = True
            after = verdicts.retry_after(answer)
            self._hold(after)
            raise _Again(CellsUnreachable(url=self.url, detail="it is starting or under maintenance"), after)
        if status in (502, 503, 504):
            if not read:
                raise NoAnswer(method=method, path=path, status=status, reason=verdicts.reason_of(answer))
            error: MigrationError = CellsUnreachable(url=self.url, detail=f"{status} {verdicts.reason_of(answer)}")
            if status == 503 and answer.content_type == "application/json":
                error = verdicts.refused(method, path, answer)  # a service behind it, not the server
                raise _Again(error, verdicts.retry_after(answer, 0.0), most=1 if once else 5)
            raise _Again(error, verdicts.retry_after(answer, 0.0), most=1 if once else 1000)
        if verdicts.web_client(path, answer) and self._reached and not once:
            # No service took it, so nothing was done: it may not have been registered yet.
            raise _Again(verdicts.wrong(method, path, answer), 1.0, most=4)
        if status < 500 and answer.content_type == "application/json":
            self._reached = True


def _encode(method: str, path: str, body: Mapping[str, Any] | None) -> tuple[bytes | None, dict[str, str]]:
    """JSON bytes and headers. Large bodies are compressed (the server takes gzip). RefusedToSend for text that is not Unicode."""
    if body is None:
        return None, {}
    try:
        data = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError:
        raise RefusedToSend(method=method, path=path, status=0, reason="a name holds bytes that are not UTF-8") from None
    headers = {"Content-Type": "application/json"}
    if len(data) > GZIP_FROM:
        data, headers["Content-Encoding"] = gzip.compress(data, 5), "gzip"
    return data, headers
