"""Cells and links on a server: made once, protected, handed over, cleaned up after interruptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from migrate.cells.api import acls, shares, tree, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.content import Content
from migrate.cells.errors import CellsRefused, LoginRefused
from migrate.cells.models import Acl, LiveLink, LiveWorkspace, User
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets
from migrate.load.perform import Loader
from migrate.load.shares import AddressTaken, LinkUnprotected, PasswordStays
from migrate.rights import Right
from migrate.transform.actions import Action, OpenDesk
from migrate.transform.share_actions import CreateCell, CreateLink, DeleteCell, DeleteLink, EndShare, HandOverLink, ShareRight, UpdateLink

ALICE, BOB, CELL = "22222222-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002", "44444444-0000-4000-8000-000000000001"
DOCS, FILE = "pydiods1/projects/docs", "pydiods1/projects/docs/a.txt"
LINK = CreateLink("oldhash", DOCS, "Docs", ("Preview", "Download"), "pydio_shared_folder", "alice", ALICE, record="\0oldhash")
HAND_OVER = HandOverLink("oldhash", "alice", ALICE)


@dataclass
class Scene:
    """A server with alice, bob and a folder, and a loader on it."""

    session: Session
    ledger: Ledger
    secrets: Secrets
    loader: Loader
    admin: User

    def do(self, *actions: Action, look: bool = False) -> None:
        for action in actions:
            self.loader.perform(action, resumed=look)

    def links(self) -> list[LiveLink]:
        return shares.read_links(self.session)

    def spaces(self) -> int:
        return len(list(shares.search_shares(self.session, "LINK")))

    def visitor(self, hash_: str, password: str = "") -> tuple[Session, str]:
        page = shares.open_page(self.session, hash_)
        token, _ = self.session.sign_in(page.login, password or page.login + shares.OPEN_SUFFIX, minisite=hash_)
        space = workspaces.get_workspace(self.session, page.uuid)
        assert space is not None
        return self.session.as_somebody(GivenToken(token)), space.slug


@pytest.fixture(params=["4.1", "3.0.9", "5"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    with Sandbox(profile=request.param) as server, Session(server.url, GivenToken(server.token)) as session, Ledger.create(tmp_path) as ledger:
        admin = next(u for u in users.search_users(session) if u.profile == "admin")
        loader = Loader(session, ledger, Secrets(tmp_path), StopSignal(), lambda *_: {})
        loader.perform(OpenDesk("desk", "migration-desk", "pydiods1", admin.uuid), resumed=False)
        slug = loader.tools.desks.slug("pydiods1")
        tree.create_folders(session, [slug + "/projects/docs"])
        (tmp_path / "a.txt").write_bytes(b"alpha")
        Content(session).put_file(slug, "projects/docs/a.txt", tmp_path / "a.txt")
        for login, uuid in (("alice", ALICE), ("bob", BOB)):
            users.create_user(session, User(uuid, login, "/", (), {"profile": "standard"}), "a long enough password")
        ledger.put("loader", admin.uuid)
        yield Scene(session, ledger, loader.tools.secrets, loader, admin)


# -- links ------------------------------------------------------------------------------------------------------------------


def test_a_link_opens_under_its_old_address_and_belongs_to_its_owner(scene: Scene) -> None:
    scene.do(LINK, HAND_OVER)
    link = scene.links()[0]
    assert (link.hash, link.owners, link.protected) == ("oldhash", {ALICE}, False)
    assert ("READ", "user:" + link.user_login) in link.policies  # the hidden user keeps sight of it
    visitor, slug = scene.visitor("oldhash")
    assert [n.path for n in tree.children(visitor, slug)] == [slug + "/a.txt"]


def test_a_link_to_a_file_shows_that_file_only(scene: Scene) -> None:
    scene.do(replace(LINK, node=FILE, template="pydio_unique_strip"), HAND_OVER)
    visitor, slug = scene.visitor("oldhash")
    assert [n.path.rpartition("-")[2] for n in tree.children(visitor, slug)] == ["a.txt"]
    assert tree.stat(visitor, slug + "/docs") is None


def test_an_upload_link_shows_nothing(scene: Scene) -> None:
    scene.do(replace(LINK, permissions=("Upload",), template="pydio_dropbox_template"))
    link = scene.links()[0]
    assert {a.action for a in acls.search_acls(scene.session, actions=acls.RIGHTS, roles=[link.user_uuid])} == {"write"}
    visitor, slug = scene.visitor("oldhash")
    assert tree.children(visitor, slug) == []


def test_making_a_link_twice_makes_one(scene: Scene) -> None:
    scene.do(LINK, LINK, HAND_OVER, HAND_OVER, LINK)
    assert scene.spaces() == 1
    assert scene.links()[0].owners == {ALICE}


def test_a_known_password_is_the_links_password(scene: Scene) -> None:
    scene.secrets.put("link", "oldhash", "bobpass é")
    scene.do(replace(LINK, password="protected"), HAND_OVER)
    assert shares.open_page(scene.session, "oldhash").state == "password"
    scene.visitor("oldhash", "bobpass é")


def test_an_unknown_password_becomes_a_new_one_that_is_kept_for_the_owner(scene: Scene) -> None:
    scene.do(replace(LINK, password="protected"))
    made_up = scene.secrets.get("new-link", "oldhash")
    assert made_up and len(made_up) >= 16
    scene.visitor("oldhash", made_up)


def test_a_link_that_came_out_without_its_password_is_removed_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shares.put_link
    monkeypatch.setattr(shares, "put_link", lambda session, link, **how: real(session, link, **{**how, "password": ""}))
    with pytest.raises(LinkUnprotected):
        scene.do(replace(LINK, password="protected"))
    assert scene.links() == [] and shares.open_page(scene.session, "oldhash").state == "gone"


def test_an_open_link_left_by_an_interrupted_attempt_is_not_taken_for_the_protected_one(scene: Scene) -> None:
    scene.do(LINK)
    scene.do(replace(LINK, password="protected"), look=True)
    assert [link.protected for link in scene.links()] == [True]


def test_end_and_remaining_downloads_reach_the_server(scene: Scene) -> None:
    scene.do(replace(LINK, expires=4_000_000_000, downloads=3))
    link = scene.links()[0]
    assert (link.access_end, link.max_downloads) == (4_000_000_000, 3)


def test_looking_at_a_link_is_no_download(scene: Scene) -> None:
    scene.do(replace(LINK, downloads=1), HAND_OVER)
    for _ in range(3):
        visitor, slug = scene.visitor("oldhash")
        assert tree.children(visitor, slug)
    assert shares.open_page(scene.session, "oldhash").state == "open"


def test_a_used_up_link_of_ours_is_found_although_its_page_is_gone(scene: Scene) -> None:
    scene.do(replace(LINK, node=FILE, downloads=1), HAND_OVER)
    visitor, slug = scene.visitor("oldhash")
    assert b"".join(Content(visitor).read(tree.children(visitor, slug)[0].path)) == b"alpha"
    assert shares.open_page(scene.session, "oldhash").state == "gone"
    scene.do(replace(LINK, node=FILE, downloads=1), look=True)
    assert scene.spaces() == 1


def test_somebody_elses_link_of_this_address_stays_and_no_orphan_is_left(scene: Scene) -> None:
    scene.do(LINK, HandOverLink("oldhash", "bob", BOB))
    people = users.count_users(scene.session)
    with pytest.raises(AddressTaken):
        scene.do(LINK)
    shares.put_policies(scene.session, scene.links()[0].uuid, [{"Action": "OWNER", "Subject": BOB, "Effect": "allow"},
                                                               {"Action": "WRITE", "Subject": "profile:admin", "Effect": "allow"}])
    with pytest.raises(AddressTaken):
        scene.do(LINK, look=True)
    assert scene.spaces() == 1 and users.count_users(scene.session) == people


def test_a_dead_page_of_somebody_else_leaves_no_orphan_behind(scene: Scene) -> None:
    scene.do(replace(LINK, expires=5), HandOverLink("oldhash", "bob", BOB))  # expired: its page is gone, its address is not free
    people = users.count_users(scene.session)
    with pytest.raises((AddressTaken, CellsRefused)):  # 3.x does not say why it refuses
        scene.do(LINK)
    assert scene.spaces() == 1 and users.count_users(scene.session) == people


def test_what_an_interrupted_creation_left_is_removed(scene: Scene) -> None:
    node = tree.admin_stat(scene.session, DOCS)
    assert node is not None
    with pytest.raises(CellsRefused):  # a workspace without hidden user and address stays
        wanted = {"Label": "Docs", "RootNodes": [{"Uuid": node.uuid}], "Permissions": ["Preview"]}
        scene.session.put("/a/share/link", {"ShareLink": wanted, "PasswordEnabled": True})
    assert scene.spaces() == 1
    scene.do(LINK, look=True)
    assert scene.spaces() == 1 and [link.hash for link in scene.links()] == ["oldhash"]


def test_an_update_narrows_keeps_the_password_and_the_owner(scene: Scene) -> None:
    scene.secrets.put("link", "oldhash", "secret one")
    scene.do(replace(LINK, password="protected", permissions=("Preview", "Download", "Upload"), downloads=9), HAND_OVER)
    link = scene.links()[0]
    update = UpdateLink("oldhash", link.uuid, DOCS, ("Preview", "Download"), "pydio_shared_folder", "alice", ALICE, 4_000_000_000, 2, "protected")
    scene.do(update, update)
    link = scene.links()[0]
    assert link.owners == {ALICE} and link.protected and link.max_downloads == 2 and "Upload" not in link.permissions
    scene.visitor("oldhash", "secret one")


def test_a_renewed_password_takes_the_place_of_the_former_one(scene: Scene) -> None:
    scene.secrets.put("link", "oldhash", "secret one")
    scene.do(replace(LINK, password="protected"), HAND_OVER)
    link = scene.links()[0]
    scene.secrets.put("link", "oldhash", "secret two")
    scene.do(UpdateLink("oldhash", link.uuid, DOCS, LINK.permissions, LINK.template, "alice", ALICE, password="protected", renew=True))
    scene.visitor("oldhash", "secret two")
    with pytest.raises(LoginRefused):
        scene.visitor("oldhash", "secret one")
    assert scene.links()[0].user_uuid != link.user_uuid and scene.links()[0].owners == {ALICE}


def test_a_server_that_keeps_the_former_password_is_not_believed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.secrets.put("link", "oldhash", "secret one")
    scene.do(replace(LINK, password="protected"), HAND_OVER)
    link = scene.links()[0]
    real = shares.put_link
    monkeypatch.setattr(shares, "put_link", lambda session, body, **how: real(session, body, **{**how, "password": "", "protected": True}))
    with pytest.raises(PasswordStays):
        scene.do(UpdateLink("oldhash", link.uuid, DOCS, LINK.permissions, LINK.template, "alice", ALICE, password="protected", renew=True))


def test_undo_and_end_remove_only_links_of_this_owner(scene: Scene) -> None:
    scene.do(LINK, HAND_OVER)
    scene.do(DeleteLink("oldhash", BOB))
    assert scene.spaces() == 1
    people = users.count_users(scene.session)
    scene.do(DeleteLink("oldhash", ALICE), DeleteLink("oldhash", ALICE), EndShare(hash="oldhash", owner_uuid=ALICE))
    assert scene.spaces() == 0 and users.count_users(scene.session) == people - 1


# -- cells ------------------------------------------------------------------------------------------------------------------

A_CELL = CreateCell(CELL, "docs", "Docs", DOCS, "alice", ALICE, readers=(ALICE, BOB), record="c1\0")
RIGHTS = (ShareRight(ALICE, DOCS, CELL, Right.READ_WRITE), ShareRight(BOB, DOCS, CELL, Right.READ))


def members(scene: Scene) -> dict[str, str]:
    told = shares.get_cell(scene.session, CELL) or {}
    return {acl["User"]["Login"]: "".join(sorted(a["Name"][0] for a in acl["Actions"])) for acl in told.get("ACLs", {}).values()}


def test_a_cell_has_its_members_its_owner_and_no_administrator(scene: Scene) -> None:
    scene.do(A_CELL, *RIGHTS)
    assert members(scene) == {"alice": "rw", "bob": "r"}
    space = next(iter(shares.search_shares(scene.session, "ROOM")))
    assert (space.uuid, space.owners) == (CELL, {ALICE})
    assert not acls.search_acls(scene.session, actions=acls.RIGHTS, roles=[scene.admin.uuid], workspaces=[CELL])


def test_members_reach_the_cell_by_their_own_sign_in_and_others_do_not(scene: Scene) -> None:
    scene.do(A_CELL, ShareRight(BOB, DOCS, CELL, Right.READ))
    for login, sees in (("bob", True), ("alice", False)):
        token, _ = scene.session.sign_in(login, "a long enough password")
        assert tree.caller_can_stat(scene.session.as_somebody(GivenToken(token)), "docs") is sees


def test_making_a_cell_again_changes_nothing_and_makes_no_second_one(scene: Scene) -> None:
    scene.do(A_CELL, *RIGHTS, A_CELL, *RIGHTS)
    assert len(list(shares.search_shares(scene.session, "ROOM"))) == 1
    assert members(scene) == {"alice": "rw", "bob": "r"}


def test_a_right_that_became_less_is_taken_back(scene: Scene) -> None:
    scene.do(A_CELL, *RIGHTS, ShareRight(ALICE, DOCS, CELL, Right.READ))
    assert members(scene)["alice"] == "r"
    scene.do(replace(A_CELL, readers=(ALICE,), withdraw=(BOB,)))
    assert members(scene) == {"alice": "r"}


def test_a_cell_without_rights_can_be_removed_and_a_workspace_is_never_taken_for_one(scene: Scene) -> None:
    scene.do(A_CELL, DeleteCell(CELL), DeleteCell(CELL), EndShare(cell=CELL))
    assert not list(shares.search_shares(scene.session, "ROOM"))
    node = tree.admin_stat(scene.session, DOCS)
    assert node is not None
    workspaces.put_workspace(scene.session, LiveWorkspace(CELL, "docs", "Docs", roots={node.uuid: node.path}))
    acls.put_acl(scene.session, Acl(node.uuid, BOB, CELL, "read"))
    with pytest.raises(CellsRefused):
        scene.do(DeleteCell(CELL))
    assert workspaces.get_workspace(scene.session, CELL) is not None
