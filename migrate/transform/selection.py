"""Which part of a plan is carried out now? A pilot with one person or one workspace; the rest stays planned and waits.

A choice never opens more than the whole plan would: what closes something for a person is done together with his account, and
what everybody stands on (groups, roles, data sources, empty folders) is always made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from migrate.rights import Right
from migrate.transform.actions import (
    Action,
    CarryFolder,
    ClearHashJob,
    CloseDesk,
    CreateUser,
    CreateWorkspace,
    RequestReset,
    RetireUser,
    SetRight,
    StoreHashes,
)
from migrate.transform.metadata_actions import SetBookmarks, SetParameter, SetPicture, SetQuota, SetWatches
from migrate.transform.share_actions import CreateCell, CreateLink, EndShare, HandOverLink, ShareComplete, ShareRight, StoreLinkHashes, UpdateLink

BASE = frozenset({"groups", "roles", "teams"})
NEEDS: dict[str, frozenset[str]] = {
    "groups": frozenset(), "roles": frozenset(), "teams": frozenset(), "users": frozenset(), "workspaces": frozenset(), "files": frozenset(),
    "grants": frozenset({"users", "workspaces"}),
    "shares": frozenset({"users", "workspaces", "grants", "files"}),
    "fields": frozenset(),
    "metadata": frozenset({"fields", "files"}),
    "watches": frozenset({"users", "files"}), "bookmarks": frozenset({"users", "workspaces", "grants", "files"}), "locks": frozenset({"users", "files"}),
    "quotas": frozenset({"users", "workspaces"}), "start workspaces": frozenset({"users", "workspaces"}), "pictures": frozenset({"users"}),
}
"""Kind -> kinds that come with it."""


@dataclass(frozen=True)
class Selection:
    """What was asked for; an empty set is no limit. `kinds`: as in the report; `users`: old logins; `workspaces`: old ids."""

    kinds: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    workspaces: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.kinds or self.users or self.workspaces)

    @property
    def every_kind(self) -> frozenset[str]:
        """The kinds asked for with those that come with them; empty when all are."""
        return self.kinds.union(BASE, *(NEEDS[kind] for kind in self.kinds)) if self.kinds else frozenset()


@dataclass
class Chosen:
    """Decides for single Actions of one plan. Built from all Actions that are not done yet (`of`), because they refer to one another."""

    selection: Selection
    logins: dict[str, str] = field(default_factory=dict)
    """Uuid of an account that is still to be made -> old login."""
    workspaces: dict[str, str] = field(default_factory=dict)
    """Uuid of a workspace that is still to be made -> old id."""
    roots: list[str] = field(default_factory=list)
    """Nodes whose files are not carried now."""
    left_out: set[str] = field(default_factory=set)
    """Cells and links that are not made now."""

    @classmethod
    def of(cls, selection: Selection, open_actions: Iterable[Action]) -> Chosen:
        """Two passes would need the plan twice: Actions come in order of phase, so that what others refer to comes first."""
        made = cls(selection)
        for action in open_actions:
            if isinstance(action, CreateUser):
                made.logins[action.uuid] = action.record
            elif isinstance(action, CreateWorkspace):
                made.workspaces[action.uuid] = action.record
            elif isinstance(action, CarryFolder) and not made.wants(action):
                made.roots.append(action.node)
            elif isinstance(action, CreateCell) and not made.wants(action):
                made.left_out.add(action.uuid)
            elif isinstance(action, CreateLink) and not made.wants(action):
                made.left_out.add(action.hash)
        return made

    def wants(self, action: Action) -> bool:
        """Whether it is carried out now."""
        if not self.selection:
            return True
        if isinstance(action, (SetRight, ShareRight)):
            return self._right(action)
        if isinstance(action, EndShare):
            return self._kind("shares") and self._whole
        if isinstance(action, HandOverLink):
            return self._kind("shares") and action.hash not in self.left_out
        if isinstance(action, ShareComplete):
            return self._kind("shares") and not {action.cell, action.hash} & self.left_out
        if isinstance(action, (StoreHashes, ClearHashJob, StoreLinkHashes)):
            return self._whole and self._kind("shares" if isinstance(action, StoreLinkHashes) else "users")
        if action.phase > REMOVING and not isinstance(action, CloseDesk):
            return False  # taking back is a matter of the whole plan
        if action.kind == "technical" and not isinstance(action, (RetireUser, RequestReset)):
            return True
        return self._kind("users" if isinstance(action, (RetireUser, RequestReset)) else action.kind) and self._person(action) and self._place(action)

    @property
    def _whole(self) -> bool:
        """Whether neither people nor workspaces are limited."""
        return not self.selection.users and not self.selection.workspaces

    def _kind(self, kind: str) -> bool:
        return not self.selection.kinds or kind in self.selection.every_kind

    def _right(self, action: SetRight | ShareRight) -> bool:
        """Rights of people and places that are there; what takes something away never waits for longer than the account."""
        place = action.workspace if isinstance(action, SetRight) else action.cell
        if not self._there(action.role) or place in self.left_out:
            return False
        if place in self.workspaces and not self._workspace(self.workspaces[place]):
            return False
        if isinstance(action, SetRight) and action.right is Right.NONE:
            return place not in self.workspaces or self._kind("workspaces")
        return self._kind("shares" if isinstance(action, ShareRight) else "grants")

    def _there(self, role: str) -> bool:
        login = self.logins.get(role)
        return login is None or (self._kind("users") and self._chosen_person(login))

    def _chosen_person(self, login: str) -> bool:
        return not self.selection.users or login in self.selection.users

    def _workspace(self, old_id: str) -> bool:
        return not self.selection.workspaces or old_id in self.selection.workspaces

    def _person(self, action: Action) -> bool:
        if isinstance(action, (CreateUser, SetPicture)):
            return self._chosen_person(action.record)
        if isinstance(action, (SetWatches, SetBookmarks)):
            return self._whole  # of files in many workspaces, which need not be there yet
        if isinstance(action, (RetireUser, RequestReset)):
            return self._there(action.uuid) and (not self.selection.users or action.login in self.selection.users)
        if isinstance(action, (SetQuota, SetParameter)):
            return self._there(action.role)
        if isinstance(action, (CreateCell, CreateLink, UpdateLink)):
            return self._there(action.owner_uuid)
        if isinstance(action, CarryFolder):
            login = action.root.split("\0")[1]
            return not self.selection.users or login in self.selection.users or (not login and bool(self.selection.workspaces))
        return True

    def _place(self, action: Action) -> bool:
        if isinstance(action, CreateWorkspace):
            return self._workspace(action.record)
        if isinstance(action, CarryFolder):
            return self._workspace(action.root.split("\0")[0])
        if isinstance(action, (CreateCell, CreateLink, UpdateLink)):
            return not any(action.node == root or action.node.startswith(root + "/") for root in self.roots)
        if isinstance(action, SetQuota):
            return action.workspace not in self.workspaces or self._workspace(self.workspaces[action.workspace])
        if action.kind in ("metadata", "locks", "start workspaces"):
            return self._whole  # they speak of many workspaces at once
        return True


REMOVING = 784
"""Actions of later phases remove something, or close what the loader opened."""
