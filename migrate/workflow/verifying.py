"""`verify`: reads Cells on its own and compares."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from migrate.cells.reader import read_facts, whoami
from migrate.cells.session import Session
from migrate.errors import Finding
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets, WorkLock
from migrate.load.sessions import signed_in
from migrate.report import html
from migrate.report.csv import write_csv
from migrate.verify.difference import Options
from migrate.verify.metadata import notes_check
from migrate.verify.target import CellsReader
from migrate.verify.verify import Further, verify
from migrate.workflow.connect import Connection
from migrate.workflow.outcome import Outcome
from migrate.workflow.pace import timed
from migrate.workflow.proving import password_checks
from migrate.workflow.reading_back import deep_check
from migrate.workflow.settings import NotPlanned, Settings
from migrate.workflow.sharing import share_check
from migrate.workflow.stage import stage

Progress = Callable[[str, int], None]


def verify_target(work: Path, connection: Connection, *, progress: Progress, break_lock: bool = False, passwords_file: Path | None = None,
                  plant: bool = False, deep: int = 0, stop: StopSignal | None = None, people: str = "sample", probe: bool = False) -> Outcome:
    """Compare and write the report again; exit 4 when anything differs. `passwords_file`, `plant`: see `proving`. `deep`: percent of the
    files that are downloaded and compared. `people`, `probe`: see `sharing.share_check`."""
    with WorkLock(work, break_lock=break_lock), Ledger.open(work) as ledger, stage(ledger, "verify"):
        settings = Settings.load(ledger, work)
        if ledger.get("target-fingerprint") is None:
            raise NotPlanned(work=work)  # nothing to compare is no proof
        with connection.session(settings.cells, writes=plant or probe or deep > 0) as session:
            read_facts(session)
            whoami(session)
            return verify_with(work, ledger, session, connection, progress=progress, passwords_file=passwords_file, plant=plant, deep=deep, stop=stop,
                               people=people, probe=probe)


def verify_with(work: Path, ledger: Ledger, session: Session, connection: Connection, *, progress: Progress, passwords_file: Path | None = None,
                plant: bool = False, deep: int = 0, stop: StopSignal | None = None, people: str = "sample", probe: bool = False) -> Outcome:
    """Compare in a ledger whose lock is held."""
    before, written = session.requests.read, session.requests.write
    settings = Settings.load(ledger, work)
    masks = settings.masks != "ignore"
    options = Options(masks=masks, checksum=lambda root, path: _md5(ledger, root, path), progress=progress)
    shares = share_check(work, ledger, session, options.checksum, people=people, probe=probe)
    secrets = Secrets(work)
    notes = notes_check(ledger, session, lambda login, old: signed_in(session, ledger, secrets, login, old), options)
    with ExitStack() as opened:
        passwords = opened.enter_context(password_checks(ledger, Secrets(work), settings, session, connection, passwords_file, plant))
        further: list[Further] = [shares, notes, *passwords]
        if deep:
            further.append(opened.enter_context(deep_check(ledger, session, percent=deep, stop=stop or StopSignal(), progress=progress)))
        with timed(ledger, "verify"):
            verdict = verify(ledger, CellsReader(session, workers=4), options=options, further=further)
    page = html.write_report(ledger, work / "report.html")
    write_csv(ledger, work / "not-green.csv")
    findings: list[Finding] = [f for _, f in ledger.findings("verify")]
    return Outcome(verdict.sentence, verdict.exit_status, counts=ledger.counts(), read=session.requests.read - before, write=session.requests.write - written,
                   findings=findings, lines=[f"Report: {page}"],
                   extra={"differences": [d.as_json() for d in verdict.differences], "report": str(page)})


def _md5(ledger: Ledger, root: str, path: bytes) -> str | None:
    """MD5 of an old file; None when it cannot be read."""
    folder = (ledger.record("roots", root) or {}).get("folder")
    if not folder:
        return None
    total = hashlib.md5(usedforsecurity=False)
    try:
        with open(os.path.join(os.fsencode(folder), path.lstrip(b"/")), "rb") as file:
            while piece := file.read(1 << 20):
                total.update(piece)
    except OSError:
        return None
    return total.hexdigest()
