"""The vocabulary of what can be done to a Cells server. An Action says what it needs, what it makes and how it is undone.

Actions are values: planned, listed, stored as JSON in the ledger, executed by `migrate/load`, undone in reverse. Uuids of
users, groups, roles and workspaces are chosen by the plan; nodes are named by `NodeRef` because the server chooses theirs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NewType

from migrate.rights import Right

ActionId = NewType("ActionId", str)
"""Stable natural key such as `user:bob`; the same input gives the same ids."""
NodeRef = NewType("NodeRef", str)
"""A node: `my-files`, a data source (`legacy`) or a folder in one (`legacy/projects`)."""

_types: dict[str, type[Action]] = {}


@dataclass(frozen=True, slots=True)
class Action:
    """One change. `phase` orders kinds of actions; within a phase, actions are independent unless `needs` says otherwise.

    `kind` is the report's kind (`users`, `groups`, …; `technical` is not counted); `record` the key of the old record it
    carries, empty for derived ones."""

    phase: ClassVar[int] = 0
    kind: ClassVar[str] = "technical"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        _types[cls.__name__] = cls

    @property
    def id(self) -> ActionId:
        raise NotImplementedError

    @property
    def lane(self) -> str:
        """Actions of one lane are never executed at the same time (one worker per login, role, workspace)."""
        return self.id

    def needs(self) -> tuple[ActionId, ...]:
        """Actions that must be done before; if one failed, this one fails with it."""
        return ()

    def reverse(self) -> Action | None:
        """The Action that takes it back; None where there is nothing to take back."""
        return None

    def to_json(self) -> str:
        """Stable text form for the ledger."""
        body = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return json.dumps({"type": type(self).__name__, **body}, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Right):
        return value.letters
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return value


def from_json(text: str) -> Action:
    """The Action that `to_json` wrote. ValueError for an unknown type."""
    body = json.loads(text)
    cls = _types.get(body.pop("type", ""))
    if cls is None:
        raise ValueError("unknown action type")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values = {}
    for name, value in body.items():
        kind = str(fields[name].type)
        if kind == "Right":
            value = Right.from_letters(value)
        elif kind.startswith("tuple"):
            value = tuple(value)
        values[name] = value
    return cls(**values)


@dataclass(frozen=True, slots=True)
class CreateGroup(Action):
    """Make a group. `PUT /a/user/{any}` with IsGroup; its role gets the same uuid. Parents come first (`needs`)."""

    uuid: str
    path: str
    display_name: str
    record: str = ""
    parent_made: bool = False
    phase: ClassVar[int] = 10
    kind: ClassVar[str] = "groups"

    @property
    def id(self) -> ActionId:
        return ActionId("group:" + self.path)

    @property
    def lane(self) -> str:
        return "groups"  # parents before children, one after the other: the server makes missing parents by itself, without role

    def needs(self) -> tuple[ActionId, ...]:
        parent = self.path.rpartition("/")[0]
        return (ActionId("group:" + parent),) if self.parent_made else ()

    def reverse(self) -> Action:
        return DeleteGroup(self.uuid, self.path)


@dataclass(frozen=True, slots=True)
class DeleteGroup(Action):
    """Remove a group that is listed empty."""

    uuid: str
    path: str
    phase: ClassVar[int] = 910

    @property
    def id(self) -> ActionId:
        return ActionId("delete-group:" + self.path)


@dataclass(frozen=True, slots=True)
class CreateRole(Action):
    """Make a role or a team. A team belongs to `owner_login`/`owner_uuid` through its policies."""

    uuid: str
    label: str
    is_team: bool = False
    owner_login: str = ""
    owner_uuid: str = ""
    record: str = ""
    phase: ClassVar[int] = 20

    @property
    def kind(self) -> str:  # type: ignore[override]
        return "teams" if self.is_team else "roles"

    @property
    def id(self) -> ActionId:
        return ActionId("role:" + self.uuid)

    def reverse(self) -> Action:
        return DeleteRole(self.uuid)


@dataclass(frozen=True, slots=True)
class DeleteRole(Action):
    """Remove a role that this migration made."""

    uuid: str
    phase: ClassVar[int] = 920

    @property
    def id(self) -> ActionId:
        return ActionId("delete-role:" + self.uuid)


@dataclass(frozen=True, slots=True)
class CreateUser(Action):
    """Make an account with a strong random password. `roles`: given roles in order. `attributes`: profile always among them.
    `temporary`: the password will be handed to a person, so it has the form that was asked for."""

    uuid: str
    login: str
    group_path: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    owner_login: str = ""
    record: str = ""
    temporary: bool = False
    wish: Mapping[str, Any] = field(default_factory=dict)
    """What the old server says (`attributes`, `roles`, `group_path`), where some of it is not stated because people changed it in Cells."""
    phase: ClassVar[int] = 30
    kind: ClassVar[str] = "users"

    @property
    def id(self) -> ActionId:
        return ActionId("user:" + self.login)

    @property
    def lane(self) -> str:
        return "accounts"  # one after the other: side by side they can deadlock in the server's database, which leaves half an account

    def reverse(self) -> Action:
        return DeleteUser(self.uuid, self.login)


@dataclass(frozen=True, slots=True)
class DeleteUser(Action):
    """Remove an account that this migration made."""

    uuid: str
    login: str
    phase: ClassVar[int] = 900

    @property
    def id(self) -> ActionId:
        return ActionId("delete-user:" + self.login)


@dataclass(frozen=True, slots=True)
class RetireUser(Action):
    """Lock the account of a person whom the old server has no more. Everything the account holds stays. `roles`: those assigned to it."""

    uuid: str
    login: str
    roles: tuple[str, ...] = ()
    phase: ClassVar[int] = 31

    @property
    def id(self) -> ActionId:
        return ActionId("retire:" + self.login)

    @property
    def lane(self) -> str:
        return "accounts"


@dataclass(frozen=True, slots=True)
class StoreHashes(Action):
    """Let people sign in with their old passwords: their stored forms go to Cells by `route` (`sql`, `rpc`). The forms themselves
    are read from the old server when it is done. `logins`, `uuids`, `records` (old logins) belong together, place by place."""

    route: str
    logins: tuple[str, ...]
    uuids: tuple[str, ...]
    records: tuple[str, ...]
    phase: ClassVar[int] = 720  # after bookmarks: they are set in sessions with the temporary passwords that this replaces

    @property
    def id(self) -> ActionId:
        digest = hashlib.sha256("\0".join(self.uuids).encode()).hexdigest()[:16]
        return ActionId(f"passwords:{self.route}:{digest}")

    @property
    def lane(self) -> str:
        return "passwords:" + self.route  # one job, one transaction at a time

    def reverse(self) -> Action | None:
        return RestoreHashes(self.route, self.logins, self.uuids) if self.route == "sql" else None  # rpc: the accounts themselves are removed


@dataclass(frozen=True, slots=True)
class RestoreHashes(Action):
    """Put back the stored forms that `StoreHashes` replaced, where they are still the ones it set."""

    route: str
    logins: tuple[str, ...]
    uuids: tuple[str, ...]
    phase: ClassVar[int] = 870

    @property
    def id(self) -> ActionId:
        digest = hashlib.sha256("\0".join(self.uuids).encode()).hexdigest()[:16]
        return ActionId(f"restore-passwords:{self.route}:{digest}")


@dataclass(frozen=True, slots=True)
class ClearHashJob(Action):
    """Replace the stored job that held password hashes by an empty one (route `rpc`)."""

    chunks: int = 0
    phase: ClassVar[int] = 721

    @property
    def id(self) -> ActionId:
        return ActionId("clear-password-job")


@dataclass(frozen=True, slots=True)
class RequestReset(Action):
    """Let Cells mail a person a link to set a new password."""

    uuid: str
    login: str
    phase: ClassVar[int] = 95

    @property
    def id(self) -> ActionId:
        return ActionId("reset:" + self.login)

    @property
    def lane(self) -> str:
        return "mails"

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("user:" + self.login),)


@dataclass(frozen=True, slots=True)
class CreateDataSource(Action):
    """Add a data source. `flat`: Cells' own storage; otherwise `folder` is indexed as it lies (in place).
    `beside`: name of the data source next to whose folder a flat one is made, when `folder` is empty. `bucket`: of an S3 storage that
    is indexed as it lies, below `folder`; its keys are read from the old configuration of `workspace` when they are sent."""

    name: str
    folder: str = ""
    flat: bool = True
    beside: str = ""
    bucket: str = ""
    endpoint: str = ""
    region: str = ""
    workspace: str = ""
    phase: ClassVar[int] = 40

    @property
    def id(self) -> ActionId:
        return ActionId("datasource:" + self.name)

    def reverse(self) -> Action:
        return DeleteDataSource(self.name)


@dataclass(frozen=True, slots=True)
class DeleteDataSource(Action):
    """Take a data source out of the configuration; its files stay on disk."""

    name: str
    phase: ClassVar[int] = 960

    @property
    def id(self) -> ActionId:
        return ActionId("delete-datasource:" + self.name)


DESK = "desk:"
"""How the id of every `OpenDesk` begins."""


@dataclass(frozen=True, slots=True)
class OpenDesk(Action):
    """Give the loader a temporary workspace over a data source, so that it can write there: there is no administrative write."""

    uuid: str
    slug: str
    data_source: str
    loader_role: str
    phase: ClassVar[int] = 45

    @property
    def id(self) -> ActionId:
        return ActionId(DESK + self.data_source)

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("datasource:" + self.data_source),)  # calls on a source that did not start are held for a minute each

    def reverse(self) -> Action:
        return CloseDesk(self.uuid, self.slug, self.data_source)


@dataclass(frozen=True, slots=True)
class CloseDesk(Action):
    """Remove the temporary workspace; files stay."""

    uuid: str
    slug: str
    data_source: str
    phase: ClassVar[int] = 800

    @property
    def id(self) -> ActionId:
        return ActionId("close-desk:" + self.data_source)


@dataclass(frozen=True, slots=True)
class CreateFolder(Action):
    """Make a folder (and its parents) that is to be a root: of a workspace, or of a person in one. `mtime` 0 = now."""

    node: NodeRef
    mtime: int = 0
    phase: ClassVar[int] = 50

    @property
    def id(self) -> ActionId:
        return ActionId("folder:" + self.node)

    @property
    def lane(self) -> str:
        return "folders:" + self.node.split("/", 1)[0]

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("desk:" + self.node.split("/", 1)[0]),)


@dataclass(frozen=True, slots=True)
class CreateWorkspace(Action):
    """Make a workspace on one root. No default rights: rights are granted one by one."""

    uuid: str
    slug: str
    label: str
    root: NodeRef
    description: str = ""
    record: str = ""
    phase: ClassVar[int] = 60
    kind: ClassVar[str] = "workspaces"

    @property
    def id(self) -> ActionId:
        return ActionId("workspace:" + self.uuid)

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("datasource:" + self.root.split("/", 1)[0]),)

    def reverse(self) -> Action:
        return DeleteWorkspace(self.uuid, self.slug)


@dataclass(frozen=True, slots=True)
class DeleteWorkspace(Action):
    """Remove a workspace that this migration made; its files stay."""

    uuid: str
    slug: str
    phase: ClassVar[int] = 890

    @property
    def id(self) -> ActionId:
        return ActionId("delete-workspace:" + self.uuid)


@dataclass(frozen=True, slots=True)
class SetRight(Action):
    """State what a role may do on a node. `mode`: `allow` (read/write of `right`), `deny`, or `close` (a policy that does not
    exist: takes this one workspace away and leaves what lies below usable). `workspace` empty: no root, only the right there.

    The whole statement of this role on this node in this workspace: rules of the other modes are removed."""

    role: str
    node: NodeRef
    workspace: str
    right: Right
    mode: str = "allow"
    why: str = ""
    phase: ClassVar[int] = 70
    kind: ClassVar[str] = "grants"

    @property
    def id(self) -> ActionId:
        return ActionId(f"right:{self.role}:{self.workspace}:{self.node}")

    @property
    def lane(self) -> str:
        return "right:" + self.role

    def reverse(self) -> Action:
        return RemoveRight(self.role, self.node, self.workspace)


@dataclass(frozen=True, slots=True)
class RemoveRight(Action):
    """Take back every rule of a role on a node in a workspace. `former`: rules (`read=1`) that are put back instead."""

    role: str
    node: NodeRef
    workspace: str
    former: tuple[str, ...] = ()
    phase: ClassVar[int] = 880

    @property
    def id(self) -> ActionId:
        return ActionId(f"remove-right:{self.role}:{self.workspace}:{self.node}")


@dataclass(frozen=True, slots=True)
class CarryFolder(Action):
    """Bring the content of one old folder (a Root) to a node. The list of files is in the ledger; `route`: `upload`, `in-place` or
    `external`.

    `root`: key of the old Root. Files of the folder that are roots of other folders are carried with those. `sent`: somebody else sends the
    files through the interfaces of Cells, and needs the desk for it."""

    root: str
    node: NodeRef
    route: str = "upload"
    sent: bool = False
    phase: ClassVar[int] = 80
    kind: ClassVar[str] = "files"

    @property
    def id(self) -> ActionId:
        return ActionId("carry:" + self.root.replace("\0", ":"))

    def needs(self) -> tuple[ActionId, ...]:
        source = self.node.split("/", 1)[0]
        return (ActionId(("desk:" if self.by_desk else "datasource:") + source),)

    @property
    def by_desk(self) -> bool:
        """Whether it is written through the desk of the data source, by us or by somebody else."""
        return self.route == "upload" or self.sent


from migrate.transform import file_actions as file_actions  # noqa: E402
from migrate.transform import metadata_actions as metadata_actions  # noqa: E402 - so that `from_json` knows these kinds too
