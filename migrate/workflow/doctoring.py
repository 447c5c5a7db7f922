"""`doctor`: is this server fit, is this token fit, and if not, what to do."""

from __future__ import annotations

import email.utils
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from migrate.cells.api import config, datasources, discovery, tree
from migrate.cells.dav import Dav, DavRefused
from migrate.cells.errors import CellsRefused, CellsUnreachable
from migrate.cells.models import DataSource
from migrate.cells.oauth import Provider, origin
from migrate.cells.reader import TOKEN_SCOPED, read_facts, whoami
from migrate.cells.session import Session
from migrate.cells.transport import in_clear
from migrate.errors import ExitStatus, Finding, MigrationError, Severity, code, finding
from migrate.load.cells_database import CellsDatabase
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
                _token_end(connection, session, checks)
            finally:
                read = session.requests.read
    except MigrationError as error:
        checks.append(Check(_step(error), False, error.message, error.next_step))
        status = error.exit_status
    bad = [c for c in checks if not c.good]
    verdict = "This server and this token are fit for a migration." if not bad else f"Not fit yet: {bad[0].text}"
    if bad and status is ExitStatus.OK:
        status = ExitStatus.NOT_AUTHORISED if any(c.name == "token" for c in bad) else ExitStatus.INCOMPLETE
    return Outcome(verdict, status, read=read, findings=findings, lines=[c.line for c in checks],
                   extra={"checks": [{"name": c.name, "good": c.good, "text": c.text, "remedy": c.remedy} for c in checks]})


def _all(session: Session, checks: list[Check], findings: list[Finding]) -> None:
    page = session.page("/a/config/discovery")
    checks.append(Check("reached", True, session.url))
    checks.append(_encryption(session))
    facts, found = read_facts(session)
    findings += found
    checks.append(Check("server", True, f"Cells {facts.version}, {facts.edition} edition, handled as version {facts.major}"))
    owner, found = whoami(session)
    findings += [*found, *session.findings]
    scoped = next((f for f in found if f.code == TOKEN_SCOPED.code), None)
    checks.append(Check("token", scoped is None, scoped.message if scoped else f"belongs to {owner.login}, an administrator", scoped.remedy if scoped else ""))
    checks.append(_address(session))
    _clock(page.headers.get("date"), session, checks, findings)
    sources = datasources.list_data_sources(session)
    checks += [_rate(page.headers, session), _gateway(session), _webdav(session, owner.login), _space(session, sources), _mailer(session), _browser(session)]
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


def _encryption(session: Session) -> Check:
    """A certificate that is not accepted ends the way before this; its error says how to trust it."""
    if session.url.startswith("http:"):
        clear = in_clear(session.url)
        return Check("encryption", not clear, "none" + ("" if clear else "; it stays on this machine"),
                     "Use https, or run the migration on the server itself." if clear else "")
    if session.verify is False:
        return Check("encryption", False, "TLS, but the certificate is not checked (--insecure)",
                     "Give the certificate of the authority: --ca-bundle FILE. Cells makes its own one in certs/rootCA.pem of its working folder.")
    return Check("encryption", True, "TLS, certificate checked" + (f" with {session.verify}" if isinstance(session.verify, str) else ""))


def _rate(headers: Mapping[str, str], session: Session) -> Check:
    limit = headers.get("x-ratelimit-limit")
    if not limit:
        return Check("rate limit", True, "none")
    return Check("rate limit", int(limit) >= 50 if limit.isdigit() else False, f"{limit} requests a second for each service and address",
                 "Start Cells without CELLS_WEB_RATE_LIMIT for the time of the migration, or use fewer --workers.")


def _gateway(session: Session) -> Check:
    """The S3 gateway answers an unsigned request with an error of its own kind; anything else does not come from it."""
    try:
        answer = session.page("/io/?list-type=2")
    except MigrationError as error:
        return Check("uploads (S3)", False, error.message, "Restart Cells; if a proxy lies before it, let it pass /io with the Host header unchanged.")
    good = answer.content_type in ("application/xml", "text/xml") and b"AccessDenied" in answer.body
    return Check("uploads (S3)", good, "the gateway answers" if good else f"/io answers {answer.status} {answer.content_type or 'nothing'}",
                 "" if good else "Check that the S3 gateway of Cells runs, and that a proxy before it passes /io.")


def _webdav(session: Session, login: str) -> Check:
    """The other way of the bytes (`--via dav`), and how many people mount their files. Green in any case: nothing depends on it by default."""
    try:
        number = len(Dav(session, lambda: login).names())
    except (DavRefused, CellsUnreachable, CellsRefused) as error:
        return Check("webDAV", True, f"not usable here ({error.code}): --via dav cannot be used",
                     "A proxy before Cells has to pass /dav and the Authorization header.")
    return Check("webDAV", True, f"answers, {number} workspaces of {login}")


def _address(session: Session) -> Check:
    """What Cells calls itself: links in mails, addresses of public links and the sign-in by browser are made of it."""
    endpoints = discovery.discover(session).get("Endpoints")
    told = str((endpoints if isinstance(endpoints, dict) else {}).get("frontend") or "").rstrip("/")
    if not told or origin(told) == origin(session.url):
        return Check("address", True, "Cells knows itself by this address")
    return Check("address", True, f"Cells calls itself {told}",
                 f"Addresses of links are made of that. If people are to use {session.url}, declare it on the server: cells configure sites. "
                 f"For `login --oauth` give --cells {told}.")


def _space(session: Session, sources: Sequence[DataSource]) -> Check:
    """Cells does not tell; where it runs on this machine, the disk does."""
    host = urlsplit(session.url).hostname or ""
    if host not in ("localhost", "127.0.0.1", "::1"):
        return Check("free space", True, "not told by Cells: look on its machine")
    folders = sorted({s.folder for s in sources if s.folder and os.path.isdir(s.folder)})
    if not folders:
        return Check("free space", True, "not known: its data folders are not on this machine")
    least = min(folders, key=lambda folder: shutil.disk_usage(folder).free)
    free = shutil.disk_usage(least).free
    good = free > 1 << 30
    return Check("free space", good, f"{free / (1 << 30):.1f} GiB where {least} lies", "" if good else "Make room there first.")


def _mailer(session: Session) -> Check:
    least = config.minimum_password_length(session)
    mail = "mail server set" if config.mailer_set(session) else "no mail server set: --passwords reset cannot be used"
    return Check("passwords", True, f"at least {least} characters; {mail}")


def _browser(session: Session) -> Check:
    try:
        Provider(session).discover()
    except MigrationError as error:
        return Check("login --oauth", True, f"not at this address ({error.code}); personal access tokens work all the same")
    return Check("login --oauth", True, "offered")


def _token_end(connection: Connection, session: Session, checks: list[Check]) -> None:
    """Cells never tells when a token ends; its database does."""
    if not connection.database:
        checks.append(Check("token's end", True, "not told by Cells: make one that lives longer than the migration, or give --token-command"))
        return
    database = CellsDatabase(connection.database)
    try:
        end = database.token_end(session.tokens.token())
        checks.append(Check("database", True, "reached"))
    finally:
        database.close()
    if end is None:
        checks.append(Check("token's end", True, "renewed by itself"))
        return
    hours = (end - time.time()) / 3600
    checks.append(Check("token's end", hours > 2, f"in {hours:.1f} hours", "" if hours > 2 else "Make one that lives longer, or give --token-command."))


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
