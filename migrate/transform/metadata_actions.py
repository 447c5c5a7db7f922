"""What can be done about the notes of people: fields, tags, values, watches, bookmarks, locks, quotas, pictures, start workspaces.

Notes come in batches: an item names the old record (kind and key) it settles, the node by its data source path, and what is to
stand there. The effect settles every item of a batch on its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

from migrate.transform.actions import Action, ActionId

BATCH = 100
"""Nodes of one batch of values."""


def _named(action: Action, kind: str) -> ActionId:
    """An id that follows from the content: the same batch has the same id in every plan."""
    return ActionId(f"{kind}:{hashlib.sha256(action.to_json().encode()).hexdigest()[:24]}")


@dataclass(frozen=True, slots=True)
class PutField(Action):
    """Make a field that people can fill in, or change one (`before`: its definition as it was, JSON text; `before_label`).
    `editable`: people may write it; otherwise administrators only."""

    namespace: str
    label: str
    definition: str
    order: int = 0
    editable: bool = True
    before: str = ""
    before_label: str = ""
    record: str = ""
    phase: ClassVar[int] = 83
    kind: ClassVar[str] = "fields"

    @property
    def id(self) -> ActionId:
        return ActionId("field:" + self.namespace)

    @property
    def lane(self) -> str:
        return "fields"

    def reverse(self) -> Action:
        if self.before:
            return PutField(self.namespace, self.before_label, self.before, self.order, self.editable)
        return RemoveField(self.namespace)


@dataclass(frozen=True, slots=True)
class RemoveField(Action):
    """Remove the definition of a field that this migration made."""

    namespace: str
    phase: ClassVar[int] = 798

    @property
    def id(self) -> ActionId:
        return ActionId("remove-field:" + self.namespace)


@dataclass(frozen=True, slots=True)
class OfferTags(Action):
    """Let a field offer these tags, one after the other: the server keeps all of them in one document. `made`: the field is ours."""

    namespace: str
    tags: tuple[str, ...]
    made: bool = True
    phase: ClassVar[int] = 84

    @property
    def id(self) -> ActionId:
        return ActionId("tags:" + self.namespace)

    @property
    def lane(self) -> str:
        return "tags"

    def reverse(self) -> Action | None:
        return ForgetTags(self.namespace, () if self.made else self.tags)


@dataclass(frozen=True, slots=True)
class ForgetTags(Action):
    """Clear the tags that a field of ours offers; of a field of others only these `tags`."""

    namespace: str
    tags: tuple[str, ...] = ()
    phase: ClassVar[int] = 797

    @property
    def id(self) -> ActionId:
        return ActionId("forget-tags:" + self.namespace)

    @property
    def lane(self) -> str:
        return "tags"


@dataclass(frozen=True, slots=True)
class WriteValues(Action):
    """Write values of fields. Items: [records as [kind, key], node, {namespace: JSON text}]. Through the desks of `sources`."""

    items: tuple[Any, ...]
    sources: tuple[str, ...] = ()
    phase: ClassVar[int] = 110
    kind: ClassVar[str] = "metadata"

    @property
    def id(self) -> ActionId:
        return _named(self, "values")

    def needs(self) -> tuple[ActionId, ...]:
        return tuple(ActionId("desk:" + source) for source in self.sources)

    def reverse(self) -> Action:
        return RemoveValues(self.items, self.sources)


@dataclass(frozen=True, slots=True)
class RemoveValues(Action):
    """Remove values that still are as this migration wrote them."""

    items: tuple[Any, ...]
    sources: tuple[str, ...] = ()
    phase: ClassVar[int] = 795

    @property
    def id(self) -> ActionId:
        return _named(self, "remove-values")


@dataclass(frozen=True, slots=True)
class SetWatches(Action):
    """Let one person be told of what happens to nodes. Items: [records, node, events, events before]."""

    login: str
    old_login: str
    items: tuple[Any, ...]
    phase: ClassVar[int] = 700
    kind: ClassVar[str] = "watches"

    @property
    def id(self) -> ActionId:
        return _named(self, "watches")

    @property
    def lane(self) -> str:
        return "person:" + self.login

    def reverse(self) -> Action:
        return RestoreWatches(self.login, self.old_login, self.items)


@dataclass(frozen=True, slots=True)
class RestoreWatches(Action):
    """Put watches back to what they were."""

    login: str
    old_login: str
    items: tuple[Any, ...]
    phase: ClassVar[int] = 792

    @property
    def id(self) -> ActionId:
        return _named(self, "restore-watches")


@dataclass(frozen=True, slots=True)
class SetBookmarks(Action):
    """Bookmark nodes in a person's own session (nobody can do it for another). Items: [records, node]. `by_rpc`: uuid of the account
    when an internal job of Cells may do it where no session can be opened."""

    login: str
    old_login: str
    items: tuple[Any, ...]
    by_rpc: str = ""
    phase: ClassVar[int] = 710
    kind: ClassVar[str] = "bookmarks"

    @property
    def id(self) -> ActionId:
        return _named(self, "bookmarks")

    @property
    def lane(self) -> str:
        return "person:" + self.login

    def reverse(self) -> Action:
        return RemoveBookmarks(self.login, self.old_login, self.items)


@dataclass(frozen=True, slots=True)
class RemoveBookmarks(Action):
    """Remove bookmarks that this migration made, as far as the person's password is still the temporary one."""

    login: str
    old_login: str
    items: tuple[Any, ...]
    phase: ClassVar[int] = 791

    @property
    def id(self) -> ActionId:
        return _named(self, "remove-bookmarks")


