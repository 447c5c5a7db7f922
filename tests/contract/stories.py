"""Which recordings are replayed, what has to be there before they begin, and which of their steps cannot be replayed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replay import Story, basic

from migrate.cells.sandbox import Sandbox
from migrate.cells.sandbox.state import Workspace

STORIES = ("acls", "bookmarks-tags-lock", "cells", "config", "conventions", "datasources-kinds", "discovery", "effective-access", "groups",
           "jobs", "links", "mtime", "oauth2", "pat", "personal", "public-link-access", "public-link-expired", "quotas", "roles",
           "s3-upload", "session", "share-owner-and-list", "tree", "user-lifecycle", "user-meta", "users", "users-edge", "watches", "workspaces")


SCOPED = "a token with a scope on a node: made by the command on the server, never used by the tool"
NOT_REPLAYED: dict[str, dict[int, str]] = {"pat": dict.fromkeys(range(74, 108), SCOPED)}


def begun(exchanges: list[dict[str, Any]]) -> float:
    """When the recording began: dates in its requests are meant from there."""
    stamps = re.findall(r'"LastUpdated": (\d{10})', json.dumps(exchanges[:30]))
    return float(max(map(int, stamps), default=1795309000))


@contextlib.contextmanager
def told(name: str, folder: Path) -> Iterator[Story]:
    """A story, ready to be played against a fresh stand-in."""
    exchanges: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text("utf-8"))["exchanges"]
    with tempfile.TemporaryDirectory() as scratch, Sandbox(settle_seconds=0.5) as sandbox:
        offset = [0.0]
        begin = begun(exchanges)
        sandbox.state.clock = lambda: begin + offset[0]
        story = Story(name, sandbox, exchanges)
        prepare(story, Path(scratch))

        def pass_time(index: int, exchange: dict[str, Any]) -> str | None:
            if index in NOT_REPLAYED.get(name, {}):
                return NOT_REPLAYED[name][index]
            step = exchange.get("step", "")
            if not re.search(r"right after|while a multipart|at once", step):
                offset[0] += 0.6
            return None

        story.skip = pass_time
        story.pass_time = lambda seconds: offset.__setitem__(0, offset[0] + seconds)
        yield story


def token_of(story: Story, login: str) -> str:
    """A token of a person of the story."""
    return story.sandbox.token_for(login)


def person(story: Story, login: str, password: str = "Any-passw0rd", **attributes: str) -> None:
    """Somebody who was there before."""
    story.sandbox.call("PUT", f"/a/user/{login}", {"Login": login, "Password": password, "GroupPath": "/",
                                                   "Attributes": {"profile": "standard", **attributes}})


def prepare(story: Story, scratch: Path) -> None:
    """What the recording's server had before its first step."""
    setup = globals().get("before_" + story.name.replace("-", "_"))
    if setup is not None:
        setup(story, scratch)


def before_conventions(story: Story, scratch: Path) -> None:
    story.lazy["PA_CONV_TOKEN"] = lambda: token_of(story, "pa-conv")


def before_effective_access(story: Story, scratch: Path) -> None:
    names = [c["Path"].rpartition("/")[2] for c in story.exchanges[1]["response"]["body"]["Children"]]
    story.sandbox.call("POST", "/a/tree/create", {"Nodes": [{"Path": "common-files/pa-eff/" + n, "Type": "COLLECTION"} for n in names]})
    left = [n["Path"].rpartition("/")[2] for n in story.exchanges[509]["response"]["body"]["Nodes"]]
    story.sandbox.call("POST", "/a/tree/create", {"Nodes": [{"Path": "common-files/pa-eff/writeback/" + n, "Type": "COLLECTION"} for n in left
                                                            if n[1:].isdigit()]})


def failures(story: Story, login: str, times: int) -> None:
    """Wrong passwords that the recording left out."""
    body = json.dumps({"AuthInfo": {"type": "credentials", "login": login, "password": "bad"}}).encode()
    for _ in range(times):
        story.sandbox.answer("POST", "/a/frontend/session", {"content-type": "application/json"}, body, None, None)


def before_user_lifecycle(story: Story, scratch: Path) -> None:
    story.before[41] = [lambda: failures(story, "pa3-bob", 6)]


def before_session(story: Story, scratch: Path) -> None:
    story.before[29] = [lambda: failures(story, "pc-lock", 7)]
    person(story, "pc-hidden", "Hid-pw-1", hidden="true")


def before_jobs(story: Story, scratch: Path) -> None:
    person(story, "pc-jane")
    story.lazy["JANE"] = lambda: token_of(story, "pc-jane")


def structured(story: Story, scratch: Path, name: str, slug: str) -> None:
    """A structured source over an empty folder, and a workspace on it that the administrator may write."""
    folder = scratch / name / "archive"
    folder.mkdir(parents=True)
    call = story.sandbox.call
    call("POST", f"/a/config/datasource/{name}", {"Name": name, "StorageType": "LOCAL", "StorageConfiguration": {"folder": str(folder)}})
    call("PUT", f"/a/workspace/{slug}", {"UUID": slug, "Label": slug, "Slug": slug, "Scope": "ADMIN",
                                         "RootNodes": {"DATASOURCE:" + name: {"Uuid": "DATASOURCE:" + name, "Path": name}}})
    for action in ("read", "write"):
        call("PUT", "/a/acl", {"NodeID": "DATASOURCE:" + name, "RoleID": story.sandbox.admin.uuid, "WorkspaceID": slug,
                               "Action": {"Name": action, "Value": "1"}})


