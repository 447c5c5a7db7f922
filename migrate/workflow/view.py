"""The records of the ledger as the plan reads them: frozen, streamed, as often as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrate.extract.records import Access, Group, Role, Root, Team, User, Workspace, from_plain
from migrate.ledger import Ledger, State


class RecordView:
    """Re-iterable streams of records; workspaces include the children of shares (`shared_child`)."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def users(self) -> Iterator[User]:
        return (from_plain(User, body) for _, body in self._ledger.records("users"))

    def groups(self) -> Iterator[Group]:
        return (from_plain(Group, body) for _, body in self._ledger.records("groups"))

    def roles(self) -> Iterator[Role]:
        for kind in ("roles", "own-roles"):
            for _, body in self._ledger.records(kind):
                yield from_plain(Role, body)

    def teams(self) -> Iterator[Team]:
        return (from_plain(Team, body) for _, body in self._ledger.records("teams"))

    def workspaces(self) -> Iterator[Workspace]:
        for kind in ("workspaces", "children"):
            for _, body in self._ledger.records(kind):
                yield from_plain(Workspace, body)

    def roots(self) -> Iterator[Root]:
        return (from_plain(Root, body) for _, body in self._ledger.records("roots"))

    def access(self) -> Iterator[Access]:
        return (from_plain(Access, body) for _, body in self._ledger.records("access"))

    def entry(self, root: str, path: str) -> str | None:
        """`file` or `dir` when the old folder (key of a Root) holds this path, None when not."""
        return self._ledger.file_type(root, path.encode("utf-8", "surrogateescape"))

    def carried(self, root: str, path: str) -> bool | None:
        """Whether this path of a root is carried; None when the old folder does not hold it."""
        state = self._ledger.file_state(root, path.encode("utf-8", "surrogateescape"))
        return None if state is None else state is not State.SKIPPED

    def changed(self, root: str, path: str, size_there: int | None) -> bool:
        """Whether the content of this path of a root is still to be brought, or brought again. A work folder that has brought nothing
        of the root yet does not know; then the size in Cells tells."""
        found = self._ledger.file_is(root, path.encode("utf-8", "surrogateescape"))
        if found is None or found[0] not in (State.PLANNED, State.STARTED, State.FAILED):
            return False
        totals = self._ledger.file_totals(root)
        return State.DONE.value in totals or State.ALREADY.value in totals or found[1] != size_there

    def user(self, login: str) -> User | None:
        """One account by its login as stored."""
        body = self._ledger.record("users", login)
        return None if body is None else from_plain(User, body)

    def root(self, key: str) -> Root | None:
        """One folder by its key."""
        body = self._ledger.record("roots", key)
        return None if body is None else from_plain(Root, body)

    def target(self, root: str, path: str) -> str | None:
        """Path below the node of a root that an old path was given, None when it keeps its own."""
        return self._ledger.file_target(root, path.encode("utf-8", "surrogateescape"))

    def of_kind(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(key, body) of the records of a kind, for the parts of a plan."""
        return self._ledger.records(kind)
