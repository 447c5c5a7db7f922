"""Through a bad line the migration ends as on a good one: against the stand-in always, against a real Cells where one is named."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import night
import pytest
import real_state
from calm import Calm
from proxy import AFTER, BEFORE, Proxy

from migrate.cells.auth import GivenToken
from migrate.cells.session import Session


def until_done(calm: Calm, url: str, work: Path, rounds: int = 10) -> list[int]:
    """Run again and again; exit statuses."""
    statuses: list[int] = []
    for _ in range(rounds):
        ran = night.migrate(calm.old, url, work)
        statuses.append(ran.status)
        assert ran.status in (0, 3, 4, 6), ran.err
        if ran.status == 0:
            break
    return statuses


def test_a_bad_line_to_the_stand_in(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    with Proxy(server.url, rate=0.05, seed=3) as proxy:
        statuses = until_done(calm, proxy.url, tmp_path / "w")
    print(f"bad line: {dict(proxy.done)}, runs {statuses}")
    assert statuses[-1] == 0 and sum(proxy.done.values()) > proxy.done["passed"]
    assert not night.changed(calm.snapshot, server.snapshot())


POSITIONS = int(os.environ.get("MIGRATE_POSITIONS", "24"))


class Real:
    """A real Cells that may be spoilt. What a test makes is taken back again by `undo`, or by CELLS_RESET, a command that makes it new."""

    def __init__(self) -> None:
        self.url = os.environ["CELLS_URL"]
        os.environ["CELLS_TOKEN"] = os.environ["MIGRATE_REAL_TOKEN"]

    def state(self) -> dict[str, Any]:
        with Session(self.url, GivenToken(os.environ["CELLS_TOKEN"])) as session:
            found = real_state.state(session)
        if os.environ.get("CELLS_DB_URL"):
            found["rows"] = real_state.rows(os.environ["CELLS_DB_URL"])
        return found

    def clear(self, work: Path) -> str:
        if os.environ.get("CELLS_RESET"):
            subprocess.run(os.environ["CELLS_RESET"], shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S602
            return "made new"
        undone = night.command("undo", "--work", work, "--yes", "--quiet", "--cells", self.url, "--purge", "files")
        return f"undo exit {undone.status} {undone.out.strip().splitlines()[-1:]}"


@pytest.fixture
def real_cells(monkeypatch: pytest.MonkeyPatch) -> Real:
    monkeypatch.setenv("CELLS_TOKEN", "")
    return Real()


def in_rows(wanted: dict[str, Any], got: dict[str, Any], noise: set[str]) -> dict[str, Any]:
    """What differs, but tables in which two undisturbed runs differ, too."""
    for shot in (wanted, got):
        shot["rows"] = {k: v for k, v in shot.get("rows", {}).items() if k not in noise}
    return night.changed(wanted, got)


@pytest.mark.real_cells
@pytest.mark.skipif(not os.environ.get("CELLS_URL"), reason="no real Cells is named (CELLS_URL, CELLS_TOKEN)")
def test_killed_on_a_real_cells_and_resumed(old: Path, tmp_path: Path, real_cells: Real) -> None:
    """Before and after requests spread over the whole run; compared over the interface and by the rows of the database."""
    calm = []
    for name in ("one", "two"):
        with Proxy(real_cells.url, rate=0) as line:
            ran = night.migrate(old, line.url, tmp_path / name)
            assert ran.status == 0, ran.err
        calm.append((real_cells.state(), line.asked))
        print(f"undisturbed: {line.asked} requests; {real_cells.clear(tmp_path / name)}", flush=True)
    noise = {k for k, v in calm[0][0].get("rows", {}).items() if calm[1][0]["rows"].get(k) != v}
    assert not in_rows(calm[0][0], calm[1][0], noise), "two undisturbed runs leave the same"
    tried, reached, differences = 0, 0, []
    for place in range(POSITIONS):
        number, when = max(1, round(calm[0][1] * (place + 0.5) / POSITIONS)), (BEFORE, AFTER)[place % 2]
        work = tmp_path / f"{number}-{when}"
        with Proxy(real_cells.url, rate=0) as line:
            child: list[Any] = []

            def strike(child: list[Any] = child) -> None:
                os.kill(child[0].pid, signal.SIGKILL)

            line.at, line.when, line.strike = number, when, strike
            child.append(night.in_child(lambda url=line.url, work=work: night.migrate(old, url, work)))  # type: ignore[misc]
            child[0].join(600)
            reached += child[0].exitcode == -signal.SIGKILL
        again = night.migrate(old, real_cells.url, work)
        found = in_rows(calm[0][0], real_cells.state(), noise)
        tried += 1
        if again.status or found:
            differences.append(f"{when} {number}: exit {again.status} {found} {again.err[-400:]}")
        like = "DIFFERENT" if found else "the same"
        print(f"{when} {number}: killed {child[0].exitcode}, resumed {again.status}, {like}; {real_cells.clear(work)}", flush=True)
    print(f"kill sweep on a real Cells: {calm[0][1]} requests, positions tried {tried}, runs killed {reached}, states compared {tried}, "
          f"differences {len(differences)}; tables left out {sorted(noise)}")
    assert not differences, differences
    assert reached >= tried * 0.8


@pytest.mark.real_cells
@pytest.mark.skipif(not os.environ.get("CELLS_URL"), reason="no real Cells is named (CELLS_URL, CELLS_TOKEN)")
def test_a_bad_line_to_a_real_cells(calm: Calm, tmp_path: Path, real_cells: Real) -> None:
    """Afterwards a fresh work folder finds everything there: nothing is missing, nothing is to be made once more. Then it is undone."""
    with Proxy(real_cells.url, rate=0.04, seed=5) as proxy:
        statuses = until_done(calm, proxy.url, tmp_path / "w")
    print(f"bad line to a real Cells: {dict(proxy.done)}, runs {statuses}")
    assert statuses[-1] == 0
    other = night.migrate(calm.old, real_cells.url, tmp_path / "other", "--json")
    print(f"second look: exit {other.status}, writes {other.json['requests']['write']}, differences {len(other.json['differences'])}")
    assert other.status == 0 and other.json["requests"]["write"] == 0
    assert night.migrate(calm.old, real_cells.url, tmp_path / "w").status == 0  # the work folder knows the server by its own address again
    print(real_cells.clear(tmp_path / "w"))
