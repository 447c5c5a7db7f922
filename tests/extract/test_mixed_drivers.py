"""Accounts, rights, comments and workspaces may lie in different storages: each is read where its own driver kept it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import phpserialize
import pytest

from migrate.extract.source import Source

MD5 = "161ebd7d45089b3446ee4e0d86dbcf92"
CORE = {"core_driver": "core", "group_switch_value": "core"}


def serial(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(phpserialize.dumps(value))


def database(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()
    return path


TABLES = (
    "CREATE TABLE ajxp_users (login, password, groupPath)", "CREATE TABLE ajxp_user_rights (rid INTEGER, login, repo_uuid, rights)",
    "CREATE TABLE ajxp_repo (uuid)", "CREATE TABLE ajxp_roles (role_id, serial_role, last_updated, owner_user_id)",
    "INSERT INTO ajxp_user_rights VALUES (1, 'ann', 'ajxp.admin', '0'), (2, 'dan', 'ajxp.admin', '0')",
)


def make(root: Path, auth: dict, conf: dict | None = None, php: str | None = None) -> Path:
    (root / "conf").mkdir()
    (root / "conf/VERSION").write_text("8.2.5__2020-02-11__x__68")
    (root / "conf/bootstrap_context.php").write_text('<?php define("AJXP_DATA_PATH", AJXP_INSTALL_PATH."/data");')
    if php is not None:
        (root / "conf/bootstrap_plugins.php").write_text("<?php " + php)
    preset = {"sqlite3_driver": "sqlite3", "sqlite3_database": "AJXP_DATA_PATH/plugins/conf.sql/pydio.db", "group_switch_value": "sqlite3"}
    core = {"UNIQUE_INSTANCE_CONFIG": conf or {"instance_name": "conf.sql", "SQL_DRIVER": CORE}, "DIBI_PRECONFIGURATION": preset}
    boot = root / "data/plugins/boot.conf"
    boot.mkdir(parents=True)
    (boot / "bootstrap.json").write_text(json.dumps({"core.conf": core, "core.auth": auth}))
    database(root / "data/plugins/conf.sql/pydio.db", *TABLES)
    return root


def people(root: Path) -> tuple[dict, set[str]]:
    with Source.open(root, now=0) as source:
        return {user.login: user for user in source.users()}, {f.code for f in source.findings()}


def add(root: Path, *statements: str) -> None:
    database(root / "data/plugins/conf.sql/pydio.db", *statements)


def test_auth_serial_beside_conf_sql_gives_the_accounts(tmp_path):
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.serial"}})
    serial(root / "data/plugins/auth.serial/users.ser", {b"ann": MD5.encode(), b"bea": MD5.encode()})
    add(root, f"INSERT INTO ajxp_users VALUES ('leftover', '{MD5}', '/')")
    found, codes = people(root)
    assert set(found) == {"ann", "bea"}
    assert (found["ann"].password_hash, found["ann"].directory) == (MD5, False)
    assert "F1101" in codes  # dan has rights but no account


def test_auth_remote_keeps_its_own_file_and_is_a_directory_for_others(tmp_path):
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.remote", "USERS_FILEPATH": "AJXP_DATA_PATH/plugins/auth.remote/users.ser"}})
    serial(root / "data/plugins/auth.remote/users.ser", {b"ann": MD5.encode()})
    found, _codes = people(root)
    assert {login: user.directory for login, user in found.items()} == {"ann": False, "dan": True}


STORED = [("md5", MD5, "md5"), ("pbkdf2", "sha256:1000:c2FsdA==:aGFzaA==", "pbkdf2_sha256"), ("clear", "hunter2", "none")]


@pytest.mark.parametrize(("kind", "stored", "scheme"), STORED)
def test_auth_custom_db_reads_the_foreign_table(tmp_path, kind, stored, scheme):
    options = {"SQL_CUSTOM_TABLE": "Members", "SQL_CUSTOM_TABLE_USER_FIELD": "Name", "SQL_CUSTOM_TABLE_PWD_FIELD": "pwd", "SQL_CUSTOM_TABLE_PWD_HASH": kind}
    driver = {"group_switch_value": "sqlite3", "sqlite3_driver": "sqlite3", "sqlite3_database": "AJXP_DATA_PATH/members.db"}
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.custom_db", "SQL_CUSTOM_DRIVER": driver, **options}})
    database(root / "data/members.db", "CREATE TABLE Members (Name, pwd)", f"INSERT INTO Members VALUES ('ann', '{stored}')")
    found, codes = people(root)
    assert (found["ann"].password_scheme, found["ann"].directory) == (scheme, False)
    assert ("F1055" in codes) == (kind == "clear")


def test_a_foreign_table_that_is_not_here_leaves_people_without_password(tmp_path):
    options = {"SQL_CUSTOM_TABLE": "members", "SQL_CUSTOM_TABLE_USER_FIELD": "n", "SQL_CUSTOM_TABLE_PWD_FIELD": "p"}
    driver = {"group_switch_value": "sqlite3", "sqlite3_database": "/elsewhere/members.db"}
    found, codes = people(make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.custom_db", "SQL_CUSTOM_DRIVER": driver, **options}}))
    assert {login: user.directory for login, user in found.items()} == {"ann": True, "dan": True}
    assert "F1054" in codes


def multi(cached: bool) -> dict:
    return {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.ldap"}, "SLAVE_INSTANCE_CONFIG": {"instance_name": "auth.sql", "SQL_DRIVER": CORE},
            "MULTI_MODE": {"instance_name": "MASTER_SLAVE", "CACHE_MASTER_USERS_TO_SLAVE": "true" if cached else "false"}}


@pytest.mark.parametrize("cached", [True, False])
def test_copies_of_directory_accounts_are_not_taken_for_local_ones(tmp_path, cached):
    root = make(tmp_path, multi(cached))
    add(root, f"INSERT INTO ajxp_users VALUES ('ann', '{MD5}', '/')")
    found, codes = people(root)
    assert {login: user.directory for login, user in found.items()} == {"ann": cached, "dan": True}
    assert ("F1111" in codes) == cached


def test_the_same_in_a_php_file_of_3_3_to_4_2(tmp_path):
    options = '"MODE" => "MASTER_SLAVE", "MASTER_DRIVER" => "dir", "CACHE_MASTER_USERS_TO_SLAVE" => true, "DRIVERS" => array('
    options += '"local" => array("NAME" => "sql", "OPTIONS" => array()), "dir" => array("NAME" => "ldap", "OPTIONS" => array()))'
    root = make(tmp_path, {}, php=f'$PLUGINS = array("AUTH_DRIVER" => array("NAME" => "multi", "OPTIONS" => array({options})));')
    add(root, f"INSERT INTO ajxp_users VALUES ('ann', '{MD5}', '/')")
    with Source.open(root, now=0) as source:
        assert source.facts.auth == "ldap,sql"
        assert {user.login: user.directory for user in source.users()} == {"ann": True, "dan": True}


def test_a_directory_alone_makes_rows_of_auth_sql_left_overs(tmp_path):
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.ldap"}})
    add(root, f"INSERT INTO ajxp_users VALUES ('ann', '{MD5}', '/')")
    assert {login: user.directory for login, user in people(root)[0].items()} == {"ann": True, "dan": True}


def test_accounts_in_another_database_than_the_rights(tmp_path):
    driver = {"group_switch_value": "sqlite3", "sqlite3_database": "AJXP_DATA_PATH/auth.db"}
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.sql", "SQL_DRIVER": driver}})
    database(root / "data/auth.db", "CREATE TABLE ajxp_users (login, password, groupPath)", f"INSERT INTO ajxp_users VALUES ('dan', '{MD5}', '/x')")
    found, _codes = people(root)
    assert {login: user.group for login, user in found.items()} == {"dan": "/x"}


def test_auth_sql_beside_conf_serial(tmp_path):
    driver = {"group_switch_value": "pdo", "pdo_driver": "pdo", "pdo_dsn": "sqlite:AJXP_DATA_PATH/plugins/conf.sql/pydio.db"}
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.sql", "SQL_DRIVER": driver}}, {"instance_name": "conf.serial"})
    (root / "conf/VERSION").write_text("5.2.5__2014-05-12__1")
    add(root, f"INSERT INTO ajxp_users VALUES ('ann', '{MD5}', '/')")
    serial(root / "data/plugins/auth.serial/ann/rights.ser", {b"ajxp.admin": True})
    found, _codes = people(root)
    assert (found["ann"].admin, found["ann"].password_hash) == (True, MD5)


def test_comments_in_a_database_of_their_own(tmp_path):
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.sql", "SQL_DRIVER": CORE}})
    feed = {b"UNIQUE_FEED_INSTANCE": {b"instance_name": b"feed.sql", b"SQL_DRIVER": {
        b"group_switch_value": b"sqlite3", b"sqlite3_database": b"AJXP_DATA_PATH/feed.db"}}}
    with sqlite3.connect(root / "data/plugins/conf.sql/pydio.db") as db:
        db.execute("CREATE TABLE ajxp_plugin_configs (id, configs)")
        db.execute("INSERT INTO ajxp_plugin_configs VALUES ('core.notifications', ?)", (phpserialize.dumps(feed),))
        db.execute("INSERT INTO ajxp_users VALUES ('ann', ?, '/')", (MD5,))
    database(root / "data/feed.db", "CREATE TABLE ajxp_feed (id INTEGER, edate INTEGER, etype, htype, index_path, user_id, repository_id, "
             "repository_scope, repository_owner, user_group, content)", "INSERT INTO ajxp_feed VALUES (1, 5, 'meta', 'comment', '/a', 'ann', '0', "
             "'ALL', NULL, NULL, 's:8:\"SGVsbG8=\";')")
    with Source.open(root, now=0) as source:
        assert [row.content for row in source.context.store.comments()] == [b"SGVsbG8="]


def test_the_old_folder_is_not_touched(tmp_path):
    root = make(tmp_path, multi(True))
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    people(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_old_custom_data_and_language_of_people_who_never_came_back_are_read(tmp_path):
    root = make(tmp_path, {"MASTER_INSTANCE_CONFIG": {"instance_name": "auth.sql", "SQL_DRIVER": CORE}})
    with sqlite3.connect(root / "data/plugins/conf.sql/pydio.db") as db:
        db.execute("CREATE TABLE ajxp_user_prefs (rid INTEGER, login, name, val)")
        db.execute("INSERT INTO ajxp_users VALUES ('ann', ?, '/')", (MD5,))
        custom = phpserialize.dumps({b"email": b"ann@example.org", b"USER_QUOTA": b"2G"})
        db.executemany("INSERT INTO ajxp_user_prefs VALUES (?, 'ann', ?, ?)", [(1, "lang", "fr"), (2, "CUSTOM_PARAMS", b"$phpserial$" + custom)])
    ann = people(root)[0]["ann"]
    assert (ann.email, ann.language, ann.quota_bytes) == ("ann@example.org", "fr", 2 << 30)
