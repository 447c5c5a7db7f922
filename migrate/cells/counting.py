"""How many requests were sent, reads and writes apart."""

from __future__ import annotations

import threading


class RequestCount:
    """Thread-safe. Every attempt counts, repeated ones too; a POST that only searches is a read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read = 0
        self._write = 0

    def add(self, *, read: bool) -> None:
        """Count one request."""
        with self._lock:
            if read:
                self._read += 1
            else:
                self._write += 1

    @property
    def read(self) -> int:
        """Requests that change nothing."""
        return self._read

    @property
    def write(self) -> int:
        """Requests that may change something."""
        return self._write

    def as_json(self) -> dict[str, int]:
        """`{"read": n, "write": n}`, as in the contract."""
        with self._lock:
            return {"read": self._read, "write": self._write}
