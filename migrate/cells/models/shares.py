"""Cells and links as a server tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LiveLink:
    """A link as `GET /a/share/link/{Uuid}` tells it. `permissions`: Preview, Download, Upload. 0 = no end, no limit.
    `policies`: (action, subject). `body`: the object as read, for an update."""

    uuid: str
    hash: str
    label: str
    user_login: str
    user_uuid: str
    protected: bool
    permissions: frozenset[str]
    template: str
    roots: tuple[str, ...]
    access_end: int = 0
    max_downloads: int = 0
    downloads: int = 0
    policies: frozenset[tuple[str, str]] = frozenset()
    body: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def owners(self) -> frozenset[str]:
        """Uuids of the people whose link it is."""
        return frozenset(subject for action, subject in self.policies if action == "OWNER")


@dataclass(frozen=True, slots=True)
class SharedSpace:
    """A workspace of scope ROOM or LINK with its policies (action, subject)."""

    uuid: str
    slug: str
    label: str
    description: str
    roots: Mapping[str, str]
    policies: frozenset[tuple[str, str]]

    @property
    def owners(self) -> frozenset[str]:
        """Uuids of the people whose share it is."""
        return frozenset(subject for action, subject in self.policies if action == "OWNER")

    @property
    def readers(self) -> frozenset[str]:
        """Logins named with READ, the hidden user of a link among them."""
        return frozenset(subject[5:] for action, subject in self.policies if action == "READ" and subject.startswith("user:"))


@dataclass(frozen=True, slots=True)
class PublicPage:
    """What `/public/<hash>` shows. `state`: `open`, `password`, `gone` (unknown, expired, used up) or `unusable` (no page
    of a link: the hash cannot stand in a URL). `login`: the hidden user; `uuid`: the link."""

    state: str
    uuid: str = ""
    login: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class LiveShares:
    """Every share of a server: links by hash, cells by uuid."""

    links: Mapping[str, LiveLink] = field(default_factory=dict)
    cells: Mapping[str, SharedSpace] = field(default_factory=dict)
