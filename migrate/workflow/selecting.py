"""Which part of the plan does this `apply` carry out (`--only`, `--user`, `--workspace`), and what waits?"""

from __future__ import annotations

from collections.abc import Callable

from migrate.errors import ExitStatus, MigrationError
from migrate.ledger import Ledger, State
from migrate.transform.actions import Action, from_json
from migrate.transform.selection import NEEDS, Chosen, Selection
from migrate.workflow.sums import Sums


class UnknownChoice(MigrationError):
    """A kind, login or workspace id that the old server does not have."""

    code = "E2011"
    title = "{option} {name}: there is no such {what} in the plan."
    remedy = "Kinds are those of the report; logins and workspace ids those of the old server, spelt exactly (see `inventory` or plan.html)."
    exit_status = ExitStatus.USAGE


def require_known(ledger: Ledger, selection: Selection | None) -> None:
    """A misspelt name must not look like work done."""
    if not selection:
        return
    for kind in sorted(selection.kinds - NEEDS.keys()):
        raise UnknownChoice(option="--only", name=kind, what="kind")
    for login in sorted(selection.users):
        if ledger.record("users", login) is None:
            raise UnknownChoice(option="--user", name=login, what="person")
    for wid in sorted(selection.workspaces):
        if ledger.record("workspaces", wid) is None:
            raise UnknownChoice(option="--workspace", name=wid, what="workspace")


def chosen_of(ledger: Ledger, selection: Selection | None) -> Callable[[Action], bool] | None:
    """What the engine carries out; None for everything."""
    if not selection:
        return None
    return Chosen.of(selection, (from_json(row.body) for row in ledger.actions(State.PLANNED, State.STARTED))).wants


def part_done(ledger: Ledger, selection: Selection, whole: Sums) -> Sums:
    """The verdict of a part: never that all is complete while something waits."""
    states = ledger.action_states()
    waiting = states.get(State.PLANNED.value, 0)
    if not waiting or states.get(State.STARTED.value, 0):
        return whole
    failed = states.get(State.FAILED.value, 0)
    rest = f"{waiting} planned changes wait: run `apply` without --only, --user and --workspace."
    if failed:
        return Sums(f"Of the chosen part {failed} things failed; see the report. {rest}", ExitStatus.INCOMPLETE, whole.lines)
    return Sums(f"The chosen part is done. {rest}", ExitStatus.OK, whole.lines)
