"""Signing in through Cells' own page: authorization code with PKCE, for public clients that every Cells knows; refresh with rotation.

A refresh gives a new refresh token and ends the old pair at once; an old refresh token sent again ends the whole chain (4.x). So
what is kept is on disk before it is used, one process refreshes at a time, and nobody else reads the file meanwhile.
The way of 1.x servers (Dex: password grant, the id token as Bearer) is here too. Tokens go to the server's own address only."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

from migrate.cells.errors import CellsUnreachable, CellsUnusable, LoginRefused, NotACells
from migrate.cells.session import Session
from migrate.errors import ExitStatus, Finding
from migrate.logs import keep_out

DISCOVERY = "/oidc/.well-known/openid-configuration"
SCOPE = "openid email profile pydio offline"
BROWSER = "cells-client", "http://localhost:3000/servers/callback"
BROWSER_PORTS = tuple(("cells-sync", f"http://localhost:{port}/servers/callback") for port in range(3636, 3667))
"""Further addresses to listen at when port 3000 is taken: those of the synchronisation client."""
OOB = "/oauth2/oob"
"""Page of Cells that shows the code, for browsers on another machine."""
MARGIN = 60
SECONDS = 30


class SignInEnded(CellsUnusable):
    """The refresh token was refused: used elsewhere, revoked, or older than it may get (60 days)."""

    code = "E4015"
    title = "The sign-in to Cells at {url} has ended ({detail})."
    remedy = "Run `login --oauth` again, then the same command: it goes on where it stopped."
    exit_status = ExitStatus.NOT_AUTHORISED


class SignInFailed(CellsUnusable):
    """The answer to an authorization request is an error, or not an answer to ours."""

    code = "E4016"
    title = "Signing in to Cells at {url} did not work: {detail}"
    remedy = "Try again. If Cells lies behind a proxy, give the address that is configured as its site; or use a personal access token."
    exit_status = ExitStatus.NOT_AUTHORISED


@dataclass(frozen=True)
class Grant:
    """What a sign-in gave. `bearer`: which of the tokens is sent (`access_token`; with Dex `id_token`); `secret`: of a client that
    has one (Dex). No value of it is in its repr."""

    url: str
    client: str
    token_endpoint: str
    access_token: str
    refresh_token: str
    expires_at: int
    revocation_endpoint: str = ""
    bearer: str = "access_token"
    secret: str = ""

    def __repr__(self) -> str:
        return f"<Grant of {self.client} at {self.url}>"


class Provider:
    """The token service of one Cells. `verify`, `proxies`: as the session's."""

    def __init__(self, session: Session, now: Callable[[], float] = time.time) -> None:
        self.session = session
        self.url = session.url
        self._now = now

    def discover(self) -> Mapping[str, Any]:
        """The discovery document; NotACells when there is none (another host name than the site's gives an empty answer)."""
        answer = self.session.page(DISCOVERY)
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = None
        if not isinstance(document, dict) or not document.get("token_endpoint"):
            raise NotACells(url=self.url, detail="it shows no sign-in by browser (discovery document); is this the address configured as its site?")
        for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint"):
            value = document.get(name)
            if value and origin(str(value)) != origin(self.url):
                raise SignInFailed(url=self.url, detail=f"its {name} is at another address ({origin(str(value))}); use that address for --cells")
        return document

    def client(self, client: str, redirect: str = "", secret: str = "") -> OAuth2Session:
        """A session of the library, as careful as ours: no environment, no redirects."""
        made = OAuth2Session(client, secret or None, scope=SCOPE, redirect_uri=redirect or None, code_challenge_method="S256",
                             token_endpoint_auth_method="client_secret_basic" if secret else "none")
        made.trust_env = False
        made.verify = self.session.verify
        made.proxies = self.session.proxies
        return made

    def grant(self, client: str, token: Mapping[str, Any], endpoints: Mapping[str, Any], bearer: str = "access_token", secret: str = "") -> Grant:
        """What the token service answered, as a value. SignInFailed when a token is missing."""
        access, refresh = token.get(bearer), token.get("refresh_token")
        if not isinstance(access, str) or not access or not isinstance(refresh, str):
            raise SignInFailed(url=self.url, detail="the answer holds no tokens")
        for value in (access, refresh, secret, token.get("id_token")):
            keep_out(value or None)
        lasts = int(token.get("expires_in") or 0) or 600
        return Grant(self.url, client, str(endpoints["token_endpoint"]), access, refresh, int(self._now()) + lasts,
                     str(endpoints.get("revocation_endpoint") or ""), bearer, secret)

    def refresh(self, grant: Grant) -> Grant:
        """New tokens for old. SignInEnded when the old ones are not taken; CellsUnreachable when nothing was sent."""
        client = self.client(grant.client, secret=grant.secret)
        more = {} if grant.secret else {"client_id": grant.client}
        token = self._asked(lambda: client.refresh_token(grant.token_endpoint, grant.refresh_token, timeout=SECONDS, allow_redirects=False, **more))
        return self.grant(grant.client, {"refresh_token": grant.refresh_token, **token},
                          {"token_endpoint": grant.token_endpoint, "revocation_endpoint": grant.revocation_endpoint}, grant.bearer, grant.secret)

    def _asked(self, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        try:
            return ask()
        except AuthlibBaseError as error:
            raise SignInEnded(url=self.url, detail=str(error.error or "refused")) from None
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            raise CellsUnreachable(url=self.url, detail=f"its token service does not answer ({type(error).__name__})") from None
        except (ValueError, KeyError, requests.exceptions.RequestException) as error:
            raise SignInFailed(url=self.url, detail=f"its token service gave no answer that can be read ({type(error).__name__})") from None

    def revoke(self, grant: Grant) -> bool:
        """End both tokens (the refresh token ends its chain). False when this server knows no revocation."""
        if not grant.revocation_endpoint:
            return False
        client = self.client(grant.client, secret=grant.secret)
        try:
            answer = client.request("POST", grant.revocation_endpoint, withhold_token=True, timeout=SECONDS, allow_redirects=False,
                                    data={"token": grant.refresh_token, "client_id": grant.client})
        except requests.exceptions.RequestException as error:
            raise CellsUnreachable(url=self.url, detail=f"its token service does not answer ({type(error).__name__})") from None
        return bool(answer.status_code == 200)

    def by_password(self, login: str, password: str, path: str, client: str, secret: str) -> Grant:
        """Dex of 1.x: login and password for an id token of some minutes, which is the Bearer there, and a refresh token."""
        keep_out(password)
        endpoint = self.url + "/" + path.lstrip("/")
        library = self.client(client, secret=secret)
        try:
            token = self._asked(lambda: library.fetch_token(endpoint, grant_type="password", username=login, password=password,
                                                            nonce=generate_token(16), timeout=SECONDS, allow_redirects=False))
        except SignInEnded as error:
            raise LoginRefused(url=self.url, login=login, detail=str(error.fields.get("detail"))) from None
        return self.grant(client, token, {"token_endpoint": endpoint}, "id_token", secret)


class CodeFlow:
    """One sign-in by authorization code. Give `address` to a browser (or to `headless`), then `finish` with where it was sent."""

    def __init__(self, provider: Provider, client: str, redirect: str) -> None:
        self._provider, self._client, self._redirect = provider, client, redirect
        self._endpoints = provider.discover()
        self._verifier = generate_token(64)
        self._library = provider.client(client, redirect)
        self.address, self._state = self._library.create_authorization_url(
            str(self._endpoints["authorization_endpoint"]), state=generate_token(32), code_verifier=self._verifier)

    def finish(self, answered: str) -> Grant:
        """`answered`: the whole address the browser was sent to, or the bare code of the copy-and-paste page."""
        query = dict(parse_qsl(urlsplit(answered.strip()).query)) if "=" in answered else {"code": answered.strip(), "state": self._state}
        if query.get("error"):
            raise SignInFailed(url=self._provider.url, detail=str(query["error"])[:100])
        if not query.get("code") or query.get("state") != self._state:
            raise SignInFailed(url=self._provider.url, detail="this is not the answer to our request")
        token = self._provider._asked(lambda: self._library.fetch_token(
            str(self._endpoints["token_endpoint"]), grant_type="authorization_code", code=query["code"], code_verifier=self._verifier,
            redirect_uri=self._redirect, timeout=SECONDS, allow_redirects=False))
        return self._provider.grant(self._client, token, self._endpoints)

    def headless(self, login: str, password: str) -> Grant:
        """Without a browser, for laboratories: login and password answer the challenge (`POST /a/frontend/session`)."""
        session = self._provider.session
        target = urlsplit(self.address)
        answer = session.page(target.path + "?" + target.query)
        challenge = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query)).get("login_challenge")
        if answer.status not in (302, 303) or not challenge:
            raise SignInFailed(url=session.url, detail="no sign-in page was offered; is this the address configured as its site?")
        return self.finish(session.answer_challenge(login, password, challenge))


