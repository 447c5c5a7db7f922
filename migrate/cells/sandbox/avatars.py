"""Pictures of people. `/a/frontend/binaries/USER/{login}`."""

from __future__ import annotations

import re

from migrate.cells.sandbox.answers import Answer, Failure, not_found, reply
from migrate.cells.sandbox.messages import ANYTHING
from migrate.cells.sandbox.router import Call, Route

MOST = 5 * 1024 * 1024


def put(call: Call) -> Answer:
    """`POST`: multipart, field `userfile`, an image of at most 5 MB; that user or an administrator."""
    login, state = call.params["Login"], call.state
    person = state.people.login(login)
    if person is None:
        raise not_found(f"cannot find user with login {login}")
    if call.caller is not person and not call.admin:
        raise Failure(401, "You are not allowed to edit this binary")
    boundary = re.search(r'boundary="?([^";]+)"?', call.headers.get("content-type", ""))
    if boundary is None:
        raise Failure(500, "request Content-Type isn't multipart/form-data")
    for part in call.raw.split(b"--" + boundary.group(1).encode()):
        head, _, body = part.partition(b"\r\n\r\n")
        if b'name="userfile"' not in head:
            continue
        if not re.search(rb"content-type:\s*image/", head, re.IGNORECASE):
            raise Failure(403, "Please provide an image file")
        data = body.removesuffix(b"\r\n")
        if len(data) > MOST:
            raise Failure(403, "File is too big")
        binary = state.new_uuid().replace("-", "")[:12] + ".png"
        state.binaries.pop(person.attributes.get("avatar", ""), None)
        state.binaries[binary] = data
        person.attributes["avatar"] = binary
        return reply({"binary": binary})
    raise Failure(500, "http: no such file")


def read(call: Call) -> Answer:
    """`GET`."""
    person = call.state.people.login(call.params["Login"])
    data = call.state.binaries.get(person.attributes.get("avatar", "")) if person else None
    if data is None:
        raise not_found("no picture")
    return Answer(200, data, "image/png")


ROUTES = [
    Route("POST", "/frontend/binaries/USER/{Login*}", put, ANYTHING, raw=True),
    Route("GET", "/frontend/binaries/USER/{Login*}", read),
]
