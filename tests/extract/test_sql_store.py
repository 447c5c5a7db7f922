"""The SQL store gives the same rows whichever server held them, whatever the age of the schema, and touches nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
import sqlalchemy

from migrate.errors import ExitStatus
from migrate.extract.charset import column_text, read_serialized, undouble, unescape_bytea
from migrate.extract.database import DatabaseMissing, DatabaseSource, DatabaseUnreadable
from migrate.extract.dump import load_dump
from migrate.extract.sql import SqlStore
from migrate.extract.store import Unreadable

sys.path.insert(0, os.path.dirname(__file__))
from old_database import NASTY, ROWS, content, fill, mariadb, php, postgres, role, sqlite_file  # noqa: E402


def read(place):
    store = SqlStore(DatabaseSource(place))
    try:
        return content(store), [f.code if not os.environ.get("SHOW") else f.message for f in store.findings]
    finally:
        store.close()


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    found, codes = read(sqlite_file(tmp_path_factory.mktemp("db") / "old.db"))
    assert codes == []
    return found


def test_rights_and_role_of_a_login_are_found_whatever_their_case(expected):
    bob = next(u for u in expected["users"] if u[0] == "bob")
    rights = dict(bob[4])
    assert bob[1] and bob[2] == "161ebd7d45089b3446ee4e0d86dbcf92"
    assert rights["ajxp.roles"] == ((b"EDITORS", True),)
    assert bob[5][0].endswith("AJXP_Role")


def test_the_last_of_two_rights_counts(expected):
    assert dict(next(u for u in expected["users"] if u[0] == "bob")[4])["1"] == "rw"


def test_logins_without_account_are_listed(expected):
    assert [(u[0], u[1]) for u in expected["users"]] == [("bob", True), ("carol", False), ("zoë", True)]


def test_bytes_of_binaries_paths_and_texts_are_exact(expected):
    assert next(o for o in expected["objects"] if o[1] == "x.png")[3] == ROWS["ajxp_simple_store"][1][1][3]
    assert dict(expected["workspaces"][0][2])["PATH"] == b"/srv/caf\xe9"
    assert dict(expected["workspaces"][0][1])["display"] == NASTY
    assert expected["bookmarks"][0][3] == NASTY


def test_marked_and_unmarked_options_are_decoded(expected):
    options = dict(expected["workspaces"][0][2])
    assert options["CREATE"] is True
    assert options["META_SOURCES"] == ((b"m", ()),)


def test_personal_roles_are_not_among_the_roles(expected):
    assert [(r[0], r[1]) for r in expected["roles"]] == [("EDITORS", None), ("team-1", "bob")]


def test_only_comments_of_the_feed_are_given(expected):
    assert [c.content for c in expected["comments"]] == [b"SGVsbG8="]


@pytest.mark.parametrize(
    "missing",
    [
        {"ajxp_roles", "ajxp_groups", "ajxp_simple_store", "ajxp_user_teams", "ajxp_feed", "ajxp_plugin_configs", "ajxp_users.groupPath"},
        {"ajxp_repo.parent_uuid", "ajxp_repo.owner_user_id", "ajxp_repo.slug", "ajxp_repo.isTemplate", "ajxp_repo.inferOptionsFromParent"},
        {"ajxp_simple_store.insertion_date", "ajxp_roles.owner_user_id", "ajxp_roles.last_updated", "ajxp_repo.groupPath"},
    ],
)
def test_older_schemas_give_what_they_have(tmp_path, expected, missing):
    found, codes = read(sqlite_file(tmp_path / "old.db", missing))
    assert codes == []
    assert [u[0] for u in found["users"]] == [u[0] for u in expected["users"]]
    assert len(found["workspaces"]) == 2


def test_a_missing_table_of_users_is_a_finding(tmp_path):
    _found, codes = read(sqlite_file(tmp_path / "old.db", {"ajxp_users"}))
    assert codes == ["F1050"]


def change(path, *statements):
    connection = sqlite3.connect(path)
    for statement, values in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_of_accounts_that_differ_by_case_each_keeps_its_own(tmp_path):
    path = sqlite_file(tmp_path / "old.db")
    change(
        path,
        ("INSERT INTO ajxp_users VALUES (?, ?, ?)", ("Bob", "other", "/x")),
        ("INSERT INTO ajxp_user_rights VALUES (9, 'BOB', 'ajxp.lock', 'logout')", ()),
    )
    found, _codes = read(path)
    rights = {u[0]: dict(u[4]) for u in found["users"]}
    assert "ajxp.roles" in rights["Bob"] and "ajxp.roles" not in rights["bob"]
    assert rights["bob"]["ajxp.lock"] == "logout" and "ajxp.lock" not in rights["Bob"]


def test_duplicate_accounts_and_roles_are_findings(tmp_path):
    path = sqlite_file(tmp_path / "old.db")
    change(
        path,
        ("INSERT INTO ajxp_users VALUES ('bob', 'other', '/')", ()),
        ("INSERT INTO ajxp_roles VALUES ('EDITORS', ?, NULL, 9)", (role("EDITORS", "r"),)),
    )
    found, codes = read(path)
    assert next(u for u in found["users"] if u[0] == "bob")[2] == "161ebd7d45089b3446ee4e0d86dbcf92"
    assert dict(found["roles"][0][2][1])["acls"] == ((0, b"r"),)
    assert codes == ["F1051", "F1051"]


@pytest.mark.parametrize("left", ["substr(serial_role, 1, 60)", "''", "NULL"])
def test_a_role_that_was_cut_off_or_emptied_is_unreadable_and_reported_without_its_content(tmp_path, left):
    path = sqlite_file(tmp_path / "old.db")
    change(path, (f"UPDATE ajxp_roles SET serial_role = {left}", ()))
    store = SqlStore(DatabaseSource(path))
    assert all(isinstance(r.value, Unreadable) for r in store.roles())
    assert isinstance(next(u for u in store.users() if u.login == "bob").role, Unreadable)
    assert {f.code for f in store.findings} == {"F1052"}
    store.close()


def test_a_sqlite_file_is_not_touched(tmp_path):
    path = sqlite_file(tmp_path / "old.db")
    tmp_path.chmod(0o555)
    before = (path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(tmp_path)))
    read(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(tmp_path))) == before


def test_changes_in_a_write_ahead_log_are_read_from_a_copy(tmp_path):
    path = sqlite_file(tmp_path / "made.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("INSERT INTO ajxp_users VALUES ('late', 'x', '/')")
    connection.commit()
    other = tmp_path / "copied"
    other.mkdir()
    for name in ("made.db", "made.db-wal"):
        shutil.copy(tmp_path / name, other / name)
    connection.close()
    found, codes = read(other / "made.db")
    assert "late" in [u[0] for u in found["users"]]
    assert codes == ["F1042"]
    assert sorted(os.listdir(other)) == ["made.db", "made.db-wal"]


def test_a_damaged_or_missing_file_is_a_clear_error(tmp_path):
    path = sqlite_file(tmp_path / "old.db")
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data) - 200, 1024):
        data[at : at + 200] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(DatabaseUnreadable) as caught:
        read(path)
    assert caught.value.exit_status is ExitStatus.LEGACY_UNREADABLE
    with pytest.raises(DatabaseMissing):
        read(tmp_path / "none.db")


def test_text_encoded_twice_is_read():
    twice = "Sälès €".encode().decode("cp1252", "replace").encode()
    assert column_text("Ã©tÃ©".encode()) == "été"
    assert undouble("été".encode()) is None
    assert undouble(twice) is None or undouble(twice) == "Sälès €".encode()
    stored = php({b"k": "été".encode()}).decode("latin-1").encode("utf-8")
    assert read_serialized(stored) == {b"k": "été".encode()}
    assert column_text(b"caf\xe9") == "café"


def test_escaped_bytea_in_a_text_column_is_read():
    value = php({b"k": b"\0\\'\xc3\xa9"})
    assert read_serialized(b"\\x" + value.hex().encode()) == {b"k": b"\0\\'\xc3\xa9"}
    octal = b"".join(b"\\\\" if b == 0x5C else bytes([b]) if 32 <= b < 127 else b"\\%03o" % b for b in value)
    assert read_serialized(octal) == {b"k": b"\0\\'\xc3\xa9"}
    assert unescape_bytea(b"plain") is None


def run(*command, out):
    with open(out, "wb") as file:
        subprocess.run(command, check=True, stdout=file)


def tool(*names):
    found = next((p for n in names if (p := shutil.which(n))), None)
    if found is None:
        pytest.skip(f"no {names[0]} on this machine")
    return found


@pytest.mark.slow
def test_mariadb_and_its_dumps_give_the_same(tmp_path, expected):
    with mariadb() as url:
        engine = sqlalchemy.create_engine(url)
        fill(engine)
        engine.dispose()
        found, codes = read(url.set(query={}))
        assert codes == []
        assert found == expected
        dumper = tool("mariadb-dump", "mysqldump")
        common = [dumper, "--no-defaults", "-h", "127.0.0.1", "-P", str(url.port), "-u", "root"]
        for number, extra in enumerate(
            (["old"], ["--hex-blob", "--skip-extended-insert", "old"], ["--complete-insert", "--compatible=ansi", "--databases", "old"])
        ):
            file = tmp_path / f"{number}.sql"
            run(*common, *extra, out=file)
            found, codes = read(file)
            assert codes == []
            assert found == expected


@pytest.mark.slow
def test_postgresql_and_its_dumps_give_the_same(tmp_path, expected):
    with postgres() as url:
        engine = sqlalchemy.create_engine(url)
        fill(engine)
        engine.dispose()
        found, codes = read(url)
        assert codes == []
        assert found == expected
        dumper = tool("pg_dump")
        common = [dumper, "-h", "127.0.0.1", "-p", str(url.port), "-U", "old"]
        for number, extra in enumerate(([], ["--inserts"], ["--column-inserts", "--quote-all-identifiers"])):
            file = tmp_path / f"{number}.sql"
            run(*common, *extra, "postgres", out=file)
            assert load_dump(file, tmp_path / f"{number}.db") == []
            found, codes = read(file)
            assert codes == []
            assert found == expected


def test_a_server_that_does_not_answer_is_a_clear_error_without_the_password():
    url = sqlalchemy.URL.create("mysql+pymysql", "u", "hunter2", host="127.0.0.1", port=1, database="d")
    with pytest.raises(DatabaseUnreadable) as caught:
        read(url)
    assert "hunter2" not in caught.value.message


def test_what_mysql_cut_says_why(tmp_path):
    store = SqlStore(DatabaseSource(sqlite_file(tmp_path / "old.db")))
    store.__dict__["_kind"] = "mysql"
    try:
        assert "column of 255 bytes" in store._why_cut(Unreadable("it is cut off at byte 255", 255))
        assert "4 bytes" in store._why_cut(Unreadable("a string is cut off or its length is wrong at byte 9", 40))
        assert store._why_cut(Unreadable("a null is damaged at byte 9", 40)) == ""
    finally:
        store.close()