class GrantFile:
    """WORK/oauth.json, mode 0600. Holding `locked` is needed for refreshing: several processes may share the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Grant:
        """What is kept. SignInEnded when nothing that can be used is."""
        try:
            value = json.loads(self.path.read_text(encoding="ascii"))
            grant = Grant(**value)
        except (OSError, ValueError, TypeError):
            raise SignInEnded(url="(unknown)", detail=f"{self.path} cannot be read") from None
        for secret in (grant.access_token, grant.refresh_token, grant.secret):
            keep_out(secret or None)
        return grant

    def save(self, grant: Grant) -> None:
        """On return it is on disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="ascii") as file:
            json.dump(asdict(grant), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    @contextmanager
    def locked(self) -> Any:
        """Alone with the file, among processes."""
        handle = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def remove(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)
        self.path.with_name(self.path.name + ".lock").unlink(missing_ok=True)


class GrantToken:
    """A TokenSource that refreshes before the end, once for all workers and all processes that share the file."""

    def __init__(self, file: GrantFile, provider: Callable[[Grant], Provider], now: Callable[[], float] = time.time) -> None:
        self.findings: list[Finding] = []
        self._file = file
        self._provider = provider
        self._now = now
        self._lock = threading.RLock()
        self._grant: Grant | None = None

    def __repr__(self) -> str:
        return f"<GrantToken {self._file.path}>"

    def token(self) -> str:
        """The token to send now; refreshed when it ends within a minute."""
        with self._lock:
            if self._grant is None:
                self._grant = self._file.load()
            if self._now() >= self._grant.expires_at - MARGIN:
                self._grant = self._refreshed(self._grant.access_token)
            return self._grant.access_token

    def renew(self, old: str) -> str | None:
        """Another token, because `old` was refused."""
        with self._lock:
            if self._grant is None or self._grant.access_token == old:
                self._grant = self._refreshed(old)
            return self._grant.access_token if self._grant.access_token != old else None

    def _refreshed(self, old: str) -> Grant:
        with self._file.locked():
            kept = self._file.load()
            if kept.access_token != old and self._now() < kept.expires_at - MARGIN:
                return kept  # another process was faster
            try:
                newer = self._provider(kept).refresh(kept)
            except CellsUnreachable:
                time.sleep(1.0)
                newer = self._provider(kept).refresh(kept)  # never sent, or lost on the way back: then the server says that it ended
            self._file.save(newer)
            return newer


def origin(url: str) -> str:
    """`scheme://host:port` of an address, in one spelling."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def at(grant: Grant, url: str) -> Grant:
    """The grant, refused for another server than the one it was given for."""
    if origin(grant.url) != origin(url):
        raise SignInEnded(url=url, detail=f"the sign-in that is kept is for {grant.url}")
    return replace(grant, url=grant.url)
