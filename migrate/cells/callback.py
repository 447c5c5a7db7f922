"""Waits for the browser to come back from Cells' sign-in page: one request on this machine's own address."""

from __future__ import annotations

import http.server
import socketserver
import time
from urllib.parse import urlsplit

_PAGE = b"<!doctype html><meta charset=utf-8><title>Signed in</title><p>You can close this window and go back to the terminal."


class Callback:
    """Listens on the port of a redirect address (127.0.0.1 only) until the sign-in page sends the browser there."""

    def __init__(self, redirect: str) -> None:
        """OSError when the port is taken."""
        parts = urlsplit(redirect)
        self._path = parts.path
        self._redirect = redirect
        self.answered = ""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:  # noqa: N802 - the name is the library's
                known = urlsplit(self.path).path == outer._path
                self.send_response(200 if known else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if known:
                    outer.answered = f"{outer._redirect}?{urlsplit(self.path).query}"
                    self.wfile.write(_PAGE)

            def log_message(self, *_: object) -> None:
                """The request line holds the code."""

        socketserver.TCPServer.allow_reuse_address = True
        self._server = http.server.HTTPServer(("127.0.0.1", parts.port or 80), Handler)
        self._server.timeout = 1.0

    def wait(self, seconds: float) -> str:
        """The address the browser was sent to; empty when nobody came in time."""
        end = time.monotonic() + seconds
        while not self.answered and time.monotonic() < end:
            self._server.handle_request()
        return self.answered

    def close(self) -> None:
        """Stop listening."""
        self._server.server_close()
