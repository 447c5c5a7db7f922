"""`finish`: removes what only the tool needed, once the result is proven."""

from __future__ import annotations

import time
from pathlib import Path

from migrate.cells.api import acls, workspaces
from migrate.cells.reader import read_facts, whoami
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError
from migrate.ledger import Ledger, Secrets, WorkLock
from migrate.load.loans import give_back
from migrate.transform.actions import DESK, OpenDesk, from_json
from migrate.workflow.connect import Connection
from migrate.workflow.handing import handed_over, remove
from migrate.workflow.outcome import Outcome
from migrate.workflow.settings import Settings
from migrate.workflow.stage import stage


class NotProven(MigrationError):
    """`verify` has not run since the last change, or found differences."""

    code = "E2007"
    title = "Nothing is cleaned up: {detail}."
    remedy = "Run `verify`; settle what differs; then run `finish` again."
    exit_status = ExitStatus.DIFFERENT


def finish_migration(work: Path, connection: Connection, *, dry_run: bool, break_lock: bool = False) -> Outcome:
    """Remove temporary workspaces and the tool's own rights from Cells, and the secrets file from the work folder."""
    with WorkLock(work, break_lock=break_lock), Ledger.open(work) as ledger, stage(ledger, "finish --dry-run" if dry_run else "finish"):
        settings = Settings.load(ledger, work)
        verdict = ledger.get("verify")
        if verdict is None:
            raise NotProven(detail="`verify` has not run")
        if not verdict["equal"]:
            raise NotProven(detail=f"`verify` found {verdict['number']} differences")
        with connection.session(settings.cells, writes=not dry_run) as session:
            read_facts(session)
            owner, _ = whoami(session)
            lines = _desks(ledger, session, dry_run=dry_run)
            if ledger.get("loans"):
                lines.append("rights that the loader lent itself")
                if not dry_run:
                    give_back(session, ledger)
            read, write = session.requests.read, session.requests.write
        secrets = Secrets(work)
        if secrets.path.exists():
            lines.append(f"{secrets.path} (temporary passwords): hand over what is needed first")
            if not dry_run:
                secrets.erase()
        for path in handed_over(work):
            lines.append(f"{path}: holds passwords; hand over what is needed first")
            if not dry_run:
                remove(path)
        lines.append(f"The token of {owner.login} is yours to withdraw: let it expire, or remove it on the server (`cells admin user token`).")
        if not dry_run:
            ledger.put("finished", int(time.time()))
        word = "would be removed" if dry_run else "were removed"
        return Outcome(f"{len(lines) - 1} things of the tool {word}.", read=read, write=write, lines=lines)


def _desks(ledger: Ledger, session: Session, *, dry_run: bool) -> list[str]:
    """Desks that an interrupted run may have left, with their rights."""
    lines = []
    desks = {action.uuid: action for action in (from_json(body) for _, body in ledger.ever(DESK)) if isinstance(action, OpenDesk)}
    for uuid, desk in desks.items():
        there = workspaces.get_workspace(session, uuid)
        rules = acls.search_acls(session, workspaces=[uuid], roles=[desk.loader_role])
        if there is None and not rules:
            continue
        lines.append(f"temporary workspace {desk.slug}")
        if dry_run:
            continue
        if there is not None:
            workspaces.delete_workspace(session, uuid, there.slug)
        for rule in acls.search_acls(session, workspaces=[uuid], roles=[desk.loader_role]):
            acls.delete_acl(session, rule)
    return lines
