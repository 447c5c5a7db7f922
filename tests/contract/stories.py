"""Which recordings are replayed, what has to be there before they begin, and which of their steps cannot be replayed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replay import Story, basic

from migrate.cells.sandbox import Sandbox

STORIES = ("acls", "bookmarks-tags-lock", "cells", "config", "conventions", "datasources-kinds", "discovery", "effective-access", "groups",
           "jobs", "links", "mtime", "names-extra", "oauth2", "pat", "personal", "public-link-access", "public-link-expired", "quotas", "roles",
           "s3-upload", "session", "share-owner-and-list", "tree", "user-lifecycle", "user-meta", "users", "users-edge", "watches", "workspaces")


@contextlib.contextmanager
def told(name: str, folder: Path) -> Iterator[Story]:
    """A story, ready to be played against a fresh stand-in."""
    exchanges: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text("utf-8"))["exchanges"]
    with tempfile.TemporaryDirectory() as scratch, Sandbox(settle_seconds=0.5) as sandbox:
        offset = [0.0]
        real = sandbox.state.clock
        sandbox.state.clock = lambda: real() + offset[0]
        story = Story(name, sandbox, exchanges)
        prepare(story, Path(scratch))

        def pass_time(index: int, exchange: dict[str, Any]) -> str | None:
            step = exchange.get("step", "")
            if not re.search(r"right after|while a multipart|at once", step):
                offset[0] += 0.6
            return None

        story.skip = pass_time
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


def before_tree(story: Story, scratch: Path) -> None:
    structured(story, scratch, "pd5", "pd-struct")


before_s3_upload = before_names_extra = before_mtime = before_tree
