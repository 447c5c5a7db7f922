"""Whatever happens to the files of an old installation: it is read to its end or refused clearly, nobody gets more than before,
and nothing in its folder changes. `make fuzz` tries many more."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from fixtures.generator import build
from fixtures.generator.organisation import of_size
from migrate.errors import ExitStatus, MigrationError
from migrate.extract.inventory import write_inventory
from migrate.extract.source import Source
from migrate.rights import Right

ROUNDS = max(2, int(os.environ.get("MIGRATE_EXAMPLES", "0")) // 50)
pytestmark = pytest.mark.fuzz
ERAS = ("ajaxplorer4", "pydio5-serial", "pydio5", "pydio6", "pydio8")
NASTY = (
    b"../../../etc/passwd", b"a\0b", b"", b"%s%n", b"'\"\\", b"\xff\xfe", "\u202etxt".encode(), b"\xf0\x9f\x98\x80", b"A" * 300, b"12", b"-1",
    b"AJXP_USER", b"AJXP_PARENT_OPTION:PATH:/../..", b"9" * 5000, b"a:99999999:{}", b"a:1:{i:0;" * 400, b's:99999999999:"x";', b"r:1;", b"d:1e400;",
)


def reads(folder: Path) -> dict:
    """Everything that is read, and what people and links may do in the end."""
    with Source.open(folder, now=1_800_000_000) as source:
        out = io.StringIO()
        write_inventory(source, out)
        json.loads(out.getvalue())
        links = {share.link.hash: share for share in source.shares() if share.link and not share.problem}
        return {"access": {access.login: access for access in source.access()}, "users": {user.login: user for user in source.users()},
                "links": links, "errors": [f for f in source.findings() if f.severity == "error"]}


def wider(before: dict, after: dict) -> list[str]:
    """What anybody has after that he had not before."""
    found = []
    for login, access in after["access"].items():
        old = before["access"].get(login)
        for workspace, right in access.workspaces.items():
            if old is None or not right.within(old.workspaces.get(workspace, Right.NONE)):
                found.append(f"{login} on {workspace}: {right}")
            elif old.paths.get(workspace) and not access.paths.get(workspace):
                found.append(f"{login} on {workspace}: no mask any more")
    for login, user in after["users"].items():
        old_user = before["users"].get(login)
        if old_user is None or (user.admin and not old_user.admin) or (old_user.locks and not user.locks):
            found.append(f"{login}: new, administrator or unlocked")
    for hash_, share in after["links"].items():
        old_share = before["links"].get(hash_)
        if old_share is None or (old_share.link.has_password and not share.link.has_password) or (old_share.link.restricted and not share.link.restricted):
            found.append(f"link {hash_}: new or without its protection")
        elif (share.workspace, share.path) != (old_share.workspace, old_share.path):
            found.append(f"link {hash_}: shows something else")
    return found


def state(folder: Path) -> list:
    found = []
    for place, names, files in os.walk(folder):
        for name in names + files:
            info = os.lstat(os.path.join(place, name))
            found.append((place, name, info.st_size, info.st_mtime_ns, info.st_mode))
    return sorted(found)


def stored(folder: Path) -> list[Path]:
    """Files whose content the application wrote, not people."""
    inside = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    kept = (".ser", ".db", ".json", ".php", ".inc")
    return sorted(path for path in inside if path.name.endswith(kept) or "ajxp_meta" in path.name or path.parent.name == "conf")


def spoil(path: Path, kind: str, chance: random.Random) -> None:
    data = path.read_bytes()
    at = chance.randrange(len(data) + 1)
    if kind == "link":
        path.unlink()
        path.symlink_to(chance.choice(["/etc/passwd", "/dev/zero", "/nowhere", str(path)]))
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": data[:at], "empty": b"", "flip": data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
                          "insert": data[:at] + chance.choice(NASTY) + data[at:], "double": data[:at] + data[max(0, at - 200) :],
                          "zero": data[:at] + b"\0" * min(512, len(data) - at) + data[at + 512 :]}[kind])


def spoil_database(path: Path, kind: str, chance: random.Random) -> None:
    """Change one value, row or table of a SQLite file."""
    with sqlite3.connect(path) as db:
        db.text_factory = bytes
        tables = [name.decode() for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        table = chance.choice([name for name in tables if db.execute(f'SELECT 1 FROM "{name}"').fetchone()])
        column = chance.choice([row[1].decode() for row in db.execute(f'PRAGMA table_info("{table}")')])
        row = chance.choice([row for (row,) in db.execute(f'SELECT rowid FROM "{table}"')])
        (value,) = db.execute(f'SELECT "{column}" FROM "{table}" WHERE rowid = ?', (row,)).fetchone()
        data = value if isinstance(value, bytes) else str(value or "").encode()
        new = {"cut": data[: chance.randrange(len(data) + 1)], "nasty": chance.choice(NASTY), "null": None, "number": chance.choice([0, -1, 2**62, 1.5]),
               "case": data.swapcase()}.get(kind)
        try:
            if kind == "delete":
                db.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (row,))
            elif kind == "drop":
                db.execute(f'DROP TABLE "{table}"')
            elif kind == "double":
                db.execute(f'INSERT INTO "{table}" SELECT * FROM "{table}" WHERE rowid = ?', (row,))
            else:
                db.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (new, row))
        except sqlite3.IntegrityError:
            pass
    db.close()


@pytest.fixture(scope="module", params=ERAS)
def whole(request, tmp_path_factory):
    folder = build(of_size(8, 4, 12, seed=3), tmp_path_factory.mktemp(request.param) / "old", request.param)
    return folder, reads(folder)


HONEST = ("cut", "empty", "folder")
"""Damage that shows: nobody may get more by it. What was changed into another valid value cannot be told from the truth."""


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_fuzz_of_files_and_tables(whole, tmp_path, round_):
    folder, before = whole
    chance = random.Random(f"{folder.parent.name[:9]} {round_}")
    for number in range(3):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy, symlinks=True)
        path = chance.choice(stored(copy))
        is_database = path.suffix == ".db"
        if is_database and chance.random() < 0.8:
            kind = chance.choice(["cut", "nasty", "null", "number", "case", "delete", "drop", "double"])
            spoil_database(path, kind, chance)
        else:
            kind = chance.choice(["cut", "empty", "flip", "insert", "double", "zero", "link", "folder", "gone"])
            spoil(path, kind, chance)
        was = state(copy)
        try:
            after = reads(copy)
        except MigrationError as error:
            assert error.exit_status is ExitStatus.LEGACY_UNREADABLE
        else:
            if kind in HONEST and not is_database:
                assert not wider(before, after), (kind, path.name)
        assert state(copy) == was
        shutil.rmtree(copy)


@pytest.mark.parametrize("era", ["pydio5-serial", "pydio6-serial"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_roles_cut_off_never_give_more(tmp_path, era, share):
    folder = build(of_size(10, 4, 0, seed=5), tmp_path / "old", era)
    before = reads(folder)
    path = folder / "data/plugins/auth.serial/roles.ser"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    after = reads(folder)
    assert not wider(before, after) and after["errors"]
