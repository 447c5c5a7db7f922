"""Temporary passwords and the like: a file of its own, 0600, synced before the request that uses what it holds."""

from __future__ import annotations

import hashlib
import json
import os
import secrets as generator
import threading
from collections.abc import Callable
from pathlib import Path

from migrate.ledger.errors import SecretsDamaged


class Secrets:
    """`WORK/secrets.jsonl`: one JSON object a line, the last of a (kind, key) counts. Nothing else ever holds these values."""

    def __init__(self, work: Path) -> None:
        self.path = work / "secrets.jsonl"
        self._lock = threading.RLock()
        self._values: dict[tuple[str, str], str] = {}
        if self.path.exists():
            self._load()

    def _load(self) -> None:
        """SecretsDamaged for a line that is not as it was written. A last line without its end is torn: its request was never sent,
        since it was not synced."""
        lines = self.path.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                entry = json.loads(line.decode("ascii"))
                kind, key, value = str(entry["kind"]), str(entry["key"]), str(entry["value"])
                intact = entry.get("sum", "") in ("", _sum(kind, key, value))
            except (ValueError, KeyError, TypeError, AttributeError):
                intact = False
            if not intact:
                raise SecretsDamaged(path=self.path, line=number)
            self._values[(kind, key)] = value

    def get(self, kind: str, key: str) -> str | None:
        """The value, or None."""
        return self._values.get((kind, key))

    def put(self, kind: str, key: str, value: str) -> None:
        """Remember a value; on return it is on disk."""
        line = json.dumps({"kind": kind, "key": key, "value": value, "sum": _sum(kind, key, value)}) + "\n"
        with self._lock:
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _cut_torn_line(handle)
                _write_all(handle, line.encode("ascii"))
                os.fsync(handle)
            finally:
                os.close(handle)
            self._values[(kind, key)] = value

    def forget(self, kind: str, key: str) -> None:
        """From now on there is none; on return that is on disk. The former value stays in the file until `erase`."""
        if self.get(kind, key):
            self.put(kind, key, "")

    def password(self, kind: str, key: str, make: Callable[[], str] | None = None) -> str:
        """The password kept for `key`, made now (by `make`, else 192 random bits) when there is none. Of several that ask at once the
        first decides for all."""
        known = self.get(kind, key)
        if known:
            return known
        fresh = make() if make is not None else _generated()
        with self._lock:
            known = self.get(kind, key)
            if known:
                return known
            self.put(kind, key, fresh)
        return fresh

    def erase(self) -> None:
        """Remove the file (command `finish`)."""
        self._values.clear()
        self.path.unlink(missing_ok=True)


def _generated() -> str:
    """Begins with a letter or digit: a spreadsheet takes a leading `-` for a formula, and a password must stand in a table as it is."""
    while not (text := generator.token_urlsafe(24))[0].isalnum():
        pass
    return text


def _sum(kind: str, key: str, value: str) -> str:
    """Tells a line that was changed; kept in the same private file."""
    return hashlib.sha256(json.dumps([kind, key, value]).encode()).hexdigest()[:16]


def _write_all(handle: int, data: bytes) -> None:
    """A disk that fills up takes the first part without an error; the error comes with the rest."""
    while data:
        data = data[os.write(handle, data):]


def _cut_torn_line(handle: int) -> None:
    """What a run that was killed left of a line goes, so that it does not swallow the next."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        end = os.pread(handle, size, 0).rfind(b"\n") + 1
        os.ftruncate(handle, end)
