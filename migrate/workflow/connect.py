"""Opens the way to Cells: token, TLS, and proof that it is the right server and an administrator's token."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from migrate.cells.auth import ENVIRONMENT, AskingToken, FileToken, GivenToken, TokenSource, WaitingToken, token_source
from migrate.cells.oauth import GrantFile, GrantToken, Provider, at
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError

TOKEN_FILE = "token"
GRANT_FILE = "oauth.json"
"""In the work folder: what `login` keeps, 0600."""


class NoCells(MigrationError):
    """It is not known which Cells server is meant."""

    code = "E2004"
    title = "No Cells server is named."
    remedy = "Give --cells URL (or MIGRATE_CELLS, or cells = \"...\" in migration.toml)."
    exit_status = ExitStatus.USAGE


class OtherServer(MigrationError):
    """The plan was made for another server than the one named now."""

    code = "E2005"
    title = "The plan was made for {planned}, not for {given}."
    remedy = "Leave --cells out, or plan again for that server (best in another work folder)."
    exit_status = ExitStatus.STALE_PLAN


@dataclass(frozen=True)
class Connection:
    """How to reach Cells. `tokens` overrides the other ways to a token (demo and tests). `database`: of Cells, when it was named.
    `ask`: asks a person for a new token when the old one has ended; None where nobody can be asked. `via`: way of the bytes, `s3` or `dav`."""

    url: str | None = None
    token_file: Path | None = None
    token_command: str | None = None
    ca_bundle: Path | None = None
    insecure: bool = False
    workers: int = 8
    tokens: TokenSource | None = None
    work: Path | None = None
    database: str | None = field(default=None, repr=False)
    ask: Callable[[], str] | None = None
    via: str = "s3"

    def session(self, planned: str | None = None, *, writes: bool) -> Session:
        """A session for this server, or the one planned for; `writes=False` lets no write through."""
        url = (self.url or planned or "").rstrip("/")
        if not url:
            raise NoCells()
        if planned and self.url and url != planned.rstrip("/"):
            raise OtherServer(planned=planned, given=self.url)
        if self.insecure:
            click.echo("WARNING: TLS certificates are NOT verified (--insecure). Anybody in between can read the token.", err=True)
        tokens = self.tokens or self._tokens(url)
        if self.ask is not None and not isinstance(tokens, AskingToken):
            tokens = AskingToken(tokens, self.ask)
        elif isinstance(tokens, FileToken):
            tokens = WaitingToken(tokens, functools.partial(_waits, tokens.path))
        return Session(url, tokens, ca_bundle=self.ca_bundle, insecure=self.insecure, workers=self.workers, allow_writes=writes)

    def _tokens(self, url: str) -> TokenSource:
        """What was given; else what `login` kept in the work folder: a sign-in by browser, or a token."""
        kept = self.work / GRANT_FILE if self.work is not None else None
        if kept is not None and kept.is_file() and not self.token_file and not self.token_command and not os.environ.get(ENVIRONMENT, "").strip():
            return GrantToken(GrantFile(kept), lambda grant: Provider(self.anonymous(at(grant, url).url)))
        return token_source(self.token_file or self._kept(), self.token_command)

    def anonymous(self, url: str | None = None) -> Session:
        """A session without token, for what is public: signing in."""
        return Session((url or self.url or "").rstrip("/"), GivenToken(""), ca_bundle=self.ca_bundle, insecure=self.insecure, allow_writes=False)

    def _kept(self) -> Path | None:
        """What `login` left in the work folder, when nothing else is given."""
        if self.token_command or os.environ.get(ENVIRONMENT, "").strip() or self.work is None:
            return None
        path = self.work / TOKEN_FILE
        return path if path.is_file() else None


def _waits(file: Path, seconds: float) -> None:
    click.echo(f"The token is not accepted any more. The run waits up to {seconds / 60:.0f} minutes for another one in {file}; nothing is lost.", err=True)
