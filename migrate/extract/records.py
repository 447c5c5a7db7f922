"""The vocabulary of an old server: what extraction yields, whatever version and driver wrote it.

Every record is frozen. Ids, logins, hashes and paths are `str`. A path inside a workspace starts with `/` and has no
trailing slash; bytes that are not UTF-8 are carried by surrogate escapes (`os.fsencode(path)` gives the exact bytes
back, `migrate.text.shown` a readable form). Times are epoch seconds. Absent is `None`. Secrets have `repr=False` and
are never written to the ledger. The key of a record (`.key`) is unique within its kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

from migrate.rights import Right

Login = NewType("Login", str)
GroupPath = NewType("GroupPath", str)
"""`/` for the root, otherwise `/sales/eu`: leading slash, none at the end."""
RoleId = NewType("RoleId", str)
WorkspaceId = NewType("WorkspaceId", str)
"""32 hexadecimal digits, or the array key of a workspace defined in configuration (`0`, `1`, `ajxp_home`, …)."""
NodePath = NewType("NodePath", str)
"""Path inside a workspace: `/` or `/docs/a.txt`."""

ROOT_GROUP = GroupPath("/")


@dataclass(frozen=True, slots=True)
class InstallationFacts:
    """What was found in the folder. `auth` and `conf` are driver names without type (`sql`, `serial`, `ldap`, …)."""

    application: str
    version: str
    install_path: str | None
    conf: str
    auth: str
    database: str | None


@dataclass(frozen=True, slots=True)
class User:
    """A person (or directory account). Technical users behind links are not Users.

    `roles`: given roles in the order the old server applied them, without group and personal roles.
    `applied_roles`: every non-group, non-personal role that takes effect, automatic ones and teams included, in order of
    application (later wins). For external users only those whose rights the old server kept.
    `directory`: true for an account of a non-local auth driver, found through what it owns."""

    login: Login
    group: GroupPath = ROOT_GROUP
    profile: str = "standard"
    admin: bool = False
    parent: Login | None = None
    locks: tuple[str, ...] = ()
    roles: tuple[RoleId, ...] = ()
    applied_roles: tuple[RoleId, ...] = ()
    display_name: str | None = None
    email: str | None = None
    language: str | None = None
    password_scheme: str = "none"
    password_hash: str | None = field(default=None, repr=False)
    quota_bytes: int | None = None
    avatar_sha256: str | None = None
    start_workspace: WorkspaceId | None = None
    directory: bool = False

    @property
    def key(self) -> str:
        return self.login

    @property
    def external(self) -> bool:
        """Whether another user made this account; such users get no rights of groups and ordinary roles."""
        return self.parent is not None


@dataclass(frozen=True, slots=True)
class Group:
    """A group, with or without a row of its own. The label falls back to the last path element."""

    path: GroupPath
    label: str
    has_row: bool = True

    @property
    def key(self) -> str:
        return self.path


CLEAR = "clear"
"""ACL value `AJXP_VALUE_CLEAR` (or `n` of old versions): takes away what lower roles gave."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role, group role (`AJXP_GRP_/sales`) or personal role (`AJXP_USR_/bob`).

    `acls`: workspace id -> `r`, `w`, `rw`, `` (nothing said) or `clear`.
    `masks`: workspace id -> path -> `r`, `w`, `rw` or `deny`; a whitelist: what no entry covers is invisible.
    `parameters` and `actions`: scope -> plugin -> name -> value, values as text, number, bool; passwords removed.
    `applies`: profiles to which the role applies by itself."""

    id: RoleId
    label: str = ""
    owner: Login | None = None
    acls: Mapping[WorkspaceId, str] = field(default_factory=dict)
    masks: Mapping[WorkspaceId, Mapping[NodePath, str]] = field(default_factory=dict)
    applies: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    actions: Mapping[str, Any] = field(default_factory=dict)
    always_override: bool = False

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Team:
    """A user's team: table rows (5.1 to 7) or an owned role (8). `has_role`: a role of the same id carries its rights."""

    id: RoleId
    label: str
    owner: Login
    members: tuple[Login, ...] = ()
    has_role: bool = False

    @property
    def key(self) -> str:
        return f"{self.owner}\0{self.id}"


