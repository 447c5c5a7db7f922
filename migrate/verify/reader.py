"""What verification asks of a Cells server: listings only, so that nothing is believed because we wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from migrate.cells.models import Acl, Group, LiveWorkspace, Node, Role, User


class Reader(Protocol):
    """Listings of a server as it is now. Every method asks the server anew; all may be called from several threads.

    Paths have the data source first (`legacy/projects`), no leading or trailing slash."""

    @property
    def ordered(self) -> bool:
        """Whether the server keeps the order of a person's roles."""

    def users(self) -> Iterable[User]:
        """Every account, hidden ones included, with roles in the order the server applies them."""

    def groups(self) -> Iterable[Group]:
        """Every group."""

    def roles(self) -> Iterable[Role]:
        """Every role that is not a group's or a person's own."""

    def acls(self) -> Iterable[Acl]:
        """Every rule that decides access (read, write, deny, policy)."""

    def workspaces(self) -> Iterable[LiveWorkspace]:
        """Every workspace and cell."""

    def children(self, folder: str) -> Iterator[Node]:
        """Direct children of a folder, streamed in pages, hidden names included; none when the folder does not exist."""

    def stat(self, paths: Iterable[str]) -> Mapping[str, Node]:
        """Nodes by path; a path that does not exist is absent from the answer."""

    def locate(self, uuids: Iterable[str]) -> Mapping[str, str]:
        """Paths of nodes by uuid; a node that cannot be found is absent from the answer."""
