"""A database that deadlocks under parallel writes (seen on 4.1) must not leave half an account: it would see what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cells.auth import GivenToken
from migrate.cells.errors import CellsRefused
from migrate.cells.models import User
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets
from migrate.load.people import _create
from migrate.load.perform import Loader
from migrate.transform.actions import CreateRole, CreateUser

USER = CreateUser("11111111-1111-5111-8111-111111111111", "carol", "/", {"profile": "standard"}, ("everybody",))


def loader(tmp_path: Path, session: Session) -> Loader:
    return Loader(session, Ledger.create(tmp_path), Secrets(tmp_path), StopSignal(), lambda *_: {})


def test_a_deadlock_is_tried_again_until_the_account_is_whole(tmp_path: Path) -> None:
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        load = loader(tmp_path, session)
        load.perform(CreateRole("everybody", "Everybody"), resumed=False)
        server.faults.add(500, "PUT", "/a/user/carol", times=3)
        load.perform(USER, resumed=False)
        carol = next(p for p in server.state.people if p.name == "carol")
        assert "everybody" in carol.roles and carol.attributes["profile"] == "standard"


def test_an_account_that_cannot_be_made_whole_is_not_left_behind(tmp_path: Path) -> None:
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        half = {"Login": "carol", "Uuid": USER.uuid, "GroupPath": "/", "Password": "x" * 20, "Attributes": {"profile": "standard"}}
        server.call("PUT", "/a/user/carol", half, server.token)
        load = loader(tmp_path, session)
        server.faults.add(500, "PUT", "/a/user/carol", times=-1)
        with pytest.raises(CellsRefused):
            _create(load.tools, User(USER.uuid, "carol", "/", USER.roles, dict(USER.attributes)), "y" * 20, None)
        assert all(p.name != "carol" for p in server.state.people)


def test_a_role_is_tried_again_too(tmp_path: Path) -> None:
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        server.faults.add(500, "PUT", "/a/role/r1", times=2)
        loader(tmp_path, session).perform(CreateRole("r1", "Editors"), resumed=False)
        assert "r1" in {r.uuid for r in server.state.roles.values()}
