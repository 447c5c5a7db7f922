"""Which checks of passwords can be made: what is known here (passwords, the database of Cells) decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from migrate.cells.api import discovery
from migrate.cells.session import Session
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets
from migrate.load.passwords import SCHEMES, Keeping, TrialFailed, prove
from migrate.load.perform import Loader
from migrate.verify import passwords as checks
from migrate.verify.logins import read_passwords
from migrate.verify.verify import Further
from migrate.verify.webdav import by_webdav
from migrate.workflow.connect import Connection
from migrate.workflow.keeping import choice_of, keeping_for
from migrate.workflow.settings import Settings


@contextmanager
def password_checks(ledger: Ledger, secrets: Secrets, settings: Settings, session: Session, connection: Connection, file: Path | None = None,
                    plant: bool = False) -> Any:
    """Gives the checks to run. `file`: CSV of old logins and passwords, 0600. `plant`: try the route with planted accounts, one for
    each way old passwords were stored, removed again; `session` must allow writes then."""
    keeping = keeping_for(settings, secrets, session, connection)
    known = read_passwords(file) if file is not None else {}
    found: list[Further] = []
    if known:
        found.append(checks.sign_ins(ledger, session, known))
    if keeping.database is not None:
        keeping.database.check()
        found.append(checks.stored(ledger, keeping.forms.get, _reader(keeping), lambda login: secrets.get("user", login)))
    if plant:
        found.append(lambda _expected, verdict: _planted(ledger, secrets, settings, session, keeping, verdict))
    if not found:
        found.append(checks.unproven(ledger))
    if connection.via == "dav":
        found.append(by_webdav(ledger, session, lambda: discovery.state(session).login, known))
    try:
        yield found
    finally:
        keeping.close()


def _reader(keeping: Keeping) -> Any:
    def read(uuids: Sequence[str]) -> Mapping[str, str]:
        database = keeping.database
        return {} if database is None else {uuid: row.form for uuid, row in database.read(uuids).items()}
    return read


def _planted(ledger: Ledger, secrets: Secrets, settings: Settings, session: Session, keeping: Keeping, verdict: Any) -> None:
    route = "rpc" if choice_of(settings).keep_by == "rpc" else "sql"
    tools = Loader(session, ledger, secrets, StopSignal(), lambda _action, _desk: {}, keeping).tools
    for scheme in SCHEMES:
        verdict.checked["planted accounts"] += 1
        try:
            prove(tools, keeping, route, scheme)
        except TrialFailed as error:
            verdict.differs("passwords", f"planted account ({scheme})", "signs in with its old password", error.fields.get("detail"))
