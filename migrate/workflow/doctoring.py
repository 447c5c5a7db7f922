"""`doctor`: is this server fit, is this token fit, and if not, what to do."""

from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass

from migrate.cells.api import datasources, tree
from migrate.cells.reader import read_facts, whoami
from migrate.cells.session import Session
from migrate.errors import ExitStatus, Finding, MigrationError, Severity, code, finding
from migrate.workflow.connect import Connection
from migrate.workflow.outcome import Outcome

CLOCK_OFF = code("F4901", Severity.WARNING, "The clock of {subject} differs from this machine's by {seconds} seconds.",
                 "Set both clocks; uploads are signed with the time and are refused when it is off by more than 15 minutes.")
NO_DEFAULT = code("F4902", Severity.WARNING, "{subject} has no local data source beside which the old files could be put.",
                  "Make a data source in Cells and name it with --data-source.")


@dataclass(frozen=True)
class Check:
    """One line of the doctor's answer."""

    name: str
    good: bool
    text: str
    remedy: str = ""

    @property
    def line(self) -> str:
        mark = "ok  " if self.good else "BAD "
        return f"{mark} {self.name:14} {self.text}" + (f"\n                    -> {self.remedy}" if self.remedy else "")


def examine(connection: Connection) -> Outcome:
    """Check one thing after the other; the first that makes the rest pointless ends it, and is the exit status."""
    checks: list[Check] = []
    findings: list[Finding] = []
    status = ExitStatus.OK
    read = 0
    try:
        with connection.session(writes=False) as session:
            try:
                _all(session, checks, findings)
            finally:
                read = session.requests.read
    except MigrationError as error:
        checks.append(Check(_step(error), False, error.message, error.next_step))
        status = error.exit_status
    bad = [c for c in checks if not c.good]
    verdict = "This server and this token are fit for a migration." if not bad else f"Not fit yet: {bad[0].text}"
    if bad and status is ExitStatus.OK:
        status = ExitStatus.INCOMPLETE
    return Outcome(verdict, status, read=read, findings=findings, lines=[c.line for c in checks],
                   extra={"checks": [{"name": c.name, "good": c.good, "text": c.text, "remedy": c.remedy} for c in checks]})


def _all(session: Session, checks: list[Check], findings: list[Finding]) -> None:
    page = session.page("/a/config/discovery")
    checks.append(Check("reached", True, session.url))
    facts, found = read_facts(session)
    findings += found
    checks.append(Check("server", True, f"Cells {facts.version}, {facts.edition} edition, handled as version {facts.major}"))
    owner, found = whoami(session)
    findings += [*found, *session.findings]
    checks.append(Check("token", True, f"belongs to {owner.login}, an administrator"))
    _clock(page.headers.get("Date") if hasattr(page, "headers") else None, session, checks, findings)
    sources = datasources.list_data_sources(session)
    local = [s.name for s in sources if s.storage == "LOCAL" and s.folder]
    checks.append(Check("data sources", bool(local), ", ".join(f"{s.name} ({s.storage}{', flat' if s.flat else ''})" for s in sources),
                        "" if local else "Make a data source in Cells and name it with --data-source."))
    if not local:
        findings.append(finding(NO_DEFAULT, "server", session.url))
    listed = sum(1 for _ in tree.admin_list(session))
    checks.append(Check("tree", listed > 0, f"{listed} data sources answer" if listed else "no data source answers",
                        "" if listed else "Restart Cells; its data sources do not run."))
    features = facts.features
    missing = [text for has, text in ((features.role_order, "roles keep no order"), (features.policy_closes, "workspaces are closed by a deny"),
                                      (features.content_hash, "no content hash: files are compared by ETag"),
                                      (features.wide_characters, "no characters like emoji in names")) if not has]
    checks.append(Check("features", True, "; ".join(missing) if missing else "all that a migration uses"))


def _clock(date: str | None, session: Session, checks: list[Check], findings: list[Finding]) -> None:
    if not date:
        return
    try:
        seconds = round(abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()))
    except (TypeError, ValueError):
        return
    good = seconds < 300
    checks.append(Check("clock", good, f"differs by {seconds} seconds", "" if good else "Set both clocks."))
    if not good:
        findings.append(finding(CLOCK_OFF, "server", session.url, seconds=seconds))


def _step(error: MigrationError) -> str:
    return {ExitStatus.NOT_AUTHORISED: "token", ExitStatus.CELLS_UNREACHABLE: "reached"}.get(error.exit_status, "check")
