"""The password of a link is changed on the old server after the first run: who knew the former one does not get in here either."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from load.links_moved import LinksMoved

from fixtures.generator import build
from fixtures.generator.description import File, Link, Organisation, Rights, Share, User, Workspace
from migrate.cells.api import shares
from migrate.cells.auth import GivenToken
from migrate.cells.models import LiveLink
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.ledger import Secrets, link_marks

FORMER, LATER = "Sésame, ouvre-toi", "Sésame, ferme-toi"
SINGLE = "5f1b6c"


def organisation(folder: str | None, single: str | None = FORMER, odd: str = FORMER, limit: int | None = 9) -> Organisation:
    return Organisation(
        name="locks",
        users=(User("admin", "Adm1n-pw", admin=True, profile="admin"), User("bo", "Bo-pw-12", rights=Rights(acls={"dock": "rw"}))),
        workspaces=(Workspace("dock", "Dock", "dock", "AJXP_DATA_PATH/workspaces/dock"),),
        files=(File("dock", b"/Plans", None, 1), File("dock", b"/Plans/a.txt", 5, 1), File("dock", b"/b.txt", 5, 1)),
        shares=(Share("plans", "bo", "dock", "/Plans", label="Plans", links=(Link("a1b2c3", password=folder, limit=limit, count=2 if limit else None),)),
                Share("odd", "bo", "dock", "/Plans", label="Odd", links=(Link("50% off", password=odd),)),
                Share("single", "bo", "dock", "/b.txt", True, "b.txt", links=(Link(SINGLE, password=single, layout="ajxp_unique_dl"),))),
    )


class Locks(LinksMoved):
    """The old installation can be made anew."""

    def __init__(self, server: Sandbox, folder: Path, era: str) -> None:
        super().__init__(server, folder / "w", folder / "old")
        self.era = era

    def after(self, was: Organisation, *options: str) -> dict:
        """A run when the old server holds this."""
        shutil.rmtree(self.old, ignore_errors=True)
        build(was, self.old, self.era)
        return self.go(*options)

    def link(self, hash_: str) -> LiveLink:
        return next(link for link in shares.read_links(self.session) if link.hash == hash_)

    def new(self, hash_: str = "a1b2c3") -> str:
        return Secrets(self.work).get("new-link", hash_) or ""

    def codes(self, answer: dict, subject: str) -> set[str]:
        return {f["code"] for f in answer["findings"] if f["subject"] == subject}


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Locks]:
    with Sandbox() as server:
        monkeypatch.setenv("CELLS_TOKEN", server.token)
        made = Locks(server, tmp_path, "pydio8")
        with made.session:
            yield made


def quiet(locks: Locks, was: Organisation, *options: str) -> None:
    again = locks.after(was, *options)
    assert again["requests"]["write"] == 0 and again["exit"] == 0, again["verdict"]


def test_a_link_with_a_made_up_password_gets_another_one_and_its_owner_a_letter(locks: Locks) -> None:
    locks.after(organisation(FORMER))
    before, odd = locks.new(), locks.new("50% off")
    quiet(locks, organisation(FORMER))
    answer = locks.after(organisation(LATER))
    assert answer["exit"] == 0, answer["verdict"]
    assert locks.new() != before and locks.opens(locks.new()) and not locks.opens(before)
    assert locks.new() in (locks.work / "link-passwords.csv").read_text(encoding="utf-8")
    assert "F3127" in locks.codes(answer, "a1b2c3") and locks.new("50% off") == odd
    assert locks.link("a1b2c3").max_downloads == 7
    quiet(locks, organisation(LATER))


@pytest.mark.parametrize("route", ["rpc", "sql"])
def test_a_stored_password_is_stored_again_and_the_former_one_is_refused(locks: Locks, route: str) -> None:
    def go(was: Organisation) -> dict:
        answer = locks.after(was, "--link-passwords", route)
        script = locks.work / "link-passwords.sql"
        if route == "sql" and script.exists():
            locks.server.run_sql(script.read_text(encoding="utf-8"))
        return answer

    go(organisation(FORMER))
    assert locks.opens(FORMER)
    answer = go(organisation(LATER))
    assert answer["exit"] == 0, answer["verdict"]
    assert locks.opens(LATER) and not locks.opens(FORMER)
    quiet(locks, organisation(LATER), "--link-passwords", route)
    assert locks.opens(LATER)


def test_a_password_known_in_clear_becomes_the_changed_one(locks: Locks) -> None:
    locks.era = "pydio5"  # only file links of older versions have a clear password
    locks.after(organisation(FORMER))
    assert locks.opens(FORMER, SINGLE)
    answer = locks.after(organisation(FORMER, LATER))
    assert locks.opens(LATER, SINGLE) and not locks.opens(FORMER, SINGLE), answer["verdict"]
    quiet(locks, organisation(FORMER, LATER))


def test_a_link_of_a_changed_address_is_renewed_under_its_old_name(locks: Locks) -> None:
    locks.after(organisation(FORMER))
    new_hash = next(link.hash for link in shares.read_links(locks.session) if link.label == "Odd")
    before = locks.new("50% off")
    assert locks.opens(before, new_hash)
    locks.after(organisation(FORMER, odd=LATER))
    assert locks.new("50% off") != before and locks.opens(locks.new("50% off"), new_hash) and not locks.opens(before, new_hash)
    assert locks.new("50% off") in (locks.work / "link-passwords.csv").read_text(encoding="utf-8")


def test_downloads_of_cells_are_not_given_back_when_a_password_is_renewed(locks: Locks) -> None:
    from migrate.cells.api import tree, workspaces
    from migrate.cells.content import Content

    locks.after(organisation(FORMER))
    page = shares.open_page(locks.session, "a1b2c3")
    token, _ = locks.session.sign_in(page.login, locks.new(), minisite="a1b2c3")
    slug = workspaces.get_workspace(locks.session, page.uuid).slug
    with locks.session.as_somebody(GivenToken(token)) as visitor:
        assert b"".join(Content(visitor).read(tree.children(visitor, slug)[0].path))
    locks.after(organisation(LATER))
    link = locks.link("a1b2c3")
    assert link.max_downloads - link.downloads == 6


def test_what_the_owner_set_in_cells_stays_and_is_told(locks: Locks) -> None:
    locks.after(organisation(FORMER))
    link = locks.link("a1b2c3")
    token, _ = locks.session.sign_in("bo", Secrets(locks.work).get("user", "bo"))
    with locks.session.as_somebody(GivenToken(token)) as owner:
        shares.put_link(owner, {**link.body}, password="chosen since")
    answer = locks.after(organisation(LATER))
    assert locks.opens("chosen since") and "F3128" in locks.codes(answer, "a1b2c3")
    assert locks.after(organisation(LATER))["requests"]["write"] == 0


def test_a_password_that_the_old_server_dropped_stays_in_cells_and_is_told(locks: Locks) -> None:
    locks.after(organisation(FORMER))
    answer = locks.after(organisation(None))
    assert answer["exit"] == 0, answer["verdict"] + str(answer["differences"])
    assert locks.opens(locks.new()) and "F3129" in locks.codes(answer, "a1b2c3")


def test_a_password_that_is_new_on_the_old_server_closes_the_link(locks: Locks) -> None:
    locks.after(organisation(None))
    assert shares.open_page(locks.session, "a1b2c3").state == "open"
    answer = locks.after(organisation(LATER), "--link-passwords", "rpc")
    assert answer["exit"] == 0, answer["verdict"]
    assert locks.opens(LATER)
    quiet(locks, organisation(LATER), "--link-passwords", "rpc")


@pytest.mark.parametrize("after", [True, False])
def test_a_run_killed_over_the_change_does_it_again(locks: Locks, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the request, or between its effect and the note of it."""
    class Killed(BaseException):
        pass

    locks.after(organisation(FORMER))
    before = locks.new()
    real = shares.put_link

    def put(session: Session, link: dict, **how: object) -> LiveLink:
        if after:
            real(session, link, **how)
        raise Killed

    monkeypatch.setattr(shares, "put_link", put)
    with pytest.raises(Killed):
        locks.after(organisation(LATER))
    monkeypatch.undo()
    monkeypatch.setenv("CELLS_TOKEN", locks.server.token)
    answer = locks.after(organisation(LATER))
    assert answer["exit"] == 0, answer["verdict"]
    assert locks.opens(locks.new()) and not locks.opens(before)
    assert locks.link("a1b2c3").max_downloads == 7 and len(list(shares.search_shares(locks.session, "LINK"))) == 3
    quiet(locks, organisation(LATER))


def test_no_stored_form_and_no_digest_is_in_the_ledger(locks: Locks) -> None:
    locks.after(organisation(FORMER), "--link-passwords", "rpc")
    with open(locks.work / "ledger.sqlite", "rb") as ledger:
        content = ledger.read()
    mark = Secrets(locks.work).get(link_marks.MARK, "a1b2c3")
    assert mark and mark.encode() not in content and b"sha256:1000:" not in content
    assert (locks.work / "secrets.jsonl").stat().st_mode & 0o77 == 0


