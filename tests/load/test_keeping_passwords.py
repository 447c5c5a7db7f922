"""Old passwords reach Cells only where the generated one still stands, prove themselves first, and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from migrate.cells.api import imports, users
from migrate.cells.auth import GivenToken
from migrate.cells.errors import LoginRefused, RefusedToSend
from migrate.cells.models import User
from migrate.cells.reader import read_facts
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.cells.stored_forms import old_form, opens, scheme_of
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets
from migrate.load.cells_database import SAVED, CellsDatabase, DatabaseUnusable
from migrate.load.forms import OldForms
from migrate.load.passwords import TRIAL, Keeping, NoMailer, ResetSilent, TrialFailed
from migrate.load.perform import Loader
from migrate.transform.actions import ClearHashJob, RequestReset, RestoreHashes, StoreHashes

VENDOR = "sha256:1000:ojGf2O2ELslNab+PZ/CkbVddgHQnSwx/FcMZ0Pa4+EE=:d6mVgF+fS+wg7X+0lmSn1T1IOU7DLZhz"


@pytest.mark.parametrize(("form", "scheme"), [
    ("sha256:1000:AAECAwQFBgcICQoLDA0ODxAREhMUFRYX:KC1Ph+ncc5FTrby4ddbkHor+fEdZBDV1", "pbkdf2_sha256"),
    ("sha256:1000:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:dC3dy4Q0HQxZcIxbI+P4VWwSF8iPCKWt", "pbkdf2_sha256"),
    (VENDOR, "pbkdf2_sha256"), ("161ebd7d45089b3446ee4e0d86dbcf92", "md5"),
])
def test_stored_forms_of_every_version_open_with_their_password(form: str, scheme: str) -> None:
    assert opens(form, "P@ssw0rd") and not opens(form, "p@ssw0rd") and scheme_of(form) == scheme


@pytest.mark.parametrize("form", ["", "sha256:1000::", "sha256:0:AAAA:AAAA", "md5", "161EBD7D45089B3446EE4E0D86DBCF92", "sha256:x:AAAA:AAAA", "a:b:c:d:e",
                                  "sha256:1000:AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "$2y$10$abcdefghijklmnopqrstuv"])
def test_damaged_forms_are_no_scheme_and_open_nothing(form: str) -> None:
    assert scheme_of(form) is None and not opens(form, "P@ssw0rd")


# -- by the database ---------------------------------------------------------------------------------------------------------


class Tree:
    """The table of accounts in an SQLite file, as version 5 has it."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self.engine = create_engine(self.url)
        with self.engine.begin() as db:
            db.execute(text("CREATE TABLE idm_user_idx_tree (uuid TEXT PRIMARY KEY, leaf INTEGER, name TEXT, etag TEXT)"))

    def put(self, uuid: str, name: str, etag: str, leaf: int = 1) -> None:
        with self.engine.begin() as db:
            db.execute(text("INSERT OR REPLACE INTO idm_user_idx_tree VALUES (:u, :l, :n, :e)"), {"u": uuid, "l": leaf, "n": name, "e": etag})

    def form(self, uuid: str) -> str:
        with self.engine.connect() as db:
            return str(db.execute(text("SELECT etag FROM idm_user_idx_tree WHERE uuid=:u"), {"u": uuid}).scalar())

    def tables(self) -> set[str]:
        with self.engine.connect() as db:
            return {name for (name,) in db.execute(text("SELECT name FROM sqlite_master WHERE type='table'"))}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "cells.db")


def test_former_forms_that_nobody_will_ask_for_are_forgotten(tree: Tree) -> None:
    database = CellsDatabase(tree.url)
    database.check()
    tree.put("l1", "link one", "former")
    tree.put("l2", "link two", "former")
    assert database.store([("l1", "former", VENDOR), ("l2", "former", VENDOR)]) == ["l1", "l2"]
    database.forget(["l1"])
    assert SAVED in tree.tables() and database.restore(["l1"]) == 0 and tree.form("l1") == VENDOR
    database.forget(["l2", "nobody"])
    assert SAVED not in tree.tables()
    database.forget(["l2"])


