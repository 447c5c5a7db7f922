"""What does an anonymous visitor get at `/public/<hash>`?"""

from __future__ import annotations

import json
from typing import Any

from migrate.cells.sandbox.answers import Answer, text, web_client
from migrate.cells.sandbox.router import Call

_GONE = ('<!DOCTYPE html>\n<html xmlns:ajxp>\n\t<head>\n\t\t<title>Pydio Cells</title>\n\t</head>\n\t<body>\n\t\t<div>%s</div>\n\t</body>\n</html>\n')


def _refused(sentence: str) -> Answer:
    return text(404, _GONE % sentence, "text/html; charset=utf-8")


def page(call: Call, hash_: str, raw_path: str) -> Answer:
    """200 with the start parameters, or 404 with a sentence. A hash with a slash cannot be opened."""
    state = call.state
    document = state.hashes.get(hash_)
    if not hash_ or hash_ == "..":
        return web_client()
    if document is None or "/" in hash_:
        return _refused("Cannot find this link! Please contact the person who sent it to you.")
    if document["WorkspaceUuid"] not in state.workspaces:
        return _refused("Cannot find this link! Please contact the person who sent it to you.")
    if document["AccessEnd"] and document["AccessEnd"] < state.now():
        return _refused("This link has expired. Please contact the person who sent it to you.")
    if document["MaxDownloads"] and document["Downloads"] >= document["MaxDownloads"]:
        return _refused("This link has expired (number of maximum downloads has been reached).")
    parameters: dict[str, Any] = {"BOOTER_URL": "/frontend/bootconf", "MAIN_ELEMENT": document["Template"], "MINISITE": hash_,
                                  "START_REPOSITORY": document["WorkspaceUuid"]}
    if document["Password"]:
        parameters |= {"PRESET_LOGIN": document["UserLogin"], "PASSWORD_AUTH_ONLY": True}
    else:
        parameters["PRELOG_USER"] = document["UserLogin"]
    # The empty declaration comes first on real pages too: a reader that takes the first `startParameters = {…}` finds nothing.
    body = ("<html>\n<head><title>Pydio Cells</title>\n<script type=\"text/javascript\">\n"
            "            var pydio, startParameters = {}, MessageHash={};\n"
            f"            startParameters = {json.dumps(parameters, ensure_ascii=False)};\n</script></head>\n<body></body>\n</html>\n")
    return text(200, body, "text/html; charset=utf8")
