"""Through a bad line the migration ends as on a good one: against the stand-in always, against a real Cells where one is named."""

from __future__ import annotations

import os
from pathlib import Path

import night
import pytest
from calm import Calm
from proxy import Proxy
from real_sweep import Real


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


@pytest.fixture
def real_cells(monkeypatch: pytest.MonkeyPatch) -> Real:
    monkeypatch.setenv("CELLS_TOKEN", "")
    return Real()


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
        proxy.calm()
        print(real_cells.clear(tmp_path / "w", proxy.url))  # a work folder keeps to the address it knows
