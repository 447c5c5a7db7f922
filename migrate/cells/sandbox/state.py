"""What a fresh server holds, and where everything the stand-in knows is kept."""

from __future__ import annotations

import itertools
import secrets
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate.cells.sandbox.acl_table import AclTable
from migrate.cells.sandbox.nodes import Node, Source

Policy = dict[str, Any]


@dataclass(slots=True)
class Person:
    """A user or a group: one element of the tree of people. `group_path` is its parent, `/` or `/a/b`."""

    uuid: str
    name: str
    group_path: str
    is_group: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    password: str = ""
    last_connected: int = 0

    @property
    def path(self) -> str:
        """Its own full path."""
        return (self.group_path if self.group_path != "/" else "") + "/" + self.name

    @property
    def profile(self) -> str:
        """The stored profile; empty when a group PUT or a failed PUT wiped it, which is not the same as `shared`."""
        return self.attributes.get("profile", "")


@dataclass(slots=True)
class Role:
    """A role; `uuid` is compared without case."""

    uuid: str
    label: str
    is_team: bool = False
    group_role: bool = False
    user_role: bool = False
    auto_applies: list[str] = field(default_factory=list)
    force_override: bool = False
    policies: list[Policy] = field(default_factory=list)
    last_updated: int = 0


@dataclass(slots=True)
class Workspace:
    """A workspace, cell (`ROOM`) or link (`LINK`). Its roots are ACLs."""

    uuid: str
    label: str
    slug: str
    scope: str = "ADMIN"
    description: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    policies: list[Policy] = field(default_factory=list)
    last_updated: int = 0


@dataclass(slots=True)
class Token:
    """Something that opens a session: a personal access token, a session or an OAuth access token."""

    value: str
    user: str
    kind: str = "session"
    expires: float | None = None
    window: int = 0
    scopes: tuple[str, ...] = ()
    chain: str = ""


class People:
    """Users and groups, found by uuid, login and path."""

    def __init__(self) -> None:
        self.by_uuid: dict[str, Person] = {}
        self._by_name: dict[str, list[Person]] = {}
        self._by_path: dict[str, Person] = {}

    def add(self, person: Person) -> Person:
        """Enter a new person; one of the same path is replaced."""
        old = self._by_path.get(person.path)
        if old is not None and old.uuid != person.uuid:
            self.remove(old)
        self.by_uuid[person.uuid] = person
        self._by_name.setdefault(person.name, []).append(person)
        self._by_path[person.path] = person
        return person

    def remove(self, person: Person) -> None:
        """Forget a person."""
        self.by_uuid.pop(person.uuid, None)
        self._forget(person)

    def move(self, person: Person, group_path: str, name: str) -> None:
        """Give a person another place; members of a group follow."""
        old = person.path
        self._forget(person)
        person.group_path, person.name = group_path, name
        self._by_name.setdefault(name, []).append(person)
        self._by_path[person.path] = person
        if person.is_group and old != person.path:
            for member in [p for p in self.by_uuid.values() if (p.group_path + "/").startswith(old + "/")]:
                self.move(member, person.path + member.group_path[len(old):], member.name) if member.group_path == old else None

    def _forget(self, person: Person) -> None:
        named = self._by_name.get(person.name, [])
        if person in named:
            named.remove(person)
        if self._by_path.get(person.path) is person:
            del self._by_path[person.path]

    def login(self, login: str) -> Person | None:
        """The user of this login, wherever; exact, case-sensitive."""
        return next((p for p in self._by_name.get(login, ()) if not p.is_group), None)

    def at(self, path: str) -> Person | None:
        """User or group of a full path, the trailing slash ignored."""
        if path in ("", "/"):
            return self.by_uuid.get("ROOT_GROUP")
        return self._by_path.get(path.rstrip("/"))

    def __iter__(self) -> Iterator[Person]:
        return iter(list(self.by_uuid.values()))

    def below(self, path: str) -> list[Person]:
        """Everybody and every group below a group path."""
        base = path.rstrip("/") + "/"
        return [p for p in self.by_uuid.values() if p.uuid != "ROOT_GROUP" and (p.group_path.rstrip("/") + "/").startswith(base)]


