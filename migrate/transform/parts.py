"""What further kinds of things (shares, metadata, passwords, …) need from a plan, and what they give to it.

A part is a pure addition: it reads records, asks the look-up what old ids become, and yields Actions, outcomes, targets and
findings like the plan itself. Parts are asked after the names of files are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from migrate.cells.models import Target
from migrate.errors import Finding
from migrate.transform.actions import Action, NodeRef
from migrate.transform.identity import Identity
from migrate.transform.people import Person
from migrate.transform.placement import Place

Outcome = tuple[str, str, str, "str | None", "str | None"]
"""(kind, key, `already` or `skipped`, code, detail) of a record that needs no action."""


class Lookup(Protocol):
    """What old ids become in Cells. None: not carried (the caller skips with a reason)."""

    identity: Identity
    target: Target

    def person(self, login: str) -> Person | None:
        """The account that an old login becomes; None when it is left out or unknown."""

    def group(self, path: str) -> str | None:
        """Uuid of the group (and its role) that an old group path becomes; for `/` the role of everybody from the old server."""

    def role(self, role_id: str) -> str | None:
        """Uuid of the role that an old role id becomes."""

    def team(self, owner: str, team_id: str) -> str | None:
        """Uuid of the role that an old team becomes."""

    def place(self, workspace: str) -> Place | None:
        """Where an old workspace is in Cells."""

    def node(self, workspace: str, login: str | None, path: str) -> NodeRef | None:
        """The node that `path` of an old workspace becomes, as `login` saw it (whose folder, in per-user and per-group
        workspaces); renamed files and folders are followed. None when it is not carried."""

    def kind(self, workspace: str, login: str | None, path: str) -> str | None:
        """`file` or `dir` when the old folder holds it, None when it does not."""


class Part(Protocol):
    """One further kind. Iterators stream and can be gone through again."""

    kinds: tuple[str, ...]
    """Kinds of records it settles; what it neither acts on nor names among its outcomes counts as open."""

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        """(Action, already as wanted in Cells)."""

    @property
    def outcomes(self) -> Iterator[Outcome]:
        """Records that need no action."""

    @property
    def targets(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(kind, old key, what it becomes), for the export."""

    @property
    def findings(self) -> Iterable[Finding]:
        """What an administrator should know."""
