"""What an answer of Cells means: which error it is, or the JSON value it holds.

Error texts are only read to tell "already there" from other refusals (4.x says both with 403 and 500), never to learn
what a server can do. Version 5 has a status for each; 3.x hides the cause ("DAO error received"), so callers look up."""

from __future__ import annotations

import json
from typing import Any

from migrate.cells.errors import (
    AlreadyExists,
    CellsRefused,
    LockedInCells,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    WrongAnswer,
)
from migrate.cells.transport import Answer
from migrate.logs import redact

MAX_WAIT = 60.0
_TAKEN = ("already exists", "Duplicate entry", "duplicate key", "already in use")


def token_refused(answer: Answer) -> bool:
    """401 `Unauthorized.` with the dot: the token. Without the dot: a right (all versions)."""
    return answer.status == 401 and answer.content_type != "application/json" and answer.body.strip() == b"Unauthorized."


def starting(answer: Answer) -> bool:
    """The front proxy or the token check answered instead of a handler, so nothing was done."""
    if answer.status != 503:
        return False
    if answer.body.strip() == b"Service unavailable." or "maintenance" in answer.headers.get("location", ""):
        return True
    return "retry-after" in answer.headers or b"Server is starting" in answer.body[:2000]


def web_client(path: str, answer: Answer) -> bool:
    """The web client's page in place of an answer: no service serves that path (now)."""
    return path.startswith("/a/") and answer.status == 200 and answer.content_type == "text/html"


def retry_after(answer: Answer, default: float = 2.0) -> float:
    """Seconds of `Retry-After`, at most a minute (a date is read as the default)."""
    text = answer.headers.get("retry-after", "").strip()
    return min(float(text), MAX_WAIT) if text.isascii() and text.isdigit() else default


def reason_of(answer: Answer) -> str:
    """`Title` and what `Detail` adds, or the first words of a text; secrets masked, one line, at most 400 characters."""
    text = ""
    if answer.content_type == "application/json":
        value = _first_value(answer.text)
        if isinstance(value, dict):
            title, detail = str(value.get("Title") or ""), str(value.get("Detail") or "")
            text = title if not detail or detail in title or title in detail and title else f"{title} ({detail})"
    elif answer.content_type in ("", "text/plain"):
        text = answer.text[:300]
    elif answer.content_type == "text/html":
        text = "a web page"
    return redact(" ".join(text.split()))[:400]


def _first_value(text: str) -> Any:
    """An error may be followed by a second body (`{}` after an unknown job): only the first counts."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def wrong(method: str, path: str, answer: Answer) -> WrongAnswer:
    """The error for an answer that is none."""
    if answer.status in (301, 302, 303, 307, 308):
        reason = "redirected to " + redact(answer.headers.get("location", "nowhere"))[:200]
    else:
        reason = reason_of(answer) or ("an empty body" if not answer.body else f"content of type {answer.content_type or 'unknown'}")
    return WrongAnswer(method=method, path=path, status=answer.status, reason=reason)


def refused(method: str, path: str, answer: Answer) -> CellsRefused:
    """The error that an answer with an error status stands for."""
    reason = reason_of(answer)
    fields = {"method": method, "path": path, "status": answer.status, "reason": reason}
    status = answer.status
    if status == 401 and answer.body.strip() == b"Unauthorized":
        return NotAllowed(**fields)
    if answer.content_type != "application/json":
        return wrong(method, path, answer)
    if status == 409 or status in (403, 500) and any(text in reason for text in _TAKEN):
        return AlreadyExists(**fields)
    kinds = {401: NotAllowed, 403: NotAllowed, 404: NotFound, 422: QuotaExceeded, 423: LockedInCells}
    return kinds.get(status, CellsRefused)(**fields)


def check(method: str, path: str, answer: Answer) -> None:
    """Raise what a status other than 200 stands for."""
    if answer.status >= 400:
        raise refused(method, path, answer)
    if answer.status != 200:
        raise wrong(method, path, answer)


def json_of(method: str, path: str, answer: Answer) -> Any:
    """The one JSON object of a 200. WrongAnswer for another type, no body, broken or glued bodies, or a bare value."""
    check(method, path, answer)
    if answer.content_type != "application/json":
        raise wrong(method, path, answer)
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        kind = "several JSON bodies one after the other" if "Extra data" in str(error) else "JSON that cannot be read"
        raise WrongAnswer(method=method, path=path, status=answer.status, reason=kind) from None
    if not isinstance(value, dict):
        raise WrongAnswer(method=method, path=path, status=answer.status, reason="JSON that is not an object")
    return value
