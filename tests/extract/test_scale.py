"""A large organisation needs no more memory than a small one, and no step is repeated for each person over everything.

The short form counts what is read; `make scale` reads 100,000 people and a million files, and looks at memory and time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from fixtures.generator import build
from fixtures.generator.organisation import of_size
from migrate.extract import serialfiles
from migrate.extract.source import Source
from migrate.extract.tables import Tables

SCALE = int(os.environ.get("MIGRATE_SCALE", "0"))
STREAMS = ("users", "groups", "roles", "teams", "workspaces", "access", "shares", "metadata", "watches", "locks", "comments", "bookmarks", "preferences",
           "roots", "files")


def read(folder: Path) -> Counter[str]:
    """Number of records of each kind."""
    with Source.open(folder, now=1_800_000_000) as source:
        return Counter({name: sum(1 for _ in getattr(source, name)()) for name in STREAMS})


@pytest.mark.parametrize("era", ["pydio8", "pydio5"])
def test_tables_are_read_as_often_for_many_people_as_for_few(tmp_path, monkeypatch, era):
    asked: Counter[str] = Counter()
    rows = Tables.rows

    def counting(self, table, *columns, **more):
        asked[table] += 1
        return rows(self, table, *columns, **more)

    monkeypatch.setattr(Tables, "rows", counting)
    numbers = []
    for people in (5, 30):
        asked.clear()
        found = read(build(of_size(people, 4, people, seed=1), tmp_path / str(people), era, truth=False))
        assert found["users"] >= people * 0.8
        numbers.append(dict(asked))
    assert numbers[0] == numbers[1]


def test_files_of_people_are_read_a_fixed_number_of_times_each(tmp_path, monkeypatch):
    opened: Counter[str] = Counter()
    regular = serialfiles.read_regular

    def counting(path, most):
        opened[os.path.basename(path)] += 1
        return regular(path, most)

    monkeypatch.setattr(serialfiles, "read_regular", counting)
    per_person = []
    for people in (5, 30):
        opened.clear()
        read(build(of_size(people, 4, 0, seed=1), tmp_path / str(people), "pydio5-serial", truth=False))
        folders = sum(1 for _ in (tmp_path / str(people) / "data/plugins/auth.serial").rglob("rights.ser"))
        per_person.append(opened["rights.ser"] / folders)
        assert opened["users.ser"] <= 3 and opened["repo.ser"] <= 6
    assert per_person[1] <= per_person[0] + 1


PROBE = """
import resource, sys, time
sys.path.insert(0, sys.argv[2])
from tests.extract.test_scale import read
from pathlib import Path
start = time.process_time()
found = read(Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time() - start, found["users"], found["files"])
"""


@pytest.mark.slow
@pytest.mark.skipif(not SCALE, reason="long form: make scale")
@pytest.mark.parametrize("era", ["pydio8", "pydio5-serial"])
def test_memory_is_flat_and_time_grows_with_the_size(tmp_path, era):
    seen = []
    for people in (SCALE // 10, SCALE):
        started = time.monotonic()
        folder = build(of_size(people, 50, people * 10, seed=2), tmp_path / str(people), era, truth=False)
        written = time.monotonic() - started
        done = subprocess.run([sys.executable, "-c", PROBE, str(folder), str(Path(__file__).parents[2])], capture_output=True, text=True, check=True)
        memory, seconds, users, files = (float(word) for word in done.stdout.split())
        print(f"{era}: {users:,.0f} people, {files:,.0f} files: {memory / 1024:,.0f} MB, {seconds:,.0f} s to read, {written:,.0f} s to write")
        seen.append((memory, seconds))
    assert seen[1][0] < seen[0][0] * 1.5 + 100 * 1024
    assert seen[1][1] < seen[0][1] * 20
