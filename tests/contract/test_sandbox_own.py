"""What only the stand-in has: faults, snapshots, version profiles, folders indexed in place."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from migrate.cells.sandbox import CUT, EXPIRED, LOST, RESET, Sandbox

ANNA = {"Login": "anna", "Password": "Secr3t-word", "GroupPath": "/", "Attributes": {"displayName": "Anna", "profile": "standard"}}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def put_anna(sandbox: Sandbox) -> requests.Response:
    return requests.put(sandbox.url + "/a/user/anna", json=ANNA, headers={"Authorization": "Bearer " + sandbox.token}, timeout=20)


def logins(sandbox: Sandbox) -> set[str]:
    return {user["Login"] for user in sandbox.call("POST", "/a/user", {"Queries": [{"NodeType": "USER"}]})["Users"] if "Login" in user}


@pytest.mark.parametrize("effect, done", [(RESET, False), (LOST, True)])
def test_a_broken_connection_and_what_was_done_by_then(sandbox: Sandbox, effect: str, done: bool) -> None:
    sandbox.faults.add(effect, "PUT", "/a/user/")
    with pytest.raises(requests.ConnectionError):
        put_anna(sandbox)
    assert ("anna" in logins(sandbox)) is done
    assert put_anna(sandbox).status_code == (403 if done else 200), "the rule is used up; a blind repeat of what was done is refused"


def test_a_cut_answer_was_an_effect_all_the_same(sandbox: Sandbox) -> None:
    sandbox.faults.add(CUT, "PUT", "/a/user/")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError, ValueError)):
        put_anna(sandbox).json()
    assert "anna" in logins(sandbox)


def test_a_status_and_an_expired_token_do_nothing(sandbox: Sandbox) -> None:
    sandbox.faults.add(503, "PUT", "/a/user/", retry_after=7)
    answer = put_anna(sandbox)
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "7"
    sandbox.faults.add(EXPIRED, "PUT", "/a/user/")
    assert put_anna(sandbox).status_code == 401
    assert "anna" not in logins(sandbox)


def test_a_fault_by_the_number_of_the_request() -> None:
    with Sandbox(faults={2: 502}) as sandbox:
        headers = {"Authorization": "Bearer " + sandbox.token}
        assert [requests.get(sandbox.url + "/a/user/admin", headers=headers, timeout=20).status_code for _ in range(3)] == [200, 502, 200]


def test_two_servers_with_the_same_history_have_equal_snapshots(sandbox: Sandbox) -> None:
    with Sandbox() as other:
        assert other.token != sandbox.token
        for server in (sandbox, other):
            put_anna(server)
            server.call("POST", "/a/tree/create", {"Nodes": [{"Path": "common-files/here", "Type": "COLLECTION"}]})
        assert json.dumps(sandbox.snapshot(), sort_keys=True) == json.dumps(other.snapshot(), sort_keys=True)
        other.call("PUT", "/a/role/r", {"Uuid": "r", "Label": "R"})
        assert sandbox.snapshot() != other.snapshot()


@pytest.mark.parametrize("profile, status", [("4.1", 403), ("3.0.9", 403), ("5", 409)])
def test_an_existing_login_is_not_created_again(profile: str, status: int) -> None:
    with Sandbox(profile=profile) as sandbox:
        put_anna(sandbox)
        assert put_anna(sandbox).status_code == status


def test_a_folder_indexed_in_place_is_not_touched(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_bytes(b"bytes")
    before = sorted((str(p.relative_to(tmp_path)), p.stat().st_mtime_ns) for p in [tmp_path, *tmp_path.rglob("*")])
    configuration = {"Name": "inplace", "StorageType": "LOCAL", "PeerAddress": sandbox.call("GET", "/a/config/peers")["PeerAddresses"][0],
                     "StorageConfiguration": {"folder": str(tmp_path)}}
    sandbox.call("POST", "/a/config/datasource/inplace", configuration)
    for _ in range(100):
        nodes = sandbox.call("POST", "/a/tree/admin/list", {"Node": {"Path": "inplace"}, "Recursive": True}).get("Children", [])
        if any(n["Path"] == "inplace/sub/a.txt" for n in nodes):
            break
    assert any(n["Path"] == "inplace/sub/a.txt" for n in nodes)
    assert before == sorted((str(p.relative_to(tmp_path)), p.stat().st_mtime_ns) for p in [tmp_path, *tmp_path.rglob("*")])


def test_the_control_paths_are_closed_unless_asked_for(sandbox: Sandbox) -> None:
    assert "snapshot" not in requests.get(sandbox.url + "/sandbox/requests", timeout=20).text
    with Sandbox(control=True) as steered:
        requests.post(steered.url + "/sandbox/faults", json=[{"effect": 503, "path": "/a/user/"}], timeout=20).raise_for_status()
        assert put_anna(steered).status_code == 503
        assert "people" in requests.get(steered.url + "/sandbox/snapshot", timeout=20).json()


def test_run_prints_one_line_and_ends_on_sigterm() -> None:
    code = "from migrate.cells.sandbox import run; run(0)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        answer = requests.get(ready["url"] + "/a/user/admin", headers={"Authorization": "Bearer " + ready["token"]}, timeout=20)
        assert answer.status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
