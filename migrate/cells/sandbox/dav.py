"""The webDAV fallback at `/dav/<slug>/…`: Basic authentication with a password or a personal access token.

As a 4.1 answered: a PUT of an empty body is 201 and stores nothing (405 when chunked); new names with a dot in front are 404, but can be
given by MOVE unless they begin with `._`; a PUT on a folder is 201 and spoils the folder; a PUT below a file is 201; files are cut into
parts of 5 MiB and more by no rule that a client could know."""

from __future__ import annotations

import base64
import binascii
import hashlib
import mimetypes
from email.utils import formatdate
from html import escape
from urllib.parse import quote, unquote, urlsplit

from migrate.cells.sandbox import content, passwords, tree
from migrate.cells.sandbox.access import Access, Place, compile_access, listed, locate, rights
from migrate.cells.sandbox.answers import Answer, text
from migrate.cells.sandbox.nodes import FILE, Node, add_node, drop_node, move_node, nfc
from migrate.cells.sandbox.router import Call
from migrate.cells.sandbox.session import locks, verify
from migrate.cells.sandbox.state import Person

LEAST_PART = 5 << 20
PART = LEAST_PART + 700_001
"""Sizes of parts: a real server makes them of what it happens to read from the network."""
TEMPORARY = "temporary"


def person_of(call: Call) -> Person | Answer:
    """Who asks; else the refusal."""
    header = call.headers.get("authorization", "")
    if not header.startswith("Basic "):
        answer = text(401, "Unauthorized.\n")
        answer.headers["WWW-Authenticate"] = 'Basic realm="Cells DAV"'
        return answer
    try:
        login, _, secret = base64.b64decode(header[6:]).decode("utf-8", "replace").partition(":")
    except binascii.Error:
        return refused()
    person = call.state.people.login(login)
    if person is None or "logout" in locks(person):
        return refused()
    known = verify(call.state, secret)
    if (known is not None and known[1] is person) or passwords.verify(person.password, secret):
        return person
    return refused()


def refused() -> Answer:
    """Wrong credentials: 404 with the error of a service."""
    return text(404, '{"Id":"empty.token","Code":401,"Detail":"could not validate password credentials","Status":"Unauthorized"}\n')


def handle(call: Call, path: str, stored: content.Stored | None) -> Answer:
    """PUT, GET, HEAD, PROPFIND, PROPPATCH, MKCOL, MOVE, DELETE."""
    person = person_of(call)
    if isinstance(person, Answer):
        return person
    path = nfc(path)
    access = compile_access(call.state, person)
    if not path.strip("/"):
        return _workspaces(call, access) if call.method == "PROPFIND" else text(405, "Method Not Allowed")
    place = locate(call.state, access, path)
    if place is None or place.start is None or _name(place).startswith("._"):
        return text(404, "Not Found")
    if call.method == "PUT":
        return _put(call, access, place, stored)
    if call.method == "MOVE":
        return _move(call, access, place)
    if call.method == "MKCOL":
        return _folder(call, access, place)
    node = place.node
    if node is None or "read" not in rights(access, place, node):
        return text(404, "Not Found")
    if call.method in ("GET", "HEAD") and not node.is_folder:
        return _bytes(call, node)
    if call.method == "PROPFIND" and node.is_folder and call.headers.get("depth") != "0":
        return _listing([(f"{path.strip('/')}/", node), *((f"{path.strip('/')}/{c.name}", c) for c in node.children.values() if not c.name.startswith("."))])
    if call.method in ("PROPFIND", "PROPPATCH"):
        return _listing([(path, node)])
    if call.method == "DELETE" and "write" in rights(access, place, node):
        drop_node(call.state, node)
        return Answer(204)
    return text(405, "Method Not Allowed")


def _name(place: Place) -> str:
    return place.rest.rstrip("/").rpartition("/")[2]


def _workspaces(call: Call, access: Access) -> Answer:
    root = call.state.sources["pydiods1"].root
    below = [(w.slug + "/", root) for w, _ in listed(call.state, access) if w.slug not in ("homepage", "settings")] \
        if call.headers.get("depth") != "0" else []
    return _listing([("", root), *below])


