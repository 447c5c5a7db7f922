"""One run at a time in a work folder: an advisory lock that names its holder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path

from migrate.errors import ExitStatus, MigrationError


class AnotherRun(MigrationError):
    """The work folder is in use by another run of this tool."""

    code = "E6001"
    title = "Another run works in {work}: {holder}."
    remedy = "Wait for it to end or stop it (Ctrl-C there); with --break-lock if that process is certainly gone."
    exit_status = ExitStatus.LOCKED


class WorkLock:
    """Holds `WORK/lock` while a command writes. The kernel frees it when the process dies; the text in it is for people."""

    def __init__(self, work: Path, *, break_lock: bool = False) -> None:
        self._path = work / "lock"
        self._work = work
        self._break = break_lock
        self._file: int | None = None

    def __enter__(self) -> WorkLock:
        self._work.mkdir(parents=True, exist_ok=True)
        if self._break:
            self._path.unlink(missing_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(handle)
            os.close(handle)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise AnotherRun(work=self._work, holder=holder) from None
            raise
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "since": int(time.time())}).encode(), 0)
        self._file = handle
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def _holder(handle: int) -> str:
    try:
        held = json.loads(os.pread(handle, 1000, 0))
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(held["since"]))
        return f"process {held['pid']} on {held['host']}, since {since}"
    except (ValueError, KeyError, TypeError):
        return "an unknown process"
