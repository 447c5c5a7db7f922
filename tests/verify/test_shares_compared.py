"""Links opened as an anonymous browser does, cells by their members: a whole migration of a real installation, then spoilt."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migrate.cells.api import acls, shares
from migrate.cells.auth import GivenToken
from migrate.cells.models import Acl, LiveLink
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.cli import app as cli
from migrate.ledger import Ledger
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.workflow.sharing import share_check

pytestmark = pytest.mark.shared
NAME = "pydio-8.2.5-sqlite"


def run(*arguments: object) -> dict:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        cli.run([str(a) for a in arguments])
    return json.loads(out.getvalue())


@dataclass
class Migrated:
    """The stand-in after the migration. Tests that change something put it back."""

    session: Session
    work: Path
    truth: dict
    answers: list[dict]

    def differences(self, **how: Any) -> list[tuple[str, bool]]:
        return [(d.subject, d.wider) for d in self.verdict(**how).differences]

    def verdict(self, **how: Any) -> Verdict:
        verdict = Verdict()
        with Ledger.open(self.work) as ledger:
            share_check(self.work, ledger, self.session, None, **how)(Expected.of(ledger), verdict)
        return verdict

    def link(self, **wanted: object) -> LiveLink:
        records = {s["link"]["hash"]: s for s in self.truth["shares"] if s.get("link")}
        return next(link for link in shares.read_links(self.session) if all(records[link.hash]["link"].get(k) == v for k, v in wanted.items()))


@pytest.fixture(scope="module")
def migrated(sample: Callable[[str], Path], shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migrated]:
    work = tmp_path_factory.mktemp("work") / "w"
    with pytest.MonkeyPatch.context() as patch, Sandbox() as server:
        patch.setenv("CELLS_TOKEN", server.token)
        answers = [run("migrate", "--legacy", sample(NAME), "--cells", server.url, "--work", work, "--json") for _ in range(2)]
        answers.append(run("migrate", "--legacy", sample(NAME), "--cells", server.url, "--work", work.with_name("fresh"), "--json"))
        with Session(server.url, GivenToken(server.token)) as session:
            yield Migrated(session, work, json.loads((shared / "legacy" / NAME / "truth.json").read_text(encoding="utf-8")), answers)


def test_every_share_is_carried_or_says_why_and_nothing_differs(migrated: Migrated) -> None:
    counts = migrated.answers[0]["counts"]["shares"]
    assert counts["found"] == len(migrated.truth["shares"]) == counts["migrated"] + counts["skipped"]
    assert migrated.answers[0]["differences"] == [] == migrated.differences()


def test_a_rerun_changes_no_share_with_or_without_its_work_folder(migrated: Migrated) -> None:
    for answer in migrated.answers[1:]:
        assert answer["requests"]["write"] == 0
        assert answer["counts"]["shares"]["migrated"] == 0


def test_each_link_gives_an_anonymous_visitor_what_the_old_one_gave(migrated: Migrated) -> None:
    for record in migrated.truth["shares"]:
        if record.get("link"):
            page = shares.open_page(migrated.session, record["link"]["hash"])
            lives = not record["public_check"]["error"] and not record["link"].get("target_users")
            assert page.state == ("gone" if not lives else "password" if record["link"]["password"] else "open"), record["note"]


def test_owners_and_members_are_asked_in_their_own_sessions(migrated: Migrated) -> None:
    verdict = migrated.verdict(people="all")
    assert not verdict.differences and verdict.checked["people asked about shares"] >= 4
    assert not migrated.verdict(people="none").checked["people asked about shares"]


def test_a_link_that_its_owner_does_not_find_is_seen(migrated: Migrated) -> None:
    link = migrated.link(layout="ajxp_unique_dl")
    before = [{"Action": action, "Subject": subject, "Effect": "allow"} for action, subject in sorted(link.policies)]
    shares.put_policies(migrated.session, link.uuid, [rule for rule in before if rule["Action"] != "OWNER"] + [
        {"Action": "OWNER", "Subject": "somebody-else", "Effect": "allow"}])
    try:
        found = migrated.verdict(people="all")
        assert f"link {link.hash}: alice (signed in)" in {d.subject for d in found.differences}
        assert "F6123" not in {f.code for f in found.findings}
    finally:
        shares.put_policies(migrated.session, link.uuid, before)


def test_a_link_on_what_its_owner_may_not_see_is_told_because_cells_lists_it_for_nobody(migrated: Migrated) -> None:
    link = migrated.link(layout="ajxp_unique_dl")
    with Ledger.open(migrated.work) as ledger:
        alice = dict(ledger.targets("users"))["alice"]
    taken = [rule for rule in acls.search_acls(migrated.session, actions=("read", "write"))
             if rule.role in {alice["uuid"], *_roles_of(migrated, "alice")} and rule.workspace]
    for rule in taken:
        acls.delete_acl(migrated.session, rule)
    try:
        found = migrated.verdict(people="all")
        assert (link.hash, "F6123") in {(f.subject, f.code) for f in found.findings}
        assert not any(d.subject.startswith(f"link {link.hash}") for d in found.differences)
    finally:
        acls.add_acls(migrated.session, taken, [])


def _roles_of(migrated: Migrated, login: str) -> tuple[str, ...]:
    from migrate.cells.api import users

    account = users.get_user(migrated.session, login)
    assert account is not None
    return account.roles


def test_uploads_are_tried_on_request_and_leave_nothing_behind(migrated: Migrated) -> None:
    from migrate.cells.api import tree

    box = migrated.link(layout="ajxp_dropbox_template")
    with Ledger.open(migrated.work) as ledger:
        node = dict(ledger.targets("shares"))[box.hash]["node"]
    before = {n.path for n in tree.admin_list(migrated.session, node)}
    verdict = migrated.verdict(probe=True)
    assert not verdict.differences and verdict.checked["uploads tried"] >= 3
    assert {n.path for n in tree.admin_list(migrated.session, node)} == before
    rule = Acl(box.roots[0], box.user_uuid, box.uuid, "write")
    acls.delete_acl(migrated.session, rule)
    try:
        assert (f"link {box.hash}", False) in [(d.subject, d.wider) for d in migrated.verdict(probe=True).differences if d.source == "takes uploads"]
    finally:
        acls.put_acl(migrated.session, rule)


def test_a_password_that_was_lost_is_seen(migrated: Migrated) -> None:
    link = migrated.link(password="bobpass")
    body = {**link.body, "RootNodes": [{"Uuid": link.roots[0]}]}
    try:
        _as_admin_sees(migrated, link)
        made = shares.put_link(migrated.session, {**body, "PasswordRequired": False})
        assert (f"link {link.hash}", True) in migrated.differences()
    finally:
        _forget_sight(migrated)
    assert not made.protected


def test_a_link_that_got_more_rights_is_seen(migrated: Migrated) -> None:
    link = migrated.link(layout="ajxp_film_strip")
    rule = Acl(link.roots[0], link.user_uuid, link.uuid, "write")
    acls.put_acl(migrated.session, rule)
    try:
        assert (f"link {link.hash}", True) in migrated.differences()
    finally:
        acls.delete_acl(migrated.session, rule)


def test_somebody_more_in_a_cell_is_seen(migrated: Migrated) -> None:
    space = next(s for s in shares.search_shares(migrated.session, "ROOM") if s.label == "Mixed share")
    rule = Acl(next(iter(space.roots)), "a-stranger", space.uuid, "read")
    acls.put_acl(migrated.session, rule)
    try:
        assert any(subject.startswith("cell Mixed share") and wider for subject, wider in migrated.differences())
    finally:
        acls.delete_acl(migrated.session, rule)


def test_a_link_that_was_to_stay_unpublished_is_seen_when_it_opens(migrated: Migrated) -> None:
    link = migrated.link(layout="ajxp_unique_dl")
    expired = next(s["link"]["hash"] for s in migrated.truth["shares"] if (s.get("link") or {}).get("expired"))
    try:
        _as_admin_sees(migrated, link)
        made = shares.put_link(migrated.session, {"Label": "x", "RootNodes": [{"Uuid": link.roots[0]}], "Permissions": ["Preview"]}, custom_hash=expired)
        assert (f"link {expired}", True) in migrated.differences()
        shares.delete_link(migrated.session, made.uuid)
    finally:
        _forget_sight(migrated)


def test_a_link_that_is_missing_is_seen(migrated: Migrated) -> None:
    link = migrated.link(layout="ajxp_dropbox_template")
    shares.delete_link(migrated.session, link.uuid)
    assert (f"link {link.hash}", False) in migrated.differences()


_SIGHT: list[Acl] = []


def _as_admin_sees(migrated: Migrated, link: LiveLink) -> None:
    """Let the administrator see the node, as an update needs it."""
    from migrate.cells.api import users, workspaces

    admin = next(u for u in users.search_users(migrated.session) if u.profile == "admin" and u.login == "admin")
    space = next(w for w in workspaces.search_workspaces(migrated.session) if w.uuid == link.uuid)
    _SIGHT.append(Acl(link.roots[0], admin.uuid, space.uuid, "read"))
    acls.put_acl(migrated.session, _SIGHT[-1])


def _forget_sight(migrated: Migrated) -> None:
    while _SIGHT:
        acls.delete_acl(migrated.session, _SIGHT.pop())
