"""How long will it take? Speeds measured in earlier runs of this work folder, kept in its ledger, tell for the next one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from migrate.headway import BYTE_SECONDS, FILE_SECONDS
from migrate.ledger import Ledger, State

KEY = "pace"
ACTIONS, FILES, BYTES = 1 / 15, FILE_SECONDS, BYTE_SECONDS
"""Seconds each of a server with two cores, as long as nothing was measured."""
LEAST = 5.0
"""Seconds a part has to last to be a measure."""
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds of the steps ahead. `measured`: from an earlier run, not from experience elsewhere."""

    read: float
    apply: float
    verify: float
    measured: bool

    @property
    def sentence(self) -> str:
        """For people."""
        source = "by what the last run measured" if self.measured else "by experience with a server of two cores"
        text = f"It will take about {_shown(self.apply)} {source}"
        if self.read or self.verify:
            text += f"; reading the old server took {_shown(self.read)}, verifying will take {_shown(self.verify)}"
        return text + "."

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"read": round(self.read, 1), "apply": round(self.apply, 1), "verify": round(self.verify, 1), "measured": self.measured}


def _shown(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{max(1, round(seconds))} seconds" if seconds < 90 else f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"


@contextmanager
def timed(ledger: Ledger, step: str) -> Iterator[None]:
    """Remember how long a step (`read`, `verify`) took; the clock of the machine may jump meanwhile."""
    start = time.monotonic()
    yield
    ledger.put(KEY, {**(ledger.get(KEY) or {}), step: time.monotonic() - start})


class Stopwatch:
    """Measures an apply: what carrying content took, and the rest."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._carried = ledger, 0.0

    def around(self, carry: F) -> F:
        """The same function, its time counted as that of content."""
        def measured(*given: Any, **named: Any) -> Any:
            start = time.monotonic()
            try:
                return carry(*given, **named)
            finally:
                self._carried += time.monotonic() - start
        return measured  # type: ignore[return-value]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what is done inside; kept even when the run is interrupted."""
        before, files_before, start = self._done(), self._files(), time.monotonic()
        try:
            yield
        finally:
            seconds, done, files = time.monotonic() - start, self._done() - before, self._files()
            known = self._ledger.get(KEY) or {}
            number, size = files[0] - files_before[0], files[1] - files_before[1]
            rest = max(0.0, seconds - self._carried)
            if rest >= LEAST and done > 0:
                known["actions"] = rest / (done * ACTIONS)
            if self._carried >= LEAST and number > 0:
                known["files"] = self._carried / (number * FILES + size * BYTES)
            self._ledger.put(KEY, known)

    def _done(self) -> int:
        return self._ledger.action_states().get(State.DONE.value, 0)

    def _files(self) -> tuple[int, int]:
        return self._ledger.file_totals().get(State.DONE.value, (0, 0))


def forecast(ledger: Ledger) -> Forecast:
    """For what the ledger plans."""
    known: dict[str, float] = ledger.get(KEY) or {}
    states = ledger.action_states()
    todo = states.get(State.PLANNED.value, 0) + states.get(State.STARTED.value, 0)
    totals = ledger.file_totals()
    number = sum(totals.get(state.value, (0, 0))[0] for state in (State.PLANNED, State.STARTED))
    size = sum(totals.get(state.value, (0, 0))[1] for state in (State.PLANNED, State.STARTED))
    actions, files = known.get("actions"), known.get("files")
    seconds = todo * ACTIONS * (actions or 1.0) + (number * FILES + size * BYTES) * (files or actions or 1.0)
    return Forecast(known.get("read", 0.0), seconds, known.get("verify", 0.0), actions is not None or files is not None)