def test_a_form_is_set_where_the_former_one_stands_and_can_be_put_back(tree: Tree) -> None:
    tree.put("a", "alice", "former")
    tree.put("g", "staff", "former", leaf=2)
    database = CellsDatabase(tree.url)
    database.check()
    assert database.store([("a", "former", VENDOR), ("g", "former", VENDOR), ("x", "former", VENDOR)]) == ["a"]
    assert (tree.form("a"), tree.form("g")) == (VENDOR, "former")
    assert database.store([("a", "former", "161ebd7d45089b3446ee4e0d86dbcf92")]) == []
    assert database.restore(["a"]) == 1
    assert tree.form("a") == "former" and SAVED not in tree.tables()


def test_who_changed_the_password_meanwhile_keeps_it_when_things_are_taken_back(tree: Tree) -> None:
    tree.put("a", "alice", "former")
    database = CellsDatabase(tree.url)
    database.store([("a", "former", VENDOR)])
    tree.put("a", "alice", "new one of alice")
    assert database.restore(["a"]) == 0 and tree.form("a") == "new one of alice"


def test_a_database_that_is_not_that_of_cells_is_refused_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable):
        CellsDatabase(f"sqlite:///{tmp_path}/empty.db").check()
    with pytest.raises(DatabaseUnusable) as error:
        CellsDatabase("mysql+pymysql://cells:Canary-pw-1@127.0.0.1:1/cells").check()
    assert "Canary-pw-1" not in error.value.message
    with pytest.raises(DatabaseUnusable):
        CellsDatabase("no address")


# -- on a server ---------------------------------------------------------------------------------------------------------------


class Scene:
    """A stand-in with accounts as `apply` makes them, and what is needed to keep old passwords."""

    def __init__(self, server: Sandbox, session: Session, work: Path, tree: Tree | None) -> None:
        self.server, self.session = server, session
        work.mkdir()
        self.ledger, self.secrets, self.tree = Ledger.create(work), Secrets(work), tree
        self.forms: dict[str, str] = {}
        self.keeping = Keeping(OldForms(lambda: self.forms.items()), CellsDatabase(tree.url) if tree else None, lambda: read_facts(session)[0])
        self.loader = Loader(session, self.ledger, self.secrets, StopSignal(), lambda *_: {}, self.keeping)

    def account(self, login: str, old: str, scheme: str = "pbkdf2_sha256", **attributes: str) -> None:
        user = User("uuid-" + login, login, "/", (), {"profile": "standard", "displayName": "É " + login, **attributes})
        users.create_user(self.session, user, self.secrets.password("user", login))
        self.forms[login] = old_form(old, scheme)

    def store(self, *logins: str, route: str = "rpc", look: bool = True) -> Mapping[str, object]:
        return self.loader.perform(StoreHashes(route, logins, tuple("uuid-" + n for n in logins), logins), resumed=look)

    def signs_in(self, login: str, password: str) -> bool:
        try:
            self.session.sign_in(login, password)
        except LoginRefused:
            return False
        return True


