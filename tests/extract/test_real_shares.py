"""Shares, metadata and files of nine real installations, beyond what the comparison with their truth asks for."""

import json
import os

import pytest

from migrate.extract.source import Source

NAMES = [
    "ajaxplorer-4.2.3-serial",
    "ajaxplorer-5.0.3-serial",
    "pydio-5.2.5-serial",
    "pydio-5.2.5-sqlite",
    "pydio-6.4.2-serial",
    "pydio-6.4.2-sqlite",
    "pydio-7.0.4-sqlite",
    "pydio-8.2.5-mysql",
    "pydio-8.2.5-sqlite",
]
LAB = 1_795_310_000
"""The lab's clock when the installations were finished."""

pytestmark = pytest.mark.shared


@pytest.fixture(params=NAMES)
def real(request, sample, shared):
    """(source, truth) of one installation."""
    truth = json.loads((shared / "legacy" / request.param / "truth.json").read_text("utf-8"))
    with Source.open(sample(request.param), now=LAB) as source:
        yield source, truth


def test_links_have_label_password_kind_and_layout_as_they_were_made(real):
    source, truth = real
    shares = list(source.shares())
    found = {share.link.hash: share for share in shares if share.link}
    made = {share["link"]["hash"]: share for share in truth["shares"] if share.get("link")}
    assert set(found) == set(made)
    for hash_, want in made.items():
        share, link = found[hash_], want["link"]
        assert share.problem is None
        assert not share.link.login_required
        assert share.label == want["label"]
        assert share.link.has_password == bool(link.get("password"))
        if link.get("publiclet"):
            assert share.link.password == link["password"]
        elif link.get("password"):
            assert share.link.password is None and share.link.password_hash
        else:
            assert share.link.password_hash is None
        if "layout" in link:
            assert share.link.layout == link["layout"]
        if "read" in link and not link.get("publiclet"):
            assert (share.link.read, share.link.write, share.link.download) == (link["read"], link["write"], link["download"])
        assert share.link.restricted == bool(link.get("target_users"))
        assert sorted(share.link.target_users) == sorted(link.get("target_users") or {})
        assert share.link.expired == bool(link.get("expired"))


def test_what_was_unshared_does_not_come_back(real):
    source, truth = real
    removed = truth.get("removed_shares") or []
    hashes = {share["link"]["hash"] for share in removed if share.get("link")}
    children = {share.get("child_workspace_id") for share in removed}
    for share in source.shares():
        assert share.link is None or share.link.hash not in hashes
        assert share.child_workspace_id is None or share.child_workspace_id not in children


def test_users_behind_links_are_nobody(real):
    source, truth = real
    hidden = {user["login"] for user in truth.get("hidden_link_users") or []}
    left_over = set(truth.get("leftover_user_dirs") or [])
    people = {user.login for user in source.users()}
    assert not people & (hidden | left_over)
    assert hidden <= source.technical_logins()
    for share in source.shares():
        assert not {entry.id for entry in share.entries} & hidden


def test_no_password_is_in_the_text_of_any_record(real):
    source, truth = real
    passwords = [share["link"]["password"] for share in truth["shares"] if (share.get("link") or {}).get("password")]
    text = repr(list(source.shares())) + repr(list(source.preferences())) + repr(list(source.findings()))
    assert passwords
    assert not [password for password in passwords if password in text]
    assert "sha256:1000:" not in text


def test_every_file_has_its_very_bytes_as_name_and_the_technical_ones_are_missing(real):
    source, truth = real
    entries = {(e.workspace, (e.user or "").lower(), e.group, os.fsencode(e.path)): e for e in source.files()}
    for want in truth["files"]:
        key = (want["workspace"], (want.get("user") or "").lower(), want.get("group"), want["path"].encode())
        entry = entries.pop(key)
        assert entry.in_recycle_bin == bool(want.get("in_recycle_bin"))
    technical = {(x["workspace"], (x.get("user") or "").lower(), x.get("group"), x["path"].encode()) for x in truth["system_files"]}
    assert not technical & set(entries)
    assert not {key for key in entries if key[0] in {x["workspace"] for x in truth["files"]}}


def test_metadata_belongs_to_the_folder_of_the_person_who_made_it(real):
    source, truth = real
    scopes = {workspace.id: workspace.scope for workspace in source.workspaces()}
    found = {(m.workspace, m.user, m.path) for m in source.metadata()}
    for want in truth["metadata"]:
        whose = want["by"] if scopes[want["workspace"]] == "user" else None
        assert (want["workspace"], whose, want["path"]) in found


def test_reading_everything_changes_nothing_in_the_old_folder(sample):
    folder = sample("pydio-6.4.2-sqlite")

    def state():
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.rglob("*"))}

    before = state()
    with Source.open(folder, now=LAB) as source:
        for stream in (source.shares, source.metadata, source.locks, source.watches, source.comments, source.bookmarks, source.files):
            list(stream())
    assert state() == before
