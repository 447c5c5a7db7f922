"""Runs on a real Cells that are disturbed at chosen requests: what is killed or loses an answer there, is gone on with, and is compared
with undisturbed runs over the interface and by the rows of the database.

Named by the environment: CELLS_URL, CELLS_TOKEN; CELLS_DB_URL (a SQLAlchemy URL) to count rows; CELLS_RESET, a command that makes the
server what it was, and CELLS_KEEP, one that keeps what it is now, both told a name in CELLS_STATE (`fresh`, or what was kept);
CELLS_FOLDERS, a folder of the machine of Cells that may hold data sources."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import night
import real_state
import scenes
from film import Tried
from proxy import AFTER, BEFORE, LOST, Proxy

from fixtures.generator import build
from migrate.cells.auth import GivenToken
from migrate.cells.session import Session

POSITIONS = int(os.environ.get("MIGRATE_POSITIONS", "24"))


class Real:
    """A real Cells that may be spoilt. What a test makes is taken back again by `undo`, or by CELLS_RESET."""

    def __init__(self) -> None:
        self.url = os.environ["CELLS_URL"]
        os.environ["CELLS_TOKEN"] = os.environ["MIGRATE_REAL_TOKEN"]
        self.resets, self.keeps = bool(os.environ.get("CELLS_RESET")), bool(os.environ.get("CELLS_KEEP"))

    def state(self) -> dict[str, Any]:
        with Session(self.url, GivenToken(os.environ["CELLS_TOKEN"])) as session:
            found = real_state.state(session)
        if os.environ.get("CELLS_DB_URL"):
            found["rows"] = real_state.rows(os.environ["CELLS_DB_URL"])
        return found

    def go_to(self, state: str) -> None:
        """As it was."""
        self._run(os.environ["CELLS_RESET"], state)

    def keep(self, state: str) -> None:
        """`go_to(state)` comes back to what is now."""
        self._run(os.environ["CELLS_KEEP"], state)

    def _run(self, command: str, state: str) -> None:
        subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,  # noqa: S602
                       env={**os.environ, "CELLS_STATE": state})

    def clear(self, work: Path, url: str) -> str:
        if self.resets:
            self.go_to("fresh")
            return "made new"
        undone = night.command("undo", "--work", work, "--yes", "--quiet", "--cells", url, "--purge", "files")
        return f"undo exit {undone.status} {undone.out.strip().splitlines()[-1:]}"


def in_rows(wanted: dict[str, Any], got: dict[str, Any], noise: set[str]) -> dict[str, Any]:
    """What differs, but tables in which two undisturbed runs differ, too."""
    return night.changed(*({**shot, "rows": {k: v for k, v in shot.get("rows", {}).items() if k not in noise}} for shot in (wanted, got)))


@dataclass
class RealScene:
    """A run to disturb, against a server that is the same at its beginning each time."""

    name: str
    base: Path
    real: Real
    line: Proxy
    calm: dict[str, Any] = field(default_factory=dict)
    noise: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.old, self.work, self._kept = self.base / "old", self.base / "w", self.base / "kept"
        build(night.organisation(), self.old)

    @property
    def _later(self) -> bool:
        return self.name in ("delta", "undo")

    def start(self) -> None:
        """Server and work folder are as before the run. What comes before it is done once, where the server can keep its state."""
        shutil.rmtree(self.work, ignore_errors=True)
        if not self._later:
            self.real.go_to("fresh")
            if self.name == "in-place":
                folder = Path(os.environ["CELLS_FOLDERS"]) / "night"
                shutil.rmtree(folder, ignore_errors=True)
                (self.work / "mappings").mkdir(parents=True)
                (self.work / "mappings" / "workspaces.csv").write_text(
                    f"old_workspace,data_source,route,folder,path\ndock,lies,in-place,{folder / 'lies'},dock\n")
        elif self._kept.exists() and self.real.keeps:
            self.real.go_to("moved")
            shutil.copytree(self._kept, self.work, symlinks=True)
        else:
            self.real.go_to("fresh")
            if self.name == "delta":
                shutil.rmtree(self.old)
                build(night.organisation(), self.old)
            ran = night.migrate(self.old, self.line.url, self.work)
            assert ran.status == 0, ran.err
            if self.real.keeps:
                self.real.keep("moved")
            if not self._kept.exists():
                shutil.copytree(self.work, self._kept, symlinks=True)
            if self.name == "delta":
                shutil.rmtree(self.old)
                build(scenes.week_later(), self.old)

    def act(self) -> night.Ran:
        if self.name == "undo":
            return night.command("undo", "--work", self.work, "--yes", "--quiet", "--purge", "files")
        more = ("--in-place-copy", "run") if self.name == "in-place" else ()
        return night.migrate(self.old, self.line.url, self.work, *more)

    def measure(self) -> None:
        """Two undisturbed runs."""
        self.line.calm()
        ends = []
        for _ in range(2):
            self.start()
            self.line.calm()
            ran = self.act()
            assert ran.status == 0, ran.out + ran.err
            ends.append(self.real.state())
        self.lines = list(self.line.lines)
        self.calm = ends[0]
        self.noise = {k for k, v in ends[0].get("rows", {}).items() if ends[1]["rows"].get(k) != v}
        found = in_rows(ends[0], ends[1], self.noise)
        assert not found, f"two undisturbed runs leave the same {found}"

    def disturbed(self, at: tuple[str, int], when: str) -> tuple[bool, str]:
        """Killed there (or its answer lost), gone on with; whether it was reached, and what differs."""
        self.start()
        self.line.calm()
        child: list[Any] = []
        self.line.at, self.line.when = at, when
        if when != LOST:
            self.line.strike = lambda: os.kill(child[0].pid, signal.SIGKILL)
        child.append(night.in_child(self.act))
        child[0].join(600)
        reached = bool(self.line.done[LOST]) if when == LOST else child[0].exitcode == -signal.SIGKILL
        self.line.calm()
        again = self.act()
        found = in_rows(self.calm, self.real.state(), self.noise)
        return reached, "" if again.status == 0 and not found else f"exit {again.status} {found} {again.out[-300:]} {again.err[-400:]}"


def places(lines: list[str], number: int, kinds: tuple[str, ...] = (AFTER, BEFORE)) -> list[tuple[tuple[str, int], str]]:
    """`number` positions: writing requests first, each kind of them before any a second time; then what only asks."""
    seen: Counter[str] = Counter()
    all_of: dict[str, list[tuple[str, int]]] = {}
    for line in lines:
        seen[line] += 1
        all_of.setdefault(_kind(line), []).append((line, seen[line]))
    writes = {kind: found for kind, found in all_of.items() if kind.split(" ")[0] in ("PUT", "DELETE", "PATCH") or kind in WRITING}
    asks = {kind: found for kind, found in all_of.items() if kind not in writes}
    share = max(1, number * 4 // 5) if asks else number
    return [*_each(writes, kinds)[:share], *_each(asks, kinds)[:number - share]]


def _each(groups: dict[str, list[tuple[str, int]]], kinds: tuple[str, ...]) -> list[tuple[tuple[str, int], str]]:
    """All positions in all ways: first one way after the other in turn, so that few positions have some of each."""
    order = _in_turn(groups)
    return [(at, kinds[(place + turn) % len(kinds)]) for turn in range(len(kinds)) for place, at in enumerate(order)]


WRITING = frozenset({"POST /a/tree/create", "POST /a/tree/delete", "POST /a/config/datasource", "POST /a/jobs/user", "POST /a/acl/bulk/delete",
                     "POST /io/pydiods1", "POST /a/jobs"})
"""Requests that write although they are POST; most POST only ask."""


def _kind(line: str) -> str:
    """METHOD and the first parts of the path."""
    method, _, path = line.partition(" ")
    return f"{method} {'/'.join(path.split('/')[:4] if path.startswith('/a/') else path.split('/')[:3])}"


def _in_turn(groups: dict[str, list[tuple[str, int]]]) -> list[tuple[str, int]]:
    """One of each group, then a second of each, and so on."""
    found: list[tuple[str, int]] = []
    longest = max((len(g) for g in groups.values()), default=0)
    for turn in range(longest):
        found += [g[turn] for g in groups.values() if turn < len(g)]
    return found


def sweep(scene: RealScene, number: int, kinds: tuple[str, ...], say: Callable[[str], None], share: tuple[int, int] = (0, 1)) -> Tried:
    """At so many positions; each is told as it is tried."""
    scene.measure()
    tried = Tried(f"{scene.name} on a real Cells ({', '.join(kinds)})", len(scene.lines))
    reached = 0
    for at, when in places(scene.lines, number, kinds)[share[0]::share[1]]:
        was, different = scene.disturbed(at, when)
        tried.positions += was
        tried.compared += 1
        reached += was
        tried.differences += [f"{when} {at}: {different}"] if different else []
        say(f"{when} {at[0]} ({at[1]}): {'reached' if was else 'not reached'}, {'DIFFERENT ' + different if different else 'the same'}")
    say(f"{tried}; tables left out {sorted(scene.noise)}")
    return tried
