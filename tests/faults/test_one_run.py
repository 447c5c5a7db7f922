"""One run at a time in a work folder, and a run that is stopped by a signal can be gone on with: real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import night
import pytest
from calm import Calm

ROOT = Path(__file__).parents[2]


def start(calm: Calm, server: night.Disturbed, work: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "run_migration.py", "migrate", "--legacy", str(calm.old), "--cells", server.url, "--work", str(work),
                             "--accept-skips", "--quiet"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stopped(calm: Calm, server: night.Disturbed, work: Path, signals: list[signal.Signals], number: int) -> tuple[int, str]:
    """Send the signals at request `number`; (exit status, stderr)."""
    child: list[subprocess.Popen[str]] = []

    def strike() -> None:
        for place, number in enumerate(signals):
            time.sleep(0.2 * place)
            child[0].send_signal(number)
        time.sleep(0.2)

    server.at, server.when, server.strike, server.armed = number, night.BEFORE, strike, True
    child.append(start(calm, server, work))
    _, err = child[0].communicate(timeout=600)
    server.armed = False
    return child[0].returncode, err


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM, signal.SIGINT]],
                         ids=["ctrl-c", "term", "ctrl-c twice", "term and ctrl-c"])
def test_a_signal_stops_with_130_and_the_same_command_goes_on(calm: Calm, tmp_path: Path, server: night.Disturbed, signals: list[signal.Signals]) -> None:
    status, err = stopped(calm, server, tmp_path / "w", signals, calm.requests // 2)
    assert status == 130, err
    assert "gain" in err and "resume" in err or "goes on where it stopped" in err
    assert "Traceback" not in err
    again = night.migrate(calm.old, server.url, tmp_path / "w")
    assert again.status == 0, again.err
    assert not night.changed(calm.snapshot, server.snapshot())


def test_a_signal_while_planning_stops_as_well(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    status, err = stopped(calm, server, tmp_path / "w", [signal.SIGINT], 3)
    assert status == 130 and "What to do: " in err and "Traceback" not in err, err


def test_a_second_run_is_told_who_holds_the_lock(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    told = []

    def second() -> None:
        server.armed = False
        told.append(night.command("apply", "--work", tmp_path / "w"))
        told.append(night.command("plan", "--legacy", calm.old, "--cells", server.url, "--work", tmp_path / "w", "--break-lock"))

    server.at, server.when, server.strike, server.armed = 40, night.BEFORE, second, True
    process = start(calm, server, tmp_path / "w")
    process.communicate(timeout=600)
    assert process.returncode == 0
    for ran in told:
        assert ran.status == 8 and "E6001" in ran.err
        assert f"process {process.pid} on {socket.gethostname()}, since 20" in ran.err


def test_a_lock_that_a_killed_run_left_is_no_obstacle(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    assert night.killed(server, 40, night.BEFORE, lambda: night.migrate(calm.old, server.url, tmp_path / "w"))
    assert "pid" in (tmp_path / "w" / "lock").read_text()
    assert night.migrate(calm.old, server.url, tmp_path / "w").status == 0


def test_a_lock_of_another_machine_is_only_broken_on_request(tmp_path: Path, calm: Calm, server: night.Disturbed) -> None:
    work = tmp_path / "w"
    work.mkdir()
    (work / "lock").write_text(json.dumps({"host": "elsewhere", "pid": os.getpid(), "since": 1_600_000_000}))
    ran = night.migrate(calm.old, server.url, work)
    assert ran.status == 8 and "elsewhere" in ran.err and "--break-lock" in ran.err
    assert night.migrate(calm.old, server.url, work, "--break-lock").status == 0