def _put(call: Call, access: Access, place: Place, stored: content.Stored | None) -> Answer:
    state, name, node, start = call.state, _name(place), place.node, place.start
    assert start is not None
    parent = start.find(place.rest.rpartition("/")[0])
    new = node is None
    if stored is None or parent is None or not name or name.startswith(".") and new or "write" not in rights(access, place, parent):
        return text(404, "Not Found")
    quota = access.quotas.get((place.workspace.uuid, place.virtual or start.uuid), "")
    if quota.isdigit() and start.total + stored.size > int(quota):
        return text(405, "Method Not Allowed")
    if not stored.size:
        if call.headers.get("transfer-encoding", "").lower() == "chunked":
            return text(405, "Method Not Allowed")
        if new:
            add_node(state, parent, name, FILE, etag=TEMPORARY, mode=0o777)
        return text(201, "Created")
    if node is not None and node.is_folder:
        node.etag, node.content_hash = _of_parts(stored)
        return text(201, "Created")
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    mime += "; charset=utf-8" if mime.startswith("text/") else ""
    etag, cut = _of_parts(stored)
    tree.put_content(state, start, place.rest, stored, mime, multipart=True, etag=etag, cells_hash=cut).mode = 0o777
    return text(201, "Created")


def _of_parts(stored: content.Stored) -> tuple[str, str]:
    """`Etag` of a flat source and `x-cells-hash`, both over the parts that came about."""
    total, number, part = hashlib.md5(), 0, hashlib.md5()
    size = left = PART if stored.size > LEAST_PART else stored.size
    for data in content.read_chunks(stored.path):
        while data:
            piece, data = data[:left], data[left:]
            part.update(piece)
            left -= len(piece)
            if not left:
                total.update(part.digest())
                number, part, left = number + 1, hashlib.md5(), size
    if left != size:
        total.update(part.digest())
        number += 1
    return f"{total.hexdigest()}-{number}", total.hexdigest()


def _move(call: Call, access: Access, place: Place) -> Answer:
    """To another name, in the same workspace or another."""
    node = place.node
    target = nfc(unquote(urlsplit(call.headers.get("destination", "")).path))
    if node is None or "read" not in rights(access, place, node):
        return text(404, "Not Found")
    to = locate(call.state, access, target[len("/dav/"):]) if target.startswith("/dav/") else None
    if to is None or to.start is None:
        return text(409, "Conflict")
    name, parent = _name(to), to.start.find(to.rest.rpartition("/")[0])
    if name.startswith("._") or parent is None or "write" not in rights(access, to, parent) or "write" not in rights(access, place, node):
        return text(403, "Forbidden")
    there = to.node
    if there is not None:
        if call.headers.get("overwrite", "T") == "F":
            return text(412, "Precondition Failed")
        drop_node(call.state, there)
    move_node(node, parent, name)
    call.state.changed()
    return Answer(204) if there is not None else text(201, "Created")


def _folder(call: Call, access: Access, place: Place) -> Answer:
    if place.node is not None or _name(place).startswith("."):
        return text(405, "Method Not Allowed")
    assert place.start is not None
    parent = place.start.find(place.rest.rstrip("/").rpartition("/")[0])
    if parent is None:
        return text(409, "Conflict")
    if "write" not in rights(access, place, parent):
        return text(405, "Method Not Allowed")
    tree.create_folder(call.state, place, 0)
    return text(201, "Created")


def _bytes(call: Call, node: Node) -> Answer:
    headers = {"Last-Modified": formatdate(node.mtime, usegmt=True), "ETag": f'"{node.mtime:x}{node.size:x}"'}
    if node.content is None:
        return Answer(200, b"", node.mime or "application/octet-stream", headers)
    return Answer(200, b"", node.mime or "application/octet-stream", headers, file=node.content, length=node.size)


def _listing(entries: list[tuple[str, Node]]) -> Answer:
    body = "".join(_entry(path, node) for path, node in entries)
    return Answer(207, f'<?xml version="1.0" encoding="UTF-8"?><D:multistatus xmlns:D="DAV:">{body}</D:multistatus>'.encode(),
                  "text/xml; charset=utf-8")


def _entry(path: str, node: Node) -> str:
    kind = '<D:collection xmlns:D="DAV:"/>' if node.is_folder else ""
    size = "" if node.is_folder else f"<D:getcontentlength>{node.total}</D:getcontentlength>"
    name = path.strip("/").rpartition("/")[2]
    return (f"<D:response><D:href>/dav/{quote(path)}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>"
            f"<D:displayname>{escape(name)}</D:displayname>{size}"
            f"<D:getlastmodified>{formatdate(node.mtime, usegmt=True)}</D:getlastmodified></D:prop>"
            "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>")
