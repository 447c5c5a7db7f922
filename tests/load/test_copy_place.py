"""The copy for an in-place data source writes over nothing that is not its own, through no link, and leaves nothing half done."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from migrate.interrupt import StopSignal
from migrate.ledger import FileRow, Ledger, State
from migrate.load import one_copy
from migrate.load.carry import SomeFilesFailed
from migrate.load.copying import Copier, NoRoom
from migrate.transform.file_actions import CopyFolder

ROOT = "w\0\0"


class Scene:
    """An old folder, the place of its copy, and the list."""

    def __init__(self, base: Path) -> None:
        self.old, self.copy, self.base, self.scan = base / "old", base / "cells" / "lies", base, 0
        (self.old / "d").mkdir(parents=True)
        self.ledger = Ledger.create(base / "work")
        self.ledger.replace_records("roots", [(ROOT, {"folder": str(self.old)})])
        self.write("a.txt", "first")
        self.write("d/b.txt", "second")
        self.listed()

    def write(self, name: str, text: str, date: int = 10**9) -> None:
        (self.old / name).write_text(text)
        os.utime(self.old / name, (date, date))

    def listed(self) -> None:
        """List the old folder anew."""
        self.scan += 1
        found = sorted(self.old.rglob("*"))
        self.ledger.scan_files(({"root": ROOT, "path": b"/" + os.fsencode(path.relative_to(self.old)), "type": "dir" if path.is_dir() else "file",
                                 "size": None if path.is_dir() else path.stat().st_size, "mtime": int(path.stat().st_mtime), "recycle": False}
                                for path in found), self.scan)
        self.ledger.end_scan(self.scan)

    def run(self) -> None:
        Copier(self.ledger, CopyFolder(ROOT, str(self.copy), "lies"), StopSignal()).run()

    def refused(self) -> dict[str, str | None]:
        with pytest.raises(SomeFilesFailed):
            self.run()
        return {os.fsdecode(row.path): row.code for row in self.ledger.files(ROOT, State.FAILED)}

    def row(self, name: str) -> FileRow:
        return next(row for row in self.ledger.files(ROOT) if row.path == b"/" + os.fsencode(name))

    def there(self) -> dict[str, str]:
        """All files of the copy."""
        return {str(path.relative_to(self.copy)): path.read_text() for path in self.copy.rglob("*") if path.is_file()}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_file_of_somebody_else_under_the_same_name_is_kept_and_told(scene: Scene) -> None:
    scene.copy.mkdir(parents=True)
    (scene.copy / "a.txt").write_text("of somebody else")
    assert scene.refused() == {"/a.txt": "E5006"}
    assert scene.there() == {"a.txt": "of somebody else", "d/b.txt": "second"}
    (scene.copy / "a.txt").unlink()
    scene.run()
    assert scene.there()["a.txt"] == "first" and scene.row("a.txt").code is None


@pytest.mark.parametrize("there", ["", "fir", "first"])
def test_a_copy_that_was_broken_off_is_made_whole(scene: Scene, there: str) -> None:
    scene.copy.mkdir(parents=True)
    (scene.copy / "a.txt").write_text(there)
    scene.run()
    assert scene.there()["a.txt"] == "first" and int((scene.copy / "a.txt").stat().st_mtime) == 10**9


def test_what_an_earlier_run_put_there_is_replaced_when_the_old_file_changes_and_what_people_wrote_since_is_not(scene: Scene) -> None:
    scene.run()
    scene.write("a.txt", "changed", 10**9 + 5)
    scene.write("d/b.txt", "changed too", 10**9 + 5)
    (scene.copy / "d" / "b.txt").write_text("written in Cells")
    scene.listed()
    assert scene.refused() == {"/d/b.txt": "E5006"}
    assert scene.there() == {"a.txt": "changed", "d/b.txt": "written in Cells"}


@pytest.mark.parametrize("what", ["link to a file", "folder", "link to a folder above", "file above"])
def test_nothing_is_written_through_links_or_over_what_is_no_file(scene: Scene, what: str) -> None:
    outside = scene.base / "outside"
    outside.mkdir()
    (outside / "b.txt").write_text("not to be touched")
    place = scene.copy / "d" / "b.txt"
    (place.parent if what.endswith("file") or what == "folder" else scene.copy).mkdir(parents=True)
    if what == "link to a file":
        place.symlink_to(outside / "b.txt")
    elif what == "folder":
        place.mkdir()
    elif what == "file above":
        place.parent.write_text("a file")
    else:
        place.parent.symlink_to(outside)
    assert scene.refused()["/d/b.txt"] == "E5010"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"b.txt": "not to be touched"}
    assert scene.there()["a.txt"] == "first" and not list(scene.base.rglob(".part-*"))


def test_a_file_that_changed_since_it_was_listed_is_copied_as_it_is_now(scene: Scene) -> None:
    scene.write("a.txt", "longer than it was", 10**9 + 7)
    scene.run()
    row = scene.row("a.txt")
    assert scene.there()["a.txt"] == "longer than it was" and (row.size, row.mtime) == (18, 10**9 + 7)


def test_what_a_killed_run_left_of_a_file_that_is_gone_is_removed_and_peoples_files_are_not(scene: Scene) -> None:
    left, theirs = ".part-" + "0" * 40, ".part-" + "1" * 40
    scene.write(theirs, "of somebody")
    scene.listed()
    scene.copy.mkdir(parents=True)
    (scene.copy / left).write_text("half")
    scene.run()
    assert set(scene.there()) == {"a.txt", "d/b.txt", theirs}


def test_a_disk_that_runs_full_ends_the_run_keeps_what_is_whole_and_nothing_half(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    really, calls = one_copy._copy_bytes, []

    def full(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        really(*arguments)

    with monkeypatch.context() as night:
        night.setattr(one_copy, "_copy_bytes", full)
        with pytest.raises(NoRoom):
            scene.run()
    assert scene.there() == {"a.txt": "first"} and not list(scene.base.rglob(".part-*"))
    scene.run()
    assert scene.there() == {"a.txt": "first", "d/b.txt": "second"}


def test_a_file_with_holes_needs_no_more_room_than_it_takes(scene: Scene) -> None:
    with open(scene.old / "sparse.img", "wb") as file:
        file.write(b"x")
    os.truncate(scene.old / "sparse.img", 1 << 40)
    scene.listed()
    copier = Copier(scene.ledger, CopyFolder(ROOT, str(scene.copy), "lies"), StopSignal())
    copier._prepare()  # does not say NoRoom
