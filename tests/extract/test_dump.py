"""Dumps are read to the byte; cut-off, damaged and foreign ones are reported and never crash."""

from __future__ import annotations

import gzip
import os
import sqlite3
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.extract.database import DatabaseSource, DatabaseUnreadable, find_dumps
from migrate.extract.dump import dump_kind, load_dump
from migrate.extract.dumptext import Damaged, copy_row, rows_of
from migrate.extract.sql import SqlStore

sys.path.insert(0, os.path.dirname(__file__))
from old_database import content  # noqa: E402

EXAMPLES = int(os.environ.get("MIGRATE_EXAMPLES", "100"))

MYSQL = b"""-- MySQL dump 10.13
/*!40101 SET NAMES utf8 */;
DROP TABLE IF EXISTS `ajxp_users`;
CREATE TABLE `ajxp_users` (
  `login` varchar(255) NOT NULL DEFAULT 'a,(b)',
  `password` varchar(255) COMMENT 'it''s; -- here',
  `groupPath` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`login`), KEY `x` (`password`(10))
) ENGINE=InnoDB;
LOCK TABLES `ajxp_users` WRITE;
INSERT INTO `ajxp_users` VALUES ('bob','a;b\\'c''d\\\\',NULL),('al\\0ice',0x4142,_binary '/x\\n'),('z','','/');
DELIMITER ;;
CREATE TRIGGER t BEFORE DELETE ON ajxp_mail_queue FOR EACH ROW BEGIN INSERT INTO ajxp_users VALUES ('no','no','no'); END ;;
DELIMITER ;
/*!50003 CREATE TRIGGER u BEFORE DELETE ON x FOR EACH ROW INSERT INTO ajxp_users VALUES ('no','no','no') */;
CREATE TABLE `ajxp_log` (`id` int);
INSERT INTO `ajxp_log` VALUES (1),(2);
INSERT INTO `other` VALUES ('x');
INSERT IGNORE INTO `ajxp_users` (`password`, `login`) VALUES ('pw','last');
-- Dump completed on 2020-01-01
"""
POSTGRES = b"""--
-- PostgreSQL database dump
--
SET client_encoding = 'UTF8';
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $_$ BEGIN x := 'y;'; END; $_$;
CREATE TABLE public.ajxp_users (
    login character varying(255) NOT NULL,
    password text,
    "groupPath" character varying(255),
    CONSTRAINT a CHECK (true)
);
COPY public.ajxp_users (login, password, "groupPath") FROM stdin;
bob\ta;b'c'd\\\\\t\\N
al\\tice\tAB\t/x\\n

\\.
INSERT INTO public.ajxp_users VALUES ('z', '', '/'), (E'e\\'x\\\\', 'it''s \\ n', NULL);
--
-- PostgreSQL database dump complete
--
"""


def load(tmp_path, data, name="d.sql"):
    path = tmp_path / name
    path.write_bytes(data)
    target = tmp_path / "out.db"
    target.unlink(missing_ok=True)
    findings = load_dump(path, target)
    connection = sqlite3.connect(target)
    try:
        rows = connection.execute("SELECT login, password, groupPath FROM ajxp_users").fetchall()
    finally:
        connection.close()
    return rows, [f.code for f in findings]


def test_mysql_values_are_exact(tmp_path):
    rows, codes = load(tmp_path, MYSQL)
    assert rows == [
        (b"bob", b"a;b'c'd\\", None),
        (b"al\0ice", b"AB", b"/x\n"),
        (b"z", b"", b"/"),
        (b"last", b"pw", None),
    ]
    assert codes == []


def test_postgres_values_are_exact_and_an_odd_line_is_reported(tmp_path):
    rows, codes = load(tmp_path, POSTGRES)
    assert rows == [(b"bob", b"a;b'c'd\\", None), (b"al\tice", b"AB", b"/x\n"), (b"z", b"", b"/"), (b"e'x\\", b"it's \\ n", None)]
    assert codes == ["F1044"]
    assert load(tmp_path, POSTGRES.replace(b"\n\n\\.", b"\n\\."))[1] == []


def test_compressed_dumps_are_read(tmp_path):
    assert load(tmp_path, gzip.compress(MYSQL), "d.sql.gz") == load(tmp_path, MYSQL)


def test_a_cut_compressed_dump_is_reported(tmp_path):
    path = tmp_path / "d.sql.gz"
    path.write_bytes(gzip.compress(MYSQL + os.urandom(100_000).hex().encode() * 20)[:-2000])
    assert "F1043" in [f.code for f in load_dump(path, tmp_path / "o.db")]


