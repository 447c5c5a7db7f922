"""Opens the way to Cells: token, TLS, and proof that it is the right server and an administrator's token."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import click

from migrate.cells.auth import ENVIRONMENT, TokenSource, token_source
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError

TOKEN_FILE = "token"
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
    """How to reach Cells. `tokens` overrides the other ways to a token (demo and tests). `database`: of Cells, when it was named."""

    url: str | None = None
    token_file: Path | None = None
    token_command: str | None = None
    ca_bundle: Path | None = None
    insecure: bool = False
    workers: int = 8
    tokens: TokenSource | None = None
    work: Path | None = None
    database: str | None = field(default=None, repr=False)

    def session(self, planned: str | None = None, *, writes: bool) -> Session:
        """A session for this server, or the one planned for; `writes=False` lets no write through."""
        url = (self.url or planned or "").rstrip("/")
        if not url:
            raise NoCells()
        if planned and self.url and url != planned.rstrip("/"):
            raise OtherServer(planned=planned, given=self.url)
        if self.insecure:
            click.echo("WARNING: TLS certificates are NOT verified (--insecure). Anybody in between can read the token.", err=True)
        tokens = self.tokens or token_source(self.token_file or self._kept(), self.token_command)
        return Session(url, tokens, ca_bundle=self.ca_bundle, insecure=self.insecure, workers=self.workers, allow_writes=writes)

    def _kept(self) -> Path | None:
        """What `login` left in the work folder, when nothing else is given."""
        if self.token_command or os.environ.get(ENVIRONMENT, "").strip() or self.work is None:
            return None
        path = self.work / TOKEN_FILE
        return path if path.is_file() else None
