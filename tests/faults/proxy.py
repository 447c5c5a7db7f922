"""A bad line: a TCP proxy between the tool and a server that cuts, delays, swallows and repeats, by a programme that can be repeated.

As a program: `python tests/faults/proxy.py http://127.0.0.1:8080 --port 8099 --rate 0.03 --seed 1`."""

from __future__ import annotations

import argparse
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

CUT, LOST, SLOW, HALF, AGAIN = "cut", "lost", "slow", "half", "again"
"""cut: the connection is reset before the request is passed on; lost: passed on, answer thrown away; slow: some seconds late;
half: the answer ends in its middle; again: the request is sent twice, and the first answer is thrown away."""
BEFORE, AFTER = "before", "after"


class Proxy:
    """Listens on a port of its own. `rate`: how many of the requests meet one of the `effects`."""

    def __init__(self, url: str, *, rate: float = 0.03, seed: int = 0, effects: tuple[str, ...] = (CUT, LOST, SLOW, HALF, AGAIN), port: int = 0) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._dice, self._guard = random.Random(seed), threading.Lock()  # noqa: S311 - repeatable on purpose
        self.rate, self._effects = rate, effects
        self.done: Counter[str] = Counter()
        self.asked, self.when = 0, BEFORE
        self.at: int | tuple[str, int] = 0
        """The request that is struck: its number, or its line without ids (`plain`) and the how manyth of these it is."""
        self.lines: list[str] = []
        """What was asked for, in order."""
        self.strike: Callable[[], None] | None = None
        """Called before the request `at` is passed on, or when its answer has come and is not passed on yet. With `when` LOST the answer
        is thrown away instead."""
        self._listener = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def calm(self) -> None:
        """From now on nothing happens, and requests are counted anew."""
        with self._guard:
            self.asked, self.at, self.lines, self.strike, self.rate = 0, 0, [], None, 0
            self.done.clear()

    def _choose(self, line: str) -> str:
        with self._guard:
            self.asked += 1
            self.lines.append(line)
            hit = self.at in (self.asked, (line, self.lines.count(line)))
        if hit and self.when == LOST:
            with self._guard:
                self.done[LOST] += 1
            return LOST
        if hit and self.when == BEFORE and self.strike is not None:
            self.strike()
        with self._guard:
            if hit and self.when == AFTER:
                self.done["struck"] += 1
                return "strike"
            effect = self._dice.choice(self._effects) if self._dice.random() < self.rate else ""
            self.done[effect or "passed"] += 1
            return effect

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection. What the client sends after an answer is a new request and meets its own fate."""
        try:
            with client, socket.create_connection(self._server) as server:
                fate = {"effect": "", "asked": True, "sent": 0}
                back = threading.Thread(target=self._back, args=(client, server, fate), daemon=True)
                back.start()
                while data := client.recv(65536):
                    if fate["asked"]:
                        fate.update(effect=self._choose(plain(data)), asked=False, sent=0)
                        if fate["effect"] == CUT:
                            return _reset(client)
                        if fate["effect"] == SLOW:
                            time.sleep(2.0)
                        if fate["effect"] == AGAIN and _whole(data):
                            self._aside(data)
                    server.sendall(data)
        except OSError:
            return

    def _aside(self, data: bytes) -> None:
        """Send a request over a connection of its own; its answer is of no interest."""
        with socket.create_connection(self._server, timeout=30) as other:
            other.sendall(data)
            other.recv(65536)

    def _back(self, client: socket.socket, server: socket.socket, fate: dict[str, object]) -> None:
        try:
            while data := server.recv(65536):
                if fate["effect"] == LOST:
                    return _reset(client)
                if fate["effect"] == "strike":
                    fate["effect"] = ""
                    if self.strike is not None:
                        self.strike()
                if fate["effect"] == HALF:
                    client.sendall(data[: len(data) // 2])
                    return _reset(client)
                fate["asked"] = True
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            return


def plain(data: bytes) -> str:
    """METHOD and path of a request, without what the server chooses: ids, and what comes after a question mark."""
    line = data.split(b"\r\n", 1)[0].decode("utf-8", "replace").rsplit(" ", 1)[0].partition("?")[0]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", line)


def _whole(data: bytes) -> bool:
    """Whether these bytes are all of one request."""
    head, end, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return bool(end) and length == len(body) and b"transfer-encoding" not in head.lower()


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.shutdown(socket.SHUT_RD)
    client.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--rate", type=float, default=0.03)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    proxy = Proxy(given.url, rate=given.rate, seed=given.seed, port=given.port)
    print(proxy.url, flush=True)
    while True:
        time.sleep(60)
        print(dict(proxy.done), flush=True)
