"""An upload in parts that was broken off goes on where it was: parts that Cells confirmed are not sent again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from migrate.cells import multipart
from migrate.cells.auth import GivenToken
from migrate.cells.content import Content, Unfinished
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session

MIB = 1 << 20


class PowerCut(BaseException):
    """Ends the run where it stands."""


def count_parts(content: Content, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sent: list[int] = []
    call = content._gateway.call

    def counted(operation: str, key: str, **arguments: Any) -> Any:
        if operation == "upload_part":
            sent.append(arguments["PartNumber"])
        return call(operation, key, **arguments)

    monkeypatch.setattr(content._gateway, "call", counted)
    return sent


@pytest.mark.parametrize("change", ["none", "second part", "forgotten"])
def test_only_what_is_missing_or_changed_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(os.urandom(45 * MIB))
    memory = Unfinished()
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        first = Content(session, multipart_from=MIB)
        assert_cut(first, source, memory, monkeypatch)
        if change == "second part":
            with open(source, "r+b") as file:
                file.seek(25 * MIB)
                file.write(b"changed")
        if change == "forgotten":
            first.abort("common-files/big.bin", memory.upload_id)
        second = Content(session, multipart_from=MIB)
        sent = count_parts(second, monkeypatch)
        second.put_file("common-files", "big.bin", source, unfinished=memory)
        assert set(sent) == {"none": {3}, "second part": {2, 3}, "forgotten": {1, 2, 3}}[change]
        assert b"".join(second.read("common-files/big.bin")) == source.read_bytes()
        assert memory.upload_id == "" and memory.parts == {}


def assert_cut(content: Content, source: Path, memory: Unfinished, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop_before_the_third(number: int, etag: str) -> None:
        Unfinished.sent(memory, number, etag)
        if len(memory.parts) == 2:
            raise PowerCut

    monkeypatch.setattr(multipart, "AT_ONCE", 1)
    monkeypatch.setattr(memory, "sent", stop_before_the_third)
    with pytest.raises(PowerCut):
        content.put_file("common-files", "big.bin", source, unfinished=memory)
    monkeypatch.undo()
    memory.parts.pop(3, None)
    assert memory.upload_id and set(memory.parts) == {1, 2}
