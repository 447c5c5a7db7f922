"""What would a kill at any request leave? A run is filmed: at each request it is stopped (SIGSTOP), and its work folder and the server
are copied as they are at that instant. What SIGKILL would leave is exactly that, and going on from there costs half a run instead of
one and a half. `test_kill_sweep` kills for good at a sample and finds the same.

What a resumed run does depends on nothing but the server and the folder. So positions that leave both the same, to the byte (most requests
only ask), are gone on from once."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import pickle
import shutil
import signal
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import night

from migrate.cells.sandbox import access
from migrate.cells.sandbox.answers import Panic

ABSENT = ("lock", "content", "_temporary", "policy_ids")
"""Parts of the stand-in's state that are its own and not data."""


Wanted = Callable[[int, str], tuple[str, ...]]
"""(number, METHOD TARGET) of a request -> whether it is of interest before, after, both or not at all."""


def nothing(_number: int, _request: str) -> tuple[str, ...]:
    return ()


class Shelf:
    """Bytes of uploaded files, kept beside (hard links) while servers that are put back remove them."""

    def __init__(self, content: Path, shelf: Path) -> None:
        self._content, self._shelf = content, shelf
        shelf.mkdir(parents=True, exist_ok=True)

    def keep(self) -> None:
        for path in self._content.iterdir():
            if path.is_file() and not (self._shelf / path.name).exists():
                with contextlib.suppress(FileNotFoundError):
                    os.link(path, self._shelf / path.name)

    def bring_back(self) -> None:
        for path in self._shelf.iterdir():
            if not (self._content / path.name).exists():
                os.link(path, self._content / path.name)


@dataclass(frozen=True)
class Shot:
    """Server and work folder at one instant: before or after request `number`, which was `request`. `like`: equal for those where both
    are equal to the byte; only the first of them has a copy of the folder."""

    number: int
    when: str
    request: str
    server: bytes
    work: Path | None
    like: str = ""


class Filmed(night.Disturbed):
    """A stand-in that films the process which talks to it, and can be put back to any instant."""

    def __init__(self, folder: Path) -> None:
        content = folder / "content"
        content.mkdir(parents=True)
        super().__init__(content_folder=content)
        self.folder = folder
        self.shots: list[Shot] = []
        self._shelf = Shelf(self.state.content, folder / "shelf")
        self._lens, self._ready = threading.Lock(), threading.Event()
        self._wanted: Wanted = nothing
        self._pid = 0
        self._work: Path | None = None
        self.filming = False
        self.twice: set[int] = set()
        """Numbers of requests that are carried out twice; the answer is that of the second time, as from a proxy that repeats."""

    def save(self) -> bytes:
        """Everything the server knows, as bytes."""
        with self.state.lock:
            self._shelf.keep()
            return pickle.dumps({k: v for k, v in vars(self.state).items() if k not in ABSENT}, protocol=5)

    def put_back(self, saved: bytes) -> None:
        """The server is again what it was."""
        with self.state.lock:
            vars(self.state).update(pickle.loads(saved))  # noqa: S301 - our own bytes
            self.state.policy_ids = itertools.count(1_000_000)
            self.state.version += 1_000_000  # nothing computed for another instant may be taken for this one's
            access.forget(self.state)
            self._shelf.bring_back()
            self.admin = self.state.people.login("admin") or self.admin
        self.faults.clear()
        self.seen = 0

    def film(self, action: Callable[[], object], work: Path, wanted: Wanted, told: Path | None = None) -> int:
        """Run `action` in a process of its own; gives how many requests there were. `told`: where it says why it failed."""
        self._wanted, self._work, self.shots, self.seen = wanted, work, [], 0
        self._ready.clear()
        self.filming = True
        child = night.in_child(action)
        self._pid = child.pid or 0
        self._ready.set()
        child.join(1200)
        self.filming = False
        why = told.read_text() if told is not None and told.exists() else ""
        assert child.exitcode == 0, f"the filmed run ended with {child.exitcode} {why}"
        return self.seen

    def answer(self, method: str, target: str, *rest: Any, **more: Any) -> Any:
        if not self.filming:
            if self.twice and self.requests["all"] in self.twice and rest[2] is None:  # an upload's bytes can be taken only once here
                self.twice.clear()
                with contextlib.suppress(Panic):
                    super().answer(method, target, *rest, **more)
            return super().answer(method, target, *rest, **more)
        with self._count_lock:
            self.seen += 1
            number = self.seen
        request = f"{method} {target}"
        when = self._wanted(number, request)
        if night.BEFORE in when:
            self._shoot(number, night.BEFORE, request)
        given = super().answer(method, target, *rest, **more)
        if night.AFTER in when:
            self._shoot(number, night.AFTER, request)
        return given

    def _shoot(self, number: int, when: str, request: str) -> None:
        with self._lens:
            self._ready.wait(60)
            os.kill(self._pid, signal.SIGSTOP)
            os.waitid(os.P_PID, self._pid, os.WSTOPPED)
            copy = None
            if self._work is not None and self._work.exists():
                copy = self.folder / f"{number}-{when}"
                shutil.copytree(self._work, copy, symlinks=True)
            server = self.save()
            like = _digest(server, copy)
            if any(shot.like == like for shot in self.shots):
                self.shots.append(Shot(number, when, request, b"", None, like))
                shutil.rmtree(copy or self.folder / "none", ignore_errors=True)
            else:
                self.shots.append(Shot(number, when, request, server, copy, like))
            os.kill(self._pid, signal.SIGCONT)


def _digest(server: bytes, work: Path | None) -> str:
    """Of all bytes that a resumed run finds, but SQLite's index of its log, which the first to open it makes anew."""
    total = hashlib.sha256(server)
    for path in sorted(work.rglob("*")) if work is not None else ():
        what = path.lstat()
        total.update(repr((str(path.relative_to(work or path)), stat.S_IFMT(what.st_mode))).encode())
        if path.is_file() and not path.name.endswith("-shm"):
            total.update(path.read_bytes() + b"\0end")
    return total.hexdigest()


@dataclass
class Tried:
    """What a sweep found: how many positions, and the differences in words."""

    what: str
    total: int = 0
    positions: int = 0
    states: set[str] = field(default_factory=set)
    compared: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        alike = f" in {len(self.states)} different states" if self.states else ""
        return (f"{self.what}: {self.total} requests, positions tried {self.positions}{alike}, states compared {self.compared}, "
                f"differences {len(self.differences)}")
