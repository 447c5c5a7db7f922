"""What the loader relies on about rights and workspaces. Asked of the stand-in, and of a real Cells when one is named (CELLS_URL, CELLS_TOKEN)."""

from __future__ import annotations

import json

from contract.target import Target


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
