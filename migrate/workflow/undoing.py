"""`undo`: takes back what the journal says this migration made, in reverse order; nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from migrate.cells.reader import read_facts, whoami
from migrate.errors import ExitStatus, Finding, MigrationError, finding_of
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets, WorkLock
from migrate.load.engine import ends_the_run
from migrate.load.perform import Loader
from migrate.transform.actions import Action, CarryFolder, from_json
from migrate.workflow.connect import Connection
from migrate.workflow.keeping import keeping_for
from migrate.workflow.outcome import Outcome
from migrate.workflow.settings import Settings


def undo_migration(work: Path, connection: Connection, *, dry_run: bool, stop: StopSignal, progress: Callable[[str, int], None],
                   break_lock: bool = False) -> Outcome:
    """Reverse every recorded effect that was not taken back yet. Resumable: each reversal is journaled when it is done."""
    with WorkLock(work, break_lock=break_lock), Ledger.open(work) as ledger:
        settings = Settings.load(ledger, work)
        steps = sorted(_steps(ledger), key=lambda step: step[2].phase)
        lines = [f"{type(reverse).__name__}: {name}" for name, _, reverse in steps]
        if dry_run:
            return Outcome(f"{len(steps)} things would be taken back.", lines=lines)
        failed: list[Finding] = []
        with connection.session(settings.cells, writes=True) as session:
            read_facts(session)
            whoami(session)
            keeping = keeping_for(settings, Secrets(work), session, connection)
            loader = Loader(session, ledger, Secrets(work), stop, _carries_nothing, keeping)
            for name, body, reverse in steps:
                stop.check()
                try:
                    loader.perform(reverse, resumed=True)
                except MigrationError as error:
                    if ends_the_run(error):
                        raise
                    failed.append(finding_of(error, "undo", name))
                else:
                    ledger.journal_undone(name, body)
                progress("undo", 1)
            keeping.close()
            read, write = session.requests.read, session.requests.write
        if not failed:
            ledger.forget_outcomes()
        verdict = f"{len(steps) - len(failed)} things were taken back." if not failed else \
            f"{len(steps) - len(failed)} things were taken back, {len(failed)} could not be; see the findings."
        return Outcome(verdict, ExitStatus.INCOMPLETE if failed else ExitStatus.OK, read=read, write=write, findings=failed)


def _steps(ledger: Ledger) -> list[tuple[str, str, Action]]:
    """(action id, its body, what reverses it). Content is not taken back by itself: it goes with its data source or stays."""
    steps = []
    for name, body, _result in ledger.effects():
        action = from_json(body)
        reverse = None if isinstance(action, CarryFolder) else action.reverse()
        if reverse is not None:
            steps.append((name, body, reverse))
    return steps


def _carries_nothing(_action: CarryFolder, _desk: Callable[[], str] | None) -> Mapping[str, Any]:
    raise TypeError("undo carries nothing")
