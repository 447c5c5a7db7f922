"""The engine does everything once, in order, side by side where it may, and leaves a ledger that can be resumed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import ExitStatus, MigrationError
from migrate.interrupt import Interrupted, StopSignal
from migrate.ledger import Ledger, State
from migrate.load.engine import Engine
from migrate.rights import Right
from migrate.transform.actions import Action, CreateGroup, CreateRole, CreateUser, SetRight


class Broken(MigrationError):
    """One object is refused."""

    code = "E4998"
    title = "Refused."


class Gone(MigrationError):
    """The server is gone."""

    code = "E4999"
    title = "Gone."
    exit_status = ExitStatus.CELLS_UNREACHABLE


class Recorder:
    """Performs nothing; remembers; fails where told."""

    def __init__(self, errors: Mapping[str, MigrationError] | None = None) -> None:
        self.seen: list[tuple[str, bool]] = []
        self.errors = dict(errors or {})
        self.busy: dict[str, int] = {}
        self.overlap = False
        self.lock = threading.Lock()

    def perform(self, action: Action, *, resumed: bool) -> Mapping[str, Any]:
        with self.lock:
            self.overlap |= self.busy.get(action.lane, 0) > 0
            self.busy[action.lane] = self.busy.get(action.lane, 0) + 1
            self.seen.append((action.id, resumed))
        try:
            if action.id in self.errors:
                raise self.errors[action.id]
            return {"done": action.id}
        finally:
            with self.lock:
                self.busy[action.lane] -= 1


def plan(tmp_path: Path, *actions: Action) -> Ledger:
    ledger = Ledger.create(tmp_path)
    ledger.replace_plan([(a, State.PLANNED) for a in actions])
    return ledger


def test_every_action_is_done_once_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    ledger = plan(tmp_path, CreateGroup("g", "/a", ""), CreateRole("r", "R"), CreateUser("u", "ann", "/a"))
    first = Recorder()
    assert Engine(ledger, first, workers=4).run().done == 3
    assert [i for i, _ in first.seen] == ["group:/a", "role:r", "user:ann"]
    second = Recorder()
    assert Engine(ledger, second).run().done == 0 and second.seen == []


def test_a_started_action_is_handed_over_as_resumed(tmp_path: Path) -> None:
    ledger = plan(tmp_path, CreateRole("r", "R"), CreateRole("s", "S"))
    ledger.start(next(ledger.actions()))
    recorder = Recorder()
    Engine(ledger, recorder, workers=1).run()
    assert sorted(recorder.seen) == [("role:r", True), ("role:s", False)]


def test_a_failed_need_fails_what_depends_on_it_and_nothing_else(tmp_path: Path) -> None:
    ledger = plan(tmp_path, CreateGroup("g", "/a", ""), CreateGroup("h", "/a/b", "", parent_made=True), CreateGroup("i", "/c", ""))
    recorder = Recorder({"group:/a": Broken()})
    tally = Engine(ledger, recorder, workers=1).run()
    states = {r.id: (r.state, r.code) for r in ledger.actions()}
    assert states == {"group:/a": (State.FAILED, "E4998"), "group:/a/b": (State.FAILED, "E4901"), "group:/c": (State.DONE, None)}
    assert (tally.done, tally.failed) == (1, 2)


def test_actions_of_one_lane_never_overlap(tmp_path: Path) -> None:
    rights = [SetRight("role", f"legacy/{n}", f"w{n}", Right.READ) for n in range(40)]
    recorder = Recorder()
    Engine(plan(tmp_path, *rights), recorder, workers=8).run()
    assert len(recorder.seen) == 40 and not recorder.overlap


def test_an_error_of_the_whole_run_ends_it_and_the_action_stays_to_be_looked_up(tmp_path: Path) -> None:
    ledger = plan(tmp_path, CreateRole("r", "R"), CreateUser("u", "ann", "/"))
    with pytest.raises(Gone):
        Engine(ledger, Recorder({"role:r": Gone()})).run()
    assert {r.id: r.state for r in ledger.actions()} == {"role:r": State.STARTED, "user:ann": State.PLANNED}


def test_a_stop_ends_after_what_is_in_flight(tmp_path: Path) -> None:
    stop = StopSignal()

    class Stopping(Recorder):
        def perform(self, action: Action, *, resumed: bool) -> Mapping[str, Any]:
            stop._event.set()
            return super().perform(action, resumed=resumed)

    ledger = plan(tmp_path, *(CreateRole(f"r{n}", "R") for n in range(10)))
    recorder = Stopping()
    with pytest.raises(Interrupted):
        Engine(ledger, recorder, workers=1, stop=stop).run()
    assert len(recorder.seen) == 1
    assert ledger.action_states() == {"done": 1, "planned": 9}


def test_the_outcome_of_a_record_follows_its_action(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path)
    ledger.replace_records("users", [("ann", {}), ("bob", {})])
    ledger.replace_plan([(CreateUser("u", "ann", "/", record="ann"), State.PLANNED), (CreateUser("v", "bob", "/", record="bob"), State.PLANNED)])
    Engine(ledger, Recorder({"user:bob": Broken()})).run()
    assert {k: (o, c) for k, o, c in ledger.unsettled("users")} == {"ann": ("migrated", None), "bob": ("failed", "E4998")}
