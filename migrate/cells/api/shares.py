"""Cells and public links: look up, list, make, hand over, remove; and what an anonymous browser gets at `/public/<hash>`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from migrate.cells.api.policies import Policies
from migrate.cells.conventions import segment
from migrate.cells.errors import CellsRefused, NotFound, RefusedToSend, WrongAnswer
from migrate.cells.models import LiveLink, LiveShares, PublicPage, SharedSpace
from migrate.cells.session import Session
from migrate.cells.shapes import number, objects, workspace_of
from migrate.logs import keep_out

OPEN_SUFFIX = "#$!Az1"
"""What the server appends to the hidden user's login to make the password of a link without one."""
PAGE = 500
_PARAMETERS = re.compile(r"startParameters\s*=\s*(?=\{\s*\")")


def put_link(session: Session, link: Mapping[str, Any], *, password: str = "", custom_hash: str = "", protected: bool | None = None) -> LiveLink:
    """Make a link (no `Uuid`) or replace one. `PUT /a/share/link`. The server takes anything that lacks a protection for a
    wish to have none, so a password always goes with `PasswordEnabled`, and roots and rights are always there.

    `protected`: for an update, whether the link has a password that is to stay; left out, it would be taken away."""
    path = "/a/share/link"
    if not link.get("Label") or not link.get("RootNodes") or not link.get("Permissions"):
        raise RefusedToSend(method="PUT", path=path, status=0, reason="a link without label, root or rights would open nothing or too much")
    if any(not root.get("Uuid") for root in link["RootNodes"]):
        raise RefusedToSend(method="PUT", path=path, status=0, reason="the root of a link is named by its uuid")
    body: dict[str, Any] = {"ShareLink": dict(link)}
    if password:
        keep_out(password)  # a server may repeat in an error what it was sent
        body |= {"PasswordEnabled": True, "CreatePassword": password}
        body["ShareLink"]["PasswordRequired"] = True
        if link.get("Uuid"):
            body["UpdatePassword"] = password  # a protected link keeps the one it has whatever `CreatePassword` says
    elif protected:
        body["PasswordEnabled"] = True
    if custom_hash:
        body["UpdateCustomHash"] = custom_hash
    made = link_of(session.put(path, body))
    if not made.uuid or not made.hash:
        raise WrongAnswer(method="PUT", path=path, status=200, reason="the answer names no link")
    return made


def get_link(session: Session, uuid: str) -> LiveLink | None:
    """A link by the uuid of its workspace; None when there is none. CellsRefused (500) for what a failed creation left."""
    try:
        return link_of(session.get("/a/share/link/" + segment(uuid, method="GET", what="/a/share/link/{Uuid}")))
    except NotFound:
        return None


def delete_link(session: Session, uuid: str) -> bool:
    """Remove a link with its hidden user; False when it is gone already."""
    try:
        session.delete("/a/share/link/" + segment(uuid, method="DELETE", what="/a/share/link/{Uuid}"))
    except NotFound:
        return False
    return True


def link_of(value: Mapping[str, Any]) -> LiveLink:
    """`rest.ShareLink`."""
    return LiveLink(
        uuid=str(value.get("Uuid", "")), hash=str(value.get("LinkHash", "")), label=str(value.get("Label", "")),
        user_login=str(value.get("UserLogin", "")), user_uuid=str(value.get("UserUuid", "")), protected=bool(value.get("PasswordRequired")),
        permissions=frozenset(str(p) for p in value.get("Permissions") or ()), template=str(value.get("ViewTemplateName", "")),
        roots=tuple(str(root.get("Uuid", "")) for root in objects(dict(value), "RootNodes")), access_end=number(value.get("AccessEnd")),
        max_downloads=number(value.get("MaxDownloads")), downloads=number(value.get("CurrentDownloads")), policies=_rules(value), body=dict(value))


