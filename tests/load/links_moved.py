"""A stand-in to which an old installation with protected links is migrated, and who gets in by which password."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from migrate.cells.api import shares
from migrate.cells.auth import GivenToken
from migrate.cells.errors import LoginRefused
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.cli.app import run


class LinksMoved:
    """`go` migrates `old` to `server`, always with the same work folder."""

    def __init__(self, server: Sandbox, work: Path, old: Path) -> None:
        self.server, self.work, self.old = server, work, old
        self.session = Session(server.url, GivenToken(server.token))

    def go(self, *options: str) -> dict:
        out = StringIO()
        with redirect_stdout(out), redirect_stderr(StringIO()):
            run([*map(str, ("migrate", "--legacy", self.old, "--cells", self.server.url, "--work", self.work, "--accept-skips", "--json")), *options])
        return json.loads(out.getvalue())

    def opens(self, password: str, hash_: str = "a1b2c3") -> bool:
        page = shares.open_page(self.session, hash_)
        assert page.state == "password"
        try:
            self.session.sign_in(page.login, password, minisite=hash_)
        except LoginRefused:
            return False
        return True
