"""Do real sign-ins see what the rules say? A sample check with people whose passwords are known; nobody's is guessed."""

from __future__ import annotations

import csv
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from migrate.cells.api import discovery, tree
from migrate.cells.auth import GivenToken
from migrate.cells.errors import CellsRefused, CellsUnusable
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError, Severity, code, finding
from migrate.ledger import Ledger
from migrate.rights import Right
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected

NOT_SIGNED_IN = code("F6110", Severity.WARNING, "{subject} could not be signed in: {reason}", "Check login and password; the account may be locked.",
                     "Verification with real sign-ins was asked for. Nobody is tried twice: ten failures lock an account.")
LEFT_BEHIND = code("F6111", Severity.WARNING, "The test folder {path} of {subject} could not be removed.", "Delete it in Cells.")
PROBE = "migration-check-"


class PasswordsUnsafe(MigrationError):
    """The file with passwords can be read by others, or is not a table of login and password."""

    code = "E6110"
    title = "The file {path} cannot be used: {detail}."
    remedy = "Two columns, login,password, or three, login,password,token, without heading; mode 0600 (chmod 600 FILE)."
    exit_status = ExitStatus.USAGE


def read_passwords(path: Path) -> dict[str, str]:
    """Old login -> password, from a CSV file of mode 0600. PasswordsUnsafe otherwise; no password is ever shown."""
    return {login: password for login, (password, _) in read_people(path).items() if password}


def read_people(path: Path) -> dict[str, tuple[str, str]]:
    """Old login -> (password, token), either may be empty. The file is as for `read_passwords`, with a third column where tokens are known."""
    with path.open(encoding="utf-8", newline="") as lines:
        if os.fstat(lines.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PasswordsUnsafe(path=path, detail="others may read it")
        try:
            rows = [row for row in csv.reader(lines) if row]
        except (csv.Error, UnicodeDecodeError):
            raise PasswordsUnsafe(path=path, detail="it is not a CSV file in UTF-8") from None
    for number, row in enumerate(rows, 1):
        if len(row) not in (2, 3):
            raise PasswordsUnsafe(path=path, detail=f"line {number} has not two columns or three")
    return {row[0]: (row[1], row[2].strip() if len(row) == 3 else "") for row in rows}


def check_logins(ledger: Ledger, session: Session, passwords: Mapping[str, str], verdict: Verdict, *, probe: bool = False) -> None:
    """Sign in as each of these people and look at every workspace they had: seen (stat), told, and with `probe` writable (a folder
    is made and removed; `session` must allow writes then). The right wanted is the planned one."""
    expected = Expected.of(ledger)
    pairs = [row for row in ledger.access() if row[0] in passwords]
    for login, password in passwords.items():
        target = expected.users.get(login)
        if target is None:
            verdict.findings.append(finding(NOT_SIGNED_IN, "users", login, reason="this account was not carried"))
            continue
        try:
            token, _ = session.sign_in(target["login"], password)
        except CellsUnusable as error:
            verdict.findings.append(finding(NOT_SIGNED_IN, "users", login, reason=error.message))
            continue
        with session.as_somebody(GivenToken(token)) as person:
            told = {uuid: Right.from_letters(letters) for uuid, letters in discovery.accesses(person).items()}
            for _, old, _, planned, _ in (row for row in pairs if row[0] == login):
                workspace = expected.workspace(old)
                if workspace is None or not workspace.get("slug"):
                    continue
                verdict.checked["sign-ins"] += 1
                wanted = Right.from_letters(planned)
                seen = _right(person, str(workspace["slug"]), told.get(str(workspace["uuid"]), Right.NONE), login, verdict, probe=probe)
                if seen != wanted:
                    verdict.differs("access", f"{login}: {old} (signed in)", wanted.letters or "none", seen.letters or "none", wider=not seen.within(wanted))


def _right(person: Session, slug: str, told: Right, login: str, verdict: Verdict, *, probe: bool) -> Right:
    """What a signed-in person can really do at the root of a workspace: a stat has to succeed, and with `probe` a write."""
    if not tree.caller_can_stat(person, slug):
        return Right.NONE
    if probe and bool(told & Right.WRITE) != _written(person, slug, login, verdict):
        return told ^ Right.WRITE
    return told


def _written(person: Session, slug: str, login: str, verdict: Verdict) -> bool:
    path = f"{slug}/{PROBE}{secrets.token_hex(6)}"
    try:
        if not tree.create_folders(person, [path]):
            return False
    except CellsRefused as error:
        if error.status in (0,) or 502 <= error.status <= 504:
            raise
        return False
    try:
        tree.delete_nodes(person, [path], permanently=True)
    except CellsRefused:
        verdict.findings.append(finding(LEFT_BEHIND, "users", login, path=path))
    return True

