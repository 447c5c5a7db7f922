"""What counts as an answer, what is repeated, what ends a run. A scripted server says exactly what real ones were seen to say."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from stub_server import Stub, answer, endless, hang_up, silent

from migrate.cells.auth import GivenToken
from migrate.cells.errors import (
    AlreadyExists,
    BadAddress,
    CellsRefused,
    CellsUnreachable,
    LoginRefused,
    NoAnswer,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    RefusedToSend,
    TlsFailed,
    TokenRefused,
    TooManyRequests,
    WriteForbidden,
    WrongAnswer,
)
from migrate.cells.session import Session
from migrate.errors import ExitStatus

TOKEN = "a" * 43 + "." + "b" * 43
HTML = "<!DOCTYPE html>\n<html xmlns:ajxp><head><title>Pydio Cells</title></head></html>"


class Renewing(GivenToken):
    """A source that has other tokens."""

    def __init__(self, *tokens):
        super().__init__(tokens[0])
        self.left = list(tokens)

    def _fetch(self):
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


@pytest.fixture
def slept():
    return []


def session_on(stub, slept, tokens=None, **options):
    options = {"timeout": (2.0, 2.0), "patience": 60.0, **options}
    return Session(stub.url, tokens or GivenToken(TOKEN), sleep=slept.append, **options)


def one(slept, *script, **options):
    stub = Stub(list(script))
    stub.__enter__()
    return stub, session_on(stub, slept, **options)


def test_json_is_an_answer_and_the_token_goes_along(slept):
    stub, session = one(slept, answer(body='{"a": 1}'))
    assert session.get("/a/x") == {"a": 1}
    assert f"Authorization: Bearer {TOKEN}".encode() in stub.requests[0]
    assert session.requests.as_json() == {"read": 1, "write": 0}


def test_compressed_answers_are_read(slept):
    _, session = one(slept, answer(body=gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))
    assert session.get("/a/x") == {"a": 1}


@pytest.mark.parametrize("given", [
    answer(body=HTML, kind="text/html; charset=utf-8"), answer(body=b"", kind=None), answer(body=b"", kind="application/json"),
    answer(body=b"{}{}"), answer(body=b'{"a":'), answer(body=b"[1]"), answer(body=b"1"), answer(body=b"\xff"), answer(body=b"[" * 100_000),
    answer(404, "404: Page Not Found", kind=None), answer(500, b"", kind=None), answer(301, "", kind=None, Location="http://elsewhere.example/a"),
])
def test_what_is_no_answer_raises_whatever_its_status(slept, given):
    stub, session = one(slept, given)
    with pytest.raises(WrongAnswer) as error:
        session.put("/a/role/x", {"Uuid": "x"})
    assert error.value.exit_status is ExitStatus.INCOMPLETE


def test_redirects_are_not_followed(slept):
    with Stub([answer(body='{"stolen": 1}')]) as other:
        stub, session = one(slept, answer(302, "", kind=None, Location=other.url + "/a/x"))
        with pytest.raises(WrongAnswer):
            session.get("/a/x")
        assert other.requests == []


def test_the_web_client_in_place_of_an_answer_is_waited_for_once_the_server_was_reached(slept):
    page = answer(body=HTML, kind="text/html")
    stub, session = one(slept, answer(), page, page, answer(body='{"there": 1}'))
    session.get("/a/x")
    assert session.put("/a/y", {"a": 1}) == {"there": 1}
    assert len(stub.requests) == 4


def test_401_with_the_dot_is_the_token(slept):
    stub, session = one(slept, answer(401, "Unauthorized.\n", kind="text/plain"))
    with pytest.raises(TokenRefused) as error:
        session.get("/a/x")
    assert error.value.exit_status is ExitStatus.NOT_AUTHORISED
    assert len(stub.requests) == 1


def test_401_without_the_dot_is_a_right(slept):
    _, session = one(slept, answer(401, "Unauthorized\n", kind="text/plain"))
    with pytest.raises(NotAllowed) as error:
        session.get("/a/x")
    assert error.value.exit_status is ExitStatus.INCOMPLETE


def test_a_refused_token_is_renewed_once_and_the_call_goes_on(slept):
    newer = "c" * 43 + "." + "d" * 43
    stub, session = one(slept, answer(401, "Unauthorized.\n", kind="text/plain"), answer(body='{"ok": 1}'), tokens=Renewing(TOKEN, newer))
    assert session.put("/a/x", {"a": 1}) == {"ok": 1}
    assert newer.encode() in stub.requests[1]


def test_a_renewed_token_that_is_refused_too_ends_the_run(slept):
    stub, session = one(slept, answer(401, "Unauthorized.\n", kind="text/plain"), tokens=Renewing(TOKEN, "c" * 43 + "." + "d" * 43))
    with pytest.raises(TokenRefused):
        session.get("/a/x")
    assert len(stub.requests) == 2


@pytest.mark.parametrize(("status", "title", "kind"), [
    (404, "cannot find user", NotFound), (409, "user exists", AlreadyExists), (403, "User with the same login already exists!", AlreadyExists),
    (500, "rpc error: code = Unknown desc = Error 1062: Duplicate entry 'x'", AlreadyExists), (403, "not editable", NotAllowed),
    (422, "quota", QuotaExceeded), (500, "DAO error received", CellsRefused), (400, "invalid field", CellsRefused)])
def test_refusals_are_told_apart(slept, status, title, kind):
    _, session = one(slept, answer(status, json.dumps({"Title": title, "Detail": title})))
    with pytest.raises(CellsRefused) as error:
        session.put("/a/x", {"a": 1})
    assert type(error.value) is kind
    assert error.value.status == status
    assert title in error.value.reason


def test_a_second_body_after_an_error_does_not_hide_it(slept):
    _, session = one(slept, answer(500, '{"Title":"unknown job","Detail":"unknown job"}{}'))
    with pytest.raises(CellsRefused, match="unknown job"):
        session.put("/a/jobs/user/x", {"a": 1})


def test_a_write_without_answer_is_not_repeated(slept):
    stub, session = one(slept, hang_up)
    with pytest.raises(NoAnswer):
        session.put("/a/user/x", {"a": 1})
    assert len(stub.requests) == 1
    assert session.requests.as_json() == {"read": 0, "write": 1}


def test_a_read_without_answer_is_repeated_but_not_for_ever(slept):
    stub, session = one(slept, hang_up, answer(body='{"ok": 1}'))
    assert session.get("/a/x") == {"ok": 1}
    stub, session = one(slept, hang_up)
    with pytest.raises(NoAnswer):
        session.search("/a/share", {})
    assert len(stub.requests) == 3


def test_silence_is_no_answer(slept):
    stub, session = one(slept, silent, timeout=(1.0, 0.2))
    with pytest.raises(NoAnswer):
        session.delete("/a/x")
    assert len(stub.requests) == 1


def test_a_body_that_breaks_off_is_no_answer(slept):
    broken = answer(body=b'{"a": 1}').replace(b"Content-Length: 8", b"Content-Length: 80")
    _, session = one(slept, broken)
    with pytest.raises(NoAnswer):
        session.put("/a/x", {"a": 1})


def test_an_endless_body_is_cut(slept):
    _, session = one(slept, endless, max_answer=1 << 20)
    with pytest.raises(WrongAnswer, match="does not end"):
        session.get("/a/x")


def test_a_compression_bomb_is_cut(slept):
    _, session = one(slept, answer(body=gzip.compress(b" " * (8 << 20)), Content_Encoding="gzip"), max_answer=1 << 20)
    with pytest.raises(WrongAnswer, match="does not end"):
        session.get("/a/x")


def test_429_is_waited_for_as_long_as_the_server_asks_also_for_writes(slept):
    stub, session = one(slept, answer(429, "slow down", kind="text/plain", Retry_After="7"), answer(body='{"ok": 1}'))
    assert session.put("/a/x", {"a": 1}) == {"ok": 1}
    assert max(slept) >= 7
    assert len(stub.requests) == 2


def test_429_without_end_is_told(slept):
    _, session = one(slept, answer(429, "", kind="text/plain", Retry_After="50"), patience=40.0)
    with pytest.raises(TooManyRequests):
        session.get("/a/x")


def test_a_starting_server_is_waited_for_also_for_writes(slept):
    starting = answer(503, '{"Code":"503","Title":"Server is starting"}', Retry_After="10")
    stub, session = one(slept, starting, starting, answer(body='{"ok": 1}'))
    assert session.put("/a/x", {"a": 1}) == {"ok": 1}
    assert len(stub.requests) == 3


def test_503_of_a_handler_leaves_a_write_unknown_but_lets_a_read_try_again(slept):
    inside = answer(503, '{"Title":"transient","Detail":"transient"}')
    stub, session = one(slept, inside)
    with pytest.raises(NoAnswer):
        session.put("/a/x", {"a": 1})
    assert len(stub.requests) == 1
    _, session = one(slept, inside, answer(body='{"ok": 1}'))
    assert session.get("/a/x") == {"ok": 1}


def test_nobody_listening_is_unreachable(slept):
    with Stub([answer()]) as stub:
        url = stub.url
    session = Session(url, GivenToken(TOKEN), sleep=slept.append, patience=0.0)
    with pytest.raises(CellsUnreachable) as error:
        session.put("/a/x", {"a": 1})
    assert error.value.exit_status is ExitStatus.CELLS_UNREACHABLE


def test_a_server_that_is_gone_is_waited_for_once_and_not_by_everything_in_line(slept, monkeypatch):
    monkeypatch.setattr("migrate.cells.session.FIRST_PATIENCE", 0.0)
    with Stub([answer(body='{"ok": 1}')]) as stub:
        session = Session(stub.url, GivenToken(TOKEN), sleep=lambda s: (slept.append(s), time.sleep(0.05)), patience=0.3)
        assert session.get("/a/x") == {"ok": 1}
    with pytest.raises(CellsUnreachable):
        session.get("/a/x")
    waited = len(slept)
    assert waited >= 2
    with pytest.raises(CellsUnreachable):
        session.put("/a/x", {"a": 1})
    assert len(slept) == waited


def test_https_to_a_plain_port_says_what_to_do(slept):
    with Stub([answer(400, "bad", kind="text/plain")]) as stub:
        session = Session(stub.url.replace("http:", "https:"), GivenToken(TOKEN), sleep=slept.append)
        with pytest.raises(TlsFailed) as error:
            session.get("/a/x")
        assert stub.url in error.value.next_step


@pytest.mark.parametrize("url", ["files.example.org", "ftp://x", "http://", "https://u:p@host", "https://host/sub/path", "https://host?x=1", "http://host:999999"])
def test_an_address_is_scheme_host_and_port(url):
    with pytest.raises(BadAddress) as error:
        Session(url, GivenToken(TOKEN))
    assert "p@host" not in str(error.value)


def test_a_command_that_only_reads_cannot_write(slept):
    stub, session = one(slept, answer(), allow_writes=False)
    session.search("/a/user", {})
    for call in (session.put, session.post):
        with pytest.raises(WriteForbidden):
            call("/a/user/x", {"a": 1})
    with pytest.raises(WriteForbidden):
        session.delete("/a/user/x")
    assert len(stub.requests) == 1


def test_names_that_are_not_unicode_are_not_sent(slept):
    stub, session = one(slept, answer())
    with pytest.raises(RefusedToSend):
        session.put("/a/user/x", {"Login": "a\udce9"})
    assert stub.requests == []


def test_large_bodies_go_compressed(slept):
    stub, session = one(slept, answer())
    session.search("/a/acl", {"RoleIDs": ["x" * 100] * 2000})
    head, _, body = stub.requests[0].partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert json.loads(gzip.decompress(body))["RoleIDs"][0] == "x" * 100


def test_a_netrc_file_does_not_replace_the_token(slept, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password y\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    stub, session = one(slept, answer())
    session.get("/a/x")
    assert b"Bearer" in stub.requests[0]
    assert b"Basic" not in stub.requests[0]


def test_cookies_are_not_kept(slept):
    stub, session = one(slept, answer(Set_Cookie="pydio=secret; Path=/"), answer())
    session.get("/a/x")
    session.get("/a/x")
    assert b"pydio=secret" not in stub.requests[1]


def test_secrets_in_an_error_are_masked(slept):
    _, session = one(slept, answer(500, json.dumps({"Title": f"bad value {TOKEN} sha256:1000:abc:def"})))
    with pytest.raises(CellsRefused) as error:
        session.get("/a/x")
    assert TOKEN not in str(error.value)
    assert "sha256:1000:abc" not in str(error.value)


def test_sign_in_gives_token_and_end_and_is_no_write(slept):
    body = {"JWT": TOKEN, "ExpireTime": 1, "Token": {"AccessToken": TOKEN, "ExpiresAt": "1795309871"}}
    stub, session = one(slept, answer(body=json.dumps(body)), allow_writes=False)
    assert session.sign_in("jane", "pw-of-jane", minisite="hash") == (TOKEN, 1795309871)
    assert b"X-Pydio-Minisite: hash" in stub.requests[0]
    assert b"Authorization" not in stub.requests[0]


@pytest.mark.parametrize("given", [
    answer(401, '{"Title":"Login failed","Detail":"Login failed"}'), answer(200, "{}"), answer(401, "Unauthorized.\n", kind="text/plain")])
def test_a_refused_sign_in_is_not_repeated(slept, given):
    stub, session = one(slept, given)
    with pytest.raises(LoginRefused) as error:
        session.sign_in("jane", "pw-of-jane")
    assert "pw-of-jane" not in str(error.value)
    assert len(stub.requests) == 1


def test_the_state_is_the_only_xml(slept):
    _, session = one(slept, answer(body="<pydio_registry/>", kind="application/xml"))
    assert session.xml("/a/frontend/state") == "<pydio_registry/>"
    _, session = one(slept, answer(body=HTML, kind="text/html"))
    with pytest.raises(WrongAnswer):
        session.xml("/a/frontend/state")


def test_a_public_page_is_given_as_it_is_without_token(slept):
    stub, session = one(slept, answer(404, "<div>Cannot find this link!</div>", kind="text/html; charset=utf-8"))
    page = session.page("/public/abc")
    assert page.status == 404
    assert b"Authorization" not in stub.requests[0]


def test_two_threads_share_connections_and_count(slept):
    from concurrent.futures import ThreadPoolExecutor

    stub, session = one(slept, answer())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: session.get(f"/a/x{n}"), range(64)))
    assert session.requests.as_json() == {"read": 64, "write": 0}
