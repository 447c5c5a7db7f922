"""Can Cells send the mails that `--passwords reset` asks for? Told when planning, and refused before the first write.

Cells answers a request for a mail with success whether it could send it or not; so what is set is looked at beforehand."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.cells.api import config
from migrate.cells.session import Session
from migrate.errors import ExitStatus, Finding, MigrationError, Severity, code, finding
from migrate.ledger import Ledger, State
from migrate.transform.actions import RequestReset, from_json

NO_MAILER = code(
    "F2809", Severity.ERROR, "{subject} are to get a mail with a link to set their password, and Cells has no mail server set.",
    "Set one in Cells (Application Parameters, Mailer, and its test button), then `apply`; or plan with --passwords temporary.",
    "`apply` refuses to begin until a mail server is set, because Cells answers every request for a mail with success.")
SHORT_LINKS = code(
    "F2810", Severity.WARNING, "{subject} get a mail with a link that works for 20 minutes.",
    "Run `apply` when they read their mail, and tell them: later on `Forgot password?` on the sign-in page mails them another one.",
    "The time is fixed in Cells. Whether a mail arrives cannot be seen from here: look into the log of the mail server.")


class MailerMissing(MigrationError):
    """People are to get a mail, and Cells has no mail server set. Nothing was written."""

    code = "E4925"
    title = "{number} people are to get a mail with a link to set their password, and Cells has no mail server set."
    remedy = "Set one in Cells (Application Parameters, Mailer), then run `apply` again; or plan with --passwords temporary."
    exit_status = ExitStatus.USAGE


def mail_findings(ledger: Ledger, session: Session) -> Iterator[Finding]:
    """What to know of the mails that the plan in the ledger asks for."""
    number = _mails(ledger)
    if number:
        people = f"{number} people" if number > 1 else "One person"
        yield finding(SHORT_LINKS, "users", people)
        if not config.mailer_set(session):
            yield finding(NO_MAILER, "users", people)


def require_mailer(ledger: Ledger, session: Session) -> None:
    """MailerMissing when mails are planned that cannot be sent."""
    number = _mails(ledger)
    if number and not config.mailer_set(session):
        raise MailerMissing(number=number)


def _mails(ledger: Ledger) -> int:
    return sum(isinstance(from_json(row.body), RequestReset) for row in ledger.actions(State.PLANNED, State.STARTED, State.FAILED))
