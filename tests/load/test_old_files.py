"""Between listing and sending, files vanish, move and are replaced: what is read is what was listed, from inside its workspace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrate.ledger import FileRow, Ledger, State
from migrate.load.old_files import LeadsOut, OldFiles, SourceGone, links_key


def row(path: bytes) -> FileRow:
    return FileRow(1, "w\0\0", path, "file", 1, 1, False, None, State.PLANNED, None, None, None, None, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "ws"
    (made / "sub").mkdir(parents=True)
    (made / "sub" / "a.txt").write_text("a")
    (tmp_path / "secret.txt").write_text("of others")
    return made


@pytest.fixture
def old(folder: Path, tmp_path: Path) -> OldFiles:
    return OldFiles(Ledger.create(tmp_path / "work"), "w\0\0", os.fsencode(folder))


def test_a_file_lies_where_it_was_listed(old: OldFiles, folder: Path) -> None:
    assert old.place(row(b"/sub/a.txt")) == os.fsencode(folder / "sub" / "a.txt")


def test_a_file_replaced_by_a_link_out_of_its_workspace_is_not_sent(old: OldFiles, folder: Path) -> None:
    (folder / "sub" / "a.txt").unlink()
    (folder / "sub" / "a.txt").symlink_to(folder.parent / "secret.txt")
    with pytest.raises(LeadsOut):
        old.place(row(b"/sub/a.txt"))


def test_a_folder_replaced_by_a_link_out_of_its_workspace_is_not_followed(old: OldFiles, folder: Path) -> None:
    (folder / "sub").rename(folder.parent / "elsewhere")
    (folder / "sub").symlink_to(folder.parent / "elsewhere")
    with pytest.raises(LeadsOut):
        old.place(row(b"/sub/a.txt"))


def test_a_link_that_stays_inside_is_followed(old: OldFiles, folder: Path) -> None:
    (folder / "link.txt").symlink_to("sub/a.txt")
    assert Path(os.fsdecode(old.place(row(b"/link.txt")))).read_text() == "a"


@pytest.mark.parametrize("what", ["gone", "folder", "folder above is a file"])
def test_what_is_no_file_any_more_is_told(old: OldFiles, folder: Path, what: str) -> None:
    (folder / "sub" / "a.txt").unlink()
    if what == "folder":
        (folder / "sub" / "a.txt").mkdir()
    if what == "folder above is a file":
        (folder / "sub").rmdir()
        (folder / "sub").write_text("now a file")
    with pytest.raises(SourceGone):
        old.place(row(b"/sub/a.txt"))


def test_a_link_to_a_path_of_the_dead_machine_is_read_where_that_lies_now(folder: Path, tmp_path: Path) -> None:
    (folder / "caf\udce9").mkdir()
    (folder / "caf\udce9" / "b.txt").write_text("b")
    (folder / "link").symlink_to("/srv/dead/ws/caf\udce9")
    with Ledger.create(tmp_path / "work") as ledger:
        ledger.put(links_key("w\0\0"), {b"/link".hex(): os.fsencode(folder / "caf\udce9").hex()})
        assert OldFiles(ledger, "w\0\0", os.fsencode(folder)).place(row(b"/link/b.txt")) == os.fsencode(folder / "caf\udce9" / "b.txt")
