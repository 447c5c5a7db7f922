"""Where the carrying of content stands is told in files and bytes, and its end is told honestly or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.headway import Way, span
from migrate.ledger import Ledger, State
from migrate.load.meter import Meter, carrying

MIB = 1 << 20


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_promised_before_something_is_known() -> None:
    clock = Clock()
    way = Way(100, 0, clock=clock)
    assert way.reading().left is None
    clock.now += 60
    assert way.reading().left is None
    assert "cannot be told" in way.reading().sentence


def test_files_of_one_kind_take_what_they_took() -> None:
    clock = Clock()
    way = Way(1000, 0, clock=clock)
    for _ in range(100):
        clock.now += 1
        way.count(files=2)
    assert way.reading().left == pytest.approx(400, rel=0.05)


def test_folders_which_come_first_and_fast_promise_nothing_for_the_files() -> None:
    clock = Clock()
    way = Way(20_000, 0, 10_000, clock=clock)
    for _ in range(100):
        clock.now += 1
        way.count(files=75, folders=75)
    left = way.reading().left
    assert left is not None and left == pytest.approx(2500 / 75 + 10_000 / 20, rel=0.05)


def test_a_large_file_after_small_ones_is_not_forgotten() -> None:
    """Half of the files are there, and nearly none of the bytes: most of the time is still ahead."""
    clock = Clock()
    way = Way(200, 10_000 * MIB, clock=clock)
    for _ in range(100):
        clock.now += 1
        way.count(files=1)
    left = way.reading().left
    assert left is not None and left > 10_000


def test_a_server_that_slows_down_is_noticed() -> None:
    clock = Clock()
    way = Way(100_000, 0, clock=clock)
    for _ in range(100):
        clock.now += 1
        way.count(files=20)
    fast = way.reading().left
    for _ in range(500):
        clock.now += 1
        way.count(files=1)
    slow = way.reading().left
    assert fast is not None and slow is not None and slow > 10 * fast


def test_another_process_can_tell_how_far_it_is(tmp_path: Path) -> None:
    clock = Clock()
    with Ledger.create(tmp_path) as ledger:
        ledger.scan_files(({"root": "w\0\0", "path": b"/%d" % n, "type": "file", "size": 10, "mtime": 1, "recycle": False} for n in range(50)), 1)
        ledger.update_files([(1, {"state": State.DONE}), (2, {"state": State.SKIPPED})])
        meter = Meter(ledger, clock=clock)
        assert meter.folders == 0
        clock.now += 20
        meter.count(files=24, size=240)
        with Ledger.open(tmp_path) as other:
            seen = carrying(other)
        assert seen is not None and (seen.files, seen.all_files, seen.bytes, seen.all_bytes) == (24, 48, 240, 480)
        assert seen.left == pytest.approx(20)
        clock.now += 20
        meter.count(files=24, size=240)
        assert carrying(ledger) is None, "what comes after the content may take long; it is not the content that stands still"
        meter.close()
        assert carrying(ledger) is None


@pytest.mark.parametrize(("seconds", "text"), [(0, "1 seconds"), (80, "80 seconds"), (600, "10 minutes"), (9000, "2.5 hours")])
def test_spans_are_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text
