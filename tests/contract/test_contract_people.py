"""What the loader relies on about people, groups and roles. Asked of the stand-in, and of a real Cells when one is named (CELLS_URL, CELLS_TOKEN)."""

from __future__ import annotations

import pytest
import requests
from contract.target import PASSWORD, Target


def test_a_user_can_be_created_with_a_chosen_uuid(cells: Target) -> None:
    uuid = cells.name("uuid")
    assert cells.user("jane", Uuid=uuid)["Uuid"] == uuid
    found = cells.ok("POST", "/a/user", {"Queries": [{"Login": cells.name("jane")}]})
    assert (found["Total"], found["Users"][0]["Uuid"]) == (1, uuid)


def test_creating_an_existing_login_without_uuid_is_403(cells: Target) -> None:
    cells.user("jane")
    again = cells.call("PUT", "/a/user/" + cells.name("jane"), {"Login": cells.name("jane"), "Attributes": {"profile": "standard"}})
    assert again.status_code == 403


def test_put_user_replaces_attributes_roles_and_group(cells: Target) -> None:
    role = cells.role("r")
    group = cells.name("grp")
    cells.undo.append(lambda: cells.call("DELETE", f"/a/user/{group}/"))
    made = cells.user("jane", GroupPath="/" + group, Attributes={"profile": "standard", "displayName": "Jané", "x": "1"}, Roles=[{"Uuid": role}])
    assert made["GroupPath"] == f"/{group}/"
    after = cells.ok("PUT", "/a/user/" + made["Login"], {"Uuid": made["Uuid"], "Login": made["Login"], "Attributes": {"profile": "standard"}})
    assert after["GroupPath"] == "/" and after["Attributes"] == {"profile": "standard"}
    assert role not in [r["Uuid"] for r in after["Roles"]]
    assert cells.session(made["Login"]).status_code == 200, "the password is kept"


def test_an_update_without_attributes_makes_the_user_shared(cells: Target) -> None:
    made = cells.user("jane")
    after = cells.ok("PUT", "/a/user/" + made["Login"], {"Uuid": made["Uuid"], "Login": made["Login"]})
    assert after["Attributes"] == {"profile": "shared"}


def test_creating_a_user_without_attributes_closes_the_connection(cells: Target) -> None:
    with pytest.raises(requests.ConnectionError):
        cells.call("PUT", "/a/user/" + cells.name("x"), {"Login": cells.name("x"), "Password": "x"})


def test_password_hashes_are_refused_over_rest(cells: Target) -> None:
    answer = cells.call("PUT", "/a/user/" + cells.name("x"), {"Login": cells.name("x"), "Password": "0" * 32, "Attributes": {
        "profile": "standard", "pydio:password_hashed": "true"}})
    assert answer.status_code == 403


def test_a_user_without_password_cannot_sign_in(cells: Target) -> None:
    cells.user("nopw", Password="")
    assert cells.session(cells.name("nopw"), "").status_code == 401


def test_the_real_login_goes_into_the_body_when_it_has_a_percent(cells: Target) -> None:
    login = cells.name("50%")
    made = cells.ok("PUT", "/a/user/" + cells.name("safe"), {"Login": login, "Password": PASSWORD, "Attributes": {"profile": "standard"}})
    assert made["Login"] == login and cells.session(login).status_code == 200
    group = cells.name("bye")
    cells.ok("PUT", "/a/user/x", {"Uuid": made["Uuid"], "Login": login, "GroupPath": "/" + group, "Attributes": {"profile": "standard"}})
    cells.ok("DELETE", f"/a/user/{group}/")
    assert cells.eventually(lambda: "Users" not in cells.ok("POST", "/a/user", {"Queries": [{"Login": login}]}))


def test_roles_keep_the_order_they_were_sent_in(cells: Target) -> None:
    roles = [cells.role(f"r{n}") for n in (3, 1, 4, 2)]
    made = cells.user("jane", Roles=[{"Uuid": r} for r in roles])
    cells.ok("PUT", "/a/user/roles/" + made["Login"], {"Uuid": made["Uuid"], "Login": made["Login"], "Roles": [{"Uuid": r} for r in reversed(roles)]})
    shown = [r["Uuid"] for r in cells.ok("GET", "/a/user/" + made["Login"])["Roles"]]
    assert [r for r in shown if r in roles] == roles[::-1]
    assert shown[0] == "ROOT_GROUP" and shown[-1] == made["Uuid"]


def test_a_group_is_put_by_parent_and_label_and_repeating_it_changes_nothing(cells: Target) -> None:
    label = cells.name("grp")
    cells.undo.append(lambda: cells.call("DELETE", f"/a/user/{label}/"))
    body = {"IsGroup": True, "GroupPath": "/", "GroupLabel": label, "Uuid": cells.name("guuid"), "Attributes": {"displayName": "Équipe"}}
    first = cells.ok("PUT", "/a/user/" + cells.name("any"), body)
    second = cells.ok("PUT", "/a/user/" + cells.name("any"), body)
    assert first["Uuid"] == second["Uuid"] == body["Uuid"]
    assert cells.ok("GET", "/a/role/" + body["Uuid"])["GroupRole"] is True
    member = cells.user("member", GroupPath="/" + label)
    assert body["Uuid"] in [r["Uuid"] for r in member["Roles"]]
    cells.ok("DELETE", f"/a/user/{label}/")
    assert cells.eventually(lambda: cells.call("GET", "/a/user/" + member["Login"]).status_code == 404)


def test_a_locked_user_is_refused_with_session_and_token(cells: Target) -> None:
    made = cells.user("jane")
    token = cells.token_of(made["Login"])
    lock = {"Uuid": made["Uuid"], "Login": made["Login"], "GroupPath": "/", "Attributes": {"profile": "standard", "locks": '["logout"]'}}
    cells.ok("PUT", "/a/user/" + made["Login"], lock)
    assert "locked" in cells.session(made["Login"]).json()["Title"]
    assert cells.eventually(lambda: cells.call("GET", "/a/user/" + made["Login"], token=token).status_code == 401)


def test_wrong_passwords_are_counted_and_a_success_forgets_them(cells: Target) -> None:
    made = cells.user("jane")
    assert cells.session(made["Login"], "wrong").status_code == 401
    assert cells.ok("GET", "/a/user/" + made["Login"])["Attributes"]["failedConnections"] == "1"
    assert cells.session(made["Login"]).status_code == 200
    assert "failedConnections" not in cells.ok("GET", "/a/user/" + made["Login"])["Attributes"]


def test_a_session_without_a_known_type_is_200_without_a_token(cells: Target) -> None:
    answer = cells.http.post(cells.url + "/a/frontend/session", json={"AuthInfo": {"type": "nope"}}, timeout=30)
    assert (answer.status_code, answer.json()) == (200, {})


def test_the_language_is_stored_as_an_acl_and_kept_by_later_puts(cells: Target) -> None:
    made = cells.user("jane", Attributes={"profile": "standard", "parameter:core.conf:lang": '"fr"'})
    cells.ok("PUT", "/a/user/" + made["Login"], {"Uuid": made["Uuid"], "Login": made["Login"], "Attributes": {"profile": "standard"}})
    acls = cells.ok("POST", "/a/acl", {"Queries": [{"RoleIDs": [made["Uuid"]]}]})["ACLs"]
    assert [(a["Action"]["Name"], a["Action"]["Value"], a["WorkspaceID"]) for a in acls] == [
        ("parameter:core.conf:lang", '"fr"', "PYDIO_REPO_SCOPE_ALL")]


def test_roles_are_upserts_and_deleting_an_unknown_one_is_403(cells: Target) -> None:
    uuid = cells.role("r")
    assert cells.ok("PUT", "/a/role/" + uuid, {"Uuid": uuid, "Label": "Other"})["Label"] == "Other"
    assert cells.call("PUT", "/a/role/" + uuid, {"Uuid": uuid}).status_code == 500
    assert cells.ok("DELETE", "/a/role/" + uuid) == {"Uuid": uuid}
    assert cells.call("DELETE", "/a/role/" + uuid).status_code == 403
