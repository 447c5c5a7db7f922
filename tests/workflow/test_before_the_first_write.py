"""What would end badly is told before the first write: mails that cannot be sent, a scoped token, a token that is about to end."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from fixtures.generator import build
from fixtures.generator.description import Organisation, User
from fixtures.generator.organisation import of_size
from migrate.cells import reader
from migrate.cells.auth import CommandToken, FileToken, GivenToken, WaitingToken
from migrate.cells.errors import TokenRefused, TokenScoped
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError
from migrate.interrupt import StopSignal
from migrate.workflow.connect import Connection
from migrate.workflow.keeping import Choice
from migrate.workflow.mailing import MailerMissing
from migrate.workflow.migrating import migrate_all
from migrate.workflow.rehearsal import rehearse
from migrate.workflow.token_end import Countdown, TokenEnd


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(of_size(4, 1, 3), tmp_path_factory.mktemp("few") / "old")


def planned(old: Path, work: Path, server: Sandbox, choice: Choice | None = None, **connection) -> list:
    way = Connection(**{"url": server.url, "tokens": GivenToken(server.token), **connection})
    return rehearse(work, old, None, {}, way, mappings=None, masks="ignore", data_source="legacy", recycle="skip", progress=lambda *_: None,
                    passwords=choice or Choice()).findings


def carried(old: Path, work: Path, server: Sandbox, choice: Choice | None = None, **connection):
    with StopSignal() as stop:
        return migrate_all(work, old, None, {}, Connection(**{"url": server.url, "tokens": GivenToken(server.token), **connection}), mappings=None,
                           masks="ignore", data_source="legacy", recycle="skip", accept_skips=True, stop=stop, progress=lambda *_: None,
                           say=lambda _: None, passwords=choice or Choice())


def codes(findings: list) -> dict[str, str]:
    return {found.code: found.message for found in findings}


# -- mails -------------------------------------------------------------------------------------------------------------------


def set_mailer(server: Sandbox, kind: str) -> None:
    path = "services/pydio.grpc.mailer"
    server.call("PUT", "/a/config/" + path, {"FullPath": path, "Data": json.dumps({"sender": {"@value": kind}})})


@pytest.mark.parametrize("kind", ["", "disabled", "noop"])
def test_mails_that_cannot_be_sent_are_told_when_planning_and_nothing_is_written(old: Path, tmp_path: Path, kind: str) -> None:
    with Sandbox() as server:
        if kind:
            set_mailer(server, kind)
        before = server.writes
        found = codes(planned(old, tmp_path / "w", server, Choice("reset")))
        assert "F2809" in found and "F2810" in found
        with pytest.raises(MailerMissing) as refused:
            carried(old, tmp_path / "w", server, Choice("reset"))
        assert refused.value.exit_status is ExitStatus.USAGE
        assert server.writes == before


def test_with_a_mail_server_each_person_with_an_address_is_mailed_once(old: Path, tmp_path: Path) -> None:
    with Sandbox() as server:
        set_mailer(server, "smtp")
        assert "F2809" not in codes(planned(old, tmp_path / "w", server, Choice("reset")))
        server.keep_log = True
        for _ in range(2):
            carried(old, tmp_path / "w", server, Choice("reset"))
        asked = [path for method, path, _ in server.log if method == "PUT" and "/reset-password-token/" in path]
        assert asked and len(asked) == len(set(asked))


def test_who_is_locked_gets_no_mail(tmp_path: Path) -> None:
    people = (User("admin", "Night-0", admin=True, profile="admin"), User("ann", "Night-1", email="ann@night.example"),
              User("bo", "Night-2", email="bo@night.example", locks=("logout",)))
    legacy = build(Organisation("locked", users=people), tmp_path / "old")
    with Sandbox() as server:
        set_mailer(server, "smtp")
        server.keep_log = True
        carried(legacy, tmp_path / "w", server, Choice("reset"))
        asked = [path.rpartition("/")[2] for method, path, _ in server.log if method == "PUT" and "/reset-password-token/" in path]
    assert asked == ["ann"]


def test_without_mails_nobody_asks_for_a_mail_server(old: Path, tmp_path: Path) -> None:
    with Sandbox() as server:
        assert not {"F2809", "F2810"} & set(codes(planned(old, tmp_path / "w", server)))


# -- the token ---------------------------------------------------------------------------------------------------------------


def test_a_scoped_token_ends_the_run_before_its_first_write(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server lists such a token no workspace, and lets it into none."""
    monkeypatch.setattr(reader.tree, "caller_can_stat", lambda _session, _slug: False)
    with Sandbox() as server:
        assert "F4013" in codes(planned(old, tmp_path / "w", server))
        before = server.writes
        with pytest.raises(TokenScoped):
            carried(old, tmp_path / "w", server)
        assert server.writes == before