def before_datasources_kinds(story: Story, scratch: Path) -> None:
    """The folders of the recording's server, with files of the sizes and dates that its index then showed."""
    old = scratch / "deep" / "old"
    story.secrets["OLD_DATA"] = str(old)
    for index, folder in ((8, "archive"), (11, "ro-archive"), (18, "norm"), (25, "Old_Files")):
        base = old / folder
        base.mkdir(parents=True)
        for node in story.exchanges[index]["response"]["body"].get("Children", []):
            path = base / node["Path"].partition("/")[2]
            if node["Type"] == "COLLECTION":
                path.mkdir(parents=True, exist_ok=True)
            elif path.name != ".pydio":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"x" * int(node.get("Size", 0)))
                os.utime(path, (int(node["MTime"]), int(node["MTime"])))
    (old / "flat-src").mkdir()
    (old / "flat-src" / "existing.txt").write_text("there")
    (old / "old-files-link").symlink_to("Old_Files")


def before_pat(story: Story, scratch: Path) -> None:
    """Tokens that the recording made with the command on the server."""
    def made(login: str, life: float | None = 3600, window: int = 0) -> Any:
        return lambda: story.sandbox.token_for(login, life, window)

    for name, life, window in (("JANE_E1H", 3600, 0), ("JANE_E5S", 6, 0), ("JANE_A5S", None, 6), ("JANE_E2", 3600, 0), ("JANE_E3", 3600, 0),
                               ("JANE_FULL", 7200, 0)):
        story.lazy[name] = made("pc-jane", life, window)
    story.before[53 - 1] = [lambda: story.secret("JANE_E3", "")]
    story.before[57] = [lambda: story.secret("OTTO_E", "")]
    story.lazy["OTTO_E"] = made("pc-otto")
    story.lazy["BASIC_JANE_PAT"] = lambda: basic("pc-jane", story.secret("JANE_FULL", ""))
    story.lazy["BASIC_JANE_PASSWORD"] = lambda: basic("pc-jane", story.exchanges[0]["request"]["body"]["Password"])
    story.lazy["BASIC_ADMIN_WITH_JANE_PAT"] = lambda: basic("admin", story.secret("JANE_FULL", ""))
    for index in (33, 34):
        story.before[index] = [lambda: story.pass_time(8.0)]


def before_personal(story: Story, scratch: Path) -> None:
    story.lazy["TOKEN_PD_EMILE"] = lambda: token_of(story, "pd-emile")
    story.lazy["TOKEN_PD_ZOE"] = lambda: token_of(story, "pd-zoe")
    story.sandbox.call("GET", "/a/tree/stat/personal-files")


def before_public_link_access(story: Story, scratch: Path) -> None:
    """Links of other stories had taken these slugs; the recording left out nine of ten wrong passwords."""
    def guess() -> None:
        login = story.put_in(story.exchanges[110]["request"]["body"]["AuthInfo"]["login"])
        body = json.dumps({"AuthInfo": {"type": "credentials", "login": login, "password": "bad"}}).encode()
        for _ in range(10):
            story.sandbox.answer("POST", "/a/frontend/session", {"content-type": "application/json", "x-pydio-minisite": "x"}, body, None, None)

    story.before[110] = [guess]
    for slug in ("rapport-final-txt", "protege", "deux-fois"):
        story.sandbox.state.workspaces[slug] = Workspace(slug, slug, slug, "LINK")


def before_quotas(story: Story, scratch: Path) -> None:
    story.sandbox.call("POST", "/a/tree/create", {"Nodes": [{"Path": "common-files/pa-q", "Type": "COLLECTION"}]})
    root = story.sandbox.call("POST", "/a/tree/admin/stat", {"Node": {"Path": "pydiods1/pa-q"}})["Node"]["Uuid"]
    story.bind("fe487a79-52b7-4544-bcca-3c660b340431", root)
    story.lazy["PA_Q_BASIC"] = lambda: basic("pa-q-u", "pa-Q-passw0rd")


def before_oauth2(story: Story, scratch: Path) -> None:
    verifier = "v" * 64
    story.secrets["CODE_VERIFIER"] = verifier
    story.secrets["CODE_CHALLENGE_S256"] = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def before_config(story: Story, scratch: Path) -> None:
    before_jobs(story, scratch)


def before_public_link_expired(story: Story, scratch: Path) -> None:
    """The folder and workspace that the story of link access had left."""
    call = story.sandbox.call
    call("POST", "/a/tree/create", {"Nodes": [{"Path": "common-files/pb-acc/Été 2022", "Type": "COLLECTION"}]})
    root = call("POST", "/a/tree/admin/stat", {"Node": {"Path": "pydiods1/pb-acc"}})["Node"]["Uuid"]
    call("PUT", "/a/workspace/pb-acc", {"UUID": "pb-acc-uuid", "Label": "PB acc", "Slug": "pb-acc", "Scope": "ADMIN", "RootNodes": {
        root: {"Uuid": root, "Path": "pydiods1/pb-acc"}}})
    for action in ("read", "write"):
        call("PUT", "/a/acl", {"NodeID": root, "RoleID": story.sandbox.admin.uuid, "WorkspaceID": "pb-acc-uuid",
                               "Action": {"Name": action, "Value": "1"}})
    story.send({"method": "PUT", "path": "/io/pb-acc/%C3%89t%C3%A9%202022/rapport%20final.txt", "body": "bonjour", "headers": {
        "Authorization": "AWS4-HMAC-SHA256 Credential=${ADMIN_TOKEN}/x, SignedHeaders=host, Signature=x"}})


def before_tree(story: Story, scratch: Path) -> None:
    structured(story, scratch, "pd5", "pd-struct")


def before_mtime(story: Story, scratch: Path) -> None:
    structured(story, scratch, "pd5", "pd-struct")
    story.lazy["BASIC_ADMIN_PAT"] = lambda: "Basic " + basic("admin", story.sandbox.token)


before_s3_upload, before_names_extra = before_tree, before_mtime
