"""What can be done to shares: cells with a chosen uuid, links with a chosen address, and their way back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from migrate.rights import Right
from migrate.transform.actions import Action, ActionId, NodeRef, RemoveRight


@dataclass(frozen=True, slots=True)
class CreateCell(Action):
    """Make a cell of an owner on one node, with the rights of groups and teams (`grants`: role uuid and letters, `uuid=rw`).
    What people get on their own roles follows as ShareRight. `readers`: roles that may find it, people's own among them.
    `withdraw`: roles that an earlier run gave a right which the old share does not give any more."""

    uuid: str
    slug: str
    label: str
    node: NodeRef
    owner_login: str
    owner_uuid: str
    description: str = ""
    grants: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    withdraw: tuple[str, ...] = ()
    record: str = ""
    phase: ClassVar[int] = 90
    kind: ClassVar[str] = "shares"

    @property
    def id(self) -> ActionId:
        return ActionId("cell:" + self.uuid)

    def rights(self) -> dict[str, Right]:
        """Role uuid -> right."""
        return {role: Right.from_letters(letters) for role, _, letters in (grant.rpartition("=") for grant in self.grants)}

    def reverse(self) -> Action:
        return DeleteCell(self.uuid)


@dataclass(frozen=True, slots=True)
class DeleteCell(Action):
    """Remove a cell that this migration made; its files stay."""

    uuid: str
    phase: ClassVar[int] = 870

    @property
    def id(self) -> ActionId:
        return ActionId("delete-cell:" + self.uuid)


@dataclass(frozen=True, slots=True)
class ShareRight(Action):
    """State on a person's own role what the person may do on the node of a cell. `mode` as in SetRight."""

    role: str
    node: NodeRef
    cell: str
    right: Right
    mode: str = "allow"
    phase: ClassVar[int] = 92
    kind: ClassVar[str] = "grants"

    @property
    def id(self) -> ActionId:
        return ActionId(f"share-right:{self.role}:{self.cell}")

    @property
    def lane(self) -> str:
        return "right:" + self.role

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("cell:" + self.cell),)

    def reverse(self) -> Action:
        return RemoveRight(self.role, self.node, self.cell)


@dataclass(frozen=True, slots=True)
class CreateLink(Action):
    """Make a public link on one node under a chosen hash. `password`: `none` or `protected` (with the old
    one where it is known in clear, else a new one that its owner is told). `downloads`: how many are left, 0 = unlimited;
    `expires`: epoch seconds, 0 = never. `permissions`: of Preview, Download, Upload. `old_hash`: where the address had to change."""

    hash: str
    node: NodeRef
    label: str
    permissions: tuple[str, ...]
    template: str
    owner_login: str
    owner_uuid: str
    description: str = ""
    password: str = "none"
    expires: int = 0
    downloads: int = 0
    old_hash: str = ""
    record: str = ""
    phase: ClassVar[int] = 94
    kind: ClassVar[str] = "shares"

    @property
    def id(self) -> ActionId:
        return ActionId("link:" + self.hash)

    @property
    def key(self) -> str:
        """The hash under which the old server knew it."""
        return self.old_hash or self.hash

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("desk:" + self.node.split("/", 1)[0]),)

    def reverse(self) -> Action:
        return DeleteLink(self.hash, self.owner_uuid, self.node)


@dataclass(frozen=True, slots=True)
class UpdateLink(Action):
    """Change a link that this migration made: its rights, end and remaining downloads. A password stays; one that is missing is
    set, and with `renew` (the old server has another one now) the one in force is replaced. `counted`: what the old server had left when the
    remaining downloads were worked out (0 = unlimited). `old_hash`: where the address had to change."""

    hash: str
    uuid: str
    node: NodeRef
    permissions: tuple[str, ...]
    template: str
    owner_login: str
    owner_uuid: str
    expires: int = 0
    downloads: int = 0
    password: str = "none"
    record: str = ""
    counted: int = 0
    old_hash: str = ""
    renew: bool = False
    phase: ClassVar[int] = 95
    kind: ClassVar[str] = "shares"

    @property
    def id(self) -> ActionId:
        return ActionId("update-link:" + self.hash)

    @property
    def key(self) -> str:
        """The hash under which the old server knew it."""
        return self.old_hash or self.hash

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("desk:" + self.node.split("/", 1)[0]),)


@dataclass(frozen=True, slots=True)
class HandOverLink(Action):
    """Give a link, which an administrator had to make, to its owner."""

    hash: str
    owner_login: str
    owner_uuid: str
    phase: ClassVar[int] = 96

    @property
    def id(self) -> ActionId:
        return ActionId("hand-over:" + self.hash)

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("link:" + self.hash),)


@dataclass(frozen=True, slots=True)
class StoreLinkHashes(Action):
    """Let links open with their old passwords: what the old server stored goes to their hidden users by `route` (`sql`, `rpc`). The
    stored forms are read from the old server when it is done. `hashes` and `records` (old hashes) belong together, place by place."""

    route: str
    hashes: tuple[str, ...]
    records: tuple[str, ...]
    phase: ClassVar[int] = 715

    @property
    def id(self) -> ActionId:
        digest = hashlib.sha256("\0".join(self.hashes).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return ActionId(f"link-passwords:{self.route}:{digest}")

    @property
    def lane(self) -> str:
        return "passwords:" + self.route  # one job, one transaction at a time


@dataclass(frozen=True, slots=True)
class DeleteLink(Action):
    """Remove a link of this owner (or of the one who made it) that shows `node`; `uuid`: as the server named it, where it is known."""

    hash: str
    owner_uuid: str
    node: NodeRef = NodeRef("")
    uuid: str = ""
    phase: ClassVar[int] = 860

    @property
    def id(self) -> ActionId:
        return ActionId("delete-link:" + self.hash)


@dataclass(frozen=True, slots=True)
class EndShare(Action):
    """Remove a share that an earlier run made and that the old server does not have any more. `hash` or `cell`."""

    hash: str = ""
    cell: str = ""
    owner_uuid: str = ""
    phase: ClassVar[int] = 89

    @property
    def id(self) -> ActionId:
        return ActionId("end-share:" + (self.hash or self.cell))


@dataclass(frozen=True, slots=True)
class ShareComplete(Action):
    """Both halves of a share, cell and link, are there: its record counts as carried."""

    cell: str
    hash: str
    record: str = ""
    phase: ClassVar[int] = 99
    kind: ClassVar[str] = "shares"

    @property
    def id(self) -> ActionId:
        return ActionId("share:" + self.cell + ":" + self.hash)

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("cell:" + self.cell), ActionId("link:" + self.hash), ActionId("hand-over:" + self.hash))
