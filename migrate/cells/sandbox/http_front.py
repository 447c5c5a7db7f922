"""How does the stand-in speak HTTP: connections, bodies, broken answers on demand, headers like the front server of a real Cells?"""

from __future__ import annotations

import gzip
import json
import socket
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from migrate.cells.sandbox import content
from migrate.cells.sandbox.answers import Answer, Panic
from migrate.cells.sandbox.faults import CUT, LOST, RESET
from migrate.cells.sandbox.s3_bodies import unchunk

if TYPE_CHECKING:
    from migrate.cells.sandbox.server import Sandbox


class Http(ThreadingHTTPServer):
    """Listens for a sandbox, a thread for each connection."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, asks the sandbox, sends its answers, or breaks them as the programme of faults says."""

    protocol_version = "HTTP/1.1"
    server_version = "Caddy"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Http

    def log_message(self, *_: object) -> None:
        """Requests are not printed."""

    def handle_one_request(self) -> None:
        """As in the base class, for every method."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if not self.parse_request():
                return
            self.serve()
            self.wfile.flush()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def serve(self) -> None:
        sandbox = self.server.sandbox
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = unquote(urlsplit(self.path).path)
        number = sandbox.count(self.command, path)
        if headers.get("expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        fault = sandbox.faults.choose(number, self.command, path)
        if fault is not None and fault.effect == RESET:
            self.reset()
            return
        raw, stored = self.body(sandbox, headers, path)
        if sandbox.latency_ms:
            time.sleep(sandbox.latency_ms / 1000)
        if fault is not None and isinstance(fault.effect, int):
            extra = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
            body = fault.body or json.dumps({"Title": f"fault {fault.effect}", "Detail": f"fault {fault.effect}"})
            self.respond(Answer(fault.effect, body.encode(), "application/json", extra), headers)
            return
        try:
            answer = sandbox.answer(self.command, self.path, headers, raw, stored, fault)
        except Panic:
            self.hang_up()
            return
        if sandbox.keep_log:
            sandbox.log.append((self.command, self.path, answer.status))
        if fault is not None and fault.effect == LOST:
            self.hang_up()
            return
        self.respond(answer, headers, cut=fault is not None and fault.effect == CUT)

    def body(self, sandbox: Sandbox, headers: dict[str, str], path: str) -> tuple[bytes, content.Stored | None]:
        """The request body: in memory for calls, on disk for uploads."""
        chunks = self.chunks(headers)
        if path.startswith(("/io/", "/data/", "/dav/")) and self.command in ("PUT", "POST"):
            if "aws-chunked" in headers.get("content-encoding", "") or headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
                chunks = unchunk(chunks)
            stored = content.store(sandbox.state.content, chunks)
            for _ in self.chunks({}):
                pass
            return b"", stored
        raw = b"".join(chunks)
        encoding = headers.get("content-encoding", "")
        if encoding == "gzip":
            raw = gzip.decompress(raw)
        elif encoding == "deflate":
            raw = zlib.decompress(raw)
        return raw, None

    def chunks(self, headers: dict[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                size = int(self.rfile.readline().split(b";")[0].strip() or b"0", 16)
                if size == 0:
                    while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                        pass
                    return
                left = size
                while left:
                    data = self.rfile.read(min(left, content.CHUNK))
                    if not data:
                        raise ConnectionError("body broke off")
                    left -= len(data)
                    yield data
                self.rfile.readline()
        left = int(headers.get("content-length") or 0)
        while left > 0:
            data = self.rfile.read(min(left, content.CHUNK))
            if not data:
                raise ConnectionError("body broke off")
            left -= len(data)
            yield data

    def respond(self, answer: Answer, headers: dict[str, str], cut: bool = False) -> None:
        body = answer.body
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        if answer.content_type:
            self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.file is None and len(body) > 1500 and "gzip" in headers.get("accept-encoding", ""):
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        length = answer.length if answer.file is not None else len(body)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        if cut:
            self.wfile.write(body[:len(body) // 2])
            if answer.file is not None:
                for chunk in content.read_chunks(answer.file, answer.start, length // 2):
                    self.wfile.write(chunk)
            self.wfile.flush()
            self.hang_up()
            return
        if answer.file is not None:
            for chunk in content.read_chunks(answer.file, answer.start, length):
                self.wfile.write(chunk)
        else:
            self.wfile.write(body)

    def hang_up(self) -> None:
        """Close without (the rest of) an answer."""
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass   # the client was faster

    def reset(self) -> None:
        """Close with a reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
