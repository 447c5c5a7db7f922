"""Old dates of uploaded files in the index table of Cells: set once, saved, taken back only where they still stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine

from migrate.load.cells_database import DatabaseUnusable
from migrate.load.dates import SAVED, DatesTable
from migrate.transform.file_actions import KeepDates, RestoreDates


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = create_engine(f"sqlite:///{tmp_path / 'cells.db'}")
    with made.begin() as db:
        db.execute(text("CREATE TABLE data_index_legacy_idx_tree (uuid TEXT, leaf INTEGER, mtime INTEGER)"))
        db.execute(text("INSERT INTO data_index_legacy_idx_tree VALUES ('a', 1, 500), ('b', 1, 600), ('folder', 0, 700)"))
    return made


def dates(engine: Engine) -> dict[str, int]:
    with engine.connect() as db:
        return {row.uuid: row.mtime for row in db.execute(text("SELECT * FROM data_index_legacy_idx_tree"))}


def test_a_date_is_set_only_where_the_one_that_was_read_still_stands_and_only_on_files(engine: Engine) -> None:
    assert DatesTable(engine, "legacy").store([("a", 500, 10), ("b", 601, 20), ("folder", 700, 30)]) == 1
    assert dates(engine) == {"a": 10, "b": 600, "folder": 700}


def test_restoring_brings_back_the_former_dates_but_not_over_what_changed_since(engine: Engine) -> None:
    table = DatesTable(engine, "legacy")
    assert table.store([("a", 500, 10), ("b", 600, 20)]) == 2
    with engine.begin() as db:
        db.execute(text("UPDATE data_index_legacy_idx_tree SET mtime=999 WHERE uuid='b'"))
    assert table.restore() == 1
    assert dates(engine) == {"a": 500, "b": 999, "folder": 700}
    with engine.connect() as db:
        assert SAVED not in [row[0] for row in db.execute(text("SELECT name FROM sqlite_master"))]


def test_a_database_without_that_index_is_refused(engine: Engine) -> None:
    with pytest.raises(DatabaseUnusable):
        DatesTable(engine, "other")


def test_dates_of_several_data_sources_are_stored_one_after_the_other() -> None:
    """Side by side each would make the table of former dates: seen to fail on a real MariaDB."""
    assert KeepDates("legacy").lane == KeepDates("personal").lane
    assert RestoreDates("legacy").lane == RestoreDates("personal").lane
