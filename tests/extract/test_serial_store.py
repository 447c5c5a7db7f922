"""Files of conf.serial and auth.serial: the folder that counts, damage, and forms of several versions."""

from __future__ import annotations

import os

import phpserialize
import pytest
from test_installation import make

from migrate.extract.installation import locate
from migrate.extract.store import Unreadable


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else phpserialize.dumps(value))


@pytest.fixture
def old(tmp_path):
    boot = {"core.conf": {"UNIQUE_INSTANCE_CONFIG": "conf.serial"}, "core.auth": {"MASTER_INSTANCE_CONFIG": "auth.serial"}}
    root = make(tmp_path, boot=boot)
    users = root / "data/plugins/auth.serial"
    write(users / "users.ser", {b"bob": b"md5", b"Mallory": b"md5m", 12: b"md5n"})
    write(users / "groups.ser", {b"AJXP_GROUP:Sales": b"/sales", b"bob": b"/sales"})
    write(users / "bob/rights.ser", {b"ajxp.admin": True})
    write(users / "sales/bob/rights.ser", {b"ajxp.admin": False, b"ajxp.roles": {b"R": True}, 0: b"rw"})
    write(users / "sales/bob/bookmarks.ser", {0: {0: {b"PATH": b"/docs", b"TITLE": b"Docs"}, 1: b"/old"}})
    write(users / "sales/bob/prefs.ser", {b"lang": b"fr"})
    write(users / "mallory/rights.ser", {b"ajxp.profile": b"standard"})
    write(users / "left/rights.ser", {b"ajxp.admin": False})
    conf = root / "data/plugins/conf.serial"
    write(conf / "plugins_configs.ser", {b"core.ajaxplorer": {b"T": b"a\\r\\nb"}})
    write(conf / "repo.ser", b'a:2:{s:1:"x";O:10:"Repository":3:{s:7:"display";s:1:"D";s:7:"options";a:1:{s:4:"PATH";s:2:"/p";}'
          b's:17:"\0Repository\0owner";s:3:"bob";}s:1:"y";i:5;}')
    write(conf / "binaries/users/bob/1.png", b"\x89PNG")
    return root


def rows(root):
    store = locate(root).open_store()
    return {u.login: u for u in store.users()}, store


def test_the_folder_below_the_group_counts_and_the_stale_copy_is_reported(old):
    users, store = rows(old)
    assert users["bob"].rights == {"ajxp.admin": False, "ajxp.roles": {b"R": True}, "0": "rw"}
    assert users["bob"].group == "/sales"
    assert "F1063" in [f.code for f in store.findings]


def test_folders_are_matched_by_case_only_where_that_is_clear(old):
    users, _store = rows(old)
    assert users["Mallory"].rights == {"ajxp.profile": "standard"}
    write(old / "data/plugins/auth.serial/users.ser", {b"MALLORY": b"x", b"Mallory": b"y"})
    users, _store = rows(old)
    assert users["Mallory"].rights == users["MALLORY"].rights == {}


def test_digit_logins_and_left_over_folders_are_listed(old):
    users, _store = rows(old)
    assert users["12"].account and users["12"].password == "md5n"
    assert not users["left"].account


def test_other_streams(old):
    _users, store = rows(old)
    assert list(store.groups()) == [("/sales", "Sales")]
    assert list(store.bookmarks()) == [("bob", "0", "/docs", "Docs"), ("bob", "0", "/old", "")]
    assert list(store.preferences()) == [("bob", "lang", b"fr")]
    assert store.plugin_configs()["core.ajaxplorer"]["T"] == "a\r\nb"
    (picture,) = store.objects("users_binaries.*")
    assert (picture.store, picture.id, picture.binary) == ("users_binaries.bob", "1.png", b"\x89PNG")
    assert list(store.objects("share")) == []


def test_workspaces_static_and_stored_and_an_entry_that_is_none(old):
    _users, store = rows(old)
    found = {w.id: w for w in store.workspaces()}
    assert set(found) == {"0", "x"} and found["0"].static
    assert found["x"].columns["owner_user_id"] == "bob" and found["x"].options == {"PATH": b"/p"}
    assert "F1064" in [f.code for f in store.findings]


