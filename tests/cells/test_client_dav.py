"""Files go by webDAV as safely as by the gateway, and what it cannot hold is known: on the stand-in and on a real server."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest
import requests

from migrate.cells.api import discovery, tree
from migrate.cells.auth import GivenToken
from migrate.cells.content import SourceUnreadable, UploadFailed
from migrate.cells.dav import Dav, DavRefused
from migrate.cells.dav_content import DavCannot, DavContent
from migrate.cells.errors import CellsUnreachable, NotFound, TokenRefused, WriteForbidden
from migrate.cells.hashes import cut_otherwise, hashes_of, same_content
from migrate.cells.keys import NameLost
from migrate.cells.sandbox import EXPIRED, LOST, RESET, Sandbox
from migrate.cells.session import Session

MIB = 1 << 20


@pytest.fixture
def folder(place):
    """A folder of our own."""
    tree.create_folders(place.session, [f"common-files/{place.prefix}/d"])
    return f"{place.prefix}/d"


@pytest.fixture
def content(place):
    return DavContent(place.session, lambda: discovery.state(place.session).login)


def old_file(tmp_path, data, name="old.bin"):
    path = tmp_path / name
    path.write_bytes(data)
    os.utime(path, (1_100_000_000, 1_100_000_000))
    return path


@pytest.mark.parametrize("size", [1, 70_000, 12 * MIB + 17])
def test_a_file_comes_back_as_it_was(place, content, folder, tmp_path, size):
    data = os.urandom(size)
    stored = content.put_file("common-files", f"{folder}/Ünï #1&+ 'x'?.bin", old_file(tmp_path, data), size)
    assert stored.mtime == 1_100_000_000 and stored.hashes == hashes_of([data])
    node = tree.stat(place.session, stored.path)
    assert node is not None and node.size == size and node.etag == stored.etag
    assert hashlib.sha256(b"".join(content.read(stored.path))).digest() == hashlib.sha256(data).digest()
    if size < 5 * MIB:
        assert same_content(node, stored.hashes)
    elif place.version != "3.0.9":
        assert cut_otherwise(node, stored.hashes)


def test_what_was_there_is_replaced(place, content, folder, tmp_path):
    for data in (b"first", b"second one"):
        stored = content.put_file("common-files", f"{folder}/a.txt", old_file(tmp_path, data))
        assert b"".join(content.read(stored.path)) == data


def test_folders_on_the_way_are_made(place, content, folder, tmp_path):
    for name in ("a.txt", "b.txt"):
        stored = content.put_file("common-files", f"{folder}/new/deeper/{name}", old_file(tmp_path, b"x"))
        assert b"".join(content.read(stored.path)) == b"x"


def test_an_empty_file_goes_by_the_gateway(place, content, folder, tmp_path):
    stored = content.put_file("common-files", f"{folder}/empty.txt", old_file(tmp_path, b""))
    node = tree.stat(place.session, stored.path)
    assert node is not None and node.is_file and node.size == 0 and node.etag != "temporary"


@pytest.mark.parametrize("name", [".profile", ".with space %41"])
def test_names_with_a_dot_in_front_are_stored_under_that_name_only(place, content, folder, tmp_path, name):
    for data in (b"first", b"second"):  # the second one replaces a file that exists
        stored = content.put_file("common-files", f"{folder}/{name}", old_file(tmp_path, data))
        assert stored.path == f"common-files/{folder}/{name}"
        assert b"".join(content.read(stored.path)) == data
    assert tree.children(place.session, f"common-files/{folder}") == []  # dot files are not listed, anything else would be


def test_names_of_another_kind_of_computer_go_by_the_gateway(place, content, folder, tmp_path):
    stored = content.put_file("common-files", f"{folder}/._photo.jpg", old_file(tmp_path, b"resource"))
    node = tree.stat(place.session, stored.path)
    assert node is not None and node.size == 8


def test_names_that_would_be_lost_are_never_sent(content, folder, tmp_path):
    with pytest.raises(NameLost):
        content.put_file("common-files", f"{folder}/100%.txt", old_file(tmp_path, b"x"))


def test_a_workspace_that_does_not_open_is_told_after_some_waiting(place, folder, tmp_path):
    slept = []
    with pytest.raises(NotFound):
        DavContent(place.session, lambda: discovery.state(place.session).login, sleep=slept.append).put_file(
            place.prefix + "-none", "a.txt", old_file(tmp_path, b"x"))
    assert sum(slept) >= 7


def test_workspaces_and_files_are_listed(place, content, folder, tmp_path):
    content.put_file("common-files", f"{folder}/Ünï 'x'.txt", old_file(tmp_path, b"x"))
    dav = Dav(place.session, lambda: discovery.state(place.session).login)
    assert "common-files" in dav.names()
    assert dav.names(f"common-files/{folder}") == ["Ünï 'x'.txt"]
    with pytest.raises(NotFound):
        dav.names(place.prefix + "-none")


def test_names_that_no_xml_may_hold_are_listed(place, content, folder, tmp_path):
    if place.version == "real":
        pytest.skip("4.1 breaks the listing off at such a name")
    content.put_file("common-files", f"{folder}/bell\x07.txt", old_file(tmp_path, b"x"))
    assert Dav(place.session, lambda: discovery.state(place.session).login).names(f"common-files/{folder}") == ["bell\x07.txt"]


def test_a_password_is_tried_once(place):
    before = place.session.requests.write + place.session.requests.read
    with pytest.raises(DavRefused) as refused:
        Dav(place.session, lambda: "admin", lambda: "Wrong-passw0rd").names()
    assert place.session.requests.write + place.session.requests.read == before + 1
    assert "Wrong" not in str(refused.value) + repr(refused.value.fields)


# -- only on the stand-in ----------------------------------------------------------------------------------------------------


@pytest.fixture
def sandbox():
    with Sandbox() as server:
        yield server


def by_dav(server, tokens=None, **options):
    session = Session(server.url, tokens or GivenToken(server.token), sleep=lambda _s: None, **options)
    return DavContent(session, lambda: "admin", sleep=lambda _s: None)


def test_an_empty_body_says_it_is_stored_and_is_not(sandbox):
    """Why empty files never go this way (seen on 4.1)."""
    with Session(sandbox.url, GivenToken(sandbox.token)) as session:
        answer = requests.put(sandbox.url + "/dav/common-files/e.txt", data=b"", auth=("admin", sandbox.token), timeout=10)
        assert answer.status_code == 201
        node = tree.stat(session, "common-files/e.txt")
        assert node is not None and node.etag == "temporary"


@pytest.mark.parametrize("effect", [RESET, LOST, 503, 502, 429])
def test_what_goes_wrong_on_the_way_is_repeated_and_the_file_is_whole(sandbox, tmp_path, effect):
    sandbox.faults.add(effect, path="/dav/", times=1)
    data = os.urandom(3 * MIB)
    stored = by_dav(sandbox).put_file("common-files", "a.bin", old_file(tmp_path, data))
    assert hashlib.sha256(b"".join(by_dav(sandbox).read(stored.path))).digest() == hashlib.sha256(data).digest()


def test_a_server_that_stays_away_ends_the_run(sandbox, tmp_path):
    sandbox.faults.add(RESET, path="/dav/", times=99)
    with pytest.raises(CellsUnreachable):
        by_dav(sandbox).put_file("common-files", "a.bin", old_file(tmp_path, b"x"))


def test_a_token_that_ended_is_renewed_on_the_way(sandbox, tmp_path):
    class Renewing(GivenToken):
        def _fetch(self):
            return sandbox.token_for("admin") if self._last else super()._fetch()

    tokens = Renewing(sandbox.token)
    content = by_dav(sandbox, tokens)
    content.put_file("common-files", "a.txt", old_file(tmp_path, b"x"))
    sandbox.expire(sandbox.token)
    content.put_file("common-files", "b.txt", old_file(tmp_path, b"y"))
    assert tokens.token() != sandbox.token
    assert b"".join(content.read("common-files/b.txt")) == b"y"


def test_a_token_that_ended_and_has_no_successor_ends_the_run(sandbox, tmp_path):
    sandbox.faults.add(EXPIRED, times=99)
    with pytest.raises(TokenRefused):
        by_dav(sandbox).put_file("common-files", "a.txt", old_file(tmp_path, b"x"))


def test_webdav_that_is_closed_is_told_as_such(sandbox, tmp_path):
    sandbox.faults.add(EXPIRED, path="/dav/", times=99)
    with pytest.raises(DavRefused):
        by_dav(sandbox).put_file("common-files", "a.txt", old_file(tmp_path, b"x"))


def test_without_the_gateway_an_empty_file_is_told_and_nothing_is_stored(sandbox, tmp_path):
    sandbox.faults.add(503, path="/io/", times=99)
    with pytest.raises(DavCannot):
        by_dav(sandbox).put_file("common-files", "e.txt", old_file(tmp_path, b""))
    with Session(sandbox.url, GivenToken(sandbox.token)) as session:
        assert tree.stat(session, "common-files/e.txt") is None


def test_what_cells_gives_back_is_compared(sandbox, tmp_path, monkeypatch):
    content = by_dav(sandbox)
    monkeypatch.setattr(Dav, "read", lambda _self, _path, _piece=0: iter([b"something else"]))
    with pytest.raises(UploadFailed):
        content.put_file("common-files", "a.bin", old_file(tmp_path, os.urandom(6 * MIB)))


def test_an_old_file_that_cannot_be_read_is_told_as_such(sandbox, tmp_path):
    with pytest.raises(SourceUnreadable):
        by_dav(sandbox).put_file("common-files", "a.bin", tmp_path / "gone")


def test_a_session_that_may_not_write_sends_nothing(sandbox, tmp_path):
    with pytest.raises(WriteForbidden):
        by_dav(sandbox, allow_writes=False).put_file("common-files", "a.bin", old_file(tmp_path, b"x"))


def test_one_request_is_sent_at_a_time(sandbox, tmp_path, monkeypatch):
    """The server's table of signed-in people breaks when two change it at once."""
    content, now, most = by_dav(sandbox), [0], [0]
    exchange = Dav._exchange

    def counted(self, *arguments):
        now[0] += 1
        most[0] = max(most[0], now[0])
        try:
            return exchange(self, *arguments)
        finally:
            now[0] -= 1

    monkeypatch.setattr(Dav, "_exchange", counted)
    threads = [threading.Thread(target=content.put_file, args=("common-files", f"f{n}.txt", old_file(tmp_path, b"x", f"f{n}"))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert all(b"".join(content.read(f"common-files/f{n}.txt")) == b"x" for n in range(6))
