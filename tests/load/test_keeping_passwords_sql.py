"""The script and the direct way do the same on every database that Cells takes: real servers, where this machine has them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import create_engine, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "extract"))
from old_database import mariadb, postgres  # noqa: E402

from migrate.load.cells_database import ACCOUNTS, SAVED, CellsDatabase  # noqa: E402
from migrate.workflow.handing import _HEAD, _UNDO, _person  # noqa: E402

FORM = "sha256:1000:ojGf2O2ELslNab+PZ/CkbVddgHQnSwx/FcMZ0Pa4+EE=:d6mVgF+fS+wg7X+0lmSn1T1IOU7DLZhz"
MYSQL = ("CREATE TABLE idm_user_idx_tree (uuid VARCHAR(128) PRIMARY KEY, leaf TINYINT, name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, "
         "etag VARCHAR(255)) CHARACTER SET ascii")
OTHERS = "CREATE TABLE idm_user_idx_tree (uuid VARCHAR(128) PRIMARY KEY, leaf SMALLINT, name VARCHAR(255), etag VARCHAR(255))"


@pytest.fixture(params=[mariadb, postgres], ids=["mariadb", "postgresql"], scope="module")
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    start: Callable[[], AbstractContextManager[sqlalchemy.URL]] = request.param
    with start() as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def engine(address: str) -> Iterator[sqlalchemy.Engine]:
    made = create_engine(address)
    with made.begin() as db:
        db.execute(text(f"DROP TABLE IF EXISTS {ACCOUNTS}"))
        db.execute(text(f"DROP TABLE IF EXISTS {SAVED}"))
        db.execute(text(MYSQL if "mysql" in address else OTHERS))
        for uuid, leaf in (("u-alice", 1), ("u-bob", 1), ("u-staff", 0)):
            db.execute(text("INSERT INTO idm_user_idx_tree VALUES (:u, :l, :n, 'former')"), {"u": uuid, "l": leaf, "n": "é " + uuid})
    yield made
    made.dispose()


def stored(engine: sqlalchemy.Engine) -> dict[str, str]:
    with engine.connect() as db:
        return {uuid: etag for uuid, etag in db.execute(text("SELECT uuid, etag FROM idm_user_idx_tree"))}


def run(engine: sqlalchemy.Engine, script: str) -> None:
    lines = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        for statement in lines.split(";\n"):
            if statement.strip():
                db.exec_driver_sql(statement)


def test_directly(engine: sqlalchemy.Engine, address: str) -> None:
    database = CellsDatabase(address)
    database.check()
    assert database.store([("u-alice", "former", FORM), ("u-staff", "former", FORM)]) == ["u-alice"]
    assert stored(engine) == {"u-alice": FORM, "u-bob": "former", "u-staff": "former"}
    assert database.read(["u-alice"])["u-alice"].name == "é u-alice"
    assert database.restore(["u-alice"]) == 1
    assert set(stored(engine).values()) == {"former"}
    database.close()


def test_by_script(engine: sqlalchemy.Engine) -> None:
    names = {"cells": "https://cells.example", "undo": "undo.sql", "saved": SAVED, "accounts": ACCOUNTS, "script": "do.sql"}
    script = _HEAD.format(**names) + "".join(_person(uuid, FORM) for uuid in ("u-alice", "u-bob", "u-staff", "u-nobody")) + "COMMIT;\n"
    run(engine, script)
    assert stored(engine) == {"u-alice": FORM, "u-bob": FORM, "u-staff": "former"}
    with engine.begin() as db:
        db.execute(text("UPDATE idm_user_idx_tree SET etag='chosen since' WHERE uuid='u-bob'"))
    run(engine, script)
    assert stored(engine)["u-bob"] == "chosen since"
    run(engine, _UNDO.format(**names))
    assert stored(engine) == {"u-alice": "former", "u-bob": "chosen since", "u-staff": "former"}
