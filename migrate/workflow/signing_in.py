"""`login` and `logout`: keep a checked token or sign-in in the work folder, and remove it again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from migrate.cells.auth import GivenToken, usable
from migrate.cells.callback import Callback
from migrate.cells.oauth import BROWSER, BROWSER_PORTS, OOB, CodeFlow, Grant, GrantFile, Provider, SignInFailed
from migrate.cells.reader import read_facts, whoami
from migrate.errors import MigrationError
from migrate.logs import keep_out
from migrate.workflow.connect import GRANT_FILE, TOKEN_FILE, Connection
from migrate.workflow.outcome import Outcome


def sign_in(work: Path, connection: Connection, token: str) -> Outcome:
    """Prove that the token is an administrator's and keep it in WORK/token (0600), where later commands find it."""
    keep_out(token.strip())
    tokens = GivenToken(usable(token, "what was entered"))
    with Connection(url=connection.url, ca_bundle=connection.ca_bundle, insecure=connection.insecure, tokens=tokens).session(writes=False) as session:
        facts, _ = read_facts(session)
        owner, findings = whoami(session)
        read = session.requests.read
    work.mkdir(parents=True, exist_ok=True)
    part = work / (TOKEN_FILE + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="ascii") as file:
        file.write(tokens.token())
        file.flush()
        os.fsync(file.fileno())
    part.replace(work / TOKEN_FILE)
    return Outcome(f"Signed in to Cells {facts.version} at {facts.url} as {owner.login}; the token is kept in {work / TOKEN_FILE} (0600).", read=read,
                   findings=findings)


def sign_in_by_code(work: Path, connection: Connection, *, login: str | None = None, password: str | None = None, oob: bool = False,
                    show: Callable[[str], None], enter: Callable[[], str], seconds: float = 300.0) -> Outcome:
    """Through Cells' own sign-in page. With `login` and `password` without a browser; with `oob` the code is copied by hand (`enter`)
    from the page that shows it; otherwise the browser comes back to this machine."""
    with connection.anonymous() as session:
        provider = Provider(session)
        if login is not None and password is not None:
            grant = CodeFlow(provider, *BROWSER).headless(login, password)
        elif oob:
            flow = CodeFlow(provider, BROWSER[0], session.url + OOB)
            show(flow.address)
            grant = flow.finish(enter())
        else:
            grant = _by_browser(provider, show, seconds)
    return _keep(work, connection, grant)


def _by_browser(provider: Provider, show: Callable[[str], None], seconds: float) -> Grant:
    for client, redirect in (BROWSER, *BROWSER_PORTS):
        try:
            callback = Callback(redirect)
        except OSError:
            continue
        try:
            flow = CodeFlow(provider, client, redirect)
            show(flow.address)
            answered = callback.wait(seconds)
        finally:
            callback.close()
        if not answered:
            raise SignInFailed(url=provider.url, detail="no browser came back in time")
        return flow.finish(answered)
    raise SignInFailed(url=provider.url, detail="no port of 3000 and 3636 to 3666 is free on this machine; use --oob")


def sign_in_by_dex(work: Path, connection: Connection, login: str, password: str, *, path: str, client: str, secret: str) -> Outcome:
    """For Cells 1.x: login and password go to its token service, an id token of some minutes comes back, and is refreshed."""
    with connection.anonymous() as session:
        grant = Provider(session).by_password(login, password, path, client, secret)
    return _keep(work, connection, grant)


def _keep(work: Path, connection: Connection, grant: Grant) -> Outcome:
    """Prove that the grant is an administrator's, then keep it; otherwise end it."""
    checked = replace(connection, tokens=GivenToken(grant.access_token), ask=None)
    try:
        with checked.session(writes=False) as session:
            facts, _ = read_facts(session)
            owner, findings = whoami(session)
            read = session.requests.read
    except MigrationError:
        with connection.anonymous(grant.url) as session:
            Provider(session).revoke(grant)
        raise
    GrantFile(work / GRANT_FILE).save(grant)
    return Outcome(f"Signed in to Cells {facts.version} at {facts.url} as {owner.login}; the sign-in is kept in {work / GRANT_FILE} (0600) and renewed "
                   "by itself.", read=read, findings=findings)


def sign_out(work: Path, connection: Connection | None = None) -> Outcome:
    """Remove what is kept. A sign-in by browser is revoked in Cells first; a personal token cannot be withdrawn over the interface
    of Cells Home: it ends by itself."""
    said = []
    kept = GrantFile(work / GRANT_FILE)
    if kept.path.exists():
        try:
            grant = kept.load()
            with (connection or Connection()).anonymous(grant.url) as session:
                done = Provider(session).revoke(grant)
            said.append("The sign-in is revoked in Cells and removed from this machine." if done else
                        "The sign-in is removed from this machine; Cells did not revoke it, it ends by itself.")
        except MigrationError as error:
            said.append(f"The sign-in is removed from this machine; it could not be revoked ({error.code}), it ends by itself.")
        kept.remove()
    path = work / TOKEN_FILE
    if path.exists():
        path.unlink()
        said.append("The kept token is removed from this machine. In Cells it stays valid until it expires.")
    return Outcome(" ".join(said) or f"No token is kept in {work}.")
