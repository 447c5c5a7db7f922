"""The webDAV fallback at `/dav/<slug>/…`: Basic authentication with a password or a personal access token."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from email.utils import formatdate
from html import escape
from urllib.parse import quote

from migrate.cells.sandbox import content, passwords, tree
from migrate.cells.sandbox.access import compile_access, locate, rights
from migrate.cells.sandbox.answers import Answer, text
from migrate.cells.sandbox.nodes import Node
from migrate.cells.sandbox.router import Call
from migrate.cells.sandbox.session import locks, verify
from migrate.cells.sandbox.state import Person


def person_of(call: Call) -> Person | Answer:
    """Who asks; else the refusal."""
    header = call.headers.get("authorization", "")
    if not header.startswith("Basic "):
        refused = text(401, "Unauthorized.\n")
        refused.headers["WWW-Authenticate"] = 'Basic realm="Cells DAV"'
        return refused
    try:
        login, _, secret = base64.b64decode(header[6:]).decode("utf-8", "replace").partition(":")
    except binascii.Error:
        return _refused()
    person = call.state.people.login(login)
    if person is None or "logout" in locks(person):
        return _refused()
    known = verify(call.state, secret)
    if (known is not None and known[1] is person) or passwords.verify(person.password, secret):
        return person
    return _refused()


def _refused() -> Answer:
    """Wrong credentials: 404 with the error of a service."""
    return text(404, '{"Id":"empty.token","Code":401,"Detail":"could not validate password credentials","Status":"Unauthorized"}')


def handle(call: Call, path: str, stored: content.Stored | None) -> Answer:
    """PUT, GET, HEAD, PROPFIND, PROPPATCH, MKCOL, DELETE."""
    person = person_of(call)
    if isinstance(person, Answer):
        return person
    state = call.state
    access = compile_access(state, person)
    if not path.strip("/") and call.method == "PROPFIND":
        return Answer(207, _multistatus("", state.sources["pydiods1"].root).encode(), "text/xml; charset=utf-8")
    place = locate(state, access, path)
    if place is None or place.start is None:
        return text(404, "Not Found")
    node = place.node
    if call.method == "PUT":
        parent = place.start.find(place.rest.rpartition("/")[0])
        name = place.rest.rpartition("/")[2]
        if stored is None or parent is None or not name or name.startswith(".") or "write" not in rights(access, place, parent):
            return text(404 if parent is None else 403, "Forbidden")
        quota = access.quotas.get((place.workspace.uuid, place.virtual or place.start.uuid), "")
        if quota.isdigit() and place.start.total + stored.size > int(quota):
            return text(405, "Method Not Allowed")
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        mime += "; charset=utf-8" if mime.startswith("text/") else ""
        tree.put_content(state, place.start, place.rest, stored, mime, multipart=False).mode = 0o777
        return text(201, "Created")
    if call.method == "MKCOL" and node is None:
        tree.require_write(access, place)
        tree.create_folder(state, place, 0)
        return text(201, "Created")
    if node is None or "read" not in rights(access, place, node):
        return text(404, "Not Found")
    if call.method in ("GET", "HEAD") and not node.is_folder:
        return Answer(200, b"", "application/octet-stream", {"Last-Modified": formatdate(node.mtime, usegmt=True)}, file=node.content,
                      length=node.size)
    if call.method in ("PROPFIND", "PROPPATCH"):
        return Answer(207, _multistatus(path, node).encode(), "text/xml; charset=utf-8")
    if call.method == "DELETE" and "write" in rights(access, place, node):
        tree.drop_node(state, node)
        return Answer(204)
    return text(405, "Method Not Allowed")


def _multistatus(path: str, node: Node) -> str:
    kind = "<D:collection/>" if node.is_folder else ""
    return ('<?xml version="1.0" encoding="UTF-8"?><D:multistatus xmlns:D="DAV:"><D:response>'
            f"<D:href>/dav/{quote(path)}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>"
            f"<D:displayname>{escape(node.name)}</D:displayname><D:getcontentlength>{node.total}</D:getcontentlength>"
            f"<D:getlastmodified>{formatdate(node.mtime, usegmt=True)}</D:getlastmodified></D:prop>"
            "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>")
