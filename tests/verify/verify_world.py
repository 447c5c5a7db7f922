"""A small organisation as the ledger knows it, and the Cells server that would be right for it. Tests spoil one thing."""

from __future__ import annotations

import dataclasses
import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from migrate.cells.models import Acl, Group, LiveWorkspace, Node, Role, User
from migrate.ledger import Ledger

STAFF = "11111111-0000-4000-8000-000000000001"
EDITORS = "11111111-0000-4000-8000-000000000002"
AUDITORS = "11111111-0000-4000-8000-000000000003"
TEAM = "11111111-0000-4000-8000-000000000004"
ALICE = "22222222-0000-4000-8000-000000000001"
BOB = "22222222-0000-4000-8000-000000000002"
PROJECTS = "33333333-0000-4000-8000-000000000001"
HOMES = "33333333-0000-4000-8000-000000000002"
FILES: dict[str, bytes] = {"/a.txt": b"alpha", "/docs/b.txt": b"beta", "/docs/empty": b"", "/über.txt": b"umlaut"}


def user_body(login: str, **changed: Any) -> dict[str, Any]:
    body = {"login": login, "group": "/staff", "profile": "standard", "admin": False, "parent": None, "locks": [], "roles": ["EDITORS", "AUDITORS"],
            "applied_roles": ["EDITORS", "AUDITORS"], "display_name": login.title(), "email": f"{login}@example.org"}
    return body | changed


@dataclasses.dataclass
class FakeReader:
    """A Cells server as listings. Node ids are `n:<path>`."""

    user_list: dict[str, User]
    group_list: list[Group]
    role_list: list[Role]
    rules: list[Acl]
    spaces: dict[str, LiveWorkspace]
    nodes: dict[str, Node]
    later: dict[str, Node] = dataclasses.field(default_factory=dict)
    """What a second look shows."""
    ordered: bool = True

    def users(self) -> Iterable[User]:
        return list(self.user_list.values())

    def groups(self) -> Iterable[Group]:
        return self.group_list

    def roles(self) -> Iterable[Role]:
        return self.role_list

    def acls(self) -> Iterable[Acl]:
        return self.rules

    def workspaces(self) -> Iterable[LiveWorkspace]:
        return list(self.spaces.values())

    def children(self, folder: str) -> Iterator[Node]:
        return iter([n for p, n in sorted(self.nodes.items()) if posixpath.dirname(p) == folder])

    def stat(self, paths: Iterable[str]) -> Mapping[str, Node]:
        known = self.nodes | self.later
        return {p: known[p] for p in paths if p in known}

    def locate(self, uuids: Iterable[str]) -> Mapping[str, str]:
        by_uuid = {n.uuid: p for p, n in self.nodes.items()}
        return {u: by_uuid[u] for u in uuids if u in by_uuid}

    # -- spoiling -------------------------------------------------------------------------------------------------

    def change_user(self, login: str, **changed: Any) -> None:
        self.user_list[login] = dataclasses.replace(self.user_list[login], **changed)

    def allow(self, role: str, path: str, actions: str, workspace: str = "") -> None:
        names = {"r": "read", "w": "write", "d": "deny"}
        self.rules += [Acl(path if path == "my-files" or path.startswith("DATASOURCE:") else "n:" + path, role, workspace, names[a]) for a in actions]

    def forbid(self, role: str, path: str, action: str) -> None:
        self.rules = [a for a in self.rules if not (a.role == role and a.node == "n:" + path and a.action == action)]

    def put_file(self, path: str, content: bytes) -> None:
        self.nodes[path] = Node("n:" + path, path, True, len(content), 1600000000, hashlib.md5(content).hexdigest())

    def put_folder(self, path: str) -> None:
        self.nodes[path] = Node("n:" + path, path, False)


