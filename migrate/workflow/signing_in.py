"""`login` and `logout`: keep a checked token in the work folder, and remove it again."""

from __future__ import annotations

import os
from pathlib import Path

from migrate.cells.auth import GivenToken, usable
from migrate.cells.reader import read_facts, whoami
from migrate.logs import keep_out
from migrate.workflow.connect import TOKEN_FILE, Connection
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


def sign_out(work: Path) -> Outcome:
    """Remove the kept token. Cells Home cannot withdraw a personal token over its interface: it ends by itself."""
    path = work / TOKEN_FILE
    if not path.exists():
        return Outcome(f"No token is kept in {work}.")
    path.unlink()
    return Outcome("The kept token is removed from this machine. In Cells it stays valid until it expires.")
