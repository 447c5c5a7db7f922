"""Before anything is sent it is said where a quota is smaller than what it limits, and where a disk has too little room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from migrate.cells.models import MY_FILES, Acl, DataSource, Features, ServerFacts, Target
from migrate.ledger import Ledger
from migrate.workflow import room


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """ann has 500 bytes of her own, the workspace `plans` 2000."""
    with Ledger.create(tmp_path / "work") as made:
        rows = [("1\0ann\0", b"/a", 500), ("plans\0\0", b"/b", 2000)]
        made.scan_files(({"root": root, "path": path, "type": "file", "size": size, "mtime": 1, "recycle": False} for root, path, size in rows), 1)
        made.put_targets("users", [("ann", {"uuid": "ann-uuid", "login": "ann"})])
        made.put_targets("roots", [("1\0ann\0", {"node": MY_FILES, "data_source": "personal", "route": "upload"}),
                                   ("plans\0\0", {"node": "legacy/plans", "data_source": "legacy", "route": "upload"})])
        yield made


def target(folder: str = "", *acls: Acl) -> Target:
    facts = ServerFacts("http://127.0.0.1:8080", "4.1", "Home", 4, Features())
    return Target(facts, "admin", "admin-uuid", acls=acls, data_sources={name: DataSource(name, folder=folder or None) for name in ("legacy", "personal")},
                  nodes={"legacy/plans": "node-uuid"})


def told(ledger: Ledger, wanted: Target) -> dict[str, str]:
    return {found.subject: found.message for found in room.room_findings(ledger, wanted) if found.code == room.QUOTA.code}


def test_a_planned_quota_that_is_too_small_is_told(ledger: Ledger) -> None:
    ledger.put_targets("quotas", [("ann\0" + "1", {"role": "ann-uuid", "workspace": "personal-files", "node": MY_FILES, "bytes": 499}),
                                  ("workspace\0plans", {"role": "ROOT_GROUP", "workspace": "w", "node": "legacy/plans", "bytes": 1999})])
    assert set(told(ledger, target())) == {"ann on 1", "workspace on plans"}


def test_a_quota_that_is_large_enough_is_not(ledger: Ledger) -> None:
    ledger.put_targets("quotas", [("ann\0" + "1", {"role": "ann-uuid", "workspace": "personal-files", "node": MY_FILES, "bytes": 500})])
    assert not told(ledger, target())


def test_a_quota_that_cells_has_already_counts(ledger: Ledger) -> None:
    assert len(told(ledger, target("", Acl("node-uuid", "ROOT_GROUP", "w", "quota", "100")))) == 1


def test_a_disk_that_is_too_small_is_told_where_it_can_be_seen(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def codes() -> set[str]:
        return {found.code for found in room.room_findings(ledger, target(str(tmp_path)))}

    monkeypatch.setattr(room.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
    assert codes() == {room.NO_ROOM.code}
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=10**9))
    assert codes() == set()


def test_room_that_cannot_be_seen_is_not_promised(ledger: Ledger) -> None:
    assert {found.subject for found in room.room_findings(ledger, target("/far/away/on/the/server"))} == {"legacy", "personal"}
