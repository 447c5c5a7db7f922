"""Who were the people: accounts, locks, external and directory users; never technical ones."""

import pytest
from people_world import CLEAR, add_role, add_user, person, role_object
from world import World, php

from migrate.extract.logins import DIRECTORY, PERSON, TECHNICAL
from migrate.extract.people import is_local, password_scheme, people_rows, read_users
from migrate.extract.store import Unreadable, WorkspaceRow


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def logins(world):
    return [row.login for row in people_rows(world.context)]


def test_hidden_reserved_and_link_users_are_not_people(world):
    add_user(world, "bob", role_object())
    add_user(world, "0a1b2c3d4e5f", role_object(), hidden="true", parent_user="bob")
    add_user(world, "guest", role_object())
    add_user(world, "ajxp.admin.users", role_object())
    world.context.extra_technical.add("ext_0a1b2c3d4e5f")
    add_user(world, "ext_0a1b2c3d4e5f", role_object(), parent_user="bob")
    assert logins(world) == ["bob"]
    assert "F1103" in world.codes()


def test_before_5_3_the_user_of_a_vanished_link_is_known_by_its_name(world):
    add_user(world, "bob", role_object())
    add_user(world, "0a1b2c3d4e5f", role_object(parameters={"USER_DISPLAY_NAME": "[Minisite User] docs"}), parent_user="bob")
    add_user(world, "abcdefabcdef", role_object(parameters={"USER_DISPLAY_NAME": "A Person"}), parent_user="bob")
    assert logins(world) == ["abcdefabcdef", "bob"]


def test_rights_without_an_account_are_a_finding_under_local_accounts(world):
    add_user(world, "bob", role_object())
    add_user(world, "trent", role_object(), account=False)
    assert logins(world) == ["bob"]
    assert "F1101" in world.codes()


def test_under_a_directory_whoever_owns_something_is_a_person(tmp_path):
    world = World(tmp_path)
    world.context.installation.facts = type(world.context.installation.facts)("Pydio", "8.2.5", "/var/www/old", "sql", "ldap", "sqlite")
    add_user(world, "ann", role_object(), account=False)
    add_user(world, "0a1b2c3d4e5f", None, account=False, hidden="true")
    world.store.workspace_rows.append(WorkspaceRow("w1", {"accessType": "fs", "owner_user_id": "wes", "parent_uuid": "1"}, {"PATH": b"/x"}))
    world.workspace("1", "AJXP_DATA_PATH/personal/AJXP_USER")
    world.link("abc123", OWNER_ID="olga")
    for name in ("fred", "guest", "ffffffffffff"):
        world.file(f"personal/{name}/a.txt")
    assert sorted(logins(world)) == ["ann", "fred", "olga", "wes"]
    assert world.context.login("fred").kind == DIRECTORY
    assert person(world, "fred").directory


def test_local_drivers_are_told_from_directories():
    assert is_local("sql") and is_local("auth.serial") and is_local("sql,serial")
    assert not is_local("ldap") and not is_local("ldap,sql") and not is_local("multi")


def test_a_lock_may_come_from_a_right_a_role_or_a_group(world):
    add_role(world, "AJXP_GRP_/staff", role_object(parameters={"USER_LOCK_ACTION": "logout"}))
    add_user(world, "member", role_object(), group="/staff")
    add_user(world, "freed", role_object(parameters={"USER_LOCK_ACTION": CLEAR}), group="/staff")
    add_user(world, "old", role_object(), lock="pass_change")
    add_user(world, "both", role_object(parameters={"USER_LOCK_ACTION": "logout,pass_change"}), lock="false")
    assert person(world, "member").locks == ("logout",)
    assert person(world, "freed").locks == ()
    assert person(world, "old").locks == ("pass_change",)
    assert person(world, "both").locks == ("logout", "pass_change")


def test_an_unreadable_personal_role_locks_the_account(world):
    add_user(world, "bob", Unreadable("cut off", 12))
    assert person(world, "bob").locks == ("logout",)
    assert {"F1107", "F1201"} <= world.codes()


def test_attributes_come_from_the_personal_role_and_from_the_preferences_of_4_2(world):
    add_role(world, "AJXP_GRP_/", role_object(parameters={"lang": "de"}))
    add_user(world, "bob", role_object(parameters={"USER_DISPLAY_NAME": "Böb", "email": "bob@example.org", "lang": "fr"}))
    add_user(world, "eve", None)
    world.store.preference_rows += [("eve", "CUSTOM_PARAMS", php({"email": "eve@example.org"})), ("eve", "lang", b"es")]
    bob, eve = person(world, "bob"), person(world, "eve")
    assert (bob.display_name, bob.email, bob.language) == ("Böb", "bob@example.org", "fr")
    assert (eve.display_name, eve.email, eve.language) == (None, "eve@example.org", "de")


