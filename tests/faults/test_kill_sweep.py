"""A run that is killed (really, by -9) before or after a request, and resumed, leaves the server as an undisturbed run does.

At a sample of requests: `test_whole_sweep` has all of them, filmed. `MIGRATE_SWEEP=kill` kills at every one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import night
import pytest
from calm import Calm

from migrate.cells.sandbox.faults import LOST, RESET
from migrate.ledger import Ledger

SAMPLE = 24 if night.EVERY else 3


def one(calm: Calm, work: Path, number: int, when: str, which: str = "", meanwhile: Callable[[], None] = lambda: None) -> tuple[bool, str]:
    """Kill there, resume; (whether it was killed, what differs)."""
    with night.Disturbed() as server:
        os.environ["CELLS_TOKEN"] = server.token
        server.which = which

        def victim() -> None:
            meanwhile()
            night.migrate(calm.old, server.url, work)

        was_killed = night.killed(server, number, when, victim)
        meanwhile()
        again = night.migrate(calm.old, server.url, work)
        found = night.changed(calm.snapshot, server.snapshot())
        with Ledger.open(work) as ledger:
            open_kinds = [kind for kind, row in ledger.counts().items() if row["open"] or row["failed"]]
        right = again.status == 0 and not found and not open_kinds
        return was_killed, "" if right else f"{number} {when}: exit {again.status} {found} {open_kinds} {again.err[-500:]}"


def test_a_killed_run_resumes_to_the_same_server(calm: Calm, tmp_path: Path) -> None:
    tried = reached = 0
    differences = []
    everywhere = os.environ.get("MIGRATE_SWEEP") == "kill"
    for place, number in enumerate(range(1, calm.requests + 1) if everywhere else night.spread(calm.requests, SAMPLE)):
        for when in (night.BEFORE, night.AFTER) if everywhere else ((night.BEFORE, night.AFTER)[place % 2],):
            was_killed, different = one(calm, tmp_path / f"{number}-{when}", number, when)
            tried, reached = tried + 1, reached + was_killed
            differences += [different] if different else []
    print(f"kill sweep: {calm.requests} requests, positions tried {tried}, runs killed {reached}, states compared {tried}, differences {len(differences)}")
    assert not differences, differences
    assert reached >= tried * 0.9, "nearly every position must really have been reached (the number of requests varies a little with the timing)"


@pytest.mark.parametrize("which", ["PUT /a/share/link", "PUT /a/workspace", "PUT /a/acl", "PUT /io/"])
def test_killed_after_the_effect_and_before_its_record(calm: Calm, tmp_path: Path, which: str) -> None:
    was_killed, different = one(calm, tmp_path, 1, night.AFTER, which)
    assert was_killed and not different


def test_the_sweep_reports_a_loader_that_repeats_without_looking(calm: Calm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from migrate.load import shares

    def blind() -> None:
        monkeypatch.setattr(shares, "_there", lambda *_a, **_k: None)
        monkeypatch.setattr(shares, "_search", lambda *_a, **_k: None)

    was_killed, different = one(calm, tmp_path, 1, night.AFTER, "PUT /a/share/link", blind)
    assert was_killed and different


@pytest.mark.parametrize("seed", range(40 if night.EVERY else 3))
def test_a_bad_night_of_random_faults_ends_like_a_calm_one(calm: Calm, tmp_path: Path, seed: int) -> None:
    with night.Disturbed() as server:
        os.environ["CELLS_TOKEN"] = server.token
        server.faults.rate, server.faults.rate_effects = 0.06, (429, 500, 503, RESET, LOST)
        server.faults._random.seed(seed)
        runs = []
        for attempt in range(12):
            if attempt == 11:
                server.faults.clear()
            runs.append(night.migrate(calm.old, server.url, tmp_path / "w"))
            assert runs[-1].status in (0, 3, 4, 6, 10), runs[-1].err
            if runs[-1].status == 0:
                break
        assert runs[-1].status == 0, [(r.status, r.err[-300:]) for r in runs]
        assert not night.changed(calm.snapshot, server.snapshot())
    print(f"random faults, seed {seed}: {len(runs)} runs, differences 0")


def test_a_token_that_ends_on_the_way_is_asked_for_again(calm: Calm, tmp_path: Path, server: night.Disturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELLS_TOKEN")
    kept = tmp_path / "token"
    kept.write_text(server.token)

    def end_it() -> None:
        old_one = kept.read_text()
        kept.write_text(server.token_for("admin"))
        server.expire(old_one)
        server.at += calm.requests // 6

    server.when, server.at, server.armed, server.strike = night.BEFORE, 5, True, end_it
    ran = night.migrate(calm.old, server.url, tmp_path / "w", "--token-command", f"cat {kept}")
    assert ran.status == 0, ran.err
    assert server.at > calm.requests // 2, "it ended several times"
    assert not night.changed(calm.snapshot, server.snapshot())


def test_a_token_that_cannot_be_renewed_ends_the_run_and_another_one_resumes_it(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    number = night.positions(calm.requests, 3)[1]
    server.when, server.at, server.armed = night.BEFORE, number, True
    server.strike = lambda: server.expire(server.token)
    ran = night.migrate(calm.old, server.url, tmp_path / "w")
    assert ran.status == 7 and "What to do: " in ran.err
    server.armed = False
    os.environ["CELLS_TOKEN"] = server.token_for("admin")
    again = night.migrate(calm.old, server.url, tmp_path / "w")
    assert again.status == 0, again.err
    assert not night.changed(calm.snapshot, server.snapshot())


def test_a_clock_that_jumps_changes_nothing(calm: Calm, tmp_path: Path, server: night.Disturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day ahead, two days back, between any two requests: nothing waits for ever, nothing is taken for older or newer than it is."""
    real, shift = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])

    def jump() -> None:
        shift[0] = -86_400.0 if shift[0] > 0 else 86_400.0
        server.at += 7

    server.when, server.at, server.armed, server.strike = night.BEFORE, 5, True, jump
    ran = night.migrate(calm.old, server.url, tmp_path / "w")
    assert ran.status == 0, ran.err
    assert server.at > calm.requests // 2
    server.armed = False
    again = night.migrate(calm.old, server.url, tmp_path / "w", "--json")
    assert again.status == 0 and again.json["requests"]["write"] == 0
    assert not night.changed(calm.snapshot, server.snapshot())
