"""A target that means harm: whatever it answers, the run ends in time with an error that has a code, keeps its token, and writes nothing odd."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import night
import pytest
from calm import Calm

from migrate.cells.transport import Answer, TooMuch, Transport
from migrate.cells.verdicts import retry_after

WRONG: tuple[Any, ...] = (None, -1, 1e999, 10**40, "", "x" * 5000, "²", True, [], [[]], {}, {"a": {}}, ["", None, 7], "\x00\ud800", "../../etc", "[" * 3000,
                          "{" * 900, "=1+1", "<script>")
"""What may stand where the server should have put something else."""


class Lying(night.Disturbed):
    """Changes one value in the answer to one request."""

    def __init__(self, seed: int, at: int) -> None:
        super().__init__()
        self._dice, self._at, self._asked = random.Random(seed), at, 0  # noqa: S311 - repeatable on purpose
        self.lie = ""

    def answer(self, method: str, target: str, *rest: Any, **more: Any) -> Any:
        given = super().answer(method, target, *rest, **more)
        if not self.armed or given.content_type != "application/json":
            return given
        with self._count_lock:
            self._asked += 1
            if self._asked != self._at:
                return given
        try:
            value = json.loads(given.body)
        except ValueError:
            return given
        places = list(_places(value))
        if not places:
            return given
        holder, key = self._dice.choice(places)
        lie = self._dice.choice(WRONG)
        self.lie = f"{method} {target}: {key!r} became {str(lie)[:40]!r}"
        holder[key] = lie
        return dataclasses.replace(given, body=json.dumps(value).encode())


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


@pytest.mark.parametrize("seed", range(400 if night.EVERY else 12))
def test_a_wrong_value_anywhere_is_no_defect(calm: Calm, tmp_path: Path, seed: int) -> None:
    with Lying(seed, 1 + (seed * 37 + seed // 7) % calm.requests) as server:
        os.environ["CELLS_TOKEN"] = server.token
        server.armed = True
        ran = night.migrate(calm.old, server.url, tmp_path / "w", "--no-input")
        assert "Traceback" not in ran.err and "E0000" not in ran.err, (server.lie, ran.err[-1500:])
        for path in (tmp_path / "w").rglob("*"):
            assert path.resolve().is_relative_to((tmp_path / "w").resolve())


@contextmanager
def raw_server(speak: Callable[[socket.socket, bytes], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server of bytes: `speak(connection, request)` for every request; gives its address and the requests it got."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                while True:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        piece = connection.recv(65536)
                        if not piece:
                            return
                        data += piece
                    heard.append(data)
                    speak(connection, data)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    finally:
        listener.close()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


NASTY = {
    "nested": answer(b'{"a":' * 200_000 + b"1" + b"}" * 200_000),
    "nested lists": answer(b'{"PackageLabel": ' + b"[" * 500_000 + b"]" * 500_000 + b"}"),
    "nested error": answer(b"[" * 500_000, status="500 Internal Server Error"),
    "a list": answer(b"[1, 2, 3]"),
    "a number": answer(b"7"),
    "broken": answer(b'{"a": '),
    "not a number": answer(b'{"a": NaN, "b": Infinity}'),
    "bad utf-8": answer(b'{"a": "\xff\xfe"}'),
    "digits": answer(b'{"Version": ' + b"9" * 100_000 + b"}"),
    "two bodies": answer(b'{"a": 1}{"b": 2}'),
    "cookies": answer(b"{}", *[f"Set-Cookie: session{n}=x; Domain=example.org; Path=/" for n in range(80)]),
    "many headers": answer(b"{}", *[f"X-{n}: x" for n in range(5000)]),
    "long header": answer(b"{}", "X-Long: " + "x" * 2_000_000),
    "no status": b"\x00\x01\x02 hello\r\n\r\n",
    "wrong length": answer(b"{}", "Content-Length: 10"),
    "zip": answer(gzip.compress(b'{"a": "' + b"x" * 50_000_000 + b'"}'), "Content-Encoding: gzip"),
    "not zipped": answer(b"hello", "Content-Encoding: gzip"),
    "to a file": answer(b"", "Location: file:///etc/passwd", status="302 Found"),
    "to another scheme": answer(b"", "Location: ftp://127.0.0.1/", status="307 Temporary Redirect"),
}


@pytest.mark.parametrize("what", NASTY)
def test_an_answer_that_is_meant_to_hurt_ends_the_run_with_a_code(calm: Calm, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.cells.session.FIRST_PATIENCE", 0.2)
    monkeypatch.setenv("CELLS_TOKEN", "Hostile-token-0123456789")
    with raw_server(lambda connection, _: connection.sendall(NASTY[what])) as (url, _):
        ran = night.command("plan", "--legacy", calm.old, "--cells", url, "--work", tmp_path / "w", "--no-input", "--quiet")
    assert ran.status in (6, 7, 1, 2), (ran.status, ran.err)
    assert "Traceback" not in ran.err and "E0000" not in ran.err and "What to do: " in ran.err, ran.err
    assert "Hostile-token" not in ran.err and len(ran.err) < 3000


@pytest.mark.parametrize("text", ["\u00b2", "-1", "1e9", "", "nan", "Wed, 21 Oct 2099 07:28:00 GMT", "9" * 400])
def test_a_wait_that_the_server_asks_for_is_short_whatever_it_says(text: str) -> None:
    assert 0 <= retry_after(Answer(429, "", {"retry-after": text}, b"")) <= 60


def transport(url: str, seconds: float, most: int = 1 << 20) -> Transport:
    return Transport(url, ca_bundle=None, insecure=False, connections=1, timeout=(2.0, 5.0), max_answer=most, max_seconds=seconds)


def drip(first: bytes, more: bytes) -> Callable[[socket.socket, bytes], None]:
    def speak(connection: socket.socket, _: bytes) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(more)
            time.sleep(0.05)
    return speak


@pytest.mark.parametrize(("first", "more"), [
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n", b" "),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    (b"", b"H"),
], ids=["body", "chunks", "header", "status line"])
def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_for_ever(first: bytes, more: bytes) -> None:
    with raw_server(drip(first, more)) as (url, _):
        slow = transport(url, seconds=0.6)
        start = time.monotonic()
        with pytest.raises(TooMuch):
            slow.send("GET", "/a/x", headers={})
        assert time.monotonic() - start < 60
        slow.close()


def test_the_token_goes_to_no_other_host(calm: Calm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redirects to another port, name or scheme, and pages that tell the browser to go elsewhere: the other place hears nothing."""
    monkeypatch.setattr("migrate.cells.session.FIRST_PATIENCE", 0.2)
    monkeypatch.setenv("CELLS_TOKEN", "Hostile-token-0123456789")
    with raw_server(lambda connection, _: connection.sendall(answer(b"{}"))) as (elsewhere, heard):
        port = elsewhere.rpartition(":")[2]
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            for place in (elsewhere, f"//localhost:{port}/a", f"http://user:pw@127.0.0.1:{port}/", "/a/../../x"):
                redirect = answer(b"", f"Location: {place}", f"Refresh: 0; url={place}", f"Link: <{place}>; rel=next", status=status)
                with raw_server(lambda connection, _, redirect=redirect: connection.sendall(redirect)) as (url, _):  # type: ignore[misc]
                    ran = night.command("doctor", "--cells", url, "--no-input", "--quiet", "--work", tmp_path / "w")
                assert ran.status and "Hostile-token" not in ran.err + ran.out
        assert heard == []
