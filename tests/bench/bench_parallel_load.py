"""How much do workers gain? A whole migration into a stand-in with the latency of a real server, with 1 and with 8 workers."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from pathlib import Path

from fixtures.generator import build
from fixtures.generator.organisation import of_size
from migrate.cells.sandbox import Sandbox
from migrate.cli.app import run

LATENCY_MS = 20


def seconds(old: Path, workers: int) -> float:
    with tempfile.TemporaryDirectory() as work, Sandbox(latency_ms=LATENCY_MS) as server:
        os.environ["CELLS_TOKEN"] = server.token
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = run(["migrate", "--legacy", str(old), "--cells", server.url, "--work", work, "--workers", str(workers), "--accept-skips"])
        assert status in (0, 3), status
        return time.perf_counter() - start


def main() -> None:
    """Prints the ratio of both times (greater than 1: workers gain)."""
    with tempfile.TemporaryDirectory() as folder:
        old = build(of_size(30, 5, 150), Path(folder) / "old")
        one = seconds(old, 1)
        eight = seconds(old, 8)
    print(f"whole migration, {LATENCY_MS} ms latency: 1 worker / 8 workers = {one / eight:.2f}")


if __name__ == "__main__":
    main()
