"""Files arrive as they were, or not at all, and it is told: on every server, and when things go wrong on the way."""

from __future__ import annotations

import hashlib
import logging
import os
import time

import pytest
from stub_server import Stub, answer

import migrate.cells.bodies as bodies_module
import migrate.cells.gateway as gateway_module
from migrate.cells.api import tree
from migrate.cells.auth import GivenToken
from migrate.cells.content import Content, SourceChanged, SourceUnreadable, UploadFailed
from migrate.cells.errors import CellsUnreachable, NotFound, TokenRefused, WriteForbidden, WrongAnswer
from migrate.cells.hashes import hashes_of, same_content, settled
from migrate.cells.keys import NameLost
from migrate.cells.sandbox import EXPIRED, LOST, RESET, Sandbox
from migrate.cells.session import Session

MIB = 1 << 20


@pytest.fixture
def old_file(tmp_path):
    def make(size, name="old.bin"):
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        os.utime(path, (1_100_000_000, 1_100_000_000))
        return path

    return make


def stat_when_settled(session, path):
    for _ in range(50):
        node = tree.stat(session, path)
        if node and settled(node):
            return node
        time.sleep(0.1)
    raise AssertionError("the node does not settle")


@pytest.mark.parametrize("size", [0, 70_000, 10 * MIB + 1])
def test_a_file_comes_back_as_it_was(place, old_file, size):
    source, slept = old_file(size), []
    content = Content(place.session, sleep=slept.append)
    stored = content.put_file("common-files", f"{place.prefix}/d/Ünï #1&+ 'x'.bin", source, size)
    assert stored.proven
    assert stored.mtime == 1_100_000_000
    assert stored.hashes == hashes_of([source.read_bytes()])
    node = stat_when_settled(place.session, stored.path)
    assert node.size == size
    assert same_content(node, stored.hashes) is True
    assert hashlib.sha256(b"".join(content.read(stored.path))).hexdigest() == stored.hashes.sha256


def test_parts_give_the_hashes_that_the_server_shows(place, old_file):
    source = old_file(21 * MIB)
    content = Content(place.session, multipart_from=20 * MIB)
    ids = []
    stored = content.put_file("common-files", f"{place.prefix}/big.bin", source, on_upload_id=ids.append)
    assert len(ids) == 1
    assert stored.proven
    node = stat_when_settled(place.session, stored.path)
    assert same_content(node, stored.hashes) is True
    assert node.etag == stored.hashes.part_etag
    if node.content_hash:
        assert node.content_hash == stored.hashes.cells


def test_large_pieces_are_streamed_and_proven_all_the_same(place, old_file, monkeypatch):
    monkeypatch.setattr(gateway_module, "IN_MEMORY", 1 * MIB)
    source = old_file(3 * MIB + 5)
    stored = Content(place.session).put_file("common-files", f"{place.prefix}/streamed.bin", source)
    assert stored.proven
    assert stored.hashes == hashes_of([source.read_bytes()])


def test_decomposed_names_are_stored_composed(place, old_file):
    stored = Content(place.session).put_file("common-files", f"{place.prefix}/e\u0301.txt", old_file(3))
    assert stored.path.endswith("/\u00e9.txt")
    assert tree.stat(place.session, stored.path).size == 3


def test_a_missing_workspace_is_told_after_one_wait(place, old_file):
    slept = []
    content = Content(place.session, sleep=slept.append)
    for _ in range(2):
        with pytest.raises(NotFound):
            content.put_file("no-such-place", "a", old_file(1))
    assert slept == list(gateway_module.OPENING)


def test_a_missing_file_is_not_read_as_an_empty_one(place):
    with pytest.raises(NotFound):
        list(Content(place.session).read(f"common-files/{place.prefix}-nothing"))


# ---------------------------------------------------------------- when things go wrong


@pytest.fixture
def server():
    with Sandbox() as sandbox:
        yield sandbox


def session_on(server, **options):
    return Session(server.url, options.pop("tokens", None) or GivenToken(server.token), sleep=lambda _s: None, **{"patience": 20.0, **options})


def quick(session):
    return Content(session, multipart_from=20 * MIB, sleep=lambda _s: None)


@pytest.mark.parametrize("effect", [503, 500, RESET, LOST])
def test_an_upload_that_breaks_is_sent_again(server, old_file, effect):
    server.faults.add(effect, "PUT", "/io/.*", times=2)
    source = old_file(1000)
    session = session_on(server)
    stored = quick(session).put_file("common-files", "a.bin", source)
    assert same_content(tree.stat(session, "common-files/a.bin"), stored.hashes) is True


def test_an_upload_that_always_breaks_fails_this_file_only(server, old_file):
    server.faults.add(503, "PUT", "/io/common-files/bad.*", times=-1)
    content = quick(session_on(server))
    with pytest.raises(UploadFailed):
        content.put_file("common-files", "bad.bin", old_file(10))
    assert content.put_file("common-files", "good.bin", old_file(10))


@pytest.mark.parametrize("given", [answer(200, b"", kind=None), answer(200, "<!DOCTYPE html>\n<html></html>", kind="text/html")])
def test_a_200_without_etag_stored_nothing(old_file, given):
    """So real servers answer for a name with `%`, and for a path that no service serves."""
    with Stub([given]) as stub:
        session = Session(stub.url, GivenToken("t" * 87), sleep=lambda _s: None, patience=0.1)
        with pytest.raises((UploadFailed, WrongAnswer)):
            quick(session).put_file("common-files", "a.bin", old_file(10))


