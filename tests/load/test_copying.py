"""The copy for an in-place data source holds what was listed, read from inside its workspace; what cannot be copied says why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, State
from migrate.load.carry import SomeFilesFailed
from migrate.load.copying import Copier
from migrate.load.old_files import links_key
from migrate.transform.file_actions import CopyFolder

ROOT = "w\0\0"


@dataclass
class Scene:
    """An old folder that was listed, and the place of its copy."""

    old: Path
    copy: Path
    ledger: Ledger

    def listed(self, *names: str) -> None:
        """Names with a `.` are files."""
        rows = [{"root": ROOT, "path": os.fsencode("/" + name), "type": "file" if "." in name else "dir", "size": 4 if "." in name else None, "mtime": 10**9,
                 "recycle": False} for name in names]
        self.ledger.scan_files(rows, 1)

    def run(self) -> dict[str, object]:
        return dict(Copier(self.ledger, CopyFolder(ROOT, str(self.copy), "lies"), StopSignal()).run())

    def outcomes(self) -> dict[str, tuple[State, str | None]]:
        return {os.fsdecode(row.path): (row.state, row.code) for row in self.ledger.files(ROOT)}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    old = tmp_path / "old"
    (old / "d").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "d/c.txt"):
        (old / name).write_text("four")
        os.utime(old / name, (10**9, 10**9))
    ledger = Ledger.create(tmp_path / "work")
    ledger.replace_records("roots", [(ROOT, {"folder": str(old)})])
    made = Scene(old, tmp_path / "new" / "lies", ledger)
    made.listed("a.txt", "b.txt", "d", "d/c.txt")
    return made


@pytest.mark.parametrize(("what", "code"), [("link out", "E5015"), ("gone", "E5014"), ("pipe", "E5014"), ("folder above leads out", "E5015")])
def test_what_is_not_the_listed_file_any_more_is_not_copied_and_the_others_are(scene: Scene, what: str, code: str) -> None:
    secret = scene.old.parent / "secret"
    secret.mkdir()
    (secret / "c.txt").write_text("kept")
    os.utime(secret / "c.txt", (10**9, 10**9))
    lost = scene.old / "d" / "c.txt"
    lost.unlink()
    if what == "link out":
        lost.symlink_to(secret / "c.txt")
    if what == "pipe":
        os.mkfifo(lost)
    if what == "folder above leads out":
        lost.parent.rmdir()
        lost.parent.symlink_to(secret)
    with pytest.raises(SomeFilesFailed):
        scene.run()
    assert not (scene.copy / "d" / "c.txt").exists() and (scene.copy / "a.txt").read_text() == (scene.copy / "b.txt").read_text() == "four"
    assert scene.outcomes()["/d/c.txt"] == (State.FAILED, code)


def test_a_file_that_is_back_is_copied_by_the_next_run_and_its_failure_forgotten(scene: Scene) -> None:
    (scene.old / "a.txt").rename(scene.old / "away")
    with pytest.raises(SomeFilesFailed):
        scene.run()
    (scene.old / "away").rename(scene.old / "a.txt")
    assert scene.run() == {"copied": 1, "bytes": 4}
    assert scene.outcomes()["/a.txt"][1] is None


def test_what_lies_behind_a_link_to_a_path_of_the_dead_machine_is_copied_from_where_that_lies_now(scene: Scene) -> None:
    (scene.old / "link").symlink_to("/srv/of/the/dead/machine/d")
    scene.ledger.put(links_key(ROOT), {b"/link".hex(): os.fsencode(scene.old / "d").hex()})
    scene.listed("link", "link/c.txt")
    scene.run()
    assert (scene.copy / "link" / "c.txt").read_text() == "four" and not (scene.copy / "link").is_symlink()


def test_what_changed_behind_its_size_and_date_since_it_was_carried_is_copied_again(scene: Scene) -> None:
    scene.run()
    (scene.old / "a.txt").write_text("five")
    os.utime(scene.old / "a.txt", (10**9, 10**9))
    rows = [{"root": ROOT, "path": b"/a.txt", "type": "file", "size": 4, "mtime": 10**9, "recycle": False, "sha256": "of five"}]
    scene.ledger.scan_files(rows, 2)
    assert scene.run() == {"copied": 1, "bytes": 4}
    assert (scene.copy / "a.txt").read_text() == "five"