def test_damaged_rights_grant_nothing_and_are_reported(old):
    write(old / "data/plugins/auth.serial/sales/bob/rights.ser", b'a:1:{s:10:"ajxp.admin";b:1;')
    users, store = rows(old)
    assert isinstance(users["bob"].rights["ajxp.roles"], Unreadable)
    assert "ajxp.admin" not in users["bob"].rights
    assert "F1060" in [f.code for f in store.findings]


def test_users_before_the_damage_are_kept(old):
    write(old / "data/plugins/auth.serial/users.ser", b'a:3:{s:3:"bob";s:3:"md5";s:1:"z";s:')
    users, store = rows(old)
    assert users["bob"].account
    assert "F1060" in [f.code for f in store.findings]


def test_links_among_the_user_folders_are_not_followed(old, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    write(outside / "evil/rights.ser", {b"ajxp.admin": True})
    (old / "data/plugins/auth.serial/link").symlink_to(outside)
    users, _store = rows(old)
    assert "evil" not in users


def test_a_password_hash_that_is_no_text_loses_only_itself(old):
    write(old / "data/plugins/auth.serial/users.ser", {b"bob": b"\xff\xfe\x80", b"Mallory": b"md5m"})
    users, _store = rows(old)
    assert users["bob"].password.encode("utf-8", "surrogateescape") == b"\xff\xfe\x80"
    assert users["Mallory"].password == "md5m"


def test_logins_and_groups_that_are_no_text_are_read(old):
    users = old / "data/plugins/auth.serial"
    write(users / "users.ser", {b"b\xe9a": b"x"})
    write(users / "groups.ser", {b"b\xe9a": b"/s\xe9"})
    (user,) = [u for u in rows(old)[0].values() if u.account]
    assert (os.fsencode(user.login), os.fsencode(user.group)) == (b"b\xe9a", b"/s\xe9")


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("damage", [cut, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_without_the_list_of_groups_no_folder_is_guessed(old, damage):
    users = old / "data/plugins/auth.serial"
    write(users / "sales/bob/rights.ser", {b"ajxp.admin": False, b"ajxp.group_path": b"/sales"})
    write(users / "groups.ser", {b"AJXP_GROUP:Sales": b"/sales", b"bob": b"/sales"})
    write(users / "bob/rights.ser", {b"ajxp.admin": True, b"ajxp.group_path": b"/"})
    damage(users / "groups.ser")
    found, store = rows(old)
    assert isinstance(found["bob"].rights["ajxp.roles"], Unreadable) and isinstance(found["bob"].role, Unreadable)
    assert "ajxp.admin" not in found["bob"].rights
    assert "F1065" in [f.code for f in store.findings]


def test_without_the_list_of_groups_the_only_folder_that_names_its_place_counts(old):
    users = old / "data/plugins/auth.serial"
    write(users / "sales/bob/rights.ser", {b"ajxp.group_path": b"/sales", 0: b"r"})
    write(users / "bob/rights.ser", {b"ajxp.group_path": b"/sales", 0: b"rw"})
    cut(users / "groups.ser")
    found, _store = rows(old)
    assert found["bob"].rights["0"] == "r"


@pytest.mark.parametrize("name", ["rights.ser", "role.ser"])
def test_an_empty_file_is_damage_and_not_the_same_as_none(old, name):
    (old / "data/plugins/auth.serial/mallory" / name).write_bytes(b"")
    users, store = rows(old)
    mallory = users["Mallory"]
    assert isinstance(mallory.role if name == "role.ser" else mallory.rights["ajxp.roles"], Unreadable)
    assert "F1060" in [f.code for f in store.findings]


def test_links_and_devices_in_the_place_of_files_are_findings(old, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b'a:1:{s:5:"admin";s:1:"x";}')
    place = old / "data/plugins/auth.serial/users.ser"
    for target in (tmp_path / "elsewhere", "/dev/zero"):
        place.unlink()
        place.symlink_to(target)
        users, store = rows(old)
        assert "admin" not in users
        assert "F1062" in [f.code for f in store.findings]


def test_a_personal_role_that_is_gone_is_damage_when_a_version_with_groups_saved_the_person(old):
    write(old / "data/plugins/auth.serial/sales/bob/rights.ser", {b"ajxp.admin": False, b"ajxp.group_path": b"/sales"})
    users, _store = rows(old)
    assert isinstance(users["bob"].role, Unreadable)
    assert users["Mallory"].role is None, "not saved since: rights stand in rights.ser alone"
