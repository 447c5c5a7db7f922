"""Signing in by authorization code: for one server only, refreshed once for all, revoked at the end, shown nowhere."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from migrate.cells.auth import AskingToken, GivenToken
from migrate.cells.callback import Callback
from migrate.cells.errors import LoginRefused, NotACells, TokenMissing, TokenRefused
from migrate.cells.keepalive import KeepAlive
from migrate.cells.oauth import BROWSER, BROWSER_PORTS, OOB, CodeFlow, Grant, GrantFile, GrantToken, Provider, SignInEnded, SignInFailed
from migrate.cells.reader import whoami
from migrate.cells.sandbox import Sandbox
from migrate.cells.sandbox import passwords as stored_passwords
from migrate.cells.session import Session
from migrate.errors import ExitStatus
from migrate.workflow.connect import GRANT_FILE, Connection
from migrate.workflow.signing_in import sign_in_by_code, sign_in_by_dex, sign_out
from tests.cells.stub_server import Stub, answer

PASSWORD = "Admin-pw-é-1"


@pytest.fixture(params=["4.1", "3.0.9"])
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(profile=request.param) as sandbox:
        sandbox.admin.password = stored_passwords.make(PASSWORD)
        yield sandbox


def provider(server: Sandbox) -> Provider:
    return Provider(Session(server.url, GivenToken(""), allow_writes=False))


def signed_in(server: Sandbox, work: Path) -> GrantFile:
    sign_in_by_code(work, Connection(url=server.url), login="admin", password=PASSWORD, show=print, enter=input)
    return GrantFile(work / GRANT_FILE)


def age(file: GrantFile) -> Grant:
    old = file.load()
    file.save(dataclasses.replace(old, expires_at=0))
    return old


@pytest.mark.parametrize(("client", "redirect"), [BROWSER, BROWSER_PORTS[0], BROWSER_PORTS[-1], (BROWSER[0], OOB)])
def test_a_sign_in_works_with_every_public_client(server: Sandbox, client: str, redirect: str) -> None:
    address = server.url + redirect if redirect == OOB else redirect
    grant = CodeFlow(provider(server), client, address).headless("admin", PASSWORD)
    with Session(server.url, GivenToken(grant.access_token)) as session:
        assert whoami(session)[0].login == "admin"


def test_the_challenge_is_bound_to_us(server: Sandbox) -> None:
    flow = CodeFlow(provider(server), *BROWSER)
    asked = dict(parse_qsl(urlsplit(flow.address).query))
    assert asked["code_challenge_method"] == "S256" and len(asked["state"]) >= 16
    with pytest.raises(SignInFailed):
        flow.finish(BROWSER[1] + "?code=x&state=of-somebody-else")
    with pytest.raises(SignInFailed):
        flow.finish(BROWSER[1] + f"?error=access_denied&state={asked['state']}")


def test_a_wrong_password_is_told_and_tried_once(server: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(LoginRefused) as error:
        sign_in_by_code(tmp_path, Connection(url=server.url), login="admin", password="wrong-password", show=print, enter=input)
    assert error.value.exit_status is ExitStatus.NOT_AUTHORISED and "wrong-password" not in error.value.message
    assert server.admin.attributes["failedConnections"] == "1"
    assert not (tmp_path / GRANT_FILE).exists()


def test_what_is_kept_is_private_and_shows_no_token(server: Sandbox, tmp_path: Path) -> None:
    file = signed_in(server, tmp_path)
    assert file.path.stat().st_mode & 0o777 == 0o600
    grant = file.load()
    assert grant.access_token not in repr(grant) and grant.refresh_token not in repr(grant)


def test_tokens_are_refreshed_before_they_end_and_the_new_ones_are_kept_first(server: Sandbox, tmp_path: Path) -> None:
    file = signed_in(server, tmp_path)
    for _ in range(3):
        old = age(file)
        with Connection(url=server.url, work=tmp_path).session(writes=False) as session:
            assert whoami(session)[0].login == "admin"
        assert file.load().refresh_token != old.refresh_token


def test_many_workers_refresh_once(server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = signed_in(server, tmp_path)
    age(file)
    refreshed = []
    real = Provider.refresh
    monkeypatch.setattr(Provider, "refresh", lambda self, grant: refreshed.append(1) or real(self, grant))
    sources = [GrantToken(file, lambda grant: provider(server)) for _ in range(3)]  # three processes, as far as the file can tell
    found: set[str] = set()
    threads = [threading.Thread(target=lambda s=source: found.add(s.token())) for source in sources for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert len(refreshed) == 1
    with Session(server.url, GivenToken(found.pop())) as session:
        assert whoami(session)[0].login == "admin"


def test_a_token_that_the_server_ended_early_is_renewed_in_mid_run(server: Sandbox, tmp_path: Path) -> None:
    file = signed_in(server, tmp_path)
    with Connection(url=server.url, work=tmp_path).session(writes=False) as session:
        whoami(session)
        server.expire(file.load().access_token)
        assert whoami(session)[0].login == "admin"


def test_a_sign_in_that_has_ended_ends_the_run_with_what_to_do(server: Sandbox, tmp_path: Path) -> None:
    file = signed_in(server, tmp_path)
    old = age(file)
    file.save(dataclasses.replace(old, expires_at=0, refresh_token="x" * 43 + "." + "x" * 43))
    with Connection(url=server.url, work=tmp_path).session(writes=False) as session, pytest.raises(SignInEnded) as error:
        whoami(session)
    assert error.value.exit_status is ExitStatus.NOT_AUTHORISED and "login --oauth" in error.value.next_step


def test_a_sign_in_is_not_used_for_another_server(server: Sandbox, tmp_path: Path) -> None:
    file = signed_in(server, tmp_path)
    age(file)
    with Sandbox() as other, Connection(url=other.url, work=tmp_path).session(writes=False) as session, pytest.raises(SignInEnded):
        whoami(session)


def test_signing_out_revokes_and_removes(server: Sandbox, tmp_path: Path) -> None:
    grant = signed_in(server, tmp_path).load()
    assert "revoked" in sign_out(tmp_path).verdict
    assert list(tmp_path.iterdir()) == []
    with Session(server.url, GivenToken(grant.access_token)) as session, pytest.raises(TokenRefused):
        session.get("/a/config/datasource")


def test_somebody_who_is_no_administrator_is_not_kept(server: Sandbox, tmp_path: Path) -> None:
    server.call("PUT", "/a/user/jane", {"Login": "jane", "GroupPath": "/", "Password": "Jane-pw-1", "Attributes": {"profile": "standard"}}, server.token)
    with pytest.raises(Exception) as error:
        sign_in_by_code(tmp_path, Connection(url=server.url), login="jane", password="Jane-pw-1", show=print, enter=input)
    assert error.value.exit_status is ExitStatus.NOT_AUTHORISED
    assert not (tmp_path / GRANT_FILE).exists()


def test_an_address_that_shows_no_sign_in_is_told() -> None:
    with Stub([answer(200, "", kind="text/plain")]) as stub, pytest.raises(NotACells):
        Provider(Session(stub.url, GivenToken(""))).discover()


def test_tokens_are_asked_for_at_this_server_only() -> None:
    document = json.dumps({"authorization_endpoint": "https://elsewhere.example/auth", "token_endpoint": "https://elsewhere.example/token"})
    with Stub([answer(200, document)]) as stub, pytest.raises(SignInFailed) as error:
        Provider(Session(stub.url, GivenToken(""))).discover()
    assert "elsewhere.example" in error.value.message


def test_the_browser_comes_back_to_this_machine() -> None:
    import socket
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    callback = Callback(f"http://localhost:{port}/servers/callback")
    import requests
    thread = threading.Thread(target=lambda: requests.get(f"http://127.0.0.1:{port}/servers/callback?code=c&state=s", timeout=10))
    thread.start()
    assert callback.wait(10) == f"http://localhost:{port}/servers/callback?code=c&state=s"
    thread.join()
    callback.close()


def test_dex_of_the_first_versions_gives_an_id_token_that_is_refreshed(tmp_path: Path) -> None:
    """A stand-in: no server of 1.x was at hand."""
    first = {"id_token": "i" * 60, "refresh_token": "r" * 30, "expires_in": 600, "access_token": "unused-access"}
    with Stub([answer(200, json.dumps(first)), answer(200, json.dumps({**first, "id_token": "j" * 60, "refresh_token": "s" * 30}))]) as stub:
        there = Provider(Session(stub.url, GivenToken("")))
        grant = there.by_password("admin", "Admin-pw-1", "/dex/token", "cells-front", "client-secret-1")
        assert grant.access_token == "i" * 60 and grant.bearer == "id_token"
        newer = there.refresh(grant)
        assert newer.access_token == "j" * 60 and newer.refresh_token == "s" * 30
        sent, again = (r.decode() for r in stub.requests)
    assert sent.startswith("POST /dex/token ") and "grant_type=password" in sent and "Authorization: Basic " in sent
    assert "grant_type=refresh_token" in again


def test_dex_refuses_a_wrong_password_without_a_second_try(tmp_path: Path) -> None:
    with Stub([answer(401, json.dumps({"error": "access_denied"}))]) as stub:
        with pytest.raises(LoginRefused):
            sign_in_by_dex(tmp_path, Connection(url=stub.url), "admin", "wrong-password", path="/dex/token", client="c", secret="secret-of-dex")
        assert len(stub.requests) == 1


# -- a person at the terminal, and long silent steps ---------------------------------------------------------------------------


def test_the_run_waits_for_a_new_token_and_goes_on() -> None:
    with Sandbox() as server:
        newer = server.token_for("admin", life=600)
        asked = []
        with Session(server.url, AskingToken(GivenToken(server.token), lambda: asked.append(1) or newer)) as session:
            whoami(session)
            server.expire(server.token)
            threads = [threading.Thread(target=lambda: whoami(session)) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert whoami(session)[0].login == "admin"
        assert len(asked) == 1


def test_an_empty_answer_ends_the_run() -> None:
    with Sandbox() as server, Session(server.url, AskingToken(GivenToken(server.token), lambda: "")) as session:
        server.expire(server.token)
        with pytest.raises(TokenRefused):
            session.get("/a/config/datasource")


def test_what_is_no_token_is_refused_and_not_shown() -> None:
    source = AskingToken(GivenToken("t" * 43 + "." + "t" * 43), lambda: "<html>secret-page</html>")
    with pytest.raises(TokenMissing) as error:
        source.renew("t" * 43 + "." + "t" * 43)
    assert "secret-page" not in error.value.message


def test_a_sliding_token_outlives_a_long_silent_step() -> None:
    with Sandbox() as server:
        token = server.token_for("admin", window=60)
        with Session(server.url, GivenToken(token)) as session:
            sent = threading.Event()
            session.get = lambda path, **_: sent.set()  # type: ignore[method-assign]
            with KeepAlive(session, seconds=0.01):
                assert sent.wait(10)
