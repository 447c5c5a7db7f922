"""Temporary passwords and the like: a file of its own, 0600, synced before the request that uses what it holds."""

from __future__ import annotations

import json
import os
import secrets as generator
import threading
from collections.abc import Callable
from pathlib import Path


class Secrets:
    """`WORK/secrets.jsonl`: one JSON object a line, the last of a (kind, key) counts. Nothing else ever holds these values."""

    def __init__(self, work: Path) -> None:
        self.path = work / "secrets.jsonl"
        self._lock = threading.Lock()
        self._values: dict[tuple[str, str], str] = {}
        if self.path.exists():
            with self.path.open("r", encoding="ascii") as lines:
                for line in lines:
                    try:
                        entry = json.loads(line)
                        self._values[(entry["kind"], entry["key"])] = entry["value"]
                    except (ValueError, KeyError, TypeError):
                        continue  # a torn last line: its request was never sent, since it was not synced

    def get(self, kind: str, key: str) -> str | None:
        """The value, or None."""
        return self._values.get((kind, key))

    def put(self, kind: str, key: str, value: str) -> None:
        """Remember a value; on return it is on disk."""
        line = json.dumps({"kind": kind, "key": key, "value": value}) + "\n"
        with self._lock:
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(handle).st_size
                if size and os.pread(handle, 1, size - 1) != b"\n":
                    line = "\n" + line  # a torn line of a run that was killed must not swallow this one
                os.write(handle, line.encode("ascii"))
                os.fsync(handle)
            finally:
                os.close(handle)
            self._values[(kind, key)] = value

    def password(self, kind: str, key: str, make: Callable[[], str] | None = None) -> str:
        """The password kept for `key`, made now (by `make`, else 192 random bits) when there is none."""
        known = self.get(kind, key)
        if known is None:
            known = make() if make is not None else generator.token_urlsafe(24)
            self.put(kind, key, known)
        return known

    def erase(self) -> None:
        """Remove the file (command `finish`)."""
        self._values.clear()
        self.path.unlink(missing_ok=True)
