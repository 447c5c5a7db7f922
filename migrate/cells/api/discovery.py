"""Which server this is, what it offers, who we are to it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrate.cells.errors import WrongAnswer
from migrate.cells.session import Session


@dataclass(frozen=True, slots=True)
class SeenWorkspace:
    """A workspace as its user sees it. `acl`: r, w, rw or empty; `kind`: workspace, cell, link."""

    uuid: str
    slug: str
    acl: str
    kind: str


@dataclass(frozen=True, slots=True)
class State:
    """Who the token belongs to (empty: nobody) and the workspaces listed for him. Listed is not accessible."""

    login: str
    workspaces: tuple[SeenWorkspace, ...]


def discover(session: Session, *, anonymous: bool = False) -> Mapping[str, Any]:
    """`GET /a/config/discovery`: `PackageType`, `Version` (with a valid token only), `Endpoints`."""
    return session.get("/a/config/discovery", anonymous=anonymous)


def openapi(session: Session) -> Mapping[str, Any]:
    """`GET /a/config/discovery/openapi`: the interface of this very server (about 280 KB)."""
    return session.get("/a/config/discovery/openapi")


def state(session: Session) -> State:
    """Registry of the token's user. `GET /a/frontend/state`, the only XML. A bad token gives a registry without user."""
    text = session.xml("/a/frontend/state")
    if "<!DOCTYPE" in text[:2000] or "<!ENTITY" in text:
        raise WrongAnswer(method="GET", path="/a/frontend/state", status=200, reason="XML with declarations of its own")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise WrongAnswer(method="GET", path="/a/frontend/state", status=200, reason="XML that cannot be read") from None
    user = root.find(".//user[@id]")
    if user is None:
        return State("", ())
    seen = tuple(SeenWorkspace(repo.get("id", ""), repo.get("repositorySlug", ""), repo.get("acl", ""), repo.get("repository_type", ""))
                 for repo in user.iter("repo"))
    return State(user.get("id", ""), seen)


def accesses(session: Session) -> dict[str, str]:
    """Workspace uuid -> `r`, `w`, `rw` as listed for the token's user. `GET /a/graph/state/{any}`, lighter than `state`."""
    found = session.get("/a/graph/state/user").get("WorkspacesAccesses")
    rights = found if isinstance(found, dict) else {}
    return {str(uuid): ("r" if "read" in str(text) else "") + ("w" if "write" in str(text) else "") for uuid, text in rights.items()}


def sign_out(session: Session) -> None:
    """End the session behind the token. `POST /a/frontend/session` with type logout: kills session tokens, not personal ones."""
    session.search("/a/frontend/session", {"AuthInfo": {"type": "logout"}})
