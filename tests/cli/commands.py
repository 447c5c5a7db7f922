"""Runs command lines in this process and keeps what they said."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from migrate.cli.app import run


class Ran:
    """What one command line did: exit status, JSON answer (None when it is none), text of stdout and stderr."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> dict[str, Any]:
        lines = [line for line in self.out.splitlines() if line.strip()]
        assert len(lines) == 1, f"exactly one object belongs on stdout, not {len(lines)} lines"
        return json.loads(lines[0])


def command(*arguments: object) -> Ran:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = run([str(a) for a in arguments])
    return Ran(int(status), out.getvalue(), err.getvalue())