@pytest.mark.parametrize("dump", [MYSQL, POSTGRES.replace(b"\n\n\\.", b"\n\\.")], ids=["mysql", "postgres"])
def test_a_dump_cut_anywhere_gives_a_part_of_the_rows_and_a_finding(tmp_path, dump):
    whole, _codes = load(tmp_path, dump)
    start = dump.index(b"last'") if dump is MYSQL else dump.index(b"(E'e")
    for end in range(dump.index(b"bob"), len(dump) - 60, 7):
        rows, codes = load(tmp_path, dump[:end])
        assert codes, end
        assert rows == whole[: len(rows)] or end < start, end


def test_rows_of_a_second_database_are_not_mixed_in(tmp_path):
    other = b"USE `two`;\nCREATE TABLE `ajxp_users` (`login` text,`password` text,`groupPath` text);\nINSERT INTO `ajxp_users` VALUES ('x','x','x');\n"
    rows, codes = load(tmp_path, b"USE `one`;\n" + MYSQL.replace(b"-- Dump", other + b"-- Dump"))
    assert len(rows) == 4
    assert codes == ["F1045"]


def test_damaged_rows_are_a_finding_and_the_next_statements_are_read(tmp_path):
    rows, codes = load(tmp_path, MYSQL.replace(b",('z','','/')", b",('z' 'y','/')"))
    assert [r[0] for r in rows] == [b"bob", b"al\0ice", b"last"]
    assert codes == ["F1044"]


@pytest.mark.parametrize("data", [b"", b"garbage" * 100, b"PGDMP\x01", b"\xff\xfe-\0-\0", b"CREATE TABLE x (a int);", b"'", b"/*", b"\0" * 5000])
def test_what_is_no_dump_of_the_application_is_a_clear_error(tmp_path, data):
    path = tmp_path / "x.sql"
    path.write_bytes(data)
    with pytest.raises(DatabaseUnreadable):
        load_dump(path, tmp_path / "x.db")


def test_long_statements_do_not_cost_more_than_their_length(tmp_path):
    rows = b",".join(b"('u%d','%s','/')" % (i, b"x\\'" * 300) for i in range(5000))
    loaded, codes = load(tmp_path, MYSQL.replace(b"('bob'", rows + b",('bob'"))
    assert len(loaded) == 5004 and codes == []


def test_of_several_dumps_the_rule_chooses(tmp_path):
    folder = tmp_path / "mysqldump"
    folder.mkdir()
    for name, data in (("a.sql", MYSQL.replace(b"0x4142", b"'AB'")), ("b.sql", MYSQL), ("c.sql", b"nothing"), ("old.sql", MYSQL)):
        (folder / name).write_bytes(data)
        os.utime(folder / name, (1_000_000, 1_000_000))
    os.utime(folder / "old.sql", (1000, 1000))
    assert [p.name for p in find_dumps(tmp_path, tmp_path)] == ["b.sql", "a.sql", "old.sql"]


@pytest.mark.shared
def test_both_dumps_of_a_real_server_read_the_same(sample):
    root = sample("pydio-8.2.5-mysql")
    found = []
    for name in ("pydio8.sql", "pydio8.hexblob.sql"):
        assert dump_kind(root / "mysqldump" / name) == "mysql"
        store = SqlStore(DatabaseSource(root / "mysqldump" / name))
        found.append(content(store))
        assert list(store.findings) == []
        store.close()
    assert found[0] == found[1]
    assert len(found[0]["users"]) == 27


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.lists(st.none() | st.binary(max_size=40) | st.integers(-(2**60), 2**60), min_size=1, max_size=4), min_size=1, max_size=5))
def test_mysql_rows_round_trip(rows):
    pairs = [(b"\\", b"\\\\"), (b"'", b"\\'"), (b"\0", b"\\0"), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\x1a", b"\\Z"), (b'"', b'\\"')]

    def literal(value):
        if value is None:
            return b"NULL"
        if isinstance(value, int):
            return b"%d" % value
        for plain, escaped in pairs:
            value = value.replace(plain, escaped)
        return b"'" + value + b"'"

    text = b",".join(b"(" + b",".join(map(literal, row)) + b")" for row in rows)
    assert list(rows_of(text, 0, postgres=False)) == rows


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_values_text_gives_rows_or_one_error(text, postgres):
    try:
        list(rows_of(b"(" + text, 0, postgres))
        copy_row(text)
    except Damaged:
        pass


def test_a_dump_cut_off_among_the_roles_says_which_table_is_incomplete(tmp_path):
    create = "CREATE TABLE `{0}` (`{1}` varchar(9), `x` text);\n"
    text = "-- MySQL dump\n" + create.format("ajxp_groups", "groupPath") + create.format("ajxp_roles", "role_id")
    text += "INSERT INTO `ajxp_roles` VALUES ('a','b');\nINSERT INTO `ajxp_roles` VALUES ('c','"
    (tmp_path / "cut.sql").write_text(text)
    incomplete: set[str] = set()
    assert "F1043" in [f.code for f in load_dump(tmp_path / "cut.sql", tmp_path / "o.db", incomplete)]
    assert incomplete == {"ajxp_roles", "ajxp_user_rights"}
