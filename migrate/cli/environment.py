"""What every command is given: where it works, how it talks, and how it answers."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from migrate.errors import ExitStatus
from migrate.workflow.outcome import Outcome


@dataclass
class Environment:
    """Common options. `asked_json`: exactly one JSON object on stdout; people's text goes to stderr in any case of talk."""

    command: str
    work: Path
    asked_json: bool = False
    quiet: bool = False
    no_input: bool = False
    log_format: str = "text"
    break_lock: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Talk, to stderr; nothing with --quiet."""
        if not self.quiet:
            click.echo(text, err=True)

    def answer(self, outcome: Outcome) -> ExitStatus:
        """Print the result of a command on stdout and give its exit status."""
        if self.asked_json:
            click.echo(json.dumps(outcome.as_json(self.command), ensure_ascii=True))
        else:
            for line in outcome.lines:
                click.echo(printable(line))
            click.echo(printable(outcome.verdict))
        return outcome.exit

    @contextmanager
    def progress(self, label: str, total: int | None = None, unit: str = "") -> Iterator[Progress]:
        """A bar on a terminal, a plain line now and then elsewhere."""
        bar = Progress(label, total, unit, enabled=not self.quiet)
        try:
            yield bar
        finally:
            bar.close()


class Progress:
    """Thread-safe counter with a bar on a terminal. Calling it counts: `progress("users", 1)`."""

    LINES = 2000

    def __init__(self, label: str, total: int | None, unit: str, *, enabled: bool) -> None:
        self._lock = threading.Lock()
        self._bytes, self._start = 0, time.monotonic()
        self._label, self._total, self._done = label, total, 0
        self._terminal = enabled and sys.stderr.isatty()
        self._plain = enabled and not self._terminal
        self._bar = tqdm(desc=label, total=total, unit=f" {unit}" if unit else "", file=sys.stderr, leave=False) if self._terminal else None

    def __call__(self, kind: str = "", number: int = 1) -> None:
        with self._lock:
            if kind == "bytes":
                self._bytes += number
                if self._bar is not None:
                    self._bar.set_postfix_str(self.pace(), refresh=False)
                return
            before, self._done = self._done, self._done + number
            if self._bar is not None:
                self._bar.update(number)
            elif self._plain and before // self.LINES != self._done // self.LINES:
                of = f" of {self._total}" if self._total else ""
                pace = f", {self.pace()}" if self._bytes else ""
                click.echo(f"{self._label}: {self._done}{of}{pace}", err=True)

    def pace(self) -> str:
        """Bytes of content so far, and how many a second; no guess of an end that is not known."""
        seconds = max(time.monotonic() - self._start, 0.001)
        return f"{self._bytes / 2**20:.1f} MiB, {self._bytes / 2**20 / seconds:.1f} MiB/s"

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def printable(text: str) -> str:
    """Text that any terminal can take: control characters and broken surrogates shown, not sent."""
    encoding = sys.stdout.encoding or "utf-8"
    shown = "".join(c if c == "\n" or c == "\t" or c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)