def build(work: Path, *, users: Mapping[str, dict[str, Any]] | None = None, access: Iterable[tuple[str, str, str, str, str | None]] | None = None,
          paths: Mapping[str, Any] | None = None) -> tuple[Ledger, FakeReader]:
    """Ledger and matching server: alice (rw) and bob (r) of /staff on the workspace `projects`, a folder each in `homes`."""
    people = dict(users or {"alice": user_body("alice"), "bob": user_body("bob")})
    ledger = Ledger.create(work)
    ledger.replace_records("users", people.items())
    ledger.replace_records("groups", [("/staff", {"path": "/staff", "label": "Staff", "has_row": True})])
    ledger.replace_records("roles", [("EDITORS", {"id": "EDITORS", "label": "Editors"}), ("AUDITORS", {"id": "AUDITORS", "label": "Auditors"})])
    ledger.replace_records("teams", [("alice\0t1", {"id": "t1", "label": "Friends", "owner": "alice", "members": ["bob"]})])
    ledger.replace_records("workspaces", [
        ("ws1", {"id": "ws1", "label": "Projects", "scope": "shared"}), ("ws2", {"id": "ws2", "label": "Homes", "scope": "user"})])
    rows = list(access if access is not None else [("alice", "ws1", "rw", "rw", None), ("alice", "ws2", "rw", "rw", None),
                                                   ("bob", "ws1", "r", "r", None), ("bob", "ws2", "rw", "rw", None)])
    ledger.replace_records("access", [(login, {"login": login, "workspaces": {}, "paths": (paths or {}).get(login, {})}) for login in people])
    ledger.replace_access(rows)
    ledger.put_targets("users", [("alice", {"login": "alice", "uuid": ALICE, "password": "reset"}),
                                 ("bob", {"login": "bob", "uuid": BOB, "password": "reset"})])
    ledger.put_targets("groups", [("/staff", {"path": "/staff", "uuid": STAFF})])
    ledger.put_targets("roles", [("EDITORS", {"uuid": EDITORS}), ("AUDITORS", {"uuid": AUDITORS})])
    ledger.put_targets("teams", [("alice\0t1", {"uuid": TEAM})])
    ledger.put_targets("workspaces", [("ws1", {"uuid": PROJECTS, "slug": "projects", "root": "legacy/projects", "data_source": "legacy", "scope": "shared"}),
                                      ("ws2", {"uuid": HOMES, "slug": "homes", "root": "legacy/homes", "data_source": "legacy", "scope": "user"})])
    ledger.put_targets("roots", [("ws1\0\0", {"node": "legacy/projects", "data_source": "legacy", "path": "projects", "route": "upload"}),
                                 ("ws2\0alice\0", {"node": "legacy/homes/alice", "data_source": "legacy", "path": "homes/alice", "route": "upload"}),
                                 ("ws2\0bob\0", {"node": "legacy/homes/bob", "data_source": "legacy", "path": "homes/bob", "route": "upload"})])
    files = [{"root": "ws1\0\0", "path": b"/docs", "type": "dir", "size": None, "mtime": 1, "recycle": False}]
    files += [{"root": "ws1\0\0", "path": p.encode(), "type": "file", "size": len(c), "mtime": 1, "recycle": False} for p, c in FILES.items()]
    ledger.scan_files(files, 1)
    ledger.end_scan(1)
    ledger.update_files((row.id, {"state": "done", "md5": hashlib.md5(FILES[row.path.decode()]).hexdigest() if row.type == "file" else None})
                        for row in list(ledger.files()))
    reader = FakeReader({}, [Group(STAFF, "/staff", "Staff")], [Role(EDITORS, "Editors"), Role(AUDITORS, "Auditors"), Role(TEAM, "Friends", is_team=True)],
                        [], {}, {})
    for login, uuid, team in (("alice", ALICE, ()), ("bob", BOB, (TEAM,))):
        reader.user_list[login] = User(uuid, login, "/staff/", ("ROOT_GROUP", STAFF, EDITORS, AUDITORS, *team, uuid),
                                       {"profile": "standard", "displayName": login.title(), "email": f"{login}@example.org"})
    reader.spaces = {PROJECTS: LiveWorkspace(PROJECTS, "projects", "Projects", roots={"n:legacy/projects": "legacy/projects"}),
                     HOMES: LiveWorkspace(HOMES, "homes", "Homes", roots={"n:legacy/homes": "legacy/homes"})}
    for folder in ("legacy/projects", "legacy/projects/docs", "legacy/homes", "legacy/homes/alice", "legacy/homes/bob"):
        reader.put_folder(folder)
    for path, content in FILES.items():
        reader.put_file("legacy/projects" + path, content)
    reader.allow(STAFF, "legacy/projects", "r", PROJECTS)
    reader.allow(ALICE, "legacy/projects", "rw", PROJECTS)
    reader.allow(ALICE, "legacy/homes/alice", "rw", HOMES)
    reader.allow(BOB, "legacy/homes/bob", "rw", HOMES)
    return ledger, reader
