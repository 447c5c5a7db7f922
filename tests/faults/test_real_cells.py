"""On a real Cells that may be spoilt: what is killed, or loses an answer, is gone on with and ends like an undisturbed run.

Long; only where one is named (see `real_sweep`). MIGRATE_POSITIONS says how many positions of each kind of run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from proxy import AFTER, BEFORE, LOST, Proxy
from real_sweep import POSITIONS, Real, RealScene, sweep

pytestmark = [pytest.mark.real_cells,
              pytest.mark.skipif(not os.environ.get("CELLS_URL"), reason="no real Cells is named (CELLS_URL, CELLS_TOKEN)")]


@pytest.mark.parametrize(("name", "kinds"), [("migrate", (AFTER, BEFORE)), ("migrate", (LOST,)), ("undo", (AFTER, BEFORE)), ("undo", (LOST,)),
                                             ("delta", (AFTER, BEFORE)), ("in-place", (AFTER, BEFORE))],
                         ids=["migrate-killed", "migrate-lost", "undo-killed", "undo-lost", "delta-killed", "in-place-killed"])
def test_disturbed_on_a_real_cells(name: str, kinds: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLS_TOKEN", "")
    real = Real()
    if not real.resets:
        pytest.skip("the server has to be made new for each position (CELLS_RESET)")
    if name == "in-place" and not os.environ.get("CELLS_FOLDERS"):
        pytest.skip("no folder of the machine of Cells is named (CELLS_FOLDERS)")
    with Proxy(real.url, rate=0) as line:
        tried = sweep(RealScene(name, tmp_path / "s", real, line), POSITIONS, kinds, lambda text: print(text, flush=True))
    assert not tried.differences, tried.differences
    assert tried.positions >= tried.compared * 0.8, "nearly every position must really have been reached"
