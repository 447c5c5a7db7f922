"""`migrate`: plan, apply, verify and report in one, unattended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from migrate.errors import ExitStatus
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets, WorkLock
from migrate.ledger.lock import ServerLock
from migrate.workflow.applying import carry_out, finish_apply
from migrate.workflow.connect import Connection
from migrate.workflow.keeping import Choice
from migrate.workflow.noting import keep_people, without_people
from migrate.workflow.outcome import Outcome
from migrate.workflow.rehearsal import plan_with
from migrate.workflow.settings import Settings
from migrate.workflow.stage import stage
from migrate.workflow.verifying import verify_with

Progress = Callable[[str, int], None]


def migrate_all(work: Path, legacy: Path, database: str | None, path_map: Mapping[str, str], connection: Connection, *, mappings: Path | None, masks: str,
                data_source: str, recycle: str, accept_skips: bool, stop: StopSignal, progress: Progress, say: Callable[[str], None],
                passwords: Choice | None = None, shares: Mapping[str, Any] | None = None, files: Mapping[str, Any] | None = None,
                comments: str = "both", notes: Mapping[str, Any] | None = None, delta: Mapping[str, Any] | None = None, break_lock: bool = False) -> Outcome:
    """One lock, three steps. The exit status is the worst of them; what was done before is found again and not repeated."""
    settings = Settings(legacy=str(legacy.resolve()), path_map=dict(path_map), database_given=database is not None, cells=(connection.url or "").rstrip("/"),
                        mappings=str(mappings.resolve()) if mappings else "", masks=masks, data_source=data_source, recycle=recycle, now=int(time.time()),
                        passwords=(passwords or Choice()).plain(), shares=dict(shares or {}), files=dict(files or {}), comments=comments,
                        notes=without_people(notes), delta=dict(delta or {}))
    with WorkLock(work, break_lock=break_lock), Ledger.create(work) as ledger:
        secrets = Secrets(work)
        settings.save(ledger, secrets, database)
        keep_people(secrets, notes)
        with ServerLock(settings.cells), stage(ledger, "migrate"):
            planned = plan_with(work, ledger, secrets, settings, connection, progress=progress, stop=stop)
            say(planned.verdict)
            stop.check()
            with connection.session(settings.cells, writes=True) as session:
                carry_out(work, ledger, secrets, settings, session, connection, stop=stop, progress=progress, workers=connection.workers,
                          break_lock=break_lock)
                applied = finish_apply(work, ledger, secrets, settings, session, accept_skips=accept_skips)
                say(applied.verdict)
                stop.check()
                written = session.requests.write
                verified = verify_with(work, ledger, session, connection, progress=progress)
                read = planned.read + session.requests.read
    status = ExitStatus.worst(planned.exit, applied.exit, verified.exit)
    findings = [*planned.findings, *(f for f in applied.findings if f not in planned.findings), *verified.findings]
    return Outcome(f"{applied.verdict} {verified.verdict}", status, counts=applied.counts, read=read, write=written,
                   findings=findings, lines=applied.lines, extra=verified.extra)
