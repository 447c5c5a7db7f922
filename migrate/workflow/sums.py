"""Does it add up? found = migrated + already there + skipped + failed, for every kind; what that means for the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from migrate.errors import ExitStatus, Finding, Severity, catalogue, known
from migrate.ledger import Ledger, State
from migrate.load.engine import NeedFailed
from migrate.transform.actions import SetRight, from_json


@dataclass
class Sums:
    """The verdict of a run: one sentence, exit status and a line for each kind."""

    verdict: str
    exit: ExitStatus
    lines: list[str] = field(default_factory=list)


RIGHT_FAILED = "E4907"


def settle_rights(ledger: Ledger) -> None:
    """Say for every person and workspace whether the planned right stands: the account, the workspace and every grant that
    bears on it were made. A failed grant counts against everybody of its workspace: less is claimed, never more."""
    users = {key: outcome for key, outcome, _ in ledger.unsettled("users")}
    workspaces = {key: outcome for key, outcome, _ in ledger.unsettled("workspaces")}
    for key, outcome, _ in ledger.unsettled("shares"):  # a share counts under its child workspace
        if outcome == "failed":
            workspaces[key.partition("\0")[0]] = outcome
    uuids = {body.get("uuid"): key for key, body in ledger.targets("workspaces")}
    broken: set[str] = set()
    for row in ledger.actions(State.FAILED):
        action = from_json(row.body)
        if isinstance(action, SetRight):
            broken.add(uuids.get(action.workspace, action.workspace))
    open_rights = any(row.kind == "grants" for row in ledger.actions(State.PLANNED, State.STARTED))
    stood = "migrated" if any(row.kind == "grants" for row in ledger.actions(State.DONE)) else "already"

    def rows() -> Iterator[tuple[str, str, str, str | None]]:
        for login, workspace, _before, _planned, code in ledger.access():
            if code is not None and code != RIGHT_FAILED:
                continue
            if users.get(login) == "failed" or workspaces.get(workspace) == "failed" or workspace in broken or "" in broken:
                yield login, workspace, "failed", RIGHT_FAILED
            elif not open_rights:
                yield login, workspace, stood, None

    ledger.settle_access(list(rows()))


FAILED = "failed"
"""Stage of the findings about what failed."""


def without_record(ledger: Ledger) -> Iterator[Finding]:
    """What failed and is nobody's record (something is taken back, a desk is closed, a right given): it is told by itself. What was not tried
    because something else failed is told there."""
    codes = None
    for row in ledger.actions(State.FAILED):
        if not row.record and row.code and row.code != NeedFailed.code:
            codes = codes or catalogue()
            entry = codes.get(row.code)
            yield Finding(row.code, Severity.ERROR.value, row.kind, row.id, row.detail or row.code, entry.remedy if entry else "")


def _harmless(why: str) -> bool:
    """Whether leaving something out for this reason loses nothing (a page of the old application, a role of its machinery)."""
    entry = known(why)
    return entry is not None and entry.severity is Severity.INFO


def sums(ledger: Ledger, counts: Mapping[str, Mapping[str, int]], *, accept_skips: bool) -> Sums:
    """Whether everything has an outcome, and what it is."""
    lines, missing, failed, skipped = [], 0, 0, 0
    for kind, row in sorted(counts.items()):
        accounted = row["migrated"] + row["already"] + row["skipped"] + row["failed"]
        missing += row["found"] - accounted
        failed += row["failed"]
        skipped += row["skipped"]
        lines.append(f"{kind:12} found {row['found']:>7} = migrated {row['migrated']:>7} + already there {row['already']:>7} + skipped {row['skipped']:>7} "
                     f"+ failed {row['failed']:>5}" + (f"  (open: {row['found'] - accounted})" if row["found"] != accounted else ""))
    harmless = sum(number for _, outcome, why, number in ledger.reasons() if outcome == "skipped" and _harmless(why))
    skipped -= harmless
    states = ledger.action_states()
    failed_actions = states.get(State.FAILED.value, 0)
    if missing or states.get(State.PLANNED.value, 0) or states.get(State.STARTED.value, 0):
        return Sums("Not complete: some things have no outcome yet; run `apply` again.", ExitStatus.INCOMPLETE, lines)
    if failed or failed_actions:
        return Sums(f"Finished, but {max(failed, failed_actions)} things failed; see the report, settle them and run `apply` again.",
                    ExitStatus.INCOMPLETE, lines)
    if skipped and not accept_skips:
        return Sums(f"Finished; everything planned was done, {skipped} things were left out as the plan announced (accept them with --accept-skips).",
                    ExitStatus.INCOMPLETE, lines)
    left = f" {skipped} things were left out, as the plan announced and you accepted." if skipped else ""
    return Sums("Complete: everything that was found is in Cells." + left if not left else "Complete: everything planned is in Cells." + left,
                ExitStatus.OK, lines)
