"""How long may one answer take as a whole? Timeouts of a socket start again with every byte; a watchman ends connections whose time is up.

One thread for each transport, started with the first request and gone a while after the last."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

IDLE = 5.0
"""Seconds without a request after which the thread ends."""

_here = threading.local()


class Watch:
    """Knows the requests that are under way. `limit(seconds)` surrounds one; its `overdue` says whether it was ended for its time."""

    def __init__(self) -> None:
        self._running: dict[int, Limit] = {}
        self._changed = threading.Condition()  # nobody notifies: the thread looks again when the first is due, and every IDLE seconds
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def limit(self, seconds: float) -> Iterator[Limit]:
        """All of one request: from sending to the end of its answer."""
        limit = Limit(time.monotonic() + seconds)
        with self._changed:
            self._running[id(limit)] = limit
            if self._thread is None:
                self._thread = threading.Thread(target=self._guard, daemon=True, name="deadlines")
                self._thread.start()
        _here.limit = limit
        try:
            yield limit
        finally:
            _here.limit = None
            with self._changed:
                del self._running[id(limit)]

    def _guard(self) -> None:
        idle = time.monotonic() + IDLE
        with self._changed:
            while True:
                now = time.monotonic()
                for limit in self._running.values():
                    if limit.end <= now:
                        limit.cut()
                if self._running:
                    idle = now + IDLE
                elif now >= idle:
                    self._thread = None
                    return
                waiting = [limit.end - now for limit in self._running.values() if not limit.overdue]
                self._changed.wait(min([*waiting, IDLE]))


class Limit:
    """The end of one request, and the connection it uses."""

    def __init__(self, end: float) -> None:
        self.end = end
        self.overdue = False
        self._connection: socket.socket | None = None

    def uses(self, connection: socket.socket | None) -> None:
        """From now on this is what is cut."""
        self._connection = connection
        if self.overdue:
            self.cut()

    def cut(self) -> None:
        """Nothing more comes over the connection; who waits for it is told that it ended."""
        self.overdue = True
        if self._connection is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself
                self._connection.shutdown(socket.SHUT_RDWR)


class _Watched:
    """A connection that says which socket an answer is read from."""

    sock: Any

    def getresponse(self) -> Any:
        limit = getattr(_here, "limit", None)
        if limit is not None:
            limit.uses(self.sock)
        return super().getresponse()  # type: ignore[misc]


class _Plain(_Watched, HTTPConnection):
    pass


class _Tls(_Watched, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class WatchedAdapter(HTTPAdapter):
    """Connections of a `requests` session that can be cut when their time is up. A tunnel through a proxy is one, too."""

    def init_poolmanager(self, *args: Any, **how: Any) -> None:
        super().init_poolmanager(*args, **how)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **how: Any) -> Any:
        manager = super().proxy_manager_for(*args, **how)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager
