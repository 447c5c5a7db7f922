"""What the loader relies on, asked of the stand-in always and of a real Cells when one is named (CELLS_URL, CELLS_TOKEN)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parent))

from target import PASSWORD, Target, cells_hash  # noqa: E402

from migrate.cells.sandbox import Sandbox  # noqa: E402

REAL = pytest.param("real", marks=[pytest.mark.real_cells, pytest.mark.skipif(
    not (os.environ.get("CELLS_URL") and os.environ.get("CELLS_TOKEN")), reason="no real Cells named (CELLS_URL, CELLS_TOKEN)")])


@pytest.fixture(scope="module", params=["sandbox", REAL])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, bool]]:
    if request.param == "real":
        yield os.environ["CELLS_URL"].rstrip("/"), os.environ["CELLS_TOKEN"], True
        return
    with Sandbox() as sandbox:
        yield sandbox.url, sandbox.token, False


@pytest.fixture
def cells(server: tuple[str, str, bool]) -> Iterator[Target]:
    target = Target(*server)
    try:
        yield target
    finally:
        target.close()


# Conventions

def test_the_version_is_told_only_to_a_valid_token(cells: Target) -> None:
    assert "Version" in cells.ok("GET", "/a/config/discovery")
    assert "Version" not in cells.call("GET", "/a/config/discovery", token=None).json()


def test_a_bad_token_and_missing_rights_are_told_apart_by_a_dot(cells: Target) -> None:
    bad = cells.call("GET", "/a/config/discovery", token="nonsense")
    nobody = cells.call("GET", "/a/config/datasource", token=None)
    assert (bad.status_code, bad.text) == (401, "Unauthorized.\n")
    assert (nobody.status_code, nobody.text) == (401, "Unauthorized\n")


def test_an_unknown_path_answers_200_with_the_web_client(cells: Target) -> None:
    answer = cells.call("GET", "/a/nothing-here")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


def test_a_percent_that_is_no_escape_gives_an_empty_200(cells: Target) -> None:
    for path in ("/a/user/x%25", "/io/common-files/100%25%20x.txt", "/public/50%25"):
        answer = cells.call("GET", path)
        assert (answer.status_code, answer.content, answer.headers.get("Content-Type")) == (200, b"", None), path


def test_unknown_fields_wrong_types_and_unknown_enums_are_500(cells: Target) -> None:
    for body in ({"Bogus": 1}, {"Queries": [{"Login": 5}]}, {"Operation": "XOR"}):
        assert cells.call("POST", "/a/user", body).status_code == 500, body


def test_sixty_four_bit_numbers_come_as_text_and_zero_values_are_left_out(cells: Target) -> None:
    cells.folder()
    cells.s3().put_object(Bucket="io", Key=f"common-files/{cells.prefix}/a.txt", Body=b"abc")
    node = cells.ok("GET", f"/a/tree/stat/common-files/{cells.prefix}/a.txt")["Node"]
    assert node["Size"] == "3" and node["MTime"].isdigit()
    assert cells.ok("POST", "/a/user", {"Queries": [{"Login": cells.name("nobody")}]}) == {}


# People

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


# Rights

def test_an_acl_is_no_upsert(cells: Target) -> None:
    acl = {"NodeID": cells.name("n"), "RoleID": cells.name("r"), "WorkspaceID": cells.name("w"), "Action": {"Name": "read", "Value": "1"}}
    cells.undo.append(lambda: cells.call("POST", "/a/acl/bulk/delete", {"RoleID": acl["RoleID"]}))
    assert cells.ok("PUT", "/a/acl", acl)["ID"].isdigit()
    again = cells.call("PUT", "/a/acl", acl)
    assert again.status_code == 500 and "Error 1062" in again.text
    assert cells.ok("POST", "/a/acl/bulk/delete", acl) == {"Success": True, "NumRows": "1"}
    assert cells.ok("POST", "/a/acl/bulk/delete", acl) == {"Success": True}


def test_an_empty_workspace_in_a_delete_means_any(cells: Target) -> None:
    base = {"NodeID": cells.name("n"), "RoleID": cells.name("r"), "Action": {"Name": "read", "Value": "1"}}
    for extra in ({}, {"WorkspaceID": cells.name("w1")}, {"WorkspaceID": cells.name("w2")}):
        cells.ok("PUT", "/a/acl", {**base, **extra})
    assert cells.ok("POST", "/a/acl/bulk/delete", base)["NumRows"] == "3"


def test_put_workspace_rewrites_the_default_rights_and_keeps_other_acls(cells: Target) -> None:
    root, role = cells.folder("ws"), cells.role("r")
    made = cells.workspace("ws", root, Attributes=json.dumps({"DEFAULT_RIGHTS": "r"}))
    cells.grant(role, made["UUID"], root["Uuid"], "read", "write")

    def held() -> set[tuple[str, str]]:
        acls = cells.ok("POST", "/a/acl", {"Queries": [{"WorkspaceIDs": [made["UUID"]]}]})["ACLs"]
        return {(a.get("RoleID", ""), a["Action"]["Name"]) for a in acls}

    both = {("", "workspace-path"), ("", "recycle_root"), (role, "read"), (role, "write")}
    assert held() == both | {("ROOT_GROUP", "read")}
    cells.workspace("ws", root)
    assert held() == both, "without Attributes the default rights are gone"
    assert cells.ok("POST", "/a/workspace", {"Queries": [{"uuid": made["UUID"]}]})["Total"] == 1, "a repeat makes no second one"


def test_root_uuids_alone_remove_all_roots(cells: Target) -> None:
    root = cells.folder("ws")
    made = cells.workspace("ws", root)
    cells.ok("PUT", "/a/workspace/" + made["Slug"], {"UUID": made["UUID"], "Label": "x", "Slug": made["Slug"], "Scope": "ADMIN",
                                                     "RootUUIDs": [root["Uuid"]]})
    assert cells.ok("POST", "/a/acl", {"Queries": [{"WorkspaceIDs": [made["UUID"]]}]}) == {}


def test_a_workspace_without_or_with_an_unknown_root_is_404(cells: Target) -> None:
    body = {"UUID": cells.name("bad"), "Label": "x", "Slug": cells.name("bad"), "Scope": "ADMIN"}
    assert cells.call("PUT", "/a/workspace/" + body["Slug"], body).status_code == 404
    body["RootNodes"] = {"no-such": {"Uuid": "no-such", "Path": "pydiods1/none"}}
    assert cells.call("PUT", "/a/workspace/" + body["Slug"], body).status_code == 404


def test_a_taken_slug_gets_a_suffix_that_moves_on(cells: Target) -> None:
    root = cells.folder("ws")
    first = cells.workspace("ws", root)
    body = {"UUID": cells.name("two"), "Label": "x", "Slug": first["Slug"], "Scope": "ADMIN", "RootNodes": {root["Uuid"]: {
        "Uuid": root["Uuid"], "Path": root["Path"]}}}
    for number in ("-1", "-2"):
        cells.undo.append(lambda n=number: cells.call("DELETE", "/a/workspace/" + first["Slug"] + n))
        assert cells.ok("PUT", "/a/workspace/" + first["Slug"], body)["Slug"] == first["Slug"] + number


def _listed(cells: Target, token: str) -> dict[str, str]:
    return cells.ok("GET", "/a/graph/state/x", token=token).get("WorkspacesAccesses", {})


def test_the_last_role_on_a_node_replaces_the_earlier_ones(cells: Target) -> None:
    root = cells.folder("ws")
    workspace = cells.workspace("ws", root)["UUID"]
    reads, writes = cells.role("ro"), cells.role("rw", ForceOverride=True)
    cells.grant(reads, workspace, root["Uuid"], "read")
    cells.grant(writes, workspace, root["Uuid"], "read", "write")
    for roles, right in (([writes, reads], "read"), ([reads, writes], "read,write")):
        user = cells.user("u" + right[-1:], Roles=[{"Uuid": r} for r in roles])
        token = cells.token_of(user["Login"])
        assert cells.eventually(lambda token=token, right=right: _listed(cells, token).get(workspace) == right)


def test_a_deny_below_hides_the_folder_and_what_is_in_it(cells: Target) -> None:
    root, closed = cells.folder("ws"), cells.folder("ws/closed")
    cells.folder("ws/closed/inner")
    workspace, role = cells.workspace("ws", root)["UUID"], cells.role("r")
    cells.grant(role, workspace, root["Uuid"], "read", "write")
    cells.grant(role, "", closed["Uuid"], "deny")
    token = cells.token_of(cells.user("u", Roles=[{"Uuid": role}])["Login"])
    assert cells.eventually(lambda: cells.stat(workspace, token) == 200 and cells.stat(workspace + "/closed", token) == 404)
    assert cells.stat(workspace + "/closed/inner", token) == 404
    shown = cells.ok("POST", "/a/tree/stats", {"NodePaths": [workspace + "/*"]}, token)
    assert "closed" not in json.dumps(shown)


def test_a_right_on_a_sub_folder_without_workspace_changes_it_in_place(cells: Target) -> None:
    root, open_ = cells.folder("ws"), cells.folder("ws/open")
    workspace, role = cells.workspace("ws", root)["UUID"], cells.role("r")
    cells.grant(role, workspace, root["Uuid"], "read")
    cells.grant(role, "", open_["Uuid"], "read", "write")
    token = cells.token_of(cells.user("u", Roles=[{"Uuid": role}])["Login"])

    def create(path: str) -> int:
        return cells.call("POST", "/a/tree/create", {"Nodes": [{"Path": path, "Type": "COLLECTION"}]}, token).status_code

    assert cells.eventually(lambda: create(workspace + "/open/new") == 200)
    assert create(workspace + "/new") == 500
    node = cells.ok("GET", f"/a/tree/stat/{workspace}", token=token)["Node"]
    assert node["Path"] == workspace + "/" and node["MetaStore"]["node_readonly"] == '"true"'


def test_each_person_can_have_another_folder_of_one_workspace(cells: Target) -> None:
    root = cells.folder("homes")
    workspace = cells.workspace("homes", root)["UUID"]
    people = {}
    for name in ("ann", "bob", "none"):
        people[name] = cells.user(name)
        if name != "none":
            cells.grant(people[name]["Uuid"], workspace, cells.folder("homes/" + name)["Uuid"], "read", "write")
    tokens = {name: cells.token_of(user["Login"]) for name, user in people.items()}
    for name in ("ann", "bob"):
        assert cells.eventually(lambda name=name: cells.stat(workspace, tokens[name]) == 200)
        assert cells.ok("GET", "/a/tree/stat/" + workspace, token=tokens[name])["Node"]["MetaStore"]["name"] == f'"{name}"'
        assert cells.stat(workspace + "/" + name, tokens[name]) == 404
    assert cells.stat(workspace, tokens["none"]) == 404


def test_shared_users_get_nothing_from_the_root_group(cells: Target) -> None:
    token = cells.token_of(cells.user("ext", Attributes={"profile": "shared"})["Login"])
    assert "read" not in json.dumps(_listed(cells, token))


def test_write_alone_is_a_drop_box(cells: Target) -> None:
    root = cells.folder("drop")
    workspace, role = cells.workspace("drop", root)["UUID"], cells.role("w")
    cells.grant(role, workspace, root["Uuid"], "write")
    token = cells.token_of(cells.user("u", Roles=[{"Uuid": role}])["Login"])
    assert cells.eventually(lambda: _listed(cells, token).get(workspace) == "write")
    cells.s3(token).put_object(Bucket="io", Key=workspace + "/in.txt", Body=b"x")
    assert cells.ok("POST", "/a/tree/stats", {"NodePaths": [workspace + "/*"]}, token) == {}


def test_the_personal_folder_appears_at_the_first_own_access(cells: Target) -> None:
    user = cells.user("homer")
    path = "personal/" + user["Login"]
    assert cells.call("POST", "/a/tree/admin/stat", {"Node": {"Path": path}}).status_code in (404, 500)
    token = cells.token_of(user["Login"])
    assert cells.eventually(lambda: cells.stat("personal-files", token) == 200)
    assert cells.eventually(lambda: cells.call("POST", "/a/tree/admin/stat", {"Node": {"Path": path}}).status_code == 200)


def test_a_quota_shows_at_the_root_of_the_workspace(cells: Target) -> None:
    root = cells.folder("q")
    workspace = cells.workspace("q", root, Attributes=json.dumps({"DEFAULT_RIGHTS": "rw", "QUOTA": "1000"}))["UUID"]
    token = cells.token_of(cells.user("u")["Login"])
    assert cells.eventually(lambda: cells.stat(workspace, token) == 200)
    assert cells.ok("GET", "/a/tree/stat/" + workspace, token=token)["Node"]["MetaStore"]["ws_quota"] == "1000"


# Files

def test_creating_a_folder_makes_its_parents_and_is_idempotent(cells: Target) -> None:
    first, second = cells.folder("été/a+b"), cells.folder("été/a+b")
    assert first["Uuid"] == second["Uuid"]
    assert cells.stat(f"common-files/{cells.prefix}/été") == 200


def test_missing_nodes_are_skipped_in_bulk_and_404_as_a_listing(cells: Target) -> None:
    cells.folder()
    base = "common-files/" + cells.prefix
    assert cells.ok("POST", "/a/tree/stats", {"NodePaths": [base + "/none"]}) == {}
    assert cells.call("POST", "/a/tree/stats", {"NodePaths": [base + "/none/*"]}).status_code == 404
    assert cells.call("POST", "/a/tree/admin/list", {"Node": {"Path": f"pydiods1/{cells.prefix}/none"}}).status_code == 404


def test_an_upload_answers_the_md5_and_keeps_the_uuid_when_replaced(cells: Target) -> None:
    cells.folder()
    key, s3 = f"common-files/{cells.prefix}/sub/ä b.txt", cells.s3()
    uuids = set()
    for data in (b"one", b"second"):
        assert s3.put_object(Bucket="io", Key=key, Body=data)["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
        node = cells.ok("GET", "/a/tree/stat/" + requests.utils.quote(key))["Node"]
        uuids.add(node["Uuid"])
        assert (node["Size"], node["Etag"]) == (str(len(data)), hashlib.md5(data).hexdigest())
        assert s3.get_object(Bucket="io", Key=key)["Body"].read() == data
    assert len(uuids) == 1


def test_the_content_hash_of_a_multipart_upload_with_ten_mebibyte_parts(cells: Target) -> None:
    cells.folder()
    key, s3 = f"common-files/{cells.prefix}/big.bin", cells.s3()
    data = os.urandom(10 * 1024 * 1024) + os.urandom(1024 * 1024)
    upload = s3.create_multipart_upload(Bucket="io", Key=key)["UploadId"]
    parts = []
    for number, part in enumerate((data[:10 * 1024 * 1024], data[10 * 1024 * 1024:]), 1):
        parts.append({"PartNumber": number, "ETag": s3.upload_part(Bucket="io", Key=key, UploadId=upload, PartNumber=number, Body=part)["ETag"]})
    s3.complete_multipart_upload(Bucket="io", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})

    def meta() -> dict[str, Any]:
        return cells.ok("GET", "/a/tree/stat/" + key)["Node"]

    assert cells.eventually(lambda: meta()["MetaStore"].get("x-cells-hash") == f'"{cells_hash(data)}"')
    assert meta()["Size"] == str(len(data)) and meta()["Etag"].endswith("-2")
    assert s3.get_object(Bucket="io", Key=key, Range="bytes=10485758-10485761")["Body"].read() == data[10485758:10485762]


def test_an_empty_file_has_no_size_and_its_own_etag(cells: Target) -> None:
    cells.folder()
    cells.s3().put_object(Bucket="io", Key=f"common-files/{cells.prefix}/empty", Body=b"")
    node = cells.ok("GET", f"/a/tree/stat/common-files/{cells.prefix}/empty")["Node"]
    assert "Size" not in node and node["Etag"] == "59adb24ef3cdbe0297f05b395827453f-1"


def _signed(cells: Target, body: bytes, at: datetime) -> dict[str, str]:
    """Headers as a client makes them for a token as the access key, with any secret."""
    day, stamp = at.strftime("%Y%m%d"), at.strftime("%Y%m%dT%H%M%SZ")
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={cells.token}/{day}/us-east-1/s3/aws4_request, "
                             f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={'0' * 64}",
            "X-Amz-Date": stamp, "X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}


def test_a_machine_with_a_wrong_clock_cannot_upload(cells: Target) -> None:
    cells.folder()
    key = f"common-files/{cells.prefix}/late.txt"
    late = datetime.now(timezone.utc) - timedelta(hours=1)
    answer = cells.http.put(f"{cells.url}/io/{key}", data=b"this", headers=_signed(cells, b"this", late), timeout=60)
    assert answer.status_code == 403 and "RequestTimeTooSkewed" in answer.text
    assert cells.stat(key) == 404


def test_an_upload_that_is_not_what_was_signed_is_503_and_stores_nothing(cells: Target) -> None:
    cells.folder()
    key = f"common-files/{cells.prefix}/bad.txt"
    answer = cells.http.put(f"{cells.url}/io/{key}", data=b"this", headers=_signed(cells, b"other", datetime.now(timezone.utc)), timeout=60)
    assert answer.status_code == 503 and "ETag" not in answer.headers
    assert cells.stat(key) == 404


def test_uploads_to_what_one_cannot_see_are_no_such_key(cells: Target) -> None:
    with pytest.raises(Exception, match="NoSuchKey"):
        cells.s3().put_object(Bucket="io", Key=cells.name("nowhere") + "/x.txt", Body=b"x")


def test_names_are_stored_in_composed_form(cells: Target) -> None:
    cells.folder()
    cells.s3().put_object(Bucket="io", Key=f"common-files/{cells.prefix}/e\u0301.txt", Body=b"x")
    names = [n["Path"].rpartition("/")[2] for n in cells.ok("POST", "/a/tree/stats", {"NodePaths": [f"common-files/{cells.prefix}/*"]})["Nodes"]]
    assert names == ["\u00e9.txt"]


def test_a_deleted_file_goes_to_the_recycle_bin_of_its_root(cells: Target) -> None:
    root = cells.folder("ws")
    workspace, role = cells.workspace("ws", root)["UUID"], cells.role("r")
    cells.grant(role, workspace, root["Uuid"], "read", "write")
    token = cells.token_of(cells.user("u", Roles=[{"Uuid": role}])["Login"])
    assert cells.eventually(lambda: cells.stat(workspace, token) == 200)
    cells.s3(token).put_object(Bucket="io", Key=workspace + "/gone.txt", Body=b"x")
    cells.ok("POST", "/a/tree/delete", {"Nodes": [{"Path": workspace + "/gone.txt"}]}, token)
    assert cells.eventually(lambda: cells.stat(workspace + "/recycle_bin/gone.txt", token) == 200, 30)
    assert cells.stat(workspace + "/gone.txt", token) == 404


# Metadata and watches

def _field(cells: Target, what: str, **fields: Any) -> str:
    name = "usermeta-" + cells.name(what)
    definition = {"Namespace": name, "Label": what, "Indexable": False, "JsonDefinition": '{"type":"string"}'}
    cells.undo.append(lambda: cells.call("PUT", "/a/user-meta/namespace", {"Operation": "DELETE", "Namespaces": [definition]}))
    cells.ok("PUT", "/a/user-meta/namespace", {"Operation": "PUT", "Namespaces": [{**definition, **fields}]})
    return name


EVERYBODY = [{"Action": "READ", "Effect": "allow", "Subject": "*"}, {"Action": "WRITE", "Effect": "allow", "Subject": "*"}]


def test_a_value_is_one_per_node_and_field(cells: Target) -> None:
    node, name = cells.folder("meta"), _field(cells, "f", Policies=EVERYBODY)
    uuids = set()
    for value in ('"a"', '"b"'):
        item = {"NodeUuid": node["Uuid"], "Namespace": name, "JsonValue": value}
        uuids.add(cells.ok("PUT", "/a/user-meta/update", {"Operation": "PUT", "MetaDatas": [item]})["MetaDatas"][0]["Uuid"])
    assert len(uuids) == 1
    found = cells.ok("POST", "/a/user-meta/search", {"NodeUuids": [node["Uuid"]], "Namespace": name})["Metadatas"]
    assert [m["JsonValue"] for m in found] == ['"b"']
    stats = cells.ok("POST", "/a/tree/stats", {"NodePaths": [f"common-files/{cells.prefix}/meta"], "AllMetaProviders": True})
    assert stats["Nodes"][0]["MetaStore"][name] == '"b"'


def test_a_field_without_policies_is_as_if_it_were_not_there(cells: Target) -> None:
    node, name = cells.folder("meta"), _field(cells, "f")
    assert name not in json.dumps(cells.ok("GET", "/a/user-meta/namespace"))
    item = {"NodeUuid": node["Uuid"], "Namespace": name, "JsonValue": '"a"'}
    assert cells.call("PUT", "/a/user-meta/update", {"Operation": "PUT", "MetaDatas": [item]}).status_code == 404


def test_a_bookmark_belongs_to_who_sets_it(cells: Target) -> None:
    root = cells.folder("ws")
    workspace, role = cells.workspace("ws", root)["UUID"], cells.role("r")
    cells.grant(role, workspace, root["Uuid"], "read")
    token = cells.token_of(cells.user("u", Roles=[{"Uuid": role}])["Login"])
    assert cells.eventually(lambda: cells.stat(workspace, token) == 200)
    item = {"NodeUuid": root["Uuid"], "Namespace": "bookmark", "JsonValue": "true"}
    made = cells.ok("PUT", "/a/user-meta/update", {"Operation": "PUT", "MetaDatas": [item]}, token)["MetaDatas"][0]
    cells.undo.append(lambda: cells.call("PUT", "/a/user-meta/update", {"Operation": "DELETE", "MetaDatas": [{**item, "Uuid": made["Uuid"]}]}, token))
    assert [n["Uuid"] for n in cells.ok("POST", "/a/user-meta/bookmarks", {}, token)["Nodes"]] == [root["Uuid"]]
    assert root["Uuid"] not in json.dumps(cells.ok("POST", "/a/user-meta/bookmarks", {}))


def test_a_watch_is_an_upsert_and_goes_with_an_empty_list(cells: Target) -> None:
    node, user = cells.folder("w"), cells.user("u")["Login"]
    ask = {"UserIds": [user], "ObjectTypes": ["NODE"], "ObjectIds": [node["Uuid"]]}
    for events in (["change"], ["change", "read"]):
        cells.ok("POST", "/a/activity/subscribe", {"UserId": user, "ObjectType": "NODE", "ObjectId": node["Uuid"], "Events": events})
        assert [s["Events"] for s in cells.ok("POST", "/a/activity/subscriptions", ask)["subscriptions"]] == [events]
    cells.ok("POST", "/a/activity/subscribe", {"UserId": user, "ObjectType": "NODE", "ObjectId": node["Uuid"]})
    assert cells.ok("POST", "/a/activity/subscriptions", ask) == {}


# Shares

def _link(cells: Target, node: dict[str, Any], **fields: Any) -> dict[str, Any]:
    top = {k: fields.pop(k) for k in list(fields) if k in ("PasswordEnabled", "CreatePassword", "UpdateCustomHash")}
    link = {"Label": cells.name("link"), "RootNodes": [{"Uuid": node["Uuid"]}], "Permissions": ["Preview", "Download"],
            "ViewTemplateName": "pydio_shared_folder", **fields}
    made = cells.ok("PUT", "/a/share/link", {"ShareLink": link, **top})
    cells.undo.append(lambda: cells.call("DELETE", "/a/share/link/" + made["Uuid"]))
    return made


def _page(cells: Target, hash_: str) -> dict[str, Any]:
    answer = cells.call("GET", "/public/" + requests.utils.quote(hash_, safe=""), token=None)
    assert answer.status_code == 200, answer.status_code
    found = re.search(r"startParameters = (\{\".*\});", answer.text)
    assert found is not None
    return json.loads(found.group(1))


def test_a_link_keeps_the_chosen_hash_and_opens_for_strangers(cells: Target) -> None:
    node, hash_ = cells.folder("pub"), cells.prefix + "AbC"
    cells.s3().put_object(Bucket="io", Key=f"common-files/{cells.prefix}/pub/a.txt", Body=b"bytes")
    assert cells.call("GET", "/public/" + hash_, token=None).status_code == 404
    made = _link(cells, node, UpdateCustomHash=hash_)
    assert made["LinkHash"] == hash_
    page = _page(cells, hash_)
    login = page["PRELOG_USER"]
    assert page["START_REPOSITORY"] == made["Uuid"] and "PASSWORD_AUTH_ONLY" not in page
    assert cells.session(login, login + "#$!Az1").status_code == 401, "without the header nobody signs in"
    token = cells.session(login, login + "#$!Az1", **{"X-Pydio-Minisite": hash_}).json()["JWT"]
    slug = cells.ok("POST", "/a/workspace", {"Queries": [{"uuid": made["Uuid"]}]}, token)["Workspaces"][0]["Slug"]
    listing = cells.ok("POST", "/a/tree/stats", {"NodePaths": [slug + "/*"]}, token)["Nodes"]
    assert [(n["Path"], n["Etag"]) for n in listing] == [(slug + "/a.txt", hashlib.md5(b"bytes").hexdigest())]
    assert cells.s3(token).get_object(Bucket="io", Key=slug + "/a.txt")["Body"].read() == b"bytes"
    with pytest.raises(Exception, match="AccessDenied"):
        cells.s3(token).put_object(Bucket="io", Key=slug + "/b.txt", Body=b"x")
    assert cells.ok("DELETE", "/a/share/link/" + made["Uuid"])["Success"] is True
    assert cells.call("GET", "/public/" + hash_, token=None).status_code == 404


def test_a_password_needs_password_enabled(cells: Target) -> None:
    node = cells.folder("pub")
    closed = _link(cells, node, PasswordEnabled=True, CreatePassword="Sésame", UpdateCustomHash=cells.prefix + "closed", PasswordRequired=True)
    open_ = _link(cells, node, CreatePassword="Sésame", UpdateCustomHash=cells.prefix + "open", PasswordRequired=True)
    assert closed["PasswordRequired"] is True and "PasswordRequired" not in open_
    page = _page(cells, closed["LinkHash"])
    assert page["PASSWORD_AUTH_ONLY"] is True
    minisite = {"X-Pydio-Minisite": closed["LinkHash"]}
    assert cells.session(page["PRESET_LOGIN"], "Sésame", **minisite).status_code == 200
    assert cells.session(page["PRESET_LOGIN"], page["PRESET_LOGIN"] + "#$!Az1", **minisite).status_code == 401
    assert "PRELOG_USER" in _page(cells, open_["LinkHash"])


def test_an_update_of_a_link_without_password_enabled_takes_its_password_away(cells: Target) -> None:
    """The order of facts that opens a link without a word: `PasswordEnabled` has to go with every update; alone it keeps the password."""
    node = cells.folder("pub")
    made = _link(cells, node, PasswordEnabled=True, CreatePassword="Sésame", UpdateCustomHash=cells.prefix + "kept", PasswordRequired=True)
    minisite = {"X-Pydio-Minisite": made["LinkHash"]}

    def update(**top: Any) -> dict[str, Any]:
        read = cells.ok("GET", "/a/share/link/" + made["Uuid"])
        body = {k: v for k, v in read.items() if k not in ("PoliciesContextEditable", "CurrentDownloads", "Policies")}
        return cells.ok("PUT", "/a/share/link", {"ShareLink": {**body, "RootNodes": [{"Uuid": node["Uuid"]}], "MaxDownloads": "7"}, **top})

    kept = update(PasswordEnabled=True)
    assert kept["PasswordRequired"] is True and kept["UserUuid"] == made["UserUuid"] and kept["MaxDownloads"] == "7"
    assert cells.session(_page(cells, made["LinkHash"])["PRESET_LOGIN"], "Sésame", **minisite).status_code == 200
    opened = update()
    assert not opened.get("PasswordRequired") and "PRELOG_USER" in _page(cells, made["LinkHash"])


@pytest.mark.parametrize("scheme", ["md5", "pbkdf2_sha256"])
def test_a_stored_password_of_the_old_server_opens_a_link_once_an_internal_call_has_set_it(cells: Target, scheme: str) -> None:
    from migrate.cells.api import imports
    from migrate.cells.auth import GivenToken
    from migrate.cells.session import Session
    from migrate.cells.stored_forms import old_form

    made = _link(cells, cells.folder("pub"), PasswordEnabled=True, CreatePassword="a new one", UpdateCustomHash=cells.prefix + scheme, PasswordRequired=True)
    minisite = {"X-Pydio-Minisite": made["LinkHash"]}
    with Session(cells.url, GivenToken(cells.token)) as session:
        found = imports.raw_users(session, made["UserLogin"])
        assert [user["Uuid"] for user in found] == [made["UserUuid"]]
        call = imports.create_user_call(found[0], old_form("Pässwort of old", scheme), three_parts=True)
        assert imports.run_calls(session, [call]).status == "Finished"
        imports.run_calls(session, [])
    assert cells.session(made["UserLogin"], "Pässwort of old", **minisite).status_code == 200
    assert cells.session(made["UserLogin"], "a new one", **minisite).status_code == 401
    back = cells.ok("GET", "/a/share/link/" + made["Uuid"])
    assert back["PasswordRequired"] is True and back["UserUuid"] == made["UserUuid"] and set(back["Permissions"]) == {"Preview", "Download"}


def test_a_visitor_sees_the_link_alone_even_when_its_owners_group_has_a_workspace(cells: Target) -> None:
    """The hidden user lies in the group of who made the link; groups' rights must not come to strangers."""
    root, group = cells.folder("team"), cells.name("grp")
    cells.undo.append(lambda: cells.call("DELETE", f"/a/user/{group}/"))
    owner = cells.user("owner", GroupPath="/" + group)
    role = cells.ok("POST", "/a/user", {"Queries": [{"GroupPath": "/", "NodeType": "GROUP", "Recursive": False}]})
    uuid = next(g["Uuid"] for g in role["Groups"] if g["GroupLabel"] == group)
    cells.workspace("teamws", root)
    cells.grant(uuid, cells.name("teamws"), root["Uuid"], "read", "write")
    token = cells.token_of(owner["Login"])
    assert cells.eventually(lambda: cells.stat(cells.name("teamws"), token) == 200)
    body = {"ShareLink": {"Label": cells.name("l"), "RootNodes": [{"Uuid": root["Uuid"]}], "Permissions": ["Preview"],
                          "ViewTemplateName": "pydio_shared_folder"}, "UpdateCustomHash": cells.prefix + "grp"}
    made = cells.ok("PUT", "/a/share/link", body, token)
    cells.undo.append(lambda: cells.call("DELETE", "/a/share/link/" + made["Uuid"]))
    hidden = made["UserLogin"]
    visitor = cells.session(hidden, hidden + "#$!Az1", **{"X-Pydio-Minisite": made["LinkHash"]}).json()["JWT"]
    assert set(cells.ok("GET", "/a/graph/state/user", token=visitor)["WorkspacesAccesses"]) == {made["Uuid"]}
    mine = cells.ok("POST", "/a/share/resources", {"ShareType": "LINKS", "OwnedBySubject": True}, token)["Resources"]
    assert [r["Link"]["Uuid"] for r in mine] == [made["Uuid"]]


def test_a_hash_outside_ascii_shows_its_page_but_lets_nobody_in(cells: Target) -> None:
    """The web client sends the hash as it is, as a header; the server closes the connection without an answer."""
    made = _link(cells, cells.folder("pub"), UpdateCustomHash=cells.prefix + "é")
    login = _page(cells, made["LinkHash"])["PRELOG_USER"]
    with pytest.raises(requests.ConnectionError):
        cells.session(login, login + "#$!Az1", **{"X-Pydio-Minisite": made["LinkHash"].encode("latin-1")})
    assert cells.session(login, login + "#$!Az1", **{"X-Pydio-Minisite": "anything"}).status_code == 200


def test_an_expired_link_answers_404(cells: Target) -> None:
    made = _link(cells, cells.folder("pub"), AccessEnd="1000000000", UpdateCustomHash=cells.prefix + "old")
    assert cells.call("GET", "/public/" + made["LinkHash"], token=None).status_code == 404


def test_a_share_can_be_handed_to_its_owner(cells: Target) -> None:
    owner = cells.user("owner")
    made = _link(cells, cells.folder("pub"), UpdateCustomHash=cells.prefix + "hand")
    rules = [("OWNER", owner["Uuid"]), ("READ", "user:" + owner["Login"]), ("WRITE", "user:" + owner["Login"]), ("WRITE", "profile:admin"),
             ("READ", "user:" + made["UserLogin"])]
    cells.ok("PUT", "/a/share/policies", {"Uuid": made["Uuid"], "Policies": [
        {"Resource": made["Uuid"], "Action": a, "Subject": s, "Effect": "allow"} for a, s in rules]})
    back = cells.ok("GET", "/a/share/link/" + made["Uuid"])
    assert {(p["Action"], p["Subject"]) for p in back["Policies"]} == set(rules)


