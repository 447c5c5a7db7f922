"""Folders that Cells indexes as they lie: a copy made by the tool or by a script, or the old folder itself when it is handed over."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cli.commands import Ran, command

from migrate.cells.sandbox import Sandbox

WS2 = "08a68782e1caa9c66f55a7f12695c3b5"
WS0 = "723f5e77d6d9811ca6fb8f79911753b4"
NASTY = [b"100%.txt", b"back\\slash.txt", b"caf\xe9 latin1.txt", "e\u0301te\u0301.txt".encode(), "été.txt".encode(), b" blanks ", b"new\nline.txt",
         b"Twin.txt", b"twin.txt", b".pydio", b"quote'\".txt", b"%41ok.txt"]


@pytest.fixture
def old(small: Path, tmp_path: Path) -> Path:
    """A copy of the small installation with names that servers mishandle."""
    here = tmp_path / "old"
    shutil.copytree(small, here, symlinks=True)
    folder = os.fsencode(here / "data" / "workspaces" / "ws0")
    os.makedirs(folder + b"/50% \xff/deep")
    os.makedirs(folder + "/de\u0301composed/in\u0303side".encode())
    Path(os.fsdecode(folder + "/de\u0301composed/in\u0303side/letter.txt".encode())).write_text("found by its exact name alone")
    for index, name in enumerate(NASTY):
        for place in (folder + b"/" + name, folder + b"/50% \xff/deep/" + name):
            with open(place, "wb") as file:
                file.write(name * (index + 1))
            os.utime(place, (10**9, 10**9 + index))
    return here


def fingerprint(top: Path) -> str:
    """Names, content, dates, owners and permissions of a whole tree."""
    total = hashlib.sha256()
    for folder, folders, files in os.walk(os.fsencode(top)):
        folders.sort()
        for name in sorted(files) + folders + [b"."]:
            path = os.path.join(folder, name)
            state = os.lstat(path)
            total.update(path + f" {state.st_mode} {state.st_uid} {state.st_gid} {state.st_mtime_ns} {state.st_size}".encode())
            if name in files:
                total.update(Path(os.fsdecode(path)).read_bytes())
    return total.hexdigest()


def run(old: Path, sandbox: Sandbox, work: Path, folder: Path, *options: str, path: str = "") -> Ran:
    (work / "mappings").mkdir(parents=True, exist_ok=True)
    (work / "mappings" / "workspaces.csv").write_text(f"old_workspace,data_source,route,folder,path\n{WS0},lies,in-place,{folder},{path}\n")
    return command("migrate", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json", "--accept-skips", *options)


def brought_everything(ran: Ran) -> bool:
    """Every file has its outcome, none failed, and what Cells shows is what the old server held, dates included."""
    files = ran.json["counts"]["files"]
    return files["failed"] == 0 and files["found"] == files["migrated"] + files["already"] + files["skipped"] and ran.json["differences"] == []


def codes(ran: Ran) -> set[str]:
    return {f["code"] for f in ran.json["findings"]}


def test_a_copy_is_made_indexed_and_proven_and_the_old_tree_stays_as_it_was(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    before = fingerprint(old)
    ran = run(old, sandbox, tmp_path / "work", tmp_path / "cells" / "lies", "--in-place-copy", "run", path="ws0")
    assert brought_everything(ran), ran.json["differences"]
    assert fingerprint(old) == before
    names = {p.name for p in (tmp_path / "cells" / "lies" / "ws0").iterdir()}
    assert {"100％.txt", "back＼slash.txt", "café latin1.txt", "été (2).txt", "été.txt", " blanks ", "new\nline.txt", "Twin.txt", "twin.txt", ".pydio_",
            "%41ok.txt"} <= names
    assert int((tmp_path / "cells" / "lies" / "ws0" / "Twin.txt").stat().st_mtime) == 10**9 + 7


def test_the_script_makes_the_same_copy(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    ran = run(old, sandbox, tmp_path / "work", tmp_path / "cells" / "lies")
    assert not brought_everything(ran)  # the folder is not there yet
    script = tmp_path / "work" / "copy" / "lies.sh"
    subprocess.run([script], check=True, timeout=60)
    subprocess.run([script], check=True, timeout=60)  # broken off and run again: no harm
    ran = run(old, sandbox, tmp_path / "work", tmp_path / "cells" / "lies")
    assert brought_everything(ran), ran.json["differences"][:5]


def test_the_old_folder_itself_is_only_used_when_it_is_handed_over_by_name(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    folder = old / "data" / "workspaces"
    before = fingerprint(old)
    ran = run(old, sandbox, tmp_path / "work", folder)
    assert "F5011" in codes(ran) and WS0 not in str(sandbox.state.workspaces)
    assert fingerprint(old) == before
    ran = run(old, sandbox, tmp_path / "work2", folder, "--hand-over-original")
    assert {"F5012", "F5015"} <= codes(ran) and brought_everything(ran), ran.json["differences"]
    skipped = command("export", "--work", tmp_path / "work2").out
    assert "S5005" in skipped  # names that are not UTF-8 are told, not lost in silence


def test_an_old_folder_that_was_handed_over_needs_no_write_the_second_time(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    folder = old / "data" / "workspaces"
    (folder / "ws0" / "inside").symlink_to("50% \udcff")
    (folder / "ws0" / ".ajxp_meta").write_text("")
    sandbox.state.write_marker_files = True
    first = run(old, sandbox, tmp_path / "work", folder, "--hand-over-original")
    assert brought_everything(first), first.json["differences"]
    assert (folder / "ws0" / ".pydio").is_file() and "F5020" in codes(first)
    skipped = command("export", "--work", tmp_path / "work").out
    assert "S5009" in skipped  # what lies behind a link to a folder is told: Cells does not follow it
    second = run(old, sandbox, tmp_path / "work", folder, "--hand-over-original")
    assert brought_everything(second) and second.json["requests"]["write"] == 0
    assert second.json["counts"]["files"]["found"] == first.json["counts"]["files"]["found"]  # marks of Cells are no files of people
    again = command("plan", "--legacy", old, "--cells", sandbox.url, "--work", tmp_path / "work", "--json", "--hand-over-original").json["counts"]["files"]
    assert again["found"] == again["migrated"] + again["already"] + again["skipped"]  # that Cells dated the folders anew leaves nothing to carry
    fresh = run(old, sandbox, tmp_path / "fresh", folder, "--hand-over-original")
    assert brought_everything(fresh) and fresh.json["requests"]["write"] == 0


def test_what_somebody_else_copied_is_looked_over_missing_extra_and_damaged_files_are_named(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work, place = tmp_path / "work", tmp_path / "cells" / "lies"
    (work / "mappings").mkdir(parents=True)
    (work / "mappings" / "workspaces.csv").write_text(f"old_workspace,data_source,route,folder,path\n{WS0},lies,external,{place},ws0\n")
    everything = ("migrate", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json", "--accept-skips")
    assert command("plan", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json").status == 0
    subprocess.run([work / "copy" / "lies.sh"], check=True, timeout=60)
    copy = place / "ws0"
    (copy / "Twin.txt").unlink()
    (copy / "%41ok.txt").write_bytes(b"%41ok.txx" * 12)  # as long, as old, and not the same
    os.utime(copy / "%41ok.txt", (10**9, 10**9 + 11))
    (copy / "nobody knows.txt").write_text("extra")
    ran = command(*everything)
    assert ran.status != 0 and {"E5007", "E5008"} <= {f["code"] for f in ran.json["findings"]} | set(re.findall("E50[0-9]{2}", ran.out + ran.err))
    told = {d["subject"].rpartition("/")[2] for d in ran.json["differences"]}
    assert told == {"Twin.txt", "%41ok.txt", "nobody knows.txt"}
    shutil.copy2(old / "data" / "workspaces" / "ws0" / "Twin.txt", copy / "Twin.txt")
    assert "Twin.txt" not in {d["subject"].rpartition("/")[2] for d in command(*everything).json["differences"]}


def test_a_folder_whose_index_failed_is_indexed_again_by_the_next_run(old: Path, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, place = tmp_path / "work", tmp_path / "cells" / "lies"

    def broken(*_: object) -> None:
        for job in sandbox.state.jobs.values():
            for task in job["tasks"]:
                task.update(Status="Interrupted", StatusMessage="the server was killed")

    with monkeypatch.context() as night:
        night.setattr("migrate.cells.sandbox.datasources.index_folder", broken)
        night.setattr("migrate.cells.sandbox.datasources.settle", broken)
        assert run(old, sandbox, work, place, "--in-place-copy", "run", path="ws0").status != 0
    assert "lies" in sandbox.state.sources
    ran = run(old, sandbox, work, place, "--in-place-copy", "run", path="ws0")
    assert ran.status == 0 and brought_everything(ran), ran.json["differences"]
    again = run(old, sandbox, work, place, "--in-place-copy", "run", path="ws0")
    assert again.json["requests"]["write"] == 0 and brought_everything(again)


def test_what_is_added_changed_or_missing_in_the_copy_is_noticed(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work, place = tmp_path / "work", tmp_path / "cells" / "lies"
    assert brought_everything(run(old, sandbox, work, place, "--in-place-copy", "run"))
    added = old / "data" / "workspaces" / "ws0" / "added later.txt"
    added.write_text("new")
    ran = run(old, sandbox, work, place, "--in-place-copy", "run")
    assert brought_everything(ran) and (place / "added later.txt").read_text() == "new"
    added.write_text("newer")
    os.utime(added, (10**9, 10**9))
    ran = run(old, sandbox, work, place)  # nobody copies it
    assert ran.status != 0 and any("added later" in d["subject"] for d in ran.json["differences"])


@pytest.mark.parametrize(("folder", "reason"), [("inner/lies", "lies above or below"), ("link", "symbolic link"), ("other", "has the same folder")])
def test_folders_that_cells_would_refuse_are_refused_by_the_plan(old: Path, sandbox: Sandbox, tmp_path: Path, folder: str, reason: str) -> None:
    base = tmp_path / "cells"
    (base / "other").mkdir(parents=True)
    (base / "link").symlink_to(base / "other")
    work = tmp_path / "work"
    (work / "mappings").mkdir(parents=True)
    (work / "mappings" / "workspaces.csv").write_text(
        f"old_workspace,data_source,route,folder\n{WS2},first,in-place,{base / 'other'}\n{WS0},second,in-place,{base / folder}\n")
    ran = command("plan", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json")
    assert any(f["code"] == "F5010" and reason in f["message"] for f in ran.json["findings"])
    assert ran.json["requests"]["write"] == 0


def test_a_file_that_cannot_be_copied_is_left_out_with_its_reason_and_comes_when_that_is_settled(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work, place = tmp_path / "work", tmp_path / "cells" / "lies"
    (work / "mappings").mkdir(parents=True)
    (work / "mappings" / "workspaces.csv").write_text(f"old_workspace,data_source,route,folder,path\n{WS0},lies,in-place,{place},ws0\n")
    server = ("--legacy", old, "--cells", sandbox.url, "--work", work, "--in-place-copy", "run", "--json")
    assert command("plan", *server).status == 0
    twin, aside = old / "data" / "workspaces" / "ws0" / "Twin.txt", tmp_path / "Twin.txt"
    shutil.move(twin, aside)
    twin.symlink_to(aside)  # out of its workspace: what lies there may be anybody's
    ran = command("apply", "--work", work, "--accept-skips", "--json")
    told = (work / "not-green.csv").read_text(encoding="utf-8")
    assert ran.status == 3 and "E5015" in told and "E5004" not in told
    assert not (place / "ws0" / "Twin.txt").exists() and (place / "ws0" / "twin.txt").exists()
    twin.unlink()
    shutil.move(aside, twin)
    again = command("migrate", *server, "--accept-skips")
    assert again.status == 0 and brought_everything(again), again.json


@pytest.mark.parametrize("by", ["run", "script"])
def test_a_workspace_whose_folder_is_empty_becomes_an_empty_data_source(old: Path, sandbox: Sandbox, tmp_path: Path, by: str) -> None:
    shutil.rmtree(old / "data" / "workspaces" / "ws0")
    (old / "data" / "workspaces" / "ws0").mkdir(mode=0o750)
    work, place = tmp_path / "work", tmp_path / "cells" / "lies"
    if by == "script":
        assert "E4910" in codes(run(old, sandbox, work, place))
        subprocess.run([work / "copy" / "lies.sh"], check=True, timeout=60)
    ran = run(old, sandbox, work, place, "--in-place-copy", by)
    assert ran.status == 0 and brought_everything(ran) and "lies" in sandbox.state.sources
    assert place.stat().st_mode & 0o777 == 0o750
    assert run(old, sandbox, work, place, "--in-place-copy", by).json["requests"]["write"] == 0 and not (work / "copy" / "lies.sh").exists()
