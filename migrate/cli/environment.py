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
from migrate.headway import Way
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
    """Thread-safe counter with a bar on a terminal. Calling it counts: `progress("users", 1)`; `all files` (with folders), `all folders` and
    `all bytes` say how much content there is to carry, `files`, `folders` and `bytes` how much of it is there, from which follows when it ends."""

    LINES = 2000
    SECONDS = 30.0
    """Without a terminal: a line every so many things, and every so many seconds while content is carried."""

    def __init__(self, label: str, total: int | None, unit: str, *, enabled: bool) -> None:
        self._lock = threading.Lock()
        self._label, self._total, self._done = label, total, 0
        self._way: Way | None = None
        self._said = time.monotonic()
        self._terminal = enabled and sys.stderr.isatty()
        self._plain = enabled and not self._terminal
        self._bar = tqdm(desc=label, total=total, unit=f" {unit}" if unit else "", file=sys.stderr, leave=False) if self._terminal else None

    def __call__(self, kind: str = "", number: int = 1) -> None:
        with self._lock:
            if kind in ("all files", "all folders", "all bytes"):
                self._way = self._way or Way()
                self._way.expect(kind, number)
                return
            if self._way is not None and kind in ("files", "folders", "bytes"):
                self._way.count(files=0 if kind == "bytes" else number, size=number if kind == "bytes" else 0, folders=number if kind == "folders" else 0)
                self._tell(self._way)
            if kind == "bytes":
                return
            before, self._done = self._done, self._done + number
            if self._bar is not None:
                self._bar.update(number)
            elif self._plain and self._way is None and before // self.LINES != self._done // self.LINES:
                click.echo(f"{self._label}: {self._done}{f' of {self._total}' if self._total else ''}", err=True)

    def _tell(self, way: Way) -> None:
        now = time.monotonic()
        if self._bar is not None and now - self._said >= 1.0:
            self._said = now
            self._bar.set_postfix_str(way.reading().sentence, refresh=False)
        elif self._plain and now - self._said >= self.SECONDS:
            self._said = now
            click.echo(f"{self._label}: {way.reading().sentence}", err=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def printable(text: str) -> str:
    """Text that any terminal can take: control characters and broken surrogates shown, not sent."""
    encoding = sys.stdout.encoding or "utf-8"
    shown = "".join(c if c == "\n" or c == "\t" or c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown.encode(encoding, "backslashreplace").decode(encoding)
