"""What is asked for with shares, what the plan may ask of the world, and what earlier runs made?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from migrate.transform.parts import Lookup
from migrate.transform.share_rights import World


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link as a run of this work folder last set it. `expires`: epoch seconds, 0 = never. `downloads`: the limit it was given in
    Cells, 0 = none. `counted`: downloads that the old server had left for it at that moment, 0 = unlimited.
    `node`: what it shows. `certain`: the run wrote down that it was done."""

    owner_uuid: str
    permissions: tuple[str, ...] = ()
    protected: bool = False
    expires: int = 0
    downloads: int = 0
    counted: int = 0
    node: str = ""
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ShareOptions:
    """`strict_no_download`: links for looking only are left out. `revive`: of `expired`, `exhausted`, `ownerless`; `heir`: old
    login that gets what has no owner. `layouts`: old layout -> template of Cells. `hash_route`: how stored passwords of links get
    into Cells: `script`, `sql`, `rpc`, empty for not at all. `now`: epoch seconds. `given`: (role, cell) of rights that earlier runs
    gave; `made_links`: hash -> what earlier runs may have set, newest first; `made_cells`: uuids of cells they made. `kept`: hashes
    of links that have their old password back, `refused`: of those whose stored password Cells did not take. `renewed`: of those that have
    another password on the old server than the one they were last given, `own_passwords`: of such ones that people gave one of their own in
    Cells."""

    strict_no_download: bool = False
    revive: frozenset[str] = frozenset()
    heir: str = ""
    layouts: Mapping[str, str] = field(default_factory=dict)
    hash_route: str = ""
    now: int = 0
    given: frozenset[tuple[str, str]] = frozenset()
    made_links: Mapping[str, tuple[MadeLink, ...]] = field(default_factory=dict)
    made_cells: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    renewed: frozenset[str] = frozenset()
    own_passwords: frozenset[str] = frozenset()


class ShareWorld(Lookup, World, Protocol):
    """The look-up of a plan, with what rights need."""

    def carried(self, workspace: str, login: str | None, path: str) -> bool:
        """Whether this node is among what is carried (a recycle bin may not be)."""

    def access_knows(self, children: frozenset[str]) -> frozenset[str]:
        """Those of these children that the access records name for anybody."""

    def logins_by_mail(self) -> Mapping[str, str]:
        """E-mail address in small letters -> old login, where it is one person's only."""
