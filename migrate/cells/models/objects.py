"""What a Cells server holds, as far as a migration reads or changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MY_FILES = "my-files"
"""Virtual root of everybody's personal space; its folder is `personal/<login>`."""

ROOT_GROUP_ROLE = "ROOT_GROUP"


def data_source_root(name: str) -> str:
    """Uuid of the root node of a data source; usable as a workspace root."""
    return "DATASOURCE:" + name


def node_parents(path: str) -> list[str]:
    """Paths from the node up to its data source: `a/b/c` gives `a/b/c`, `a/b`, `a`."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(len(parts), 0, -1)]


@dataclass(frozen=True, slots=True)
class User:
    """An account. `roles`: uuids in the order the server applies them (groups from the root down, automatic, given, own)."""

    uuid: str
    login: str
    group_path: str = "/"
    roles: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def profile(self) -> str:
        return self.attributes.get("profile", "shared")

    @property
    def hidden(self) -> bool:
        return self.attributes.get("hidden") == "true"


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `path` is its own path without trailing slash; its role has the same uuid."""

    uuid: str
    path: str
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    """A role; `auto_applies` lists profiles that get it by themselves."""

    uuid: str
    label: str
    is_team: bool = False
    group_role: bool = False
    user_role: bool = False
    auto_applies: tuple[str, ...] = ()
    force_override: bool = False


@dataclass(frozen=True, slots=True)
class Acl:
    """One access rule. Empty `workspace` or `node` means "none". Unique by (node, role, workspace, action)."""

    node: str
    role: str
    workspace: str
    action: str
    value: str = "1"

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.node, self.role, self.workspace, self.action)


@dataclass(frozen=True, slots=True)
class LiveWorkspace:
    """A workspace, cell or link space. `roots`: node uuid -> path with data source first. `scope`: ADMIN, ROOM, LINK."""

    uuid: str
    slug: str
    label: str = ""
    description: str = ""
    scope: str = "ADMIN"
    roots: Mapping[str, str] = field(default_factory=dict)
    default_rights: str = ""


@dataclass(frozen=True, slots=True)
class DataSource:
    """A storage of Cells. `folder` only for LOCAL ones; `flat`: blobs by uuid, existing files are not seen."""

    name: str
    storage: str = "LOCAL"
    folder: str | None = None
    flat: bool = True
    peer: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A file or folder. `path` has the data source (administrative view) or workspace slug first. `etag`: md5 for small files."""

    uuid: str
    path: str
    is_file: bool
    size: int = 0
    mtime: int = 0
    etag: str = ""
    content_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """What this server can do, asked once (`/a/config/discovery`, its openapi, the version) and never guessed from errors.

    `role_order`: roles come back in the order sent (not on 5). `policy_closes`: an unknown `policy` closes one workspace.
    `content_hash`: nodes carry x-cells-hash. `wide_characters`: characters above U+FFFF are stored in names and labels."""

    role_order: bool = True
    policy_closes: bool = True
    content_hash: bool = True
    wide_characters: bool = True
    rpc_three_parts: bool = True
    cell_expiry: bool = False
    rest_v2: bool = False
    enterprise: bool = False


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Which server this is. `major`: 1 … 5, worked out from version and interface."""

    url: str
    version: str
    edition: str
    major: int
    features: Features = Features()


@dataclass(frozen=True, slots=True)
class Target:
    """What a plan needs to know of the server. Keys: users by login, groups by path, the rest by uuid or name.
    `loader`: login and uuid of the token's owner."""

    facts: ServerFacts
    loader_login: str
    loader_uuid: str
    users: Mapping[str, User] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    acls: tuple[Acl, ...] = ()
    workspaces: Mapping[str, LiveWorkspace] = field(default_factory=dict)
    data_sources: Mapping[str, DataSource] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Path (data source first) -> uuid of folders the plan may use."""
