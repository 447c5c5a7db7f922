"""Protected links whose password only the old server knows: kept by an internal job or the database, else a new one for the owner."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from load.links_moved import LinksMoved
from sqlalchemy import create_engine, text

from fixtures.generator import build
from fixtures.generator.description import Entry, File, Link, Organisation, Rights, Share, User, Workspace
from migrate.cells.api import shares, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.sandbox import Sandbox
from migrate.cells.stored_forms import old_form

OLD_PASSWORD = "Sésame, ouvre-toi"


def organisation() -> Organisation:
    return Organisation(
        name="links",
        users=(User("admin", "Adm1n-pw", admin=True, profile="admin"),
               User("ann\nBcc: x@evil.example", "Ann-pw-1", email="ann@links.example", rights=Rights(acls={"dock": "rw"})),
               User("bo", "Bo-pw-12", email="no mail <at> all", language="fr", rights=Rights(acls={"dock": "rw"}))),
        workspaces=(Workspace("dock", "Dock", "dock", "AJXP_DATA_PATH/workspaces/dock"),),
        files=(File("dock", b"/Plans", None, 1), File("dock", b"/Plans/a.txt", 5, 1), File("dock", b"/b.txt", 5, 1)),
        shares=(Share("plans", "bo", "dock", "/Plans", label="Plans {{ 7*7 }}", links=(Link("a1b2c3", password=OLD_PASSWORD),)),
                Share("over", "bo", "dock", "/b.txt", True, "b.txt", links=(Link("d4e5f6", expires_at=1_000_000_000),)),
                Share("odd", "bo", "dock", "/b.txt", True, "b.txt", links=(Link("50% off", layout="ajxp_unique_strip"),)),
                Share("open", "bo", "dock", "/Plans", label="Open", entries=(Entry("user", "admin", "r"),), links=(Link("0a0b0c"),))),
    )


class Moved(LinksMoved):
    """What owners are told of their links."""

    def told(self) -> dict[str, str]:
        path = self.work / "link-passwords.csv"
        if not path.exists():
            return {}
        assert path.stat().st_mode & 0o77 == 0
        with path.open(newline="", encoding="utf-8") as lines:
            return {row["address"].rpartition("/")[2]: row["password"] for row in csv.DictReader(lines)}

    def letter(self) -> str:
        found = list((self.work / "letters").glob("links-*.txt"))
        assert all(path.stat().st_mode & 0o77 == 0 for path in found)
        return "".join(path.read_text(encoding="utf-8") for path in found)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(organisation(), tmp_path_factory.mktemp("links") / "old")


@pytest.fixture
def moved(tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    with Sandbox() as server:
        monkeypatch.setenv("CELLS_TOKEN", server.token)
        made = Moved(server, tmp_path / "w", old)
        with made.session:
            yield made


def test_without_being_asked_a_link_gets_a_new_password_for_its_owner_and_is_never_open(moved: Moved) -> None:
    answer = moved.go()
    assert answer["exit"] == 0, answer["verdict"]
    new = moved.told()["a1b2c3"]
    assert moved.opens(new) and not moved.opens(OLD_PASSWORD)
    assert new in moved.letter()


def test_by_an_internal_job_the_link_opens_with_the_old_password_and_no_letter_names_another(moved: Moved) -> None:
    answer = moved.go("--link-passwords", "rpc")
    assert answer["exit"] == 0 and not answer["differences"], answer
    assert moved.opens(OLD_PASSWORD)
    assert moved.told() == {} and "mot de passe" not in moved.letter()
    again = moved.go("--link-passwords", "rpc")
    assert again["requests"]["write"] == 0 and not again.get("differences", again["verdict"]), again
    assert moved.opens(OLD_PASSWORD) and moved.told() == {}


def test_a_later_run_stores_what_an_earlier_one_was_not_asked_to(moved: Moved) -> None:
    moved.go()
    moved.go("--link-passwords", "rpc")
    assert moved.opens(OLD_PASSWORD) and moved.told() == {}


def test_a_password_that_the_owner_set_meanwhile_stays(moved: Moved) -> None:
    moved.go()
    page = shares.open_page(moved.session, "a1b2c3")
    link = shares.get_link(moved.session, page.uuid)
    assert link is not None
    password = json.loads(next(line for line in (moved.work / "secrets.jsonl").read_text().splitlines() if '"bo"' in line))["value"]
    token, _ = moved.session.sign_in("bo", password)
    with moved.session.as_somebody(GivenToken(token)) as owner:
        shares.put_link(owner, {**link.body}, password="chosen since")
    moved.go("--link-passwords", "rpc")
    assert moved.opens("chosen since") and not moved.opens(OLD_PASSWORD)


def test_by_the_database_of_cells(moved: Moved, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cells.db"
    engine = create_engine(url)
    with engine.begin() as db:
        db.execute(text("CREATE TABLE idm_user_idx_tree (uuid TEXT PRIMARY KEY, leaf INTEGER, name TEXT, etag TEXT)"))
    moved.go()
    hidden = next(user for user in users.search_users(moved.session) if user.hidden and user.login == shares.open_page(moved.session, "a1b2c3").login)
    with engine.begin() as db:  # the stand-in has no database: as a server would have stored it
        db.execute(text("INSERT INTO idm_user_idx_tree VALUES (:u, 1, :n, :e)"),
                   {"u": hidden.uuid, "n": hidden.login, "e": old_form(moved.told()["a1b2c3"], "pbkdf2_sha256")})
    os.environ.pop("MIGRATE_CELLS_DATABASE", None)
    answer = moved.go("--link-passwords", "sql", "--cells-database", url)
    # The planted account is not in this database either: the way is refused before any link is touched.
    assert answer["exit"] == 3 and moved.opens(moved.told()["a1b2c3"])
    with engine.connect() as db:
        assert db.execute(text("SELECT COUNT(*) FROM idm_user_idx_tree")).scalar() == 1


def test_the_script_names_hidden_users_only(moved: Moved) -> None:
    moved.go("--link-passwords", "sql")
    script = (moved.work / "link-passwords.sql").read_text(encoding="utf-8")
    assert moved.server.run_sql(script) == 1 and moved.opens(OLD_PASSWORD)


def test_owners_are_told_what_moved_and_what_ended_and_nothing_of_their_names_forges_a_heading(moved: Moved) -> None:
    moved.go()
    letter = moved.letter()
    assert "Vos liens partagés" in letter and "sa date était passée" in letter and "/public/50% off  ->  " in letter
    assert "Plans {{ 7*7 }}" in letter and "<no mail" not in letter
    assert not [line for line in letter.splitlines() if line.lower().startswith("bcc:")]


def test_an_own_template_comes_first(moved: Moved) -> None:
    folder = moved.work / "mappings" / "link-letters"
    folder.mkdir(parents=True)
    (folder / "fr.txt.j2").write_text("Chère {{ owner }} : {{ passwords|length }} {{ ended|length }} {{ moved|length }}", encoding="utf-8")
    moved.go()
    assert moved.letter() == "Chère bo : 1 1 1"


def test_links_are_made_by_their_owners_where_they_can_sign_in(moved: Moved) -> None:
    moved.go()
    page = shares.open_page(moved.session, "0a0b0c")
    link = shares.get_link(moved.session, page.uuid)
    assert link is not None and workspaces.get_workspace(moved.session, page.uuid) is not None
    bo = next(user for user in users.search_users(moved.session) if user.login == "bo")
    assert link.owners == {bo.uuid}
    documents = moved.server.state.hashes if hasattr(moved.server, "state") else None
    if documents is not None:
        assert documents["0a0b0c"]["Owner"] == "bo"


_ = replace