@dataclass(frozen=True, slots=True)
class MetaField:
    """A field that people could fill in for files (meta.user). `choices`: key -> label, for type `choice`; `choice_order`: its
    keys as they were shown."""

    id: str
    type: str = "string"
    label: str = ""
    choices: Mapping[str, str] | None = None
    visible: bool = True
    choice_order: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace. `parent` is set on children of shares and on children of templates; `owner` on children of shares.

    `scope`: `shared` (one folder), `user` (one per login), `group` (one per group path).
    `path`: the PATH option as stored, variables included. `group`: only members of this group see it.
    `creator`: the only user who may use it (user-created workspaces).
    `template`: nobody's workspace, only a pattern. `known_tags`: what its tag fields offered, used or not."""

    id: WorkspaceId
    label: str
    slug: str
    driver: str
    path: str | None = None
    owner: Login | None = None
    parent: WorkspaceId | None = None
    builtin: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    quota_bytes: int | None = None
    meta_fields: tuple[MetaField, ...] = ()
    scope: str = "shared"
    group: GroupPath | None = None
    creator: Login | None = None
    template: bool = False
    shared_child: bool = False
    description: str = ""
    known_tags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Root:
    """One folder of a workspace: its only one, a user's or a group's. `folder`: absolute path now (surrogate escapes),
    None when it is not on this machine (remote drivers) or does not exist (`missing`). `recycle_bin`: its name, if any.
    `excluded`: names of technical files of this workspace (metadata file, recycle cache). `history`: name of the folders in which
    a plugin of this workspace kept older versions (`.git`, `.svn`), if any."""

    workspace: WorkspaceId
    user: Login | None
    group: GroupPath | None
    folder: str | None
    missing: bool = False
    recycle_bin: str | None = None
    excluded: tuple[str, ...] = ()
    history: str | None = None

    @property
    def key(self) -> str:
        return f"{self.workspace}\0{self.user or ''}\0{self.group or ''}"


@dataclass(frozen=True, slots=True)
class Access:
    """What a user could reach in the end: right per workspace; per path where masks make it differ from that right.

    `workspaces` holds children of shares too, under their own id. `paths`: workspace -> path -> right letters (`` = none)."""

    login: Login
    workspaces: Mapping[WorkspaceId, Right]
    paths: Mapping[WorkspaceId, Mapping[NodePath, Right]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.login


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or folder of a workspace. `path` inside the workspace, never the root. `mtime` in whole seconds."""

    workspace: WorkspaceId
    user: Login | None
    group: GroupPath | None
    path: NodePath
    type: str
    size: int | None
    mtime: int
    in_recycle_bin: bool = False
    sha256: str | None = None
    real: str | None = None
    """Where it lies on this machine, where its path does not lead there: behind a link to a path of the dead machine."""


@dataclass(frozen=True, slots=True)
class Recycled:
    """A node at the top of a recycle bin: `path` where it lies, `origin` the folder it was deleted from."""

    workspace: WorkspaceId
    user: Login | None
    group: GroupPath | None
    path: NodePath
    origin: NodePath

    @property
    def key(self) -> str:
        return "\0".join((self.workspace, self.user or "", self.group or "", self.path))


@dataclass(frozen=True, slots=True)
class ShareEntry:
    """Whom a share names: `user`, `group` (id = group path) or `team`."""

    type: str
    id: str
    right: Right


@dataclass(frozen=True, slots=True)
class Link:
    """The public address of a share. `download_limit` None = unlimited; `layout` as stored by the old server.
    `restricted`: only `target_users` may open it; `target_names` is what the sharer called them (a login, an e-mail address, any text), as
    the keys are made up by the application. `login_required`: a private address: visitors sign in with an account.
    `password`: clear text, only where the old format has it; `password_hash`: the hidden user's."""

    hash: str
    has_password: bool = False
    password: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)
    read: bool = False
    write: bool = False
    download: bool = False
    expires_at: int | None = None
    expired: bool = False
    download_limit: int | None = None
    download_count: int = 0
    layout: str | None = None
    target_users: tuple[str, ...] = ()
    restricted: bool = False
    login_required: bool = False
    target_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A folder or file given to people, a link, or both. `problem`: a finding code when it cannot be trusted (owner or
    target gone, unreadable protection): such a share is listed and never published."""

    child_workspace_id: WorkspaceId | None
    owner: Login
    workspace: WorkspaceId
    path: NodePath
    is_file: bool
    label: str = ""
    description: str = ""
    entries: tuple[ShareEntry, ...] = ()
    link: Link | None = None
    problem: str | None = None

    @property
    def key(self) -> str:
        return f"{self.child_workspace_id or ''}\0{self.link.hash if self.link else ''}"


@dataclass(frozen=True, slots=True)
class Metadata:
    """Values on one node. `user`: whose folder (per-user workspaces); `bucket`: the only one who sees them, None = all."""

    workspace: WorkspaceId
    path: NodePath
    values: Mapping[str, Any]
    user: Login | None = None
    group: GroupPath | None = None
    bucket: Login | None = None

    @property
    def key(self) -> str:
        return "\0".join((self.workspace, self.user or "", self.group or "", self.bucket or "", self.path))


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A user's bookmark; `path` in the workspace as that user saw it."""

    user: Login
    workspace: WorkspaceId
    path: NodePath
    title: str = ""

    @property
    def key(self) -> str:
        return "\0".join((self.user, self.workspace, self.path, self.title))


