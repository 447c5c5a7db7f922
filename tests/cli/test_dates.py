"""Old dates of uploaded files, kept beside the file where the database of Cells is not touched."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from cli.commands import command

from migrate.cells.sandbox import Sandbox
from migrate.transform.date_field import NAMESPACE


def stored(sandbox: Sandbox) -> dict[str, int]:
    """Node uuid -> date in the field."""
    return {str(key[0]): int(json.loads(value)) for key, value in values(sandbox).items() if key[1] == NAMESPACE}


def values(sandbox: Sandbox) -> dict[tuple[str, str], str]:
    return {(m["NodeUuid"], m["Namespace"]): m["JsonValue"] for m in sandbox.state.user_meta.values()}


def test_the_old_date_of_each_uploaded_file_stands_in_a_field_and_undo_removes_it(small: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work = tmp_path / "work"
    asked = ("migrate", "--legacy", small, "--cells", sandbox.url, "--work", work, "--json", "--accept-skips", "--dates", "field")
    ran = command(*asked)
    assert ran.status == 0 and "F5016" in {f["code"] for f in ran.json["findings"]}
    assert "F5014" not in {f["code"] for f in ran.json["findings"]}  # not said to be lost
    with sqlite3.connect(work / "ledger.sqlite") as ledger:
        old = [row[0] for row in ledger.execute("SELECT mtime FROM files WHERE type='file' AND state IN ('done', 'already')")]
    assert old and sorted(stored(sandbox).values()) == sorted(old)
    again = command(*asked)
    assert again.json["requests"]["write"] == 0 and again.status == 0
    fresh = command(*asked[:6], tmp_path / "other", *asked[7:])
    assert fresh.json["requests"]["write"] == 0 and fresh.status == 0
    assert command("undo", "--work", work, "--yes", "--json").status == 0
    assert stored(sandbox) == {}
