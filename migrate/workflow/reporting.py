"""`status`, `report` and `export`: what the ledger knows, for people, programs and spreadsheets."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from migrate.errors import ExitStatus
from migrate.headway import span
from migrate.ledger import Ledger, State
from migrate.load.meter import carrying
from migrate.report import html
from migrate.report.csv import replace_file, write_csv
from migrate.report.export import write_export
from migrate.report.summary import build_summary
from migrate.workflow.outcome import Outcome
from migrate.workflow.settings import Settings
from migrate.workflow.stage import last_stage
from migrate.workflow.sums import sums

STALE = 600.0
"""Seconds without a note after which a run is not believed to go on (a part of a large file may take minutes)."""


def standing(work: Path) -> Outcome:
    """Where a migration stands and what comes next."""
    with Ledger.open(work) as ledger:
        settings = Settings.load(ledger, work)
        counts, states, verified = ledger.counts(), ledger.action_states(), ledger.get("verify")
        state = sums(ledger, counts, accept_skips=True)
        todo = states.get(State.PLANNED.value, 0) + states.get(State.STARTED.value, 0)
        if ledger.get("target-fingerprint") is None:
            verdict = "Surveyed, not planned. Next: plan."
        elif todo and not states.get(State.DONE.value, 0):
            verdict = f"Planned: {todo} changes. Next: read the plan, then apply."
        elif todo:
            verdict = f"Interrupted: {todo} changes are left. Next: apply."
        elif verified is None:
            verdict = state.verdict + " Next: verify."
        else:
            verdict = state.verdict + f" Verification: {verified['sentence']}"
        told, again = last_stage(ledger, work)
        if again is not None:
            verdict = f"`{again}` did not come to its end. Next: the same command again. {verdict}"
        frozen = ledger.get("frozen")
        if frozen:
            verdict += " The old server was frozen when it was planned." if not frozen["moved"] else " The old server was NOT frozen when it was planned."
        if ledger.get("finished"):
            verdict += " Finished: what only the tool needed is removed."
        lines = [f"Old server: {settings.legacy}", f"Cells: {settings.cells or '-'}", *([told] if told else []), *state.lines]
        reading = carrying(ledger)
        if reading is not None:
            ago = max(0.0, time.time() - reading.time)
            lines.append(f"Content: {reading.sentence} (as of {span(ago)} ago{'; the run seems to have ended early' if ago > STALE else ''}).")
        return Outcome(verdict, counts=counts, lines=lines, findings=[f for _, f in ledger.findings()],
                       extra={"actions": states, "carrying": None if reading is None else asdict(reading)})


def write_report(work: Path) -> Outcome:
    """report.html, report.json, not-green.csv in the work folder."""
    with Ledger.open(work) as ledger:
        Settings.load(ledger, work)
        counts = ledger.counts()
        state = sums(ledger, counts, accept_skips=True)
        page = html.write_report(ledger, work / "report.html")
        number = write_csv(ledger, work / "not-green.csv")
        summary = build_summary(ledger, "report", state.exit)
        replace_file(work / "report.json", lambda out: json.dump(summary, out, indent=1))
        lines = [f"For people: {page}", f"For programs: {work / 'report.json'}", f"Not green ({number} lines): {work / 'not-green.csv'}", *state.lines]
        return Outcome(state.verdict, state.exit, counts=counts, lines=lines, findings=[f for _, f in ledger.findings()])


def export_ids(work: Path, output: Path | None) -> Outcome:
    """The export contract's object, to a file (0600) or stdout."""
    with Ledger.open(work) as ledger:
        Settings.load(ledger, work)
        if output is None:
            write_export(ledger, sys.stdout)
            sys.stdout.flush()
        else:
            replace_file(output, lambda out: write_export(ledger, out))
        return Outcome("What became of each old id is written.", ExitStatus.OK)