def test_a_failed_multipart_upload_is_given_up(server, old_file):
    server.faults.add(500, "PUT", "/io/.*", times=-1, skip=1)
    session, ids = session_on(server), []
    with pytest.raises(UploadFailed):
        quick(session).put_file("common-files", "big.bin", old_file(21 * MIB), on_upload_id=ids.append)
    assert tree.stat(session, "common-files/big.bin") is None
    quick(session).abort("common-files/big.bin", ids[0])  # gone already: nothing happens


def test_a_token_that_ends_under_way_is_renewed(server, old_file):
    class Two(GivenToken):
        def _fetch(self):
            return next(given)

    given = iter([server.token, server.token_for("admin"), server.token_for("admin")])
    session = session_on(server, tokens=Two(""))
    content = quick(session)
    content.put_file("common-files", "a.bin", old_file(10))
    server.expire(server.token)
    assert content.put_file("common-files", "b.bin", old_file(10)).etag


def test_a_token_that_cannot_be_renewed_ends_the_run(server, old_file):
    session = session_on(server)
    content = quick(session)
    content.put_file("common-files", "a.bin", old_file(10))
    server.expire(server.token)
    with pytest.raises(TokenRefused):
        content.put_file("common-files", "b.bin", old_file(10))


def test_one_refusal_of_a_good_token_is_tried_again(server, old_file):
    server.faults.add(EXPIRED, "PUT", "/io/.*", times=1)
    assert quick(session_on(server)).put_file("common-files", "a.bin", old_file(10)).etag


def test_a_server_that_is_gone_ends_the_run(server, old_file):
    session = session_on(server, patience=0.1)
    content = quick(session)
    content.put_file("common-files", "a.bin", old_file(10))
    server.stop()
    with pytest.raises(CellsUnreachable):
        content.put_file("common-files", "b.bin", old_file(10))


def test_another_size_than_the_inventory_says_is_told_before_anything_is_sent(server, old_file):
    writes = server.writes
    with pytest.raises(SourceChanged):
        quick(session_on(server)).put_file("common-files", "a.bin", old_file(10), 11)
    assert server.writes == writes


@pytest.mark.parametrize("streamed", [False, True])
def test_a_file_that_changes_while_it_is_read_is_told(server, old_file, monkeypatch, streamed):
    if streamed:
        monkeypatch.setattr(gateway_module, "IN_MEMORY", 1000)
    source = old_file(50_000)
    read = bodies_module.Region.read

    def touched(region, amount=-1):
        data = read(region, amount)
        os.utime(source, ns=(time.time_ns(), time.time_ns()))
        return data

    monkeypatch.setattr(bodies_module.Region, "read", touched)
    with pytest.raises(SourceChanged):
        quick(session_on(server)).put_file("common-files", "a.bin", source)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_file_that_is_cut_while_it_is_read_is_told(server, old_file, monkeypatch, streamed):
    if streamed:
        monkeypatch.setattr(gateway_module, "IN_MEMORY", 1000)
    source = old_file(2_500_000)
    read = bodies_module.Region.read

    def cut(region, amount=-1):
        os.truncate(source, 1_000_000)
        return read(region, amount)

    monkeypatch.setattr(bodies_module.Region, "read", cut)
    with pytest.raises(SourceChanged):
        quick(session_on(server)).put_file("common-files", "a.bin", source)


def test_what_is_no_readable_file_is_told_and_does_not_block(server, tmp_path):
    content = quick(session_on(server))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dead").symlink_to(tmp_path / "nothing")
    for name in ("pipe", "dead", "", "missing"):
        with pytest.raises(SourceUnreadable):
            content.put_file("common-files", "a", tmp_path / name)


def test_names_that_are_bytes_are_read_and_shown(server, tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    with open(name, "wb") as file:
        file.write(b"x")
    assert quick(session_on(server)).put_file("common-files", "café", name).hashes.size == 1
    os.unlink(name)
    with pytest.raises(SourceUnreadable, match="xe9"):
        quick(session_on(server)).put_file("common-files", "café", name)


def test_names_that_would_be_lost_are_not_sent(server, old_file):
    writes = server.writes
    with pytest.raises(NameLost):
        quick(session_on(server)).put_file("common-files", "100%.txt", old_file(1))
    assert server.writes == writes


def test_a_command_that_only_reads_uploads_nothing(server, old_file):
    with pytest.raises(WriteForbidden):
        quick(session_on(server, allow_writes=False)).put_file("common-files", "a", old_file(1))


def test_settings_of_other_tools_change_nothing(server, old_file, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[default]\nregion = mars-1\nendpoint_url = http://127.0.0.1:9\ns3 =\n  addressing_style = virtual\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert quick(session_on(server)).put_file("common-files", "a", old_file(1)).etag


def test_the_token_is_in_no_log(server, old_file, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    server.faults.add(500, "PUT", "/io/.*", times=1)
    quick(session_on(server)).put_file("common-files", "a", old_file(1))
    out = capsys.readouterr()
    assert server.token not in caplog.text + out.out + out.err