class State:
    """All data of one server. Guarded by `lock`: handlers run one at a time."""

    def __init__(self, profile: str = "4.1", clock: Callable[[], float] = time.time, content: Path | None = None) -> None:
        self.profile = profile
        self.clock = clock
        self.lock = threading.RLock()
        self._temporary = tempfile.TemporaryDirectory(prefix="cells-sandbox-") if content is None else None
        self.content = Path(self._temporary.name) if self._temporary else Path(str(content))
        self.people = People()
        self.roles: dict[str, Role] = {}
        self.acls = AclTable()
        self.workspaces: dict[str, Workspace] = {}
        self.sources: dict[str, Source] = {}
        self.nodes: dict[str, Node] = {}
        self.tokens: dict[str, Token] = {}
        self.cookies: dict[str, str] = {}
        self.refresh_tokens: dict[str, dict[str, Any]] = {}
        self.challenges: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.namespaces: dict[str, dict[str, Any]] = {}
        self.user_meta: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, list[str]] = {}
        self.subscriptions: dict[tuple[str, str], dict[str, Any]] = {}
        self.hashes: dict[str, dict[str, Any]] = {}
        self.configuration: dict[str, Any] = {}
        self.binaries: dict[str, bytes] = {}
        self.virtual_nodes: dict[str, dict[str, Any]] = {}
        self.recycled: dict[str, str] = {}
        self.task_logs: list[dict[str, Any]] = []
        self.policy_ids = itertools.count(1)
        self.version = 0
        self.settle_seconds = 0.0
        self.index_seconds = 0.0
        self.write_marker_files = False

    def close(self) -> None:
        """Remove the content kept on disk."""
        if self._temporary:
            self._temporary.cleanup()

    def now(self) -> int:
        """Epoch seconds."""
        return int(self.clock())

    def changed(self) -> None:
        """Something that decides rights changed: computed access lists are stale."""
        self.version += 1

    def new_uuid(self) -> str:
        """A server-made uuid."""
        return str(uuid.uuid4())

    def new_token(self) -> str:
        """An opaque token of the server's form: 43 characters, a dot, 43 characters."""
        return secrets.token_urlsafe(32) + "." + secrets.token_urlsafe(32)

    def policies(self, resource: str, rules: Iterable[tuple[str, str]]) -> list[Policy]:
        """Stored resource policies from (action, subject) pairs, all `allow`."""
        return [{"id": str(next(self.policy_ids)), "Resource": resource, "Action": action, "Subject": subject, "Effect": "allow"}
                for action, subject in rules]

    def stored_policies(self, resource: str, sent: list[Policy]) -> list[Policy]:
        """Policies of a request body as they are stored: with an id and the resource."""
        kept = []
        for policy in sent:
            entry = {"id": str(next(self.policy_ids)), "Resource": resource}
            for name in ("Action", "Subject", "Effect", "JsonConditions"):
                if policy.get(name) and policy[name] not in ("ANY", "deny"):
                    entry[name] = policy[name]
            kept.append(entry)
        return kept

    def role(self, uuid_: str) -> Role | None:
        """Role of an id, compared without case."""
        return self.roles.get(uuid_.lower())

    def put_role(self, role: Role) -> Role:
        """Store a role."""
        role.last_updated = self.now()
        self.roles[role.uuid.lower()] = role
        self.changed()
        return role

    def node_at(self, path: str) -> Node | None:
        """Node of a raw tree path `source/folder/file`."""
        name, _, rest = path.strip("/").partition("/")
        source = self.sources.get(name)
        return source.root.find(rest) if source else None

    def slug_of(self, slug: str) -> Workspace | None:
        """Workspace of a slug, exact."""
        return next((w for w in self.workspaces.values() if w.slug == slug), None)


STANDARD_POLICIES = (("READ", "profile:standard"), ("WRITE", "profile:admin"))
FLAT_SOURCES = ("pydiods1", "personal", "cellsdata", "thumbnails", "versions", "binaries")


def fresh(state: State, admin_login: str = "admin") -> Person:
    """Fill `state` as the installer does; gives the administrator, whose password is random."""
    now = state.now()
    root = Person("ROOT_GROUP", "", "/", is_group=True)
    state.people.by_uuid[root.uuid] = root
    everybody = (("READ", "*"), ("WRITE", "profile:admin"))
    for role in (Role("ROOT_GROUP", "Root Group", group_role=True), Role("ADMINS", "Administrators", auto_applies=["admin"]),
                 Role("EXTERNAL_USERS", "External Users", auto_applies=["shared"]), Role("MINISITE", "Minisite Permissions"),
                 Role("MINISITE_NODOWNLOAD", "Minisite (Download Disabled)")):
        rules = (("READ", "*"), ("WRITE", "profile:standard")) if role.uuid == "EXTERNAL_USERS" else everybody
        role.policies = state.policies(role.uuid, rules)
        state.put_role(role)
    admin = Person(state.new_uuid(), admin_login, "/", attributes={"profile": "admin"}, last_connected=now)
    admin.policies = state.policies(admin.uuid, (*STANDARD_POLICIES, ("WRITE", "user:" + admin_login)))
    state.people.add(admin)
    state.put_role(Role(admin.uuid, admin_login + " role", user_role=True, policies=state.policies(
        admin.uuid, (("READ", "profile:standard"), ("WRITE", "user:" + admin_login), ("WRITE", "profile:admin")))))
    for name in FLAT_SOURCES:
        state.sources[name] = Source.create(state, name, flat=True, folder=f"/var/cells/data/{name}")
    for name in ("my-files", "cells"):
        source = "personal" if name == "my-files" else "cellsdata"
        state.virtual_nodes[name] = {"Uuid": name, "Path": name, "Type": "COLLECTION", "MetaStore": {
            "name": name, "onDelete": "rename-uuid", "contentType": "text/javascript",
            "resolution": f"// Default node used for storing {name}\nPath = DataSources.{source} + \"/\" + User.Name;"}}
    for action in ("read", "write"):
        state.acls.put("homepage-ROOT", "ROOT_GROUP", "homepage", action, "1")
    state.acls.put("homepage-ROOT", "EXTERNAL_USERS", "homepage", "deny", "1")
    for label, text, slug, root_node, path in (("Personal Files", "User personal data", "personal-files", "my-files", "my-files"),
                                               ("Common Files", "Data shared by all users", "common-files", "DATASOURCE:pydiods1", "pydiods1")):
        workspace = Workspace(state.new_uuid(), label, slug, description=text, last_updated=now)
        workspace.policies = state.policies(workspace.uuid, STANDARD_POLICIES)
        state.workspaces[workspace.uuid] = workspace
        state.acls.put(root_node, "", workspace.uuid, "workspace-path", path)
        state.acls.put(root_node, "", workspace.uuid, "recycle_root", "1")
        for action in ("read", "write"):
            state.acls.put(root_node, "ROOT_GROUP", workspace.uuid, action, "1")
    state.namespaces["usermeta-tags"] = {"Namespace": "usermeta-tags", "Label": "Tags", "Order": 0, "Indexable": True,
                                         "JsonDefinition": '{"type":"tags"}',
                                         "Policies": state.policies("usermeta-tags", (("READ", "*"), ("WRITE", "*")))}
    state.changed()
    return admin
