"""What was begun in a work folder last, and how did it end? Written before and after each command, so that a kill shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate.errors import ExitStatus, MigrationError
from migrate.ledger import Ledger
from migrate.ledger.lock import holder_of

KEY = "stage"
DONE, STOPPED, FAILED = "done", "interrupted", "ended by an error"


@contextmanager
def stage(ledger: Ledger, command: str) -> Iterator[None]:
    """Around a command that works in the ledger. What was killed never ends."""
    begun = int(time.time())
    ledger.put(KEY, {"command": command, "begun": begun, "end": None, "code": None})
    end, code = FAILED, None
    try:
        yield
        end = DONE
    except MigrationError as error:
        end, code = STOPPED if error.exit_status is ExitStatus.INTERRUPTED else FAILED, error.code
        raise
    except KeyboardInterrupt:
        end = STOPPED
        raise
    finally:
        try:
            ledger.put(KEY, {"command": command, "begun": begun, "end": end, "code": code})
        except MigrationError:
            if end == DONE:
                raise  # else the error that ended the command is the one to tell


def last_stage(ledger: Ledger, work: Path) -> tuple[str, str | None]:
    """(what was last begun and how it ended, in words; the command to give next when that was not its end, None when it was)."""
    known = ledger.get(KEY)
    holder = holder_of(work)
    if known is None:
        return (f"A command is running: {holder}." if holder else "", None)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(known["begun"]))
    command = known["command"]
    if known["end"] == DONE:
        return f"Last command: {command}, {when}, done.", None
    if known["end"] is None and holder:
        return f"Running now: {command}, {holder}.", None
    how = known["end"] or "cut off (killed, or the machine stopped)"
    why = f" ({known['code']}: run `explain {known['code']}`)" if known["code"] and known["end"] == FAILED else ""
    return f"Last command: {command}, {when}, {how}{why}. What it did is recorded; what it was doing is looked up before it is done again.", command
