"""What does the plan read? Streams of records that can be gone through as often as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from migrate.extract.records import Access, Group, Role, Root, Team, User, Workspace


class Records(Protocol):
    """Re-iterable streams of frozen records. Roles include those of groups (`AJXP_GRP_/…`); workspaces include children of shares.

    An optional method `entry(root_key, path)` tells what the folder of a root holds under a path (`dir`, `file`, None);
    without it no folder of a masked workspace is given, because Cells can only give what is there."""

    def users(self) -> Iterator[User]: ...

    def groups(self) -> Iterator[Group]: ...

    def roles(self) -> Iterator[Role]: ...

    def teams(self) -> Iterator[Team]: ...

    def workspaces(self) -> Iterator[Workspace]: ...

    def roots(self) -> Iterator[Root]: ...

    def access(self) -> Iterator[Access]: ...

    def user(self, login: str) -> User | None:
        """One account by its login as stored."""

    def root(self, key: str) -> Root | None:
        """One folder by its key."""

    def target(self, root: str, path: str) -> str | None:
        """Path below the node of a root that an old path was given, None when it keeps its own."""

    def carried(self, root: str, path: str) -> bool | None:
        """Whether this path of a root is carried; None when the old folder does not hold it."""

    def changed(self, root: str, path: str, size_there: int | None) -> bool:
        """Whether the content of this path of a root is still to be brought to Cells, where it has this size."""


def paired(users: Iterator[User], access: Iterator[Access]) -> Iterator[tuple[User, Access]]:
    """Each user with the effective access; people without any get none. Both streams come in about the same order, so little
    has to be kept waiting."""
    waiting: dict[str, Access] = {}
    late: list[User] = []
    exhausted = False
    for user in users:
        while user.login not in waiting and not exhausted:
            found = next(access, None)
            if found is None:
                exhausted = True
            else:
                waiting[found.login] = found
        if user.login in waiting:
            yield user, waiting.pop(user.login)
        else:
            late.append(user)
    for user in late:
        yield user, Access(user.login, {})
