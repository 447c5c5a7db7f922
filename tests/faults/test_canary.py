"""Known secrets are put wherever a secret can be; afterwards none of them is anywhere but in the secrets file and the hand-over files."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import night
import pytest
from calm import Calm

from fixtures.generator import build
from fixtures.generator.description import File, Link, Share, User, Workspace
from migrate.cells.sandbox.answers import Answer

HANDED = re.compile(r"accounts\.csv|letters/|link-passwords\.csv|secrets\.jsonl|\.sql$")
"""Files whose purpose is to hand a secret over: they have to be private."""
PUBLIC = ("redirects", "mappings")
"""For the web server and for whoever edits them: addresses and names only."""
CANARIES = ("Canary-login-7391", "Canary-link-7392", "Canary-ftp-7393", "Canary-s3-7394")
HOSTILE = ('=HYPERLINK("http://x")', "<script>alert(1)</script>", "bidi \u202e gnp.exe", "ctrl \x1b[2J\x07", "@SUM(1)", "new\nline")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    was = night.organisation()
    return build(night.organisation(
        "canary",
        users=(*was.users, User("can", CANARIES[0], display_name=HOSTILE[0], email="can@night.example"), User("html", "Night-5", display_name=HOSTILE[1])),
        workspaces=(*was.workspaces,
                    Workspace("ftp", "Ftp", "ftp", None, driver="ftp", options={"FTP_HOST": "h", "FTP_USER": "u", "FTP_PASS": CANARIES[2]}),
                    Workspace("s3", HOSTILE[4], "s3", None, driver="s3", options={"API_KEY": "k", "SECRET_KEY": CANARIES[3], "CONTAINER": "c"})),
        files=(*was.files, *(File("dock", ("/" + name.replace("/", "_")).encode(), 10, 1_300_000_009) for name in HOSTILE)),
        shares=(*was.shares, Share("canary", "bo", "dock", "/Plans/site.txt", True, "site.txt", links=(Link("cafe01", password=CANARIES[1]),))),
    ), tmp_path_factory.mktemp("canary") / "old")


def test_no_secret_leaves_its_file(planted: Path, tmp_path: Path, server: night.Disturbed) -> None:
    work = tmp_path / "w"
    argv: list[str] = []

    def look() -> None:
        found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=False)
        argv.append(found.stdout)

    server.at, server.when, server.armed, server.strike = 60, night.BEFORE, True, look
    environment = {**os.environ, "CELLS_TOKEN": server.token}
    texts = []
    for line in (["migrate", "--legacy", str(planted), "--cells", server.url, "--accept-skips"], ["status"], ["report"], ["export"], ["verify"],
                 ["undo", "--dry-run"]):
        ran = subprocess.run([sys.executable, "run_migration.py", *line, "--work", str(work), "--log-format", "json"], cwd=Path(__file__).parents[2],
                             env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode in (0, 3, 4), (line, ran.stderr)
        assert "Traceback" not in ran.stderr
        texts.append(ran.stdout + ran.stderr)
    assert argv, "the process list was looked at while it ran"
    kept = (work / "secrets.jsonl").read_text()
    secrets = {*CANARIES, server.token, *re.findall(r'"value": "([^"]{8,})"', kept)}
    hashes = {b"sha256:1000:"}
    for secret in secrets:
        assert not any(secret in text for text in texts), "on the terminal or in a log"
        assert not any(secret in line for line in argv), "in the list of processes"
    for path in work.rglob("*"):
        if not path.is_file():
            continue
        assert path.parent.name in PUBLIC or not stat.S_IMODE(path.stat().st_mode) & 0o077, f"{path} is not private"
        if HANDED.search(str(path.relative_to(work))):
            continue
        data = path.read_bytes()
        assert not any(secret.encode() in data for secret in secrets), path
        assert not any(sign in data for sign in hashes), path


def test_hostile_names_are_text_everywhere(planted: Path, tmp_path: Path, server: night.Disturbed) -> None:
    work = tmp_path / "w"
    ran = night.migrate(planted, server.url, work)
    page = (work / "report.html").read_text() + (work / "plan.html").read_text()
    assert "<script>alert(1)" not in page and "\u202e" not in page and "\x1b" not in page
    told = night.command("status", "--work", work)
    assert "\x1b" not in ran.out + ran.err + told.out and "\u202e" not in told.out
    for table in work.rglob("*.csv"):
        for line in table.read_text().splitlines():
            assert not re.search(r'(?:^|,)"?[=@+][A-Z]', line), (table.name, line)


def test_exceptions_and_addresses_do_not_tell_passwords(planted: Path, tmp_path: Path, server: night.Disturbed) -> None:
    ran = night.command("plan", "--legacy", planted, "--cells", server.url, "--work", tmp_path / "w", "--database",
                        "mysql+pymysql://u:Canary-db-7395@127.0.0.1:9/none")
    assert ran.status == 5, ran.err
    assert "Canary-db-7395" not in ran.out + ran.err
    for path in (tmp_path / "w").rglob("*"):
        if path.is_file() and path.name != "secrets.jsonl":
            assert b"Canary-db-7395" not in path.read_bytes(), path


def test_a_redirect_to_another_host_does_not_get_the_token(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    """A malicious target answers with a redirect: the run ends, and the other host is never asked."""
    import http.server
    import threading

    asked = []

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/stolen")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    trap = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=trap.serve_forever, daemon=True).start()
    try:
        ran = night.migrate(calm.old, f"http://127.0.0.1:{trap.server_address[1]}", tmp_path / "w")
    finally:
        trap.shutdown()
    assert ran.status == 6, ran.err
    assert all(not headers.get("Host", "").startswith("localhost") for headers in asked), "the redirect was not followed"


def test_a_server_that_repeats_secrets_in_its_errors_does_not_get_them_into_ledger_or_log(planted: Path, tmp_path: Path) -> None:
    """What was sent comes back as the reason of the refusal, of every kind of request that carries a password or a stored form."""

    class Echo(night.Disturbed):
        echoed = 0

        def answer(self, method: str, target: str, headers: Any, raw: bytes, stored: Any, fault: Any) -> Answer:
            if any(sign in raw for sign in (b"Password", b"sha256:1000:", b"password")) and not target.startswith("/a/frontend"):
                self.echoed += 1
                said = {"Title": "refused", "Detail": "cannot take " + raw.decode("utf-8", "replace")[:4000]}
                return Answer(400, json.dumps(said).encode(), "application/json")
            return super().answer(method, target, headers, raw, stored, fault)

    for options in ([], ["--passwords", "keep", "--keep-by", "rpc"]):
        with Echo() as server:
            environment = {**os.environ, "CELLS_TOKEN": server.token}
            work = tmp_path / ("w" + "".join(options))
            ran = subprocess.run([sys.executable, "run_migration.py", "migrate", "--legacy", str(planted), "--cells", server.url, "--accept-skips", "--verbose",
                                  "--work", str(work), *options], cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True,
                                 timeout=300, check=False)
            assert server.echoed and "Traceback" not in ran.stderr, ran.stderr[-500:]
            told_nowhere(work, ran.stdout + ran.stderr, {*CANARIES, server.token})


def told_nowhere(work: Path, text: str, secrets: set[str]) -> None:
    """No secret in what was printed, nor in any file that is not made to hold it."""
    kept = (work / "secrets.jsonl").read_text() if (work / "secrets.jsonl").exists() else ""
    secrets = secrets | set(re.findall(r'"value": "([^"]{8,})"', kept))
    for secret in secrets:
        assert secret not in text, "printed: " + text[max(0, text.index(secret) - 200):text.index(secret)]
    assert "sha256:1000:" not in text
    for path in work.rglob("*"):
        if path.is_file() and not HANDED.search(str(path.relative_to(work))):
            data = path.read_bytes()
            assert b"sha256:1000:" not in data, path
            for secret in secrets:
                assert secret.encode() not in data, (path, data[max(0, data.index(secret.encode()) - 200):data.index(secret.encode())])


def test_a_defect_tells_no_secret_either(planted: Path, tmp_path: Path, server: night.Disturbed) -> None:
    """An exception that nobody foresaw, with secrets in its text: its traceback is masked."""
    words = f"""
