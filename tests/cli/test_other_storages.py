"""Workspaces whose files are not on the old server: a bucket that becomes a data source of Cells, a storage that is mounted."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cli.commands import Ran, command

from migrate.cells.sandbox import Sandbox

KEY, SECRET = "OLDACCESSKEY", "old-secret-canary-7731"
OBJECTS = {"archive/a.txt": b"alpha", "archive/2018/b \u00e9.txt": b"beta", "archive/2018/": b"", "archive/.meta": b"x", "elsewhere/c.txt": b"gamma"}


class _Bucket(BaseHTTPRequestHandler):
    """Lists one bucket, for whoever names the right key."""

    def do_GET(self) -> None:
        if not self._may():
            return
        prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
        found = "".join(f"<Contents><Key>{key}</Key><Size>{len(data)}</Size><LastModified>2018-03-01T12:00:00.000Z</LastModified>"
                        f"<ETag>&quot;{hashlib.md5(data).hexdigest()}&quot;</ETag></Contents>"
                        for key, data in {**OBJECTS, **self.server.added}.items() if unquote(key).startswith(prefix))
        self._answer(200, f"<ListBucketResult><Name>old</Name><IsTruncated>false</IsTruncated>{found}</ListBucketResult>")

    def do_HEAD(self) -> None:
        if self._may():
            self._answer(200 if self._key() in {**OBJECTS, **self.server.added} else 404, "")  # type: ignore[attr-defined]

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._may():
            self.server.added[self._key()] = data  # type: ignore[attr-defined]
            self._answer(200, "")

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/old/")

    def _may(self) -> bool:
        if KEY in self.headers.get("Authorization", ""):
            return True
        self._answer(403, "<Error><Code>AccessDenied</Code></Error>")
        return False

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bucket)
    server.added = {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def with_workspace(small: Path, here: Path, driver: str, **options: str) -> Path:
    """A copy of the small installation with one more workspace, `elsewhere`."""
    shutil.copytree(small, here, symlinks=True)
    with sqlite3.connect(here / "data" / "plugins" / "conf.sql" / "pydio.db") as db:
        db.execute("INSERT INTO ajxp_repo (uuid, display, accessType, slug, writeable, isTemplate, inferOptionsFromParent) VALUES (?,?,?,?,1,0,0)",
                   ("elsewhere", "Elsewhere", driver, "elsewhere"))
        db.executemany("INSERT INTO ajxp_repo_options (uuid, name, val) VALUES ('elsewhere', ?, ?)", [(n, v.encode()) for n, v in options.items()])
    return here


def with_bucket(small: Path, here: Path, endpoint: str, **options: str) -> Path:
    """A copy of the small installation whose workspace `elsewhere` shows a folder of the bucket."""
    return with_workspace(small, here, "s3", API_KEY=KEY, SECRET_KEY=SECRET, CONTAINER="old", PATH="archive", STORAGE_URL=endpoint, **options)


HAND_OVER = "elsewhere,archive,in-place\n"


def migrate(old: Path, sandbox: Sandbox, work: Path, *options: str, lines: str = "") -> Ran:
    (work / "mappings").mkdir(parents=True, exist_ok=True)
    if lines:
        (work / "mappings" / "workspaces.csv").write_text("old_workspace,data_source,route\n" + lines)
    return command("migrate", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json", "--accept-skips", *options)


def codes(ran: Ran) -> set[str]:
    return {f["code"] for f in ran.json["findings"]}


def test_a_bucket_becomes_a_data_source_only_when_it_is_handed_over_and_its_keys_are_kept_nowhere(
        small: Path, sandbox: Sandbox, endpoint: str, tmp_path: Path) -> None:
    old = with_bucket(small, tmp_path / "old", endpoint, REGION="eu-west-1")
    work = tmp_path / "work"
    assert "F5011" in codes(migrate(old, sandbox, work, lines=HAND_OVER)) and "archive" not in sandbox.state.sources
    ran = migrate(old, sandbox, work, "--hand-over-original", lines=HAND_OVER)
    assert ran.status == 0 and {"F5017", "F5041"} <= codes(ran), codes(ran)
    made = sandbox.state.sources["archive"]
    assert {n.name for n in made.root.walk() if not n.is_folder} - {".pydio"} == {"a.txt", "b \u00e9.txt", ".meta", "c.txt"}
    assert made.keys == (KEY, SECRET) and not made.configuration.get("ObjectsBaseFolder")  # Cells cannot index a folder of a bucket
    (workspace,) = [w for w in sandbox.state.workspaces.values() if w.slug == "elsewhere"]
    (root,) = [a.node for a in sandbox.state.acls.of_workspace(workspace.uuid) if a.action == "workspace-path"]
    assert root == made.root.children["archive"].uuid  # and yet the workspace shows no more than its folder
    assert not any(SECRET.encode() in path.read_bytes() or KEY.encode() in path.read_bytes() for path in work.rglob("*") if path.is_file())
    again = migrate(old, sandbox, work, "--hand-over-original", lines=HAND_OVER)
    assert again.status == 0 and again.json["requests"]["write"] == 0


def test_an_object_that_cells_does_not_index_is_named(
        small: Path, sandbox: Sandbox, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = with_bucket(small, tmp_path / "old", endpoint)
    monkeypatch.setitem(OBJECTS, "archive/x//odd.txt", b"lost")
    ran = migrate(old, sandbox, tmp_path / "work", "--hand-over-original", lines=HAND_OVER)
    (told,) = [f for f in ran.json["findings"] if f["code"] == "F5042"]
    assert "x//odd.txt" in told["message"] and told["severity"] == "error"


def test_a_bucket_whose_index_failed_is_indexed_again_and_never_taken_for_ready(
        small: Path, sandbox: Sandbox, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = with_bucket(small, tmp_path / "old", endpoint)
    work = tmp_path / "work"
    with monkeypatch.context() as night:
        night.setattr("migrate.cells.sandbox.datasources.index_bucket", lambda *_: "the storage was away")
        failed = migrate(old, sandbox, work, "--hand-over-original", lines=HAND_OVER)
    assert failed.status != 0 and "archive" in sandbox.state.sources and "F5041" not in codes(failed)
    ran = migrate(old, sandbox, work, "--hand-over-original", lines=HAND_OVER)
    assert ran.status == 0 and "F5041" in codes(ran) and len(list(sandbox.state.sources["archive"].root.walk())) > 2
    again = migrate(old, sandbox, work, "--hand-over-original", lines=HAND_OVER)
    assert again.status == 0 and again.json["requests"]["write"] == 0


def test_a_name_on_which_the_whole_index_would_fail_is_told_before_cells_is_given_the_bucket(
        small: Path, sandbox: Sandbox, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = with_bucket(small, tmp_path / "old", endpoint)
    with monkeypatch.context() as odd:
        odd.setitem(OBJECTS, "archive/" + "k" * 256, b"too long for a column of Cells")
        ran = migrate(old, sandbox, tmp_path / "work", "--hand-over-original", lines=HAND_OVER)
        assert "E5016" in codes(ran) and "archive" not in sandbox.state.sources
    ran = migrate(old, sandbox, tmp_path / "work", "--hand-over-original", lines=HAND_OVER)
    assert ran.status == 0 and "F5041" in codes(ran)


def test_objects_that_cells_lists_and_cannot_open_are_told(
        small: Path, sandbox: Sandbox, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = with_bucket(small, tmp_path / "old", endpoint)
    monkeypatch.setitem(OBJECTS, "archive/100%.txt", b"shown, not given out")
    ran = migrate(old, sandbox, tmp_path / "work", "--hand-over-original", lines=HAND_OVER)
    (told,) = [f for f in ran.json["findings"] if f["code"] == "F5044"]
    assert "100%.txt" in told["message"]


def test_files_of_a_mounted_storage_are_carried_like_those_of_a_folder(small: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    old = with_workspace(small, tmp_path / "old", "ftp", FTP_HOST="ftp.example.org", PATH="/pub")
    told = next(f for f in migrate(old, sandbox, tmp_path / "first").json["findings"] if f["code"] == "F1406")
    assert "--path-map /remote/elsewhere=" in told["remedy"] and "curlftpfs" in told["remedy"]
    mounted = tmp_path / "mnt"
    mounted.mkdir()
    (mounted / "from ftp.txt").write_text("bytes")
    ran = migrate(old, sandbox, tmp_path / "work", "--path-map", f"/remote/elsewhere={mounted}")
    assert ran.status == 0 and ran.json["differences"] == [] and "F1406" not in codes(ran)
    assert any(n.name == "from ftp.txt" for s in sandbox.state.sources.values() for n in s.root.walk())
