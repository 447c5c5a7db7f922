"""Old dates go into the index of Cells as far as its column holds them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from migrate.ledger import Ledger, State
from migrate.load import dates


def test_a_date_beyond_2038_keeps_no_other_date_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.create(tmp_path)
    ledger.scan_files(({"root": "r", "path": path, "type": "file", "size": 1, "mtime": date, "recycle": False}
                       for path, date in ((b"/a", 10**9), (b"/b", 4 * 10**9), (b"/c", -5))), 1)
    ledger.update_files((row.id, {"state": State.DONE}) for row in list(ledger.files("r")))
    ledger.put_targets("roots", [("r", {"data_source": "ds", "route": "upload", "node": "ds/ws"})])
    there = SimpleNamespace(find=lambda path: SimpleNamespace(uuid=path, is_file=True, size=1, mtime=7))
    monkeypatch.setattr(dates, "Listings", lambda *_: there)
    assert list(dates.wanted(ledger, cast("Any", None), "ds")) == [("a", 7, 10**9), ("c", 7, -5)]
