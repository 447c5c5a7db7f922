"""The doctor says of every thing a migration needs whether it is good, and where it is not, what to do."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from migrate.cells import reader
from migrate.cells.auth import GivenToken
from migrate.cells.sandbox import Sandbox
from migrate.errors import ExitStatus
from migrate.workflow.connect import Connection
from migrate.workflow.doctoring import examine
from tests.cells.stub_server import Stub, answer


def checks(connection: Connection) -> dict[str, dict]:
    return {check["name"]: check for check in examine(connection).extra["checks"]}


def test_a_fit_server_has_green_lines_only() -> None:
    with Sandbox() as server:
        outcome = examine(Connection(url=server.url, tokens=GivenToken(server.token)))
        assert outcome.exit is ExitStatus.OK and outcome.write == 0
        names = {check["name"] for check in outcome.extra["checks"]}
    assert {"reached", "encryption", "server", "token", "rate limit", "uploads (S3)", "free space", "passwords", "login --oauth", "data sources", "tree",
            "features", "token's end"} <= names


def test_every_bad_line_has_a_remedy() -> None:
    with Sandbox() as server:
        wrong = GivenToken("x" * 43 + "." + "x" * 43)
        for connection in (Connection(url=server.url, tokens=wrong), Connection(url="http://127.0.0.1:1", tokens=wrong)):
            bad = [check for check in checks(connection).values() if not check["good"]]
            assert bad and all(check["remedy"] for check in bad)


def test_a_person_who_is_no_administrator_is_told_before_anything_is_written() -> None:
    with Sandbox() as server:
        server.call("PUT", "/a/user/jane", {"Login": "jane", "GroupPath": "/", "Password": "Jane-pw-1", "Attributes": {"profile": "standard"}}, server.token)
        outcome = examine(Connection(url=server.url, tokens=GivenToken(server.token_for("jane"))))
    assert outcome.exit is ExitStatus.NOT_AUTHORISED
    assert "jane" in outcome.extra["checks"][-1]["text"]


def test_the_database_tells_when_the_token_ends(tmp_path: Path) -> None:
    import hashlib
    with Sandbox() as server:
        engine = create_engine(f"sqlite:///{tmp_path}/cells.db")
        digest = "sha256:" + hashlib.sha256(server.token.encode()).hexdigest()
        with engine.begin() as db:
            db.execute(text("CREATE TABLE idm_personal_tokens (access_token TEXT, expire_at INTEGER, auto_refresh INTEGER)"))
            db.execute(text("INSERT INTO idm_personal_tokens VALUES (:d, :e, 0)"), {"d": digest, "e": int(time.time()) + 1800})
        line = checks(Connection(url=server.url, tokens=GivenToken(server.token), database=f"sqlite:///{tmp_path}/cells.db"))["token's end"]
    assert not line["good"] and "0.5 hours" in line["text"] and "--token-command" in line["remedy"]


def test_something_that_is_no_cells_is_told() -> None:
    with Stub([answer(200, "<html>", kind="text/html")]) as stub:
        assert examine(Connection(url=stub.url, tokens=GivenToken("x" * 87))).exit is ExitStatus.CELLS_UNREACHABLE


def test_a_scoped_token_is_a_bad_line_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader.tree, "caller_can_stat", lambda _session, _slug: False)
    with Sandbox() as server:
        outcome = examine(Connection(url=server.url, tokens=GivenToken(server.token)))
    assert outcome.exit is ExitStatus.NOT_AUTHORISED
    line = next(check for check in outcome.extra["checks"] if check["name"] == "token")
    assert not line["good"] and "without `-s`" in line["remedy"]


def test_webdav_that_a_proxy_keeps_back_and_another_address_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "seen_url", lambda _self, _headers: "https://files.example.org")
    with Sandbox() as server:
        server.faults.add(404, path="/dav/", times=99)
        found = checks(Connection(url=server.url, tokens=GivenToken(server.token)))
    assert "--via dav cannot be used" in found["webDAV"]["text"] and "/dav" in found["webDAV"]["remedy"]
    assert "https://files.example.org" in found["address"]["text"] and "cells configure sites" in found["address"]["remedy"]


def test_a_clock_that_is_off_is_a_bad_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda _self: formatdate(time.time() - 1000, usegmt=True))
    with Sandbox() as server:
        line = checks(Connection(url=server.url, tokens=GivenToken(server.token))).get("clock")
    assert line is not None and not line["good"] and line["remedy"]
