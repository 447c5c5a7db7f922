"""The servers that the client is tried on: the stand-in in each of its versions, and a real one where there is one."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from migrate.cells.api import acls, groups, roles, tree, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.errors import CellsRefused
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session

REAL = pytest.param("real", marks=[
    pytest.mark.real_cells, pytest.mark.skipif(not os.environ.get("CELLS_URL") or not os.environ.get("CELLS_TOKEN"), reason="no CELLS_URL and CELLS_TOKEN")])


@dataclass(frozen=True)
class Place:
    """A session on a server, and a prefix for everything a test makes there; what carries it is removed afterwards."""

    session: Session
    prefix: str
    version: str

    def uuid(self, name: str) -> str:
        return f"{self.prefix}-{name}"


@pytest.fixture(params=["4.1", "3.0.9", REAL])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    prefix = "zc" + uuid.uuid4().hex[:8]
    if request.param == "real":
        with Session(os.environ["CELLS_URL"], GivenToken(os.environ["CELLS_TOKEN"])) as session:
            yield Place(session, prefix, "real")
            clean_up(session, prefix)
        return
    with Sandbox(profile=request.param) as server, Session(server.url, GivenToken(server.token)) as session:
        yield Place(session, prefix, request.param)


def clean_up(session: Session, prefix: str) -> None:
    """Remove everything that carries the prefix from a real server; what cannot be removed is left to its owner."""
    for workspace in workspaces.search_workspaces(session):
        if workspace.uuid.startswith(prefix):
            workspaces.delete_workspace(session, workspace.uuid, workspace.slug)
    for user in [u for u in users.search_users(session) if u.login.startswith(prefix)]:
        users.delete_user(session, user.login, user.uuid)
    for role in [r for r in roles.search_roles(session) if r.uuid.startswith(prefix) and not r.group_role]:
        roles.delete_role(session, role.uuid)
    for group in sorted((g for g in groups.search_groups(session) if prefix in g.path), key=lambda g: -len(g.path)):
        groups.delete_group(session, group)
        for _ in range(100):  # a background job
            if groups.get_group(session, group.path) is None:
                break
            time.sleep(0.1)
    for acl in acls.search_acls(session):
        if acl.role.startswith(prefix) and acl.node:
            acls.delete_acl(session, acl)
    top = "common-files/" + prefix
    if tree.stat(session, top):
        try:
            tree.delete_nodes(session, [top], permanently=True)
        except CellsRefused as error:
            print("left behind:", top, error)
