"""Keeps a sliding token alive while a long step sends nothing: reading an old server can take longer than the token's window."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from migrate.cells.session import Session
from migrate.errors import MigrationError

log = structlog.get_logger()
SECONDS = 30.0


class KeepAlive:
    """While it is entered, one small request whenever nothing was sent for `seconds`. Any request counts as use of a sliding token;
    other tokens do not mind. What goes wrong here is for the step itself to meet and to say."""

    def __init__(self, session: Session, seconds: float = SECONDS, also: Callable[[], None] = lambda: None) -> None:
        """`also`: called every so often, too."""
        self._session = session
        self._seconds = seconds
        self._also = also
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keep-alive", daemon=True)

    def __enter__(self) -> KeepAlive:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        requests = self._session.requests
        before = requests.read + requests.write
        self._also()
        while not self._stop.wait(self._seconds):
            self._also()
            now = requests.read + requests.write
            if now == before:
                try:
                    self._session.get("/a/config/discovery")
                except MigrationError as error:
                    log.info("keepalive.failed", code=error.code)
                now = requests.read + requests.write
            before = now
