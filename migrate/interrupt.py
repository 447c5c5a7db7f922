"""Ctrl-C and SIGTERM: once, finish what is in flight and stop; twice, leave at once. Both can be resumed."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from migrate.errors import ExitStatus, MigrationError


class Interrupted(MigrationError):
    """The run was stopped by a signal. What was in flight is finished and recorded."""

    code = "E6020"
    title = "Interrupted."
    remedy = "Run the same command again: it goes on where it stopped."
    exit_status = ExitStatus.INTERRUPTED


class StopSignal:
    """A flag that long loops ask. As a context manager it takes over SIGINT and SIGTERM (main thread only)."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._former: dict[int, object] = {}

    @property
    def stopping(self) -> bool:
        """Whether the run should end soon."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise Interrupted when the run should end."""
        if self._event.is_set():
            raise Interrupted()

    def wait(self, seconds: float) -> bool:
        """Sleep, but not longer than until the run should end; True when it should."""
        return self._event.wait(seconds)

    def watched(self, progress: Callable[[str, int], None]) -> Callable[[str, int], None]:
        """The same, and ends the run when it should end: for long loops that tell how far they are."""
        def told(kind: str, number: int) -> None:
            self.check()
            progress(kind, number)
        return told

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._event.is_set():
            os.write(2, b"\nLeaving at once. Run the same command again to resume.\n")
            os._exit(int(ExitStatus.INTERRUPTED))
        self._event.set()
        os.write(2, b"\nStopping after what is in flight ... (once more: leave at once)\n")

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        sys.stderr.flush()
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]
        self._former.clear()
