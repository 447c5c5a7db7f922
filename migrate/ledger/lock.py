"""One run at a time: in a work folder, against one Cells on a machine, and as far as can be seen in Cells against runs of other machines."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from migrate.errors import ExitStatus, MigrationError


class AnotherRun(MigrationError):
    """The work folder is in use by another run of this tool."""

    code = "E6001"
    title = "Another run works in {work}: {holder}."
    remedy = "Wait for it to end or stop it (Ctrl-C there). If it is certainly gone: the same command with --break-lock."
    exit_status = ExitStatus.LOCKED


class WorkLock:
    """Holds `WORK/lock` while a command writes. The kernel frees it when the process dies, so what a killed run of this machine
    left is taken over. The kernel knows nothing of other machines that share the folder: their name in the file is believed until
    --break-lock. A process of this machine that lives is never robbed, whatever is asked."""

    def __init__(self, work: Path, *, break_lock: bool = False) -> None:
        self._path = work / "lock"
        self._work = work
        self._break = break_lock
        self._file: int | None = None

    def __enter__(self) -> WorkLock:
        self._work.mkdir(parents=True, exist_ok=True)
        handle = self._open()
        if handle is None:  # held by a process that is not the one it names
            self._path.unlink(missing_ok=True)
            handle = self._open()
        if handle is None:
            raise AnotherRun(work=self._work, holder="an unknown process")
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": int(time.time())}).encode(), 0)
        self._file = handle
        return self

    def _open(self) -> int | None:
        """The file, locked; None when it is held and may be broken."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        held = _held(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            held = held or _named_soon(self._path)
            if self._break and held and not _lives_here(held):
                return None
            raise AnotherRun(work=self._work, holder=_holder(held)) from None
        if held and held["host"] != socket.gethostname() and not self._break:
            os.close(handle)
            raise AnotherRun(work=self._work, holder=_holder(held))
        return handle

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def _held(handle: int) -> dict[str, Any]:
    """What the file says: host, pid, since; empty when it says nothing that can be read."""
    try:
        held = json.loads(os.pread(handle, 1000, 0))
        return {"host": str(held["host"]), "pid": int(held["pid"]), "since": int(held["since"])}
    except (ValueError, KeyError, TypeError):
        return {}


def _named_soon(path: Path) -> dict[str, Any]:
    """What the holder writes into the file a moment after it has got it."""
    for _ in range(20):
        time.sleep(0.05)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return {}
        try:
            held = _held(handle)
        finally:
            os.close(handle)
        if held:
            return held
    return {}


def holder_of(work: Path) -> str | None:
    """Who works in a folder right now, in words; None when nobody of this machine does. Changes nothing."""
    try:
        handle = os.open(work / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _holder(_held(handle))
    else:
        held = _held(handle)
        return _holder(held) if held and held["host"] != socket.gethostname() else None
    finally:
        os.close(handle)


def _network() -> str:
    """What tells the loopback of this process from that of a container with the same folder for temporary files."""
    try:
        return str(os.stat("/proc/self/ns/net").st_ino)
    except OSError:
        return ""


class ServerLock:
    """One run at a time against one Cells, whatever the work folder, among the processes of this user on this machine: of two that
    started together each would look before the other has acted. Freed by the kernel when the process dies."""

    def __init__(self, url: str) -> None:
        name = hashlib.sha256(f"{_network()} {url.rstrip('/').lower()}".encode()).hexdigest()[:24]
        self._path = Path(tempfile.gettempdir()) / f"migrate-{os.getuid()}-{name}.lock"
        self._url = url
        self._file: int | None = None

    def __enter__(self) -> ServerLock:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return self  # no folder for temporary files, or somebody else's file there: the lock of the work folder has to do
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held = _held(handle) or _named_soon(self._path)
            os.close(handle)
            raise AnotherRun(work=self._url, holder=_holder(held)) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": int(time.time())}).encode(), 0)
        self._file = handle
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Mark:
    """What a run writes into the things it makes in Cells for its own use: who it is, so that a run of another machine or of another work
    folder tells them from those of a run that was killed. `folder`: the work folder's own id."""

    def __init__(self, folder: str, *, break_lock: bool = False) -> None:
        self._folder, self._break = folder, break_lock

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        return f"Run by process {os.getpid()} on {socket.gethostname()} since {since} UTC, work folder {self._folder}."

    def other(self, text: str) -> str:
        """The holder that a text names, in words, when it is another run that may be going on; empty when it is of this work folder on this
        machine (whose lock tells), of a process of this machine that is gone, of an older version, or when the lock is broken on purpose."""
        found = _MARKED.search(text)
        if found is None or self._break:
            return ""
        here = found["host"] == socket.gethostname()
        if here and (found["folder"] == self._folder or not _lives_here({"host": found["host"], "pid": int(found["pid"])})):
            return ""
        return f"process {found['pid']} on {found['host']}, since {found['since']}"


_MARKED = re.compile(r"Run by process (?P<pid>[0-9]{1,9}) on (?P<host>\S{1,255}) since (?P<since>[-0-9: ]{19} UTC), work folder (?P<folder>[0-9a-f]+)")


def _lives_here(held: dict[str, Any]) -> bool:
    if held["host"] != socket.gethostname():
        return False
    try:
        os.kill(held["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _holder(held: dict[str, Any]) -> str:
    if not held:
        return "an unknown process"
    return f"process {held['pid']} on {held['host']}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(held['since']))}"
