"""A server that gives exactly the answers a test writes down, one after the other, and notes what it was sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Stub:
    """`script`: raw answers (bytes), or functions that get the socket. After the last one it is repeated."""

    script: list[bytes | Callable[[socket.socket], None]]
    requests: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Stub:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stop = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while not self._stop:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            raw = b""
            while b"\r\n\r\n" not in raw:
                piece = connection.recv(65536)
                if not piece:
                    return
                raw += piece
                if raw.startswith(b"\x16"):  # a TLS greeting: this server speaks plain HTTP
                    connection.sendall(answer(400, "bad request", kind="text/plain"))
                    return
            head, _, body = raw.partition(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            while len(body) < length:
                body += connection.recv(65536)
            self.requests.append(head + b"\r\n\r\n" + body)
            given = self.script[min(len(self.requests), len(self.script)) - 1]
            if callable(given):
                given(connection)
            else:
                connection.sendall(given)

    def heads(self) -> list[str]:
        """The request lines, in order."""
        return [raw.split(b"\r\n")[0].decode().rpartition(" ")[0] for raw in self.requests]


def answer(status: int = 200, body: bytes | str = b"{}", kind: str | None = "application/json", **headers: str) -> bytes:
    """A whole HTTP answer; `kind` None for none."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Connection: close"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def hang_up(connection: socket.socket) -> None:
    """A handler that panics: the connection ends without an answer."""
    connection.shutdown(socket.SHUT_RDWR)


def endless(connection: socket.socket) -> None:
    """An answer that never ends."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    try:
        while True:
            connection.sendall(b" " * 65536)
    except OSError:
        return


def silent(connection: socket.socket) -> None:
    """Takes the request and says nothing for a while."""
    time.sleep(2)
