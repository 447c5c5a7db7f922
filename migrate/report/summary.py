"""Does the sum add up, and what is the verdict in one sentence? The JSON that every command prints."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from migrate.errors import ExitStatus, Finding, MigrationError
from migrate.ledger import Ledger
from migrate.report.words import KINDS, UNCOUNTED, many

Counts = dict[str, dict[str, int]]
OUTCOMES = ("migrated", "already", "skipped", "failed")
CARRYING = frozenset({"apply", "run", "migrate", "demo", "verify", "finish"})
"""Commands after which everything must have an outcome."""


class ReportDoesNotAddUp(MigrationError):
    """Found is not the sum of migrated, already there, skipped and failed: something vanished on the way. The program never says "complete" then."""

    code = "E6010"
    title = "The sum does not add up: {detail}."
    remedy = "Run `apply` again. If it stays, report it with the ledger's counts (`status --json`): something was neither carried nor left out with a reason."
    exit_status = ExitStatus.INTERNAL


def counts_of(ledger: Ledger) -> Counts:
    """kind -> found, migrated, already, skipped, failed, open; kinds in the order people think of them."""
    counts = {kind: row for kind, row in ledger.counts().items() if kind not in UNCOUNTED}
    order = list(KINDS)
    return dict(sorted(counts.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def open_items(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """kind -> how many have no outcome; kinds whose sum adds up are absent."""
    missing = {kind: row.get("found", 0) - sum(row.get(name, 0) for name in OUTCOMES) for kind, row in counts.items()}
    return {kind: number for kind, number in missing.items() if number}


def must_add_up(counts: Mapping[str, Mapping[str, int]]) -> None:
    """ReportDoesNotAddUp when something has no outcome."""
    missing = open_items(counts)
    if missing:
        detail = ", ".join(f"{number} of {counts[kind].get('found', 0)} {kind} have no outcome" for kind, number in missing.items())
        raise ReportDoesNotAddUp(detail=detail)


def build_summary(ledger: Ledger, command: str, exit_status: ExitStatus, *, read: int = 0, write: int = 0, sentence: str | None = None,
                  findings: Iterable[Finding] | None = None, partial: bool = False) -> dict[str, Any]:
    """The contract object. `findings` None: all of the ledger. `partial`: only a part was asked for (`--only`), so open items
    are in order. ReportDoesNotAddUp when a command that carries ends with status 0 or 3 and items without outcome."""
    counts = counts_of(ledger)
    if command in CARRYING and command != "verify" and exit_status in (ExitStatus.OK, ExitStatus.INCOMPLETE) and not partial:
        must_add_up(counts)
    found = [f for _, f in ledger.findings()] if findings is None else list(findings)
    summary: dict[str, Any] = {
        "command": command,
        "verdict": sentence or sentence_of(ledger, command, exit_status, counts),
        "exit": int(exit_status),
        "counts": {kind: {name: row.get(name, 0) for name in ("found", *OUTCOMES)} for kind, row in counts.items()},
        "requests": {"read": read, "write": write},
        "findings": [dataclasses.asdict(f) for f in found],
    }
    if command == "verify":
        summary["differences"] = (ledger.get("verify") or {}).get("differences", [])
    return summary


def sentence_of(ledger: Ledger, command: str, exit_status: ExitStatus, counts: Mapping[str, Mapping[str, int]] | None = None) -> str:
    """The verdict of a command in one sentence. Never says "complete" unless the sum adds up."""
    counts = counts_of(ledger) if counts is None else counts
    found = {kind: row.get("found", 0) for kind, row in counts.items()}
    if command in ("assess", "inventory"):
        facts = ledger.get("installation") or {}
        name = f"{facts.get('application', 'The old installation')} {facts.get('version', '')}".strip()
        parts = [many(found.get("users", 0), "person", "people"), many(found.get("workspaces", 0), "workspace"),
                 many(found.get("shares", 0), "share"), many(found.get("files", 0), "file or folder", "files and folders")]
        problems = _severe(ledger, "extract")
        told = f"; {many(problems, 'thing needs', 'things need')} a look before the move" if problems else "; nothing stands in the way"
        return f"{name} with {', '.join(parts)}{told}."
    if command == "plan":
        states = ledger.action_states()
        todo = states.get("planned", 0) + states.get("started", 0)
        skipped = sum(row.get("skipped", 0) for row in counts.values())
        left = f"; {many(skipped, 'item')} would be left out, each with its reason" if skipped else "; nothing would be left out"
        if not todo:
            return f"Nothing is left to do: Cells already holds what the plan asks for{left}."
        return f"Rehearsal only, nothing was written: {many(todo, 'change')} to Cells planned{left}."
    if command == "verify":
        return (ledger.get("verify") or {}).get("sentence") or "Nothing was compared."
    return _carried(exit_status, counts)


def _carried(exit_status: ExitStatus, counts: Mapping[str, Mapping[str, int]]) -> str:
    total = {name: sum(row.get(name, 0) for row in counts.values()) for name in ("found", *OUTCOMES)}
    missing = sum(open_items(counts).values())
    if exit_status is ExitStatus.INTERRUPTED:
        return f"Interrupted: {total['migrated'] + total['already']:,} of {total['found']:,} items are in Cells. Run the same command again to go on."
    if missing:
        return f"Not complete: {many(missing, 'item')} of {total['found']:,} without outcome so far."
    if total["failed"]:
        return (f"Finished, but {many(total['failed'], 'item')} of {total['found']:,} failed and {total['skipped']:,} were left out with a reason; "
                f"{total['migrated'] + total['already']:,} are in Cells.")
    if total["skipped"]:
        return f"Complete, with exceptions: {total['migrated'] + total['already']:,} of {total['found']:,} items are in Cells, " \
               f"{total['skipped']:,} were left out, each with its reason."
    if exit_status is not ExitStatus.OK:
        return f"Ended with status {int(exit_status)}: {total['migrated'] + total['already']:,} of {total['found']:,} items are in Cells."
    return f"Complete: all {total['found']:,} items are in Cells."


def _severe(ledger: Ledger, *stages: str) -> int:
    return sum(1 for _, f in ledger.findings(*stages) if f.severity != "info")