@pytest.fixture(params=["4.1", "3.0.9", "5"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    with Sandbox(profile=request.param) as server, Session(server.url, GivenToken(server.token)) as session:
        made = Scene(server, session, tmp_path / "work", None)
        made.loader.tools.stop.wait = lambda _seconds: False  # type: ignore[method-assign]
        yield made
        made.keeping.close()


def test_the_internal_call_keeps_passwords_and_nothing_else_changes(scene: Scene) -> None:
    scene.account("alice", "Пароль-密码-é")
    scene.account("bob", "b0b pass word", "md5", locks='["pass_change"]')
    before = {login: imports.raw_users(scene.session, login)[0] for login in ("alice", "bob")}
    assert scene.store("alice", "bob", look=False)["refused"] == []
    assert scene.signs_in("alice", "Пароль-密码-é") and scene.signs_in("bob", "b0b pass word")
    for login, was in before.items():
        assert imports.same_account(was, imports.raw_users(scene.session, login)[0]) == []
        assert not scene.signs_in(login, scene.secrets.password("user", login))


def test_a_locked_person_stays_locked(scene: Scene) -> None:
    scene.account("dave", "D@ve-1234567", locks='["logout"]')
    scene.store("dave")
    assert not scene.signs_in("dave", "D@ve-1234567")


def test_who_has_a_new_password_already_keeps_it(scene: Scene) -> None:
    scene.account("erin", "the old one")
    user = users.get_user(scene.session, "erin")
    users.put_user(scene.session, User("uuid-erin", "erin", "/", (), dict(user.attributes)), "a new one of her own")
    scene.store("erin")
    assert scene.signs_in("erin", "a new one of her own") and not scene.signs_in("erin", "the old one")


def test_the_planted_accounts_are_gone_and_the_job_holds_no_stored_password(scene: Scene) -> None:
    scene.account("alice", "old")
    scene.account("bob", "old", "md5")
    scene.store("alice", "bob")
    scene.loader.perform(ClearHashJob(1), resumed=False)
    assert not [u for u in users.search_users(scene.session) if u.login.startswith(TRIAL)]
    assert scene.server.state.jobs[imports.JOB]["Actions"] == []


def test_a_damaged_form_falls_back_to_the_temporary_password_and_says_so(scene: Scene) -> None:
    scene.account("alice", "old")
    scene.forms["alice"] = "sha256:1000:broken"
    assert scene.store("alice")["refused"] == ["alice"]
    assert [f.code for _, f in scene.ledger.findings("apply")] == ["F4920"]
    assert dict(scene.ledger.targets("users"))["alice"]["password"] == "temporary"
    assert scene.signs_in("alice", scene.secrets.password("user", "alice"))


def test_an_account_of_somebody_else_is_not_touched(scene: Scene) -> None:
    scene.account("alice", "old")
    result = scene.loader.perform(StoreHashes("rpc", ("alice",), ("another-uuid",), ("alice",)), resumed=True)
    assert result["refused"] == ["alice"] and scene.signs_in("alice", scene.secrets.password("user", "alice"))


@pytest.mark.parametrize("missing", ["Uuid", "Login", "GroupPath", "Attributes", "Policies"])
def test_an_account_that_is_not_shown_whole_is_never_sent_to_the_internal_service(missing: str) -> None:
    whole = {"Uuid": "u", "Login": "l", "GroupPath": "/", "Attributes": {"profile": "standard"}, "Policies": [{"Action": "READ"}]}
    imports.create_user_call(whole, VENDOR, three_parts=True)
    with pytest.raises(RefusedToSend):
        imports.create_user_call({k: v for k, v in whole.items() if k != missing}, VENDOR, three_parts=True)


def test_reset_mails_are_asked_for_only_where_a_mailer_is_set(scene: Scene) -> None:
    scene.account("alice", "old", email="alice@example.org")
    with pytest.raises(NoMailer):
        scene.loader.perform(RequestReset("uuid-alice", "alice"), resumed=False)


def test_a_silent_answer_to_a_request_for_a_mail_is_a_failure(scene: Scene) -> None:
    scene.account("alice", "old", email="alice@example.org")
    scene.account("nomail", "old")
    scene.keeping.mailer = True
    scene.loader.perform(RequestReset("uuid-alice", "alice"), resumed=False)
    with pytest.raises(ResetSilent):
        scene.loader.perform(RequestReset("uuid-nomail", "nomail"), resumed=False)


def test_a_database_of_another_server_is_noticed_before_anybody_is_touched(tree: Tree, tmp_path: Path) -> None:
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        scene = Scene(server, session, tmp_path / "work", tree)
        scene.account("alice", "old")
        tree.put("uuid-alice", "alice", "somebody's form")
        with pytest.raises(TrialFailed):
            scene.store("alice", route="sql")
        assert tree.form("uuid-alice") == "somebody's form"
        assert not [u for u in users.search_users(session) if u.login.startswith(TRIAL)]


def test_the_database_route_checks_that_the_generated_password_is_in_force(tree: Tree, tmp_path: Path) -> None:
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        scene = Scene(server, session, tmp_path / "work", tree)
        scene.keeping.tried = {("sql", "pbkdf2_sha256")}
        for login in ("alice", "bob", "carol"):
            scene.account(login, "old of " + login)
        tree.put("uuid-alice", "alice", old_form(scene.secrets.password("user", "alice"), "pbkdf2_sha256"))
        tree.put("uuid-bob", "bob", old_form("bob chose this", "pbkdf2_sha256"))
        tree.put("uuid-carol", "another name", old_form(scene.secrets.password("user", "carol"), "pbkdf2_sha256"))
        result = scene.store("alice", "bob", "carol", route="sql")
        assert tree.form("uuid-alice") == scene.forms["alice"]
        assert opens(tree.form("uuid-bob"), "bob chose this")
        assert result["refused"] == ["carol"]
        assert scene.store("alice", route="sql")["stored"] == ["uuid-alice"]
        scene.loader.perform(RestoreHashes("sql", ("alice",), ("uuid-alice",)), resumed=False)
        assert opens(tree.form("uuid-alice"), scene.secrets.password("user", "alice"))
