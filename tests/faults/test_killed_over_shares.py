"""A run that is killed (by -9) over links and cells, or whose answers get lost there, and is started again, leaves what a calm one does:
no second link, no workspace or hidden user without an address, nothing more open. The first run and the one of a week later."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import night
import pytest

from fixtures.generator import build
from fixtures.generator.description import Entry, File, Link, Organisation, Rights, Share, User, Workspace
from migrate.cells.api import shares, users
from migrate.cells.auth import GivenToken
from migrate.cells.sandbox.faults import LOST, Fault
from migrate.cells.session import Session
from migrate.ledger import Ledger

LINK, UPDATED = "PUT /a/share/link", "PUT /a/share/policies"
FIRST = [(LINK, 1, night.AFTER), (LINK, 3, night.AFTER), (UPDATED, 1, night.AFTER), ("PUT /a/workspace/plans", 1, night.AFTER)]
LATER = [(LINK, 1, night.AFTER), (LINK, 2, night.BEFORE), ("DELETE /a/share/link", 1, night.AFTER)]
EVERY = [(which, number, when) for which in (LINK, UPDATED, "PUT /a/workspace", "PUT /a/acl", "GET /a/share/link", "GET /public/", "DELETE /a/")
         for number in range(1, 25) for when in (night.BEFORE, night.AFTER)]


def organisation(later: bool = False) -> Organisation:
    """`later`: fewer downloads left, another password, an earlier end, less right, a link and a member gone."""
    links = (
        Share("public", "ann", "dock", "/Public", label="Public", links=(
            Link("a1b2c3", password="later" if later else "first", limit=9, count=4 if later else 2),)),
        Share("ends", "ann", "dock", "/Public", label="Ends", links=(Link("ends", expires_at=1_900_000_000 if later else 2_000_000_000),)),
        Share("box", "bo", "dock", "/Box", label="Box", links=(Link("box", "w" if later else "rw", layout="ajxp_shared_folder"),)),
        Share("gone", "ann", "dock", "/Box", label="Gone", links=(Link("gone"),)),
    )
    return Organisation(
        name="shares",
        users=(User("admin", "Night-0", admin=True, profile="admin"), User("ann", "Night-1", rights=Rights(acls={"dock": "rw"})),
               User("bo", "Night-2", locks=("logout",), rights=Rights(acls={"dock": "rw"})), User("cy", "Night-3")),
        workspaces=(Workspace("dock", "Dock", "dock", "AJXP_DATA_PATH/workspaces/dock"),),
        files=tuple(File("dock", path, size, 1_300_000_000) for path, size in ((b"/Public", None), (b"/Public/a.pdf", 9), (b"/Box", None), (b"/Plans", None))),
        shares=(Share("plans", "ann", "dock", "/Plans", label="Plans", entries=(Entry("user", "cy", "r" if later else "rw"),)),
                *(links[:3] if later else links)))


@dataclass(frozen=True)
class Calm:
    """Old installations by state, and what undisturbed runs leave."""

    was: Path
    now: Path
    first: dict[str, Any]
    later: dict[str, Any]


class Scene:
    """One server, one work folder, one old installation at one place."""

    def __init__(self, server: night.Disturbed, tmp: Path) -> None:
        self.server, self.old, self.work = server, tmp / "old", tmp / "w"
        os.environ["CELLS_TOKEN"] = server.token

    def becomes(self, state: Path) -> None:
        shutil.rmtree(self.old, ignore_errors=True)
        shutil.copytree(state, self.old)

    def migrate(self) -> night.Ran:
        return night.migrate(self.old, self.server.url, self.work)

    def complaints(self, wanted: dict[str, Any]) -> list[str]:
        """What is wrong after a resumed run."""
        ran = self.migrate()
        found = [f"exit {ran.status}: {ran.err[-800:]}"] if ran.status else []
        if different := night.changed(wanted, self.server.snapshot()):
            found.append(str(different))
        with Session(self.server.url, GivenToken(self.server.token)) as session:
            links, spaces = shares.read_links(session), list(shares.search_shares(session, "LINK"))
            hidden = [user for user in users.search_users(session) if user.hidden]
        if not len(links) == len(spaces) == len(hidden) == len({link.hash for link in links}):
            found.append(f"{len(links)} links, {len(spaces)} workspaces, {len(hidden)} hidden users")
        with Ledger.open(self.work) as ledger:
            row = ledger.counts()["shares"]
        if row["open"] or row["failed"]:
            found.append(str(row))
        return found


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    tmp = tmp_path_factory.mktemp("shares")
    was, now = build(organisation(), tmp / "was"), build(organisation(later=True), tmp / "now")
    with night.Disturbed() as server:
        scene = Scene(server, tmp)
        scene.becomes(was)
        assert scene.migrate().status == 0
        first = server.snapshot()
        scene.becomes(now)
        ran = scene.migrate()
        assert ran.status == 0, ran.err
        return Calm(was, now, first, server.snapshot())


@pytest.fixture
def scene(calm: Calm, tmp_path: Path) -> Iterator[Scene]:
    with night.Disturbed() as server:
        made = Scene(server, tmp_path)
        made.becomes(calm.was)
        yield made


@pytest.mark.parametrize(("which", "number", "when"), EVERY if night.EVERY else FIRST)
def test_the_first_run(calm: Calm, scene: Scene, which: str, number: int, when: str) -> None:
    scene.server.which = which
    reached = night.killed(scene.server, number, when, scene.migrate)
    assert reached or night.EVERY
    assert not scene.complaints(calm.first)


@pytest.mark.parametrize(("which", "number", "when"), EVERY if night.EVERY else LATER)
def test_the_run_of_a_week_later(calm: Calm, scene: Scene, which: str, number: int, when: str) -> None:
    assert scene.migrate().status == 0
    scene.becomes(calm.now)
    scene.server.which = which
    reached = night.killed(scene.server, number, when, scene.migrate)
    assert reached or night.EVERY
    assert not scene.complaints(calm.later)


@pytest.mark.parametrize("which", [LINK, UPDATED, "DELETE /a/share/link"] if night.EVERY else [LINK])
def test_answers_that_get_lost(calm: Calm, scene: Scene, which: str) -> None:
    """Each is carried out, and its answer never comes: the first two of both runs."""
    method, _, path = which.partition(" ")
    for state, wanted in ((calm.was, calm.first), (calm.now, calm.later)):
        scene.becomes(state)
        scene.server.faults.rules.append(Fault(LOST, method, path, times=2))
        for _ in range(4):
            if scene.migrate().status == 0:
                break
        scene.server.faults.clear()
        assert not scene.complaints(wanted)


