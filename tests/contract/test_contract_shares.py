"""What the loader relies on about links and cells. Asked of the stand-in, and of a real Cells when one is named (CELLS_URL, CELLS_TOKEN)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
import requests
from contract.target import Target


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
