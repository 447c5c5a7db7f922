"""When does the token end? Said when planning and while the plan is carried out, as far as anything tells.

Cells never tells over its interface when a personal access token ends; its database does. Sign-ins by browser, and tokens that a
command makes anew, renew themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from migrate.cells.auth import AskingToken, CommandToken, TokenSource, WaitingToken
from migrate.cells.oauth import GrantToken
from migrate.cells.session import Session
from migrate.errors import Finding, Severity, code, finding
from migrate.load.cells_database import CellsDatabase, DatabaseUnusable
from migrate.workflow.connect import Connection

SOON = 2 * 3600
WARN_AT = (1800, 600, 120)
"""Seconds before the end at which a run says so."""

ENDS = code(
    "F4015", Severity.WARNING, "The token ends in {minutes} minutes ({subject}).",
    "Give --token-command, or a token that lives longer (`cells admin user token -u ADMIN -e 24h -q`); a file of --token-file may be replaced during the run.",
    "When a token ends in the middle of a run, the run waits for another one as far as there is a way to get one, else it ends with status 7. "
    "Nothing is marked as failed, and the same command goes on.")
NOT_TOLD = code(
    "F4016", Severity.INFO, "Cells does not tell when the token ends ({subject}).",
    "Nothing to do when it lives longer than the migration. --cells-database tells; with --token-command it does not matter.")


@dataclass(frozen=True)
class TokenEnd:
    """`at`: epoch seconds; None when it renews itself, or nobody knows. `known`: whether that was found out."""

    at: float | None
    known: bool

    @classmethod
    def of(cls, session: Session, connection: Connection) -> TokenEnd:
        """Ask whoever knows. A database that cannot be asked is not this question's trouble."""
        if _renews(session.tokens):
            return cls(None, True)
        if not connection.database:
            return cls(None, False)
        database = CellsDatabase(connection.database)
        try:
            return cls(database.token_end(session.tokens.token()), True)
        except DatabaseUnusable:
            return cls(None, False)
        finally:
            database.close()


def token_findings(session: Session, connection: Connection) -> Iterator[Finding]:
    """For the plan."""
    end = TokenEnd.of(session, connection)
    if not end.known:
        yield finding(NOT_TOLD, "token", session.url)
    elif end.at is not None and end.at - time.time() < SOON:
        yield finding(ENDS, "token", session.url, minutes=max(0, round((end.at - time.time()) / 60)))


class Countdown:
    """Says that the token is about to end, at each of WARN_AT once; to be called every now and then."""

    def __init__(self, end: TokenEnd, say: Callable[[str], None], now: Callable[[], float] = time.time) -> None:
        self._end, self._say, self._now = end, say, now
        self._left = [] if end.at is None else list(WARN_AT)

    def __call__(self) -> None:
        """Say it when it is time."""
        due = [seconds for seconds in self._left if self._end.at is not None and self._end.at - self._now() <= seconds]
        if due:
            self._left = [seconds for seconds in self._left if seconds < min(due)]
            minutes = max(0.0, ((self._end.at or 0.0) - self._now()) / 60)
            self._say(f"The token ends in {minutes:.0f} minutes. Have another one ready; nothing is lost when it ends.")


def countdown(session: Session, connection: Connection) -> Countdown:
    """For a run: says on stderr when the token is about to end."""
    return Countdown(TokenEnd.of(session, connection), lambda text: click.echo(text, err=True))


def _renews(tokens: TokenSource) -> bool:
    while isinstance(tokens, (AskingToken, WaitingToken)):
        tokens = tokens.inner
    return isinstance(tokens, (CommandToken, GrantToken))