def test_the_plan_says_when_the_token_ends_or_that_nobody_knows(old: Path, tmp_path: Path) -> None:
    with Sandbox() as server:
        assert "F4016" in codes(planned(old, tmp_path / "w", server))
        database = create_engine(f"sqlite:///{tmp_path}/cells.db")
        with database.begin() as db:
            db.execute(text("CREATE TABLE idm_personal_tokens (access_token TEXT, expire_at INTEGER, auto_refresh INTEGER)"))
            db.execute(text("INSERT INTO idm_personal_tokens VALUES (:d, :e, 0)"),
                       {"d": "sha256:" + hashlib.sha256(server.token.encode()).hexdigest(), "e": int(time.time()) + 1230})
        found = codes(planned(old, tmp_path / "w", server, database=f"sqlite:///{tmp_path}/cells.db"))
        assert "in 20 minutes" in found["F4015"] and "F4016" not in found
        found = codes(planned(old, tmp_path / "w", server, tokens=CommandToken(f"printf {server.token}")))
        assert not {"F4015", "F4016"} & set(found)


def test_a_run_says_so_while_the_end_comes_nearer_and_not_again_and_again() -> None:
    said, now = [], [0.0]
    count = Countdown(TokenEnd(3600.0, True), said.append, lambda: now[0])
    for at in (0, 1000, 1801, 1830, 2900, 3001, 3100, 3500, 3590):
        now[0] = float(at)
        count()
    assert [text.split(".")[0] for text in said] == ["The token ends in 30 minutes", "The token ends in 10 minutes", "The token ends in 2 minutes"]
    Countdown(TokenEnd(None, True), said.append)()
    assert len(said) == 3


def test_a_run_whose_token_file_holds_an_old_token_waits_for_a_new_one(old: Path, tmp_path: Path) -> None:
    """The file is replaced some time after the token has ended; nothing failed meanwhile."""
    with Sandbox() as server:
        file, said, waits = tmp_path / "token", [], []
        file.write_text(server.token_for("admin"))
        file.chmod(0o600)

        def later(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                file.write_text(server.token_for("admin"))

        tokens = WaitingToken(FileToken(file), said.append, sleep=later)
        ended = []

        def progress(*_: object) -> None:
            if not ended:
                ended.append(server.expire(file.read_text()))

        with StopSignal() as stop:
            outcome = migrate_all(tmp_path / "w", old, None, {}, Connection(url=server.url, tokens=tokens), mappings=None, masks="ignore",
                                  data_source="legacy", recycle="skip", accept_skips=True, stop=stop, progress=progress, say=lambda _: None)
        assert outcome.exit is ExitStatus.OK and ended and len(waits) == 3 and len(said) == 1
        assert all(row["failed"] == 0 for row in outcome.counts.values())


def test_a_token_that_never_worked_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("x" * 43 + "." + "y" * 43)
    waits: list[float] = []
    with Sandbox() as server, Session(server.url, WaitingToken(FileToken(file), lambda _s: None, sleep=waits.append)) as session:
        with pytest.raises(TokenRefused):
            session.get("/a/config/discovery")
    assert not waits


def test_who_waited_in_vain_does_not_let_the_others_wait_as_long(tmp_path: Path) -> None:
    clock, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    with Sandbox() as server:
        file = tmp_path / "token"
        file.write_text(server.token_for("admin"))
        tokens = WaitingToken(FileToken(file), lambda _s: None, sleep=sleep, now=lambda: clock[0])
        with Session(server.url, tokens) as session:
            for _ in range(2):
                session.get("/a/config/discovery")
            server.expire(tokens.token())
            for _ in range(3):
                with pytest.raises(TokenRefused):
                    session.get("/a/config/discovery")
        assert 290 <= sum(waits) <= 310


def test_what_is_about_the_token_shows_no_token(old: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s" * 43 + "." + "t" * 43)
    tokens = WaitingToken(FileToken(file), lambda _s: None)
    tokens.token()
    assert "sss" not in repr(tokens)
    with pytest.raises(MigrationError) as missing:
        FileToken(tmp_path / "none").token()
    assert "sss" not in str(missing.value)
