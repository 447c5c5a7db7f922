"""`demo`: the whole way on the bundled installation, against the stand-in; everything is said as an administrator would see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from migrate.cells.auth import GivenToken
from migrate.cells.sandbox import Sandbox
from migrate.errors import ExitStatus
from migrate.interrupt import StopSignal
from migrate.workflow.assessing import assess_installation
from migrate.workflow.connect import Connection
from migrate.workflow.migrating import migrate_all
from migrate.workflow.outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]


def demonstrate(work: Path, *, progress: Callable[[str, int], None], say: Callable[[str], None]) -> Outcome:
    """Assess, then plan, apply, verify and report. The bundled installation holds two damaged records on purpose: they are
    findings, and what depends on them gives less."""
    from fixtures.generator import demo_installation  # only here: the program itself does not need the generator

    start = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    (work / "DEMO").touch()
    legacy = demo_installation(ROOT / "fixtures" / "demo")
    say(f"1. Reading the bundled old installation ({legacy.relative_to(ROOT)}).")
    assessed = assess_installation(work, legacy, None, {}, progress=progress)
    say(f"   {assessed.verdict}")
    with Sandbox() as sandbox, StopSignal() as stop:
        say(f"2. Migrating it into the built-in stand-in for Cells at {sandbox.url}.")
        connection = Connection(url=sandbox.url, tokens=GivenToken(sandbox.token))
        migrated = migrate_all(work, legacy, None, {}, connection, mappings=None, masks="enforce", data_source="legacy", recycle="skip",
                               accept_skips=True, stop=stop, progress=progress, say=lambda text: say("   " + text))
    report = (work / "report.html").resolve()
    status = migrated.exit
    if status is ExitStatus.INCOMPLETE and not any(row["failed"] for row in migrated.counts.values()):
        status = ExitStatus.OK  # the two damaged records are part of the demonstration, and are in the report
    return Outcome(f"{migrated.verdict} Report: {report}", status, counts=migrated.counts, read=migrated.read, write=migrated.write,
                   findings=migrated.findings, lines=[*migrated.lines[:-1], f"Took {time.monotonic() - start:.0f} s."], extra=migrated.extra)