def _rules(value: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((str(p.get("Action", "OWNER")), str(p.get("Subject", ""))) for p in objects(dict(value), "Policies") if p.get("Effect") == "allow")


def get_cell(session: Session, uuid: str) -> dict[str, Any] | None:
    """A cell as Cells tells it (`rest.Cell`); None when there is none. NoAnswer for a cell without any right."""
    try:
        answer: dict[str, Any] = session.get("/a/share/cell/" + segment(uuid, method="GET", what="/a/share/cell/{Uuid}"))
    except NotFound:
        return None
    return answer


def delete_cell(session: Session, uuid: str) -> bool:
    """Remove a cell; its files stay. A cell without rights closes the connection: remove it as a workspace then."""
    try:
        session.delete("/a/share/cell/" + segment(uuid, method="DELETE", what="/a/share/cell/{Uuid}"))
    except NotFound:
        return False
    return True


def put_policies(session: Session, uuid: str, policies: Policies) -> None:
    """Replace who owns, sees and changes a share itself. `PUT /a/share/policies`."""
    if not uuid or not any(p["Action"] == "OWNER" for p in policies) or not any(p["Subject"] == "profile:admin" for p in policies):
        raise RefusedToSend(method="PUT", path="/a/share/policies", status=0, reason="a share needs an owner, and administrators who may change it")
    session.put("/a/share/policies", {"Uuid": uuid, "Policies": policies})


def search_shares(session: Session, scope: str) -> Iterator[SharedSpace]:
    """Every share of a scope (`ROOM` or `LINK`), whoever made it, in pages. `POST /a/workspace` with policy ANY: without it an
    administrator is shown his own only."""
    if scope not in ("ROOM", "LINK"):
        raise RefusedToSend(method="POST", path="/a/workspace", status=0, reason="only cells and links are shares")
    seen: set[str] = set()
    offset = 0
    while True:
        found = objects(session.search("/a/workspace", {"Queries": [{"scope": scope}], "ResourcePolicyQuery": {"Type": "ANY"}, "Operation": "AND",
                                                        "Limit": str(PAGE), "Offset": str(offset)}), "Workspaces")
        fresh = [value for value in found if value.get("UUID") not in seen]
        for value in fresh:
            seen.add(str(value.get("UUID")))
            space = workspace_of(value)
            if space.scope == scope:
                yield SharedSpace(space.uuid, space.slug, space.label, space.description, space.roots, _rules(value))
        if len(found) < PAGE or not fresh:  # a server that ignores the offset repeats itself
            return
        offset += len(found)


def read_links(session: Session, spaces: Sequence[SharedSpace] | None = None) -> list[LiveLink]:
    """Every link that can be read; what a failed creation left (500) is passed over."""
    found = []
    for space in search_shares(session, "LINK") if spaces is None else spaces:
        try:
            link = get_link(session, space.uuid)
        except CellsRefused as error:
            if error.status != 500:
                raise
            continue
        if link is not None and link.hash:
            found.append(link)
    return found


def read_shares(session: Session) -> LiveShares:
    """All links and cells."""
    return LiveShares({link.hash: link for link in read_links(session)}, {cell.uuid: cell for cell in search_shares(session, "ROOM")})


def own_shares(session: Session) -> set[str]:
    """Uuids of links and cells that the token's user finds as the own ones, and of the nodes for which a link is listed: of several
    links on one node the server lists any one. Shares whose node is gone, or is not seen by the user, are not listed.
    `POST /a/share/resources`."""
    found: set[str] = set()
    for resource in objects(session.search("/a/share/resources", {"ShareType": "ANY", "OwnedBySubject": True}), "Resources"):
        link = resource.get("Link")
        found |= {str(cell.get("Uuid")) for cell in objects(resource, "Cells")}
        if isinstance(link, dict):
            found |= {str(link.get("Uuid")), str((resource.get("Node") or {}).get("Uuid"))}
    return found


def public_path(hash_: str) -> str:
    """The path of a link's page, percent-encoded."""
    return "/public/" + quote(hash_, safe="")


def open_page(session: Session, hash_: str) -> PublicPage:
    """What an anonymous browser gets at a link's address. Not counted as a download."""
    answer = session.page(public_path(hash_))
    if answer.status == 404:
        return PublicPage("gone")
    if answer.status != 200 or answer.content_type != "text/html":
        return PublicPage("unusable")
    parameters = _parameters(answer.text)
    if not parameters.get("START_REPOSITORY") or parameters.get("MINISITE") != hash_:
        return PublicPage("unusable")
    prelog, preset = parameters.get("PRELOG_USER"), parameters.get("PRESET_LOGIN")
    return PublicPage("password" if preset and not prelog else "open", str(parameters["START_REPOSITORY"]), str(preset or prelog or ""),
                      str(parameters.get("MAIN_ELEMENT", "")))


def _parameters(page: str) -> dict[str, Any]:
    """The JSON behind `startParameters =`; an empty object is declared before the real one."""
    for match in _PARAMETERS.finditer(page):
        try:
            value, _ = json.JSONDecoder().raw_decode(page[match.end():])
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}
