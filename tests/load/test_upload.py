"""Files of one old folder are uploaded once each, whatever happens to them on either side while the run goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrate.cells import bodies
from migrate.cells.auth import GivenToken
from migrate.cells.content import Content
from migrate.cells.dav_content import DavContent
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.interrupt import Interrupted, StopSignal
from migrate.ledger import Ledger, State
from migrate.load import upload
from migrate.transform.actions import CarryFolder

MIB = 1 << 20
ROOT = "w\0\0"


@dataclass
class Scene:
    """An old folder, its list, and a stand-in; files go to `common-files/w`."""

    folder: Path
    ledger: Ledger
    session: Session
    server: Sandbox
    scans: int = 0
    content: DavContent | None = None

    def listed(self) -> None:
        """The old folder is read (again)."""
        self.scans += 1
        rows = ({"root": ROOT, "path": os.fsencode("/" + str(path.relative_to(self.folder))), "type": "dir" if path.is_dir() else "file",
                 "size": None if path.is_dir() else path.stat().st_size, "mtime": path.stat().st_mtime_ns // 10**9, "recycle": False}
                for path in sorted(self.folder.rglob("*")))
        self.ledger.scan_files(rows, self.scans)
        self.ledger.end_scan(self.scans)

    def run(self, stop: StopSignal | None = None, workers: int = 4) -> int:
        self.ledger.reopen_failed()
        return upload.Upload(self.ledger, self.session, stop or StopSignal(), self.content or Content(self.session, multipart_from=upload.MULTIPART_FROM),
                             CarryFolder(ROOT, "pydiods1/w", "upload"), lambda: "common-files", os.fsencode(self.folder),
                             threading.BoundedSemaphore(workers), workers, self.count).run()

    def count(self, kind: str, number: int) -> None:
        """What is told of the progress."""

    def outcome(self, name: str) -> tuple[State, str | None]:
        row = next(row for row in self.ledger.files(ROOT) if row.path == os.fsencode("/" + name))
        return row.state, row.code

    def stored(self, name: str) -> bytes | None:
        node = self.server.state.node_at(f"pydiods1/w/{name}")
        return None if node is None or node.content is None else node.content.read_bytes()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    folder = tmp_path / "old"
    (folder / "d").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "d/c.txt"):
        (folder / name).write_text("content of " + name)
    with Sandbox() as server, Session(server.url, GivenToken(server.token), sleep=lambda _s: None) as session, Ledger.create(tmp_path / "work") as ledger:
        made = Scene(folder, ledger, session, server)
        made.listed()
        yield made


def test_a_file_that_grew_after_it_was_listed_is_sent_as_it_is(scene: Scene) -> None:
    (scene.folder / "a.txt").write_text("longer than it was when it was listed")
    assert scene.run() == 0
    assert scene.stored("a.txt") == b"longer than it was when it was listed"
    row = next(row for row in scene.ledger.files(ROOT) if row.path == b"/a.txt")
    assert row.size == 37


def test_a_file_that_vanished_is_told_and_the_others_go_on(scene: Scene) -> None:
    (scene.folder / "a.txt").unlink()
    assert scene.run() == 1
    assert scene.outcome("a.txt") == (State.FAILED, "E5014")
    assert scene.stored("b.txt") and scene.stored("d/c.txt")
    scene.listed()
    assert scene.run() == 0  # the next reading does not find it


def test_a_file_replaced_by_a_link_out_of_the_workspace_is_told_and_not_sent(scene: Scene) -> None:
    secret = scene.folder.parent / "secret"
    secret.write_text("of somebody else")
    (scene.folder / "a.txt").unlink()
    (scene.folder / "a.txt").symlink_to(secret)
    assert scene.run() == 1
    assert scene.outcome("a.txt") == (State.FAILED, "E5015") and scene.stored("a.txt") is None


def test_a_file_that_may_not_be_read_is_told_and_done_when_it_may(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refused(path: object, *rest: int) -> int:
        if os.fsencode(path).endswith(b"/a.txt"):  # type: ignore[arg-type]
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as closed:
        closed.setattr(bodies.os, "open", refused)
        assert scene.run() == 1
    assert scene.outcome("a.txt") == (State.FAILED, "E4303") and scene.stored("b.txt")
    assert scene.run() == 0 and scene.stored("a.txt") == b"content of a.txt"


def test_what_changed_is_sent_again_and_nothing_else(scene: Scene) -> None:
    assert scene.run() == 0
    (scene.folder / "a.txt").write_text("changed later")
    os.utime(scene.folder / "a.txt", (2_000_000_000, 2_000_000_000))
    scene.listed()
    before = scene.server.writes
    assert scene.run() == 0
    assert scene.stored("a.txt") == b"changed later" and scene.server.writes == before + 1


def test_what_people_changed_in_cells_is_kept_and_named(scene: Scene) -> None:
    assert scene.run() == 0
    other = scene.folder.parent / "other"
    other.write_text("by somebody in Cells")
    Content(scene.session).put_file("common-files", "w/a.txt", other)
    (scene.folder / "a.txt").write_text("changed on the old server")
    os.utime(scene.folder / "a.txt", (2_000_000_000, 2_000_000_000))
    scene.listed()
    assert scene.run() == 1
    assert scene.outcome("a.txt") == (State.FAILED, "E5006") and scene.stored("a.txt") == b"by somebody in Cells"


class PowerCut(BaseException):
    """The machine goes down."""


@pytest.mark.parametrize("way", ["in memory", "streamed", "in parts"])
@pytest.mark.parametrize("then", ["changed", "changed and listed anew", "changed twice"])
def test_a_run_killed_before_the_answer_knows_its_own_upload_although_the_old_file_changes(
        scene: Scene, monkeypatch: pytest.MonkeyPatch, way: str, then: str) -> None:
    if way == "streamed":
        monkeypatch.setattr("migrate.cells.gateway.IN_MEMORY", 4)
    if way == "in parts":
        monkeypatch.setattr(upload, "MULTIPART_FROM", 8)
    for number in range(2 if then == "changed twice" else 1):
        killed_after_sending(scene, monkeypatch, "a.txt")
        (scene.folder / "a.txt").write_text(f"changed after the kill, {number}")
        os.utime(scene.folder / "a.txt", (2_000_000_000 + number, 2_000_000_000 + number))
    if then == "changed and listed anew":
        scene.listed()
    assert scene.run() == 0
    assert scene.outcome("a.txt") == (State.DONE, None) and scene.stored("a.txt") == (scene.folder / "a.txt").read_bytes()
    assert not scene.ledger.facts(upload.UPLOADS)


@pytest.mark.parametrize("then", ["changed", "changed and listed anew", "changed twice"])
def test_a_run_killed_before_the_answer_of_webdav_knows_what_the_server_cut_as_it_liked(scene: Scene, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    scene.content = DavContent(scene.session, lambda: "admin", sleep=lambda _s: None)
    (scene.folder / "a.txt").write_bytes(os.urandom(6 << 20))
    scene.listed()
    for number in range(2 if then == "changed twice" else 1):
        killed_after_sending(scene, monkeypatch, "a.txt", DavContent)
        (scene.folder / "a.txt").write_bytes(os.urandom(6 << 20))
        os.utime(scene.folder / "a.txt", (2_000_000_000 + number, 2_000_000_000 + number))
    if then == "changed and listed anew":
        scene.listed()
    assert scene.run() == 0
    assert scene.outcome("a.txt") == (State.DONE, None) and scene.stored("a.txt") == (scene.folder / "a.txt").read_bytes()


def test_what_people_wrote_in_the_meantime_is_theirs_also_when_the_server_cut_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.content = DavContent(scene.session, lambda: "admin", sleep=lambda _s: None)
    (scene.folder / "a.txt").write_bytes(os.urandom(6 << 20))
    scene.listed()
    killed_after_sending(scene, monkeypatch, "a.txt", DavContent)
    (scene.folder.parent / "theirs").write_bytes(os.urandom(6 << 20))
    scene.content.put_file("common-files", "w/a.txt", scene.folder.parent / "theirs")
    assert scene.run() == 1
    assert scene.outcome("a.txt") == (State.FAILED, "E5006") and scene.stored("a.txt") == (scene.folder.parent / "theirs").read_bytes()


def killed_after_sending(scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, way: type[Content] | type[DavContent] = Content) -> None:
    put_file = way.put_file

    def cut(content: Content, slug: str, path: str, *rest: object, **named: object) -> object:
        stored = put_file(content, slug, path, *rest, **named)  # type: ignore[arg-type]
        if path.endswith(name):
            raise PowerCut
        return stored

    with monkeypatch.context() as night, pytest.raises(PowerCut):
        night.setattr(way, "put_file", cut)
        scene.run(workers=1)
    assert scene.outcome(name)[0] is State.STARTED


def test_after_such_a_kill_what_people_wrote_meanwhile_is_still_theirs(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after_sending(scene, monkeypatch, "a.txt")
    other = scene.folder.parent / "other"
    other.write_text("by somebody in Cells")
    Content(scene.session).put_file("common-files", "w/a.txt", other)
    (scene.folder / "a.txt").write_text("changed on the old server")
    assert scene.run() == 1
    assert scene.outcome("a.txt") == (State.FAILED, "E5006") and scene.stored("a.txt") == b"by somebody in Cells"


def test_what_a_killed_run_had_sent_is_remembered_when_the_old_server_removes_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after_sending(scene, monkeypatch, "a.txt")
    (scene.folder / "a.txt").unlink()
    scene.listed()
    node = scene.server.state.node_at("pydiods1/w/a.txt")
    assert node is not None and [(gone["path"], gone["etag"]) for gone in scene.ledger.gone_files()] == [(b"/a.txt", node.etag)]


def test_a_large_file_that_became_small_is_not_taken_away_with_its_unfinished_upload(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MULTIPART_FROM", 8)
    with monkeypatch.context() as night, pytest.raises(PowerCut):
        night.setattr("migrate.cells.multipart._Upload._complete", lambda *_: (_ for _ in ()).throw(PowerCut))
        scene.run(workers=1)
    assert scene.ledger.facts(upload.UPLOADS)
    for path in scene.folder.rglob("*.txt"):
        path.write_text("small")
        os.utime(path, (2_000_000_000, 2_000_000_000))
    scene.listed()
    assert scene.run() == 0
    assert [scene.stored(name) for name in ("a.txt", "b.txt", "d/c.txt")] == [b"small"] * 3 and not scene.ledger.facts(upload.UPLOADS)


def test_many_files_of_a_folder_cost_one_call_each_and_one_listing(scene: Scene) -> None:
    for number in range(60):
        (scene.folder / "d" / f"{number}.txt").write_text(str(number))
    scene.listed()
    calls = scene.session.requests
    reads, writes = calls.read, calls.write
    assert scene.run() == 0
    assert calls.write - writes == 63 + 1  # files, and one call for the folder
    assert calls.read - reads <= 4


def test_a_run_that_is_stopped_in_a_large_file_goes_on_with_the_next_part(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MULTIPART_FROM", 20 * MIB)
    content = os.urandom(70 * MIB)
    (scene.folder / "big.bin").write_bytes(content)
    scene.listed()
    stop = StopSignal()

    def stopping(kind: str, number: int) -> None:
        if kind == "bytes" and number == 20 * MIB:
            stop._event.set()

    monkeypatch.setattr(scene, "count", stopping)
    with pytest.raises(Interrupted):
        scene.run(stop)
    row = next(row for row in scene.ledger.files(ROOT) if row.path == b"/big.bin")
    confirmed = scene.ledger.get(f"upload:{row.id}")["parts"]
    assert row.state is State.STARTED and 0 < len(confirmed) < 4
    monkeypatch.setattr(scene, "count", lambda _kind, _number: None)
    before = scene.server.writes
    assert scene.run() == 0
    assert scene.stored("big.bin") == content
    assert scene.server.writes - before <= 4 - len(confirmed) + 1 + 4  # what was missing, the end, and the small files that were not reached
    assert scene.ledger.get(f"upload:{row.id}") is None


def test_what_was_sent_of_a_large_file_that_is_gone_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MULTIPART_FROM", 20 * MIB)
    (scene.folder / "big.bin").write_bytes(os.urandom(70 * MIB))
    scene.listed()
    stop = StopSignal()
    monkeypatch.setattr(scene, "count", lambda kind, number: stop._event.set() if number == 20 * MIB else None)
    with pytest.raises(Interrupted):
        scene.run(stop)
    assert scene.ledger.facts(upload.UPLOADS)
    (scene.folder / "big.bin").unlink()
    monkeypatch.setattr(scene, "count", lambda _kind, _number: None)
    assert scene.run() == 1 and scene.outcome("big.bin") == (State.FAILED, "E5014")
    assert not scene.ledger.facts(upload.UPLOADS)
    assert scene.server.state.node_at("pydiods1/w/big.bin") is None