def test_an_email_moved_from_4_2_stands_under_the_conf_driver(world):
    role = role_object()
    role.properties["parameters"] = php({"AJXP_REPO_SCOPE_ALL": {"conf.sql": {"email": "a@example.org"}}})
    add_user(world, "ann", role)
    assert person(world, "ann").email == "a@example.org"


def test_given_roles_keep_their_order_without_groups_teams_and_dead_ones(world):
    for name in ("b", "a", "AJXP_GRP_/staff"):
        add_role(world, name, role_object())
    add_role(world, "auto", role_object(applies=("standard",)))
    add_role(world, "team-1", role_object(), owner="ann")
    add_user(world, "bob", role_object(), roles={"b": 1, "a": 2, "team-1": 3, "gone": 0, "AJXP_USR_/bob": 4}, group="/staff")
    bob = person(world, "bob")
    assert bob.roles == ("b", "a")
    assert bob.applied_roles == ("b", "a", "team-1", "auto")
    assert "F1205" in world.codes()


def test_a_numeric_login_and_numeric_role_ids_stay_text(world):
    add_role(world, "2019", role_object())
    add_user(world, "12345", role_object(), parent_user=77)
    world.store.user_rows[-1].rights["ajxp.roles"] = {2019: True}
    user = person(world, "12345")
    assert (user.login, user.parent, user.roles) == ("12345", "77", ("2019",))


def test_parents_that_are_gone_or_circular_are_findings(world):
    add_user(world, "a", role_object(), parent_user="b")
    add_user(world, "b", role_object(), parent_user="a")
    add_user(world, "c", role_object(), parent_user="nobody")
    list(read_users(world.context, lambda login: None))
    assert {"F1104", "F1105"} <= world.codes()


def test_logins_that_differ_by_case_are_both_people_and_a_finding(world):
    add_user(world, "Bob", role_object())
    add_user(world, "bob", role_object())
    assert logins(world) == ["Bob", "bob"]
    assert world.context.login("BOB") is None
    assert "F1106" in world.codes()


def test_password_schemes():
    assert password_scheme("sha256:1000:c2FsdA==:aGFzaA==") == "pbkdf2_sha256"
    assert password_scheme("161ebd7d45089b3446ee4e0d86dbcf92") == "md5"
    assert password_scheme("") == password_scheme(None) == "none"
    assert password_scheme("$2y$10$abc") == "unknown"


def test_no_hash_shows_in_the_repr_of_a_user(world):
    add_user(world, "bob", role_object())
    assert "000000" not in repr(person(world, "bob")) and person(world, "bob").password_hash == "0" * 32


def test_the_index_of_logins_carries_names_that_are_not_utf8(world):
    add_user(world, "caf\udce9", role_object())
    assert logins(world) == ["caf\udce9"]
    assert world.context.login("CAF\udce9").kind == PERSON


def test_a_technical_name_without_account_is_never_a_left_over_person(world):
    add_user(world, "0a1b2c3d4e5f", None, account=False, profile="shared")
    list(people_rows(world.context))
    assert world.context.login("0a1b2c3d4e5f").kind == TECHNICAL
    assert "F1101" not in world.codes()


def test_only_a_clear_yes_makes_an_administrator(world):
    for name, value in (("a", "1"), ("b", True), ("c", "true"), ("d", "0"), ("e", False), ("f", "false"), ("g", "\x00\x01"), ("h", None)):
        add_user(world, name, role_object(), admin=value)
    assert [user.login for user in read_users(world.context, lambda login: None) if user.admin] == ["a", "b", "c"]


def test_an_account_whose_rights_are_damaged_is_locked(world):
    add_user(world, "bob", role_object())
    world.store.user_rows[-1].rights["ajxp.roles"] = Unreadable("cut off", 3)
    add_user(world, "ann", role_object(), admin="0")
    world.store.user_rows[-1].rights["ajxp.roles"] = Unreadable("cut off", 3)
    assert person(world, "bob").locks == ("logout",)
    assert person(world, "ann").locks == ()
    assert "F1109" in world.codes()