import sys
from migrate.load import people
from migrate.cells.api import users
real = users.create_user
def broken(session, user, password, policies=None):
    real(session, user, password, policies)
    raise RuntimeError("could not store " + password + " with " + session.tokens.token())
users.create_user = broken
from migrate.cli.app import main
main(["migrate", "--legacy", {str(planted)!r}, "--cells", {server.url!r}, "--work", {str(tmp_path / "w")!r}, "--accept-skips", "--verbose"])
"""
    ran = subprocess.run([sys.executable, "-c", words], cwd=Path(__file__).parents[2], env={**os.environ, "CELLS_TOKEN": server.token}, capture_output=True,
                         text=True, timeout=300, check=False)
    assert "could not store" in ran.stderr and ran.returncode
    told_nowhere(tmp_path / "w", ran.stdout + ran.stderr, {*CANARIES, server.token})


def test_files_with_secrets_are_private_from_their_first_moment(planted: Path, tmp_path: Path, server: night.Disturbed) -> None:
    """With a umask that hides nothing, and rights that cannot be taken away afterwards: whatever is private was made so."""
    words = f"""
import os, pathlib
os.umask(0)
os.chmod = os.fchmod = lambda *a, **k: None
pathlib.Path.chmod = lambda *a, **k: None
from migrate.cli.app import main
main(["migrate", "--legacy", {str(planted)!r}, "--cells", {server.url!r}, "--work", {str(tmp_path / "w")!r}, "--accept-skips", "--quiet",
      "--passwords", "keep"])
"""
    ran = subprocess.run([sys.executable, "-c", words], cwd=Path(__file__).parents[2], env={**os.environ, "CELLS_TOKEN": server.token}, capture_output=True,
                         text=True, timeout=300, check=False)
    assert ran.returncode in (0, 3), ran.stderr[-500:]
    found = [path for path in (tmp_path / "w").rglob("*") if path.is_file() and path.parent.name not in PUBLIC]
    assert any(path.name == "secrets.jsonl" for path in found)
    assert not [(path.name, oct(path.stat().st_mode)) for path in found if path.stat().st_mode & 0o077]


def test_children_of_the_tool_are_not_handed_its_secrets(calm: Calm, tmp_path: Path, server: night.Disturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that prints a token sees the environment without the secrets that other options can be given by."""
    monkeypatch.delenv("CELLS_TOKEN")
    secrets = {"MIGRATE_DATABASE": "sqlite:///Canary-db-7396", "MIGRATE_CELLS_DATABASE": "mysql://u:Canary-cells-7397@h/x", "MIGRATE_CLIENT_SECRET": "Canary-8"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    seen, kept = tmp_path / "environ", tmp_path / "token"
    kept.write_text(server.token)
    script = tmp_path / "print-token"
    script.write_text(f"#!/bin/sh\nenv > {seen}\ncat {kept}\n")
    script.chmod(0o700)
    night.command("doctor", "--cells", server.url, "--work", tmp_path / "w", "--token-command", str(script), "--no-input")
    assert seen.exists() and "Canary" not in seen.read_text() and "PATH=" in seen.read_text()
