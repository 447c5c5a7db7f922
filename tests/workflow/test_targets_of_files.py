"""Every file of the list gets a name that its data source can hold, or is set aside with a reason; none is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migrate.ledger import FileRow, Ledger, State
from migrate.workflow.targets import name_files

ROOT = "w\0\0"


def named(tmp_path: Path, paths: list[tuple[bytes, str]], structured: frozenset[str] = frozenset(), route: str = "upload") -> dict[bytes, FileRow]:
    with Ledger.create(tmp_path / "work") as ledger:
        ledger.scan_files(({"root": ROOT, "path": path, "type": kind, "size": 1, "mtime": 1, "recycle": False} for path, kind in sorted(paths)), 1)
        ledger.put_targets("roots", [(ROOT, {"node": "legacy/inner", "data_source": "legacy", "route": route})])
        name_files(ledger, recycle="skip", structured=structured)
        return {row.path: row for row in ledger.files()}


LONG = b"/" + b"/".join(["\u6f22".encode() * 60] * 6) + b"/long.txt"
"""1,094 bytes: more than a structured data source takes."""


@pytest.mark.parametrize(("structured", "route", "state"), [(frozenset(), "upload", State.PLANNED), (frozenset({"legacy"}), "upload", State.SKIPPED),
                                                            (frozenset(), "in-place", State.SKIPPED)])
def test_a_long_path_is_left_out_only_where_the_data_source_cannot_hold_it(tmp_path: Path, structured: frozenset[str], route: str, state: State) -> None:
    row = named(tmp_path, [(LONG, "file")], structured, route)[LONG]
    assert row.state is state and row.code == (None if state is State.PLANNED else "S5003")


def test_no_two_files_of_a_folder_get_one_name_and_all_are_there(tmp_path: Path) -> None:
    names = [b"100%", "100\uff05".encode(), b"a.pydio", b"a.pydio_", b"caf\xe9", "caf\u00e9".encode(), "cafe\u0301".encode(), b"b\\",
             "b\uff3c".encode(), b"%41", b"-rf", b" ", b"\n", "\u202e".encode(), b"Case", b"case", b"x" * 255, b"%" * 200]
    for folder in (b"", b"/50% \xff"):
        rows = named(tmp_path / folder.hex(), [(folder, "dir")] * bool(folder) + [(folder + b"/" + name, "file") for name in names])
        files = [row for row in rows.values() if row.type == "file"]
        stored = {row.target if row.target is not None else os.fsdecode(row.path).strip("/") for row in files}
        assert len(stored) == len(files) == len(names) and all(row.state is State.PLANNED for row in files)
        assert all(len(part.encode()) <= 255 for path in stored for part in path.split("/"))


@pytest.mark.parametrize(("beside", "deepest"), [(0, 507), (10, 338)])
def test_what_lies_too_deep_for_the_index_is_left_out_and_what_is_above_it_is_carried(tmp_path: Path, beside: int, deepest: int) -> None:
    folders = [b"/d" * level for level in range(1, 520)]
    files = [folder + b"/f%d" % number for folder in (b"", *folders[:340]) for number in range(beside)]
    rows = named(tmp_path, [(path, "dir") for path in folders] + [(path, "file") for path in files])
    deep = [rows[path] for path in folders]
    assert [row.code for row in deep] == [None] * deepest + ["S5011"] * (len(deep) - deepest)
