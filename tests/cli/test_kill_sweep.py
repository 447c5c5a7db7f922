"""A run that is killed before or after any request, and resumed, leaves the server as an undisturbed run does.

`MIGRATE_SWEEP=all` kills at every request (make sweep); otherwise at a sample that is spread over the run. Each position is
tried twice: before the server does anything, and after it did everything but before the answer is read."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import command

from fixtures.generator import build
from fixtures.generator.organisation import of_size
from migrate.cells.sandbox import Sandbox
from migrate.ledger import Ledger

ALL = os.environ.get("MIGRATE_SWEEP") == "all"
SAMPLE = 7
BEFORE, AFTER = "before", "after"


class Killing(Sandbox):
    """Kills the process that sends request number `at`."""

    at = 0
    when = BEFORE
    victim: int | None = None
    seen = 0

    def answer(self, method: str, target: str, *rest: Any, **more: Any) -> Any:
        if self.victim is not None and method != "GET":
            self.seen += 1
            if self.seen == self.at:
                if self.when == AFTER:
                    given = super().answer(method, target, *rest, **more)
                    self._kill()
                    return given
                self._kill()
        return super().answer(method, target, *rest, **more)

    def _kill(self) -> None:
        if self.victim is not None:
            os.kill(self.victim, signal.SIGKILL)
            self.victim = None


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(of_size(4, 2, 12), tmp_path_factory.mktemp("sweep") / "old")


@pytest.fixture(scope="module")
def undisturbed(old: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    """The server after a run that nothing disturbed, and how many requests (but GET) it took."""
    with Killing() as server:
        os.environ["CELLS_TOKEN"] = server.token
        server.victim, server.at = -1, -1
        assert _migrate(old, server.url, tmp_path_factory.mktemp("calm")) in (0, 3)
        return server.snapshot(), server.seen


def _migrate(old: Path, url: str, work: Path) -> int:
    return command("migrate", "--legacy", old, "--cells", url, "--work", work, "--accept-skips", "--quiet").status


def _in_child(target: Callable[[], object]) -> multiprocessing.process.BaseProcess:
    child = multiprocessing.get_context("fork").Process(target=target)
    child.start()
    return child


def positions(total: int) -> list[tuple[int, str]]:
    numbers = range(1, total + 1) if ALL else sorted({max(1, round(total * k / SAMPLE)) for k in range(1, SAMPLE)})
    return [(number, when) for number in numbers for when in (BEFORE, AFTER)]


def test_a_killed_run_resumes_to_the_same_server(old: Path, undisturbed: tuple[dict[str, Any], int], tmp_path: Path) -> None:
    wanted, total = undisturbed
    tried = killed = 0
    differences = []
    for number, when in positions(total):
        with Killing() as server:
            os.environ["CELLS_TOKEN"] = server.token
            work = tmp_path / f"{number}-{when}"
            server.at, server.when = number, when
            child = _in_child(lambda url=server.url, work=work: _migrate(old, url, work))  # type: ignore[misc]
            server.victim = child.pid
            child.join(120)
            assert not child.is_alive()
            tried += 1
            killed += child.exitcode == -signal.SIGKILL
            server.victim = None
            status = _migrate(old, server.url, work)
            if status not in (0, 3) or server.snapshot() != wanted:
                differences.append((number, when, status, _changed(wanted, server.snapshot())))
            with Ledger.open(work) as ledger:
                assert all(row["open"] == 0 for row in ledger.counts().values())
    print(f"positions tried {tried}, runs killed {killed}, states compared {tried}, differences {len(differences)}")
    assert not differences
    assert killed >= tried // 2, "most positions must really have been reached"


def _changed(wanted: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
    return {part: got[part] for part in wanted if got[part] != wanted[part]}