def test_a_cell_can_be_made_with_a_chosen_uuid(cells: Target) -> None:
    root, owner, guest = cells.folder("cell"), cells.user("owner"), cells.user("guest")
    rules = [("OWNER", owner["Uuid"]), ("READ", "user:" + owner["Login"]), ("WRITE", "user:" + owner["Login"]), ("WRITE", "profile:admin"),
             ("READ", "role:" + guest["Uuid"])]
    policies = [{"Action": a, "Subject": s, "Effect": "allow"} for a, s in rules]
    made = cells.workspace("room", root, Scope="ROOM", Policies=policies, Attributes="{}")
    for person, actions in ((owner, ("read", "write")), (guest, ("read",))):
        cells.grant(person["Uuid"], made["UUID"], root["Uuid"], *actions)
    shown = cells.ok("GET", "/a/share/cell/" + made["UUID"])
    assert {r: {a["Name"] for a in acl["Actions"]} for r, acl in shown["ACLs"].items()} == {owner["Uuid"]: {"read", "write"}, guest["Uuid"]: {"read"}}
    token = cells.token_of(guest["Login"])
    assert cells.eventually(lambda: cells.stat(made["Slug"], token) == 200)
    registry = cells.call("GET", "/a/frontend/state", token=token).text
    assert re.search(rf'<repo [^>]*acl="r"[^>]*repositorySlug="{made["Slug"]}"[^>]*repository_type="cell"', registry)
    assert cells.ok("POST", "/a/workspace", {"Queries": [{"scope": "ROOM", "uuid": made["UUID"]}], "ResourcePolicyQuery": {"Type": "ANY"}})["Total"] == 1


def test_a_cell_without_rights_closes_the_connection(cells: Target) -> None:
    made = cells.workspace("room", cells.folder("cell"), Scope="ROOM")
    with pytest.raises(requests.ConnectionError):
        cells.call("GET", "/a/share/cell/" + made["UUID"])


# Data sources (only questions: a real server keeps its own)

def test_unknown_sources_are_told(cells: Target) -> None:
    names = {s["Name"] for s in cells.ok("GET", "/a/config/datasource")["DataSources"]}
    assert {"pydiods1", "personal", "cellsdata"} <= names
    assert cells.call("GET", "/a/config/datasource/" + cells.prefix).status_code == 404
    assert cells.call("DELETE", "/a/config/datasource/" + cells.prefix).status_code == 500
    assert cells.ok("POST", "/a/jobs/user", {"Owner": "*", "JobIDs": ["resync-ds-" + cells.prefix], "LoadTasks": "Any"}) == {}


def test_the_virtual_roots_are_my_files_and_cells(cells: Target) -> None:
    assert {n["Uuid"] for n in cells.ok("GET", "/a/config/virtualnodes")["Children"]} >= {"my-files", "cells"}