@dataclass(frozen=True, slots=True)
class SetLocks(Action):
    """Lock files in people's names; last of all, after values and files that left, because a lock stops the loader too. Items: [records, node, login]."""

    items: tuple[Any, ...]
    phase: ClassVar[int] = 797
    kind: ClassVar[str] = "locks"

    @property
    def id(self) -> ActionId:
        return _named(self, "locks")

    def reverse(self) -> Action:
        return RemoveLocks(self.items)


@dataclass(frozen=True, slots=True)
class RemoveLocks(Action):
    """Remove locks that this migration set."""

    items: tuple[Any, ...]
    phase: ClassVar[int] = 785

    @property
    def id(self) -> ActionId:
        return _named(self, "remove-locks")


@dataclass(frozen=True, slots=True)
class LiftLocks(Action):
    """Take locks of an earlier run away while files are brought up to date; SetLocks puts them back in the same plan."""

    items: tuple[Any, ...]
    phase: ClassVar[int] = 46

    @property
    def id(self) -> ActionId:
        return _named(self, "lift-locks")


@dataclass(frozen=True, slots=True)
class SetQuota(Action):
    """Limit what a workspace may hold, as far as a role (a person, a group) is concerned. `amount`, `before`: bytes as text."""

    role: str
    workspace: str
    node: str
    amount: str
    before: str = ""
    record: str = ""
    phase: ClassVar[int] = 75
    kind: ClassVar[str] = "quotas"

    @property
    def id(self) -> ActionId:
        return ActionId(f"quota:{self.role}:{self.workspace}:{self.node}")

    @property
    def lane(self) -> str:
        return "right:" + self.role

    def reverse(self) -> Action:
        return RestoreQuota(self.role, self.workspace, self.node, self.before)


@dataclass(frozen=True, slots=True)
class RestoreQuota(Action):
    """Put a quota back to what it was; none when `amount` is empty."""

    role: str
    workspace: str
    node: str
    amount: str = ""
    phase: ClassVar[int] = 870

    @property
    def id(self) -> ActionId:
        return ActionId(f"restore-quota:{self.role}:{self.workspace}:{self.node}")


@dataclass(frozen=True, slots=True)
class SetParameter(Action):
    """State a setting of a role (JSON text) for all workspaces. `before`: what it was."""

    role: str
    name: str
    value: str
    before: str = ""
    record: str = ""
    phase: ClassVar[int] = 76
    kind: ClassVar[str] = "start workspaces"

    @property
    def id(self) -> ActionId:
        return ActionId(f"parameter:{self.role}:{self.name}")

    @property
    def lane(self) -> str:
        return "right:" + self.role

    def reverse(self) -> Action:
        return RestoreParameter(self.role, self.name, self.before)


@dataclass(frozen=True, slots=True)
class RestoreParameter(Action):
    """Put a setting back to what it was; none when `value` is empty."""

    role: str
    name: str
    value: str = ""
    phase: ClassVar[int] = 871

    @property
    def id(self) -> ActionId:
        return ActionId(f"restore-parameter:{self.role}:{self.name}")


@dataclass(frozen=True, slots=True)
class SetPicture(Action):
    """Give an account that this migration made its picture. The bytes are read from the old server when they are sent. `before`:
    SHA-256 of the picture that an earlier run brought; only that one is replaced."""

    login: str
    uuid: str
    sha256: str
    record: str = ""
    before: str = ""
    phase: ClassVar[int] = 77
    kind: ClassVar[str] = "pictures"

    @property
    def id(self) -> ActionId:
        return ActionId("picture:" + self.login)

    @property
    def lane(self) -> str:
        return "right:" + self.uuid

    def needs(self) -> tuple[ActionId, ...]:
        return (ActionId("user:" + self.login),)
