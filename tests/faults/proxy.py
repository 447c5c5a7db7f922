"""A bad line: a TCP proxy between the tool and a server that cuts, delays and swallows, by a programme that can be repeated.

As a program: `python tests/faults/proxy.py http://127.0.0.1:8080 --port 8099 --rate 0.03 --seed 1`."""

from __future__ import annotations

import argparse
import random
import socket
import struct
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

CUT, LOST, SLOW, HALF = "cut", "lost", "slow", "half"
"""cut: the connection is reset before the request is passed on; lost: passed on, answer thrown away; slow: some seconds late;
half: the answer ends in its middle."""


class Proxy:
    """Listens on a port of its own. `rate`: how many of the requests meet one of the `effects`."""

    def __init__(self, url: str, *, rate: float = 0.03, seed: int = 0, effects: tuple[str, ...] = (CUT, LOST, SLOW, HALF), port: int = 0) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._dice, self._guard = random.Random(seed), threading.Lock()  # noqa: S311 - repeatable on purpose
        self.rate, self._effects = rate, effects
        self.done: Counter[str] = Counter()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _choose(self) -> str:
        with self._guard:
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
                        fate.update(effect=self._choose(), asked=False, sent=0)
                        if fate["effect"] == CUT:
                            return _reset(client)
                        if fate["effect"] == SLOW:
                            time.sleep(2.0)
                    server.sendall(data)
        except OSError:
            return

    def _back(self, client: socket.socket, server: socket.socket, fate: dict[str, object]) -> None:
        try:
            while data := server.recv(65536):
                if fate["effect"] == LOST:
                    return _reset(client)
                if fate["effect"] == HALF:
                    client.sendall(data[: len(data) // 2])
                    return _reset(client)
                fate["asked"] = True
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            return


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
