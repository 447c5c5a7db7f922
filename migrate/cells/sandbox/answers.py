"""What an answer of the server looks like: JSON without zero values, the error shapes, and answers that never come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HTML_PAGE = (
    '<!DOCTYPE html>\n<html xmlns:ajxp>\n\t<head>\n\t\t<title>Pydio Cells</title>\n\n\t\t<base href="/"/>\n'
    '\t\t<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\n\t</head>\n\t<body></body>\n</html>\n'
)


@dataclass(slots=True)
class Answer:
    """One HTTP answer. `body` is sent as it is; `file` (with `start`, `length`) is streamed from disk instead."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    start: int = 0
    length: int = 0


class Failure(Exception):
    """A handler refuses. `detail` defaults to `title`, as most handlers of 4.1 do."""

    def __init__(self, status: int, title: str, detail: str | None = None) -> None:
        self.status = status
        self.title = title
        self.detail = title if detail is None else detail
        super().__init__(title)

    def answer(self) -> Answer:
        """The JSON error body `{"Title", "Detail"}`."""
        return reply({"Title": self.title, "Detail": self.detail}, self.status)


class Panic(Exception):
    """The real handler panics here: the connection is closed without an answer."""


class Plain(Exception):
    """An answer that is not made by a handler (text 401, 404, 405, …)."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(str(answer.status))


def not_found(title: str) -> Failure:
    """404, `Detail` prefixed as by the server's error writer."""
    return Failure(404, title, "Not Found: " + title)


def forbidden(title: str) -> Failure:
    """403, prefixed."""
    return Failure(403, title, "Forbidden: " + title)


def bad_request(title: str) -> Failure:
    """500: 4.1 has no 400."""
    return Failure(500, title, "Bad Request: " + title)


def rpc_error(text: str) -> Failure:
    """500 with the text of an internal service, as SQL errors come out."""
    return Failure(500, "rpc error: code = Unknown desc = " + text)


def reply(value: object, status: int = 200) -> Answer:
    """A JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Answer(status, body, "application/json")


def text(status: int, body: str, content_type: str | None = None, headers: dict[str, str] | None = None) -> Answer:
    """A text answer, by default without `Content-Type` as the router of the server sends them."""
    return Answer(status, body.encode("utf-8"), content_type, headers or {})


def web_client() -> Answer:
    """What every path that no service serves gets: 200 and the web client."""
    return Answer(200, HTML_PAGE.encode("utf-8"), "text/html; charset=utf-8")


def unauthorised(token_problem: bool) -> Answer:
    """401: with the dot the token is bad, without it the rights are missing."""
    return text(401, "Unauthorized.\n" if token_problem else "Unauthorized\n")


def compact(values: Mapping[str, object]) -> dict[str, object]:
    """Without fields that hold their zero value, as protojson writes them (one level; nested messages compact themselves)."""
    return {name: value for name, value in values.items() if value is not None and value != "" and value is not False
            and value != 0 and value != [] and value != {}}


def json_text(value: object) -> str:
    """A JSON text as Go writes it (`<`, `>`, `&` escaped), used inside node metadata."""
    out = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return out.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