@dataclass(frozen=True, slots=True)
class Watch:
    """A user is told of what happens to a node: `change`, `read` or `both`."""

    user: Login
    workspace: WorkspaceId
    path: NodePath
    type: str

    @property
    def key(self) -> str:
        return "\0".join((self.user, self.workspace, self.path, self.type))


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a node; `time` in epoch seconds. `owner`, `group`: whose folder, in per-user and per-group workspaces."""

    user: Login
    workspace: WorkspaceId
    path: NodePath
    content: str
    time: int
    owner: Login | None = None
    group: GroupPath | None = None

    @property
    def key(self) -> str:
        return "\0".join((self.user, self.workspace, self.path, str(self.time), self.content))


@dataclass(frozen=True, slots=True)
class Lock:
    """A user's lock on a file."""

    user: Login
    workspace: WorkspaceId
    path: NodePath

    @property
    def key(self) -> str:
        return "\0".join((self.user, self.workspace, self.path))


@dataclass(frozen=True, slots=True)
class Preference:
    """A personal preference of the web interface."""

    user: Login
    name: str
    value: Any

    @property
    def key(self) -> str:
        return f"{self.user}\0{self.name}"


SECRET_FIELDS = frozenset({"password", "password_hash"})


def to_plain(record: Any) -> Any:
    """JSON-ready form of a record: nested dataclasses become dicts, rights letters, tuples lists; secrets are left out."""
    if isinstance(record, Right):
        return record.letters
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: to_plain(getattr(record, f.name)) for f in dataclasses.fields(record) if f.name not in SECRET_FIELDS}
    if isinstance(record, Mapping):
        return {str(k): to_plain(v) for k, v in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_plain(v) for v in record]
    return record


_NESTED = {"MetaField": MetaField, "ShareEntry": ShareEntry, "Link": Link}


def from_plain(cls: type[Any], body: Mapping[str, Any]) -> Any:
    """The record of class `cls` that `to_plain` wrote (without its secrets)."""
    return cls(**{f.name: _revive(str(f.type), body[f.name]) for f in dataclasses.fields(cls) if f.name in body})


def _revive(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "Right":
        return Right.from_letters(value)
    if "Right]" in kind:  # mappings of rights, one or two levels deep
        return {k: _revive(kind if isinstance(v, dict) else "Right", v) for k, v in value.items()}
    for name, nested in _NESTED.items():
        if kind.startswith(f"tuple[{name}"):
            return tuple(from_plain(nested, item) for item in value)
        if kind.startswith(name):
            return from_plain(nested, value)
    return tuple(value) if kind.startswith("tuple") else value
