"""How do requests reach the webDAV of Cells, and what do its answers mean?

`/dav/<slug>/…`, Basic authentication: the login and, as password, the token. Seen on 4.1: wrong credentials are 404 with an error
text; no right, no parent and no workspace are 404 without; a PUT that could not be stored is 405; 200 stored nothing. The server
keeps who is signed in in a table that it changes without a lock, so one request is sent at a time."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, unquote

import requests
import structlog

from migrate.cells.bodies import Moved
from migrate.cells.errors import CellsRefused, CellsUnreachable, CellsUnusable, NotFound, QuotaExceeded, WrongAnswer
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError
from migrate.logs import redact

TRIES = 3
OPENING = (1.0, 2.0, 4.0)
"""Seconds to wait for a right that was just given."""
SECONDS = (10.0, 300.0)
MAX_LISTING = 64 << 20
_HREF = re.compile(rb"<(?:\w+:)?href>([^<]*)</")

log = structlog.get_logger()


class DavRefused(CellsUnusable):
    """The webDAV of Cells does not take a token that its REST interface takes, or it is not there."""

    code = "E4017"
    title = "The webDAV of Cells at {url} does not let {login} in: {detail}"
    remedy = "Check that nothing before Cells keeps /dav or the Authorization header back; or leave `--via dav` out."
    exit_status = ExitStatus.NOT_AUTHORISED


class Dav:
    """webDAV requests of one account. Safe for several threads: they wait for one another.

    `secret`: gives the password to send, now; without it the session's token. `login`: whose it is."""

    def __init__(self, session: Session, login: Callable[[], str], secret: Callable[[], str] | None = None, *,
                 sleep: Callable[[float], Any] = time.sleep) -> None:
        self._session, self._login, self._sleep = session, login, sleep
        self._renews = secret is None
        self._secret = secret or session.tokens.token
        self._alone = threading.Lock()
        self._open: set[str] = set()
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def __repr__(self) -> str:
        return f"<Dav {self._session.url}>"

    def put(self, path: str, body: Any, size: int) -> None:
        """Store a file; its folder has to be there. Never for a folder's path: it damages the folder. An empty body stores nothing and
        says 201: never send one."""
        if size <= 0:
            raise ValueError("webDAV of Cells cannot store an empty file")
        self._write("PUT", path, {"Content-Length": str(size)}, body)

    def move(self, path: str, to: str) -> None:
        """Give a file another name."""
        self._write("MOVE", path, {"Destination": self._address(to), "Overwrite": "T"})

    def read(self, path: str, piece: int = 1 << 20) -> Iterator[bytes]:
        """The bytes of a file. NotFound. Told to nobody as a download of a link, but in the server's log."""
        with self._sent("GET", path, {}) as answer:
            if answer.status_code != 200:
                raise _refusal("GET", path, answer)
            length, seen = answer.headers.get("Content-Length"), 0
            try:
                for data in answer.iter_content(piece):
                    seen += len(data)
                    yield data
            except requests.exceptions.RequestException as error:
                raise WrongAnswer(method="GET", path=path, status=0, reason=f"the download broke off ({type(error).__name__})") from None
            if length is not None and seen != int(length):
                raise WrongAnswer(method="GET", path=path, status=0, reason=f"{seen} bytes came instead of {length}")

    def names(self, path: str = "") -> list[str]:
        """Names in a folder; of the empty path the slugs of all workspaces that are shown. NotFound."""
        with self._sent("PROPFIND", path, {"Depth": "1"}) as answer:
            if answer.status_code != 207:
                raise _refusal("PROPFIND", path, answer)
            text = b"".join(_limited(answer, path))
        return _names(text, path)

    # ------------------------------------------------------------------ pieces

    def _write(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> None:
        """The server says 201 (new) or 204 (replaced). What may be a right that is not known yet is waited for, once for a workspace."""
        slug = path.partition("/")[0]
        waits = iter(() if slug in self._open else OPENING)
        for attempt in range(1, 10):
            with self._sent(method, path, headers, body) as answer:
                error = None if answer.status_code in (201, 204) else _refusal(method, path, answer)
            if error is None:
                self._open.add(slug)
                return
            pause = next(waits, None) if isinstance(error, NotFound) else None
            if pause is None and (isinstance(error, (NotFound, QuotaExceeded)) or error.status == 200 or attempt >= TRIES):
                raise error
            self._sleep(pause if pause is not None else random.uniform(0.5, 1.0) * 2 ** attempt)
            if body is not None:
                body.rewind()

    @contextmanager
    def _sent(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Iterator[requests.Response]:
        """The answer, whatever it says of the object; refused credentials, limits and a server that is away are dealt with here."""
        for attempt in range(1, 10):
            secret = self._secret()
            with self._alone:
                try:
                    answer = self._exchange(method, path, headers, body, secret)
                except requests.exceptions.RequestException as error:
                    reason = type(error).__name__
                    answer = None
                if answer is not None and not _signed_out(answer) and answer.status_code not in (429, 502, 503, 504):
                    try:
                        yield answer
                    finally:
                        answer.close()
                    return
            if answer is not None and _signed_out(answer):
                answer.close()
                self._sign_in_again(secret, attempt)
            else:
                reason = str(answer.status_code) if answer is not None else reason
                if attempt >= TRIES:
                    raise CellsUnreachable(url=self._session.url, detail=f"its webDAV gives no answer ({reason})")
                self._session.get("/a/config/discovery")  # waits as long as the server is away, or ends the run
                self._sleep(random.uniform(0.5, 1.0) * 2 ** attempt)
            if body is not None:
                body.rewind()
        raise CellsUnreachable(url=self._session.url, detail="its webDAV gives no answer")

    def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: Any, secret: str) -> requests.Response:
        self._session.requests.add(read=method in ("GET", "PROPFIND"))
        try:
            return self._http.request(
                method, self._address(path), headers={**headers, "User-Agent": "pydio-to-cells", "Accept-Encoding": "identity"},
                data=body, auth=(self._login().encode(), secret.encode()), stream=True, allow_redirects=False, timeout=SECONDS,
                verify=self._session.verify, proxies=self._session.proxies)
        except (requests.exceptions.RequestException, MigrationError, Moved):
            failure = getattr(body, "failure", None)
            if failure is not None:  # it is the old file that could not be read
                raise failure from None
            raise

    def _sign_in_again(self, secret: str, attempt: int) -> None:
        """REST tells whether it is the token: that read renews it, or ends the run. A password is never tried twice."""
        if self._renews:
            self._session.get("/a/config/discovery")
            if self._secret() != secret and attempt < TRIES:
                return
        raise DavRefused(url=self._session.url, login=self._login(), detail="login and " + ("token" if self._renews else "password") + " are not taken")

    def _address(self, path: str) -> str:
        return f"{self._session.url}/dav/{quote(path, safe='/')}"


def _signed_out(answer: requests.Response) -> bool:
    """401, or 404 with the error of the token service in its body. Reads the (short) body of a 404."""
    if answer.status_code == 401:
        return True
    return answer.status_code == 404 and int(answer.headers.get("Content-Length") or 0) < 4096 and b'"Code":401' in answer.content


def _refusal(method: str, path: str, answer: requests.Response) -> CellsRefused:
    reason = redact(answer.text[:200].strip()) if int(answer.headers.get("Content-Length") or 0) < 4096 else "a web page"
    fields = {"method": method, "path": path, "status": answer.status_code, "reason": reason or "nothing was stored"}
    if answer.status_code == 404:
        return NotFound(**fields)
    if answer.status_code in (422, 507):
        return QuotaExceeded(**fields)
    return CellsRefused(**fields)


def _limited(answer: requests.Response, path: str) -> Iterator[bytes]:
    size = 0
    for data in answer.iter_content(1 << 16):
        size += len(data)
        if size > MAX_LISTING:
            raise WrongAnswer(method="PROPFIND", path=path, status=207, reason="the listing does not end")
        yield data


def _names(text: bytes, path: str) -> list[str]:
    """The last parts of the addresses in a multistatus, without that of the folder itself. Not read as XML: Cells puts control characters of
    names into it, which no XML may hold; addresses are percent-encoded."""
    if not text.rstrip().endswith(b"multistatus>"):
        raise WrongAnswer(method="PROPFIND", path=path, status=207, reason="a listing that breaks off")
    own = "/dav/" + path.strip("/")
    found = (unquote(href.decode("ascii", "replace").split("://", 1)[-1]).strip() for href in _HREF.findall(text))
    paths = [name[name.find("/"):].rstrip("/") for name in found]
    return [name.rpartition("/")[2] for name in paths if name and name != own.rstrip("/")]
