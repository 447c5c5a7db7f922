"""The scripts that the administrator runs: whatever names the old server had, they copy everything, run nothing, and go on after what
cannot be copied."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cli.commands import command

from migrate.cells.sandbox import Sandbox

WS0 = "723f5e77d6d9811ca6fb8f79911753b4"
NAMES = [b"#comment", b"; comment", b"-rf", b"--help", b"$(touch RAN)", b"`touch RAN`", b"q'uo\"te", b"line\ntouch RAN", b"line%\ntouch RAN\n",
         b"'%\n$(touch RAN)",
         b"-d%sh", b"#%", b"caf\xe9 $(touch RAN)"]
TOOLS = ("tar", "mkdir", "mv", "rm", "cp", "dirname", "sh", "chown", "chmod", "touch", "id")


@pytest.fixture
def old(small: Path, tmp_path: Path) -> Path:
    """A copy of the small installation with names that shells and their tools take for something else."""
    here = tmp_path / "old"
    shutil.copytree(small, here, symlinks=True)
    folder = os.fsencode(here / "data" / "workspaces" / "ws0")
    Path(os.fsdecode(folder + b"/.ajxp_meta")).write_text("")
    for name in NAMES:
        os.makedirs(folder + b"/" + name + b" d")
        for place in (folder + b"/" + name, folder + b"/" + name + b" d/" + name):
            with open(place, "wb") as file:
                file.write(name)
            os.utime(place, (10**9, 10**9))
    return here


def planned(old: Path, sandbox: Sandbox, work: Path, *, route: str, folder: object = "", path: str = "", options: tuple[str, ...] = ()) -> None:
    (work / "mappings").mkdir(parents=True)
    (work / "mappings" / "workspaces.csv").write_text(f"old_workspace,data_source,route,folder,path\n{WS0},lies,{route},{folder},{path}\n")
    assert command("plan", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json", *options).status == 0


def script(work: Path, path: str = os.environ.get("PATH", "")) -> int:
    """Run it; gives its end. Nothing that a name says was run."""
    status = subprocess.run(["/bin/sh", work / "copy" / "lies.sh"], env={"PATH": path}, timeout=60, check=False).returncode
    assert not list(work.rglob("RAN")) and not Path("RAN").exists()
    return status


@pytest.mark.parametrize("tool", ["rsync", "tar"])
def test_no_name_is_taken_for_a_comment_an_option_or_a_command(old: Path, sandbox: Sandbox, tmp_path: Path, tool: str) -> None:
    if tool == "rsync" and not shutil.which("rsync"):
        pytest.skip("needs rsync")
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in (*TOOLS, *(["rsync"] if tool == "rsync" else [])):
        (bare / name).symlink_to(shutil.which(name) or "")
    planned(old, sandbox, tmp_path / "work", route="in-place", folder=tmp_path / "cells" / "lies", path="ws0")
    (old / "data" / "workspaces" / "ws0").chmod(0o2750)
    assert script(tmp_path / "work", str(bare)) == 0
    assert script(tmp_path / "work", str(bare)) == 0
    assert not (tmp_path / "cells" / "lies" / "ws0" / ".ajxp_meta").exists() and (tmp_path / "cells" / "lies" / "ws0").stat().st_mode & 0o7777 == 0o2750
    ran = command("migrate", "--legacy", old, "--cells", sandbox.url, "--work", tmp_path / "work", "--json", "--accept-skips")
    assert ran.status == 0 and ran.json["counts"]["files"]["failed"] == 0 and ran.json["differences"] == [], ran.json["differences"][:3]


def test_a_script_for_rclone_tells_names_and_runs_none(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    (old / "data" / "workspaces" / "ws0" / "\u201b never\ntouch RAN").write_text("rclone cannot send this name")
    planned(old, sandbox, tmp_path / "work", route="external")
    text = (tmp_path / "work" / "copy" / "lies.sh").read_text(errors="surrogateescape")
    assert "never\\ntouch RAN" in text
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "rclone").write_text("#!/bin/sh\necho folder/\n")
    (bare / "rclone").chmod(0o755)
    assert subprocess.run(["/bin/sh", tmp_path / "work" / "copy" / "lies.sh"], env={"PATH": f"{bare}:{os.environ['PATH']}", "CELLS_TOKEN": "t"}, check=False,
                          cwd=tmp_path, timeout=60).returncode == 1
    assert not list((tmp_path / "work").rglob("RAN"))


def test_what_cannot_be_copied_is_told_and_the_next_folder_is_copied(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work, place = tmp_path / "work", tmp_path / "cells" / "lies"
    planned(old, sandbox, work, route="in-place", folder=place, path="ws0")
    lines = (work / "copy" / "lies.sh").read_text(errors="surrogateescape")
    first = next(line for line in lines.splitlines() if line.startswith("copy "))
    (work / "copy" / "lies.sh").write_text(lines.replace(first, "copy nothing.list /nowhere '" + str(tmp_path / "x") + "'\n" + first), errors="surrogateescape")
    assert script(work) == 1
    assert (place / "ws0" / "#comment").read_bytes() == b"#comment"


def test_the_script_of_an_earlier_plan_is_not_left_lying_about(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work, everything = tmp_path / "work", ("--legacy", old, "--cells", sandbox.url, "--work", tmp_path / "work", "--json")
    planned(old, sandbox, work, route="in-place", folder=tmp_path / "cells" / "lies", path="ws0")
    assert script(work) == 0
    assert command("migrate", *everything, "--accept-skips").status == 0
    assert command("plan", *everything).status == 0
    assert not (work / "copy" / "lies.sh").exists()  # run again it would put old content over what people wrote since


def test_a_file_that_stood_there_already_is_put_aside(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    if not shutil.which("rsync"):
        pytest.skip("needs rsync")
    place = tmp_path / "cells" / "lies" / "ws0"
    place.mkdir(parents=True)
    (place / "#comment").write_text("of somebody else")
    planned(old, sandbox, tmp_path / "work", route="in-place", folder=place.parent, path="ws0")
    assert script(tmp_path / "work") == 0
    assert (place / "#comment").read_bytes() == b"#comment"
    assert [path.read_text() for path in (tmp_path / "work" / "copy" / "replaced").rglob("#comment")] == ["of somebody else"]


def test_links_to_paths_of_the_dead_machine_are_copied_from_where_those_lie_now(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    ws0 = old / "data" / "workspaces" / "ws0"
    (ws0 / "docs").mkdir()
    (ws0 / "docs" / "in % it.txt").write_text("behind")
    (ws0 / "link 1%").symlink_to("/srv/dead/ws0/docs")
    (ws0 / "one.txt").symlink_to("/srv/dead/ws0/docs/in % it.txt")
    work, place = tmp_path / "work", tmp_path / "cells" / "lies"
    (work / "mappings").mkdir(parents=True)
    (work / "mappings" / "workspaces.csv").write_text(f"old_workspace,data_source,route,folder,path\n{WS0},lies,in-place,{place},ws0\n")
    everything = ("--legacy", old, "--cells", sandbox.url, "--work", work, "--json", "--path-map", f"/srv/dead/ws0={ws0}")
    assert command("plan", *everything).status == 0
    assert script(work) == 0
    assert (place / "ws0" / "one.txt").read_text() == "behind" and (place / "ws0" / "link 1％").is_dir()
    ran = command("migrate", *everything, "--accept-skips")
    assert ran.status == 0 and ran.json["counts"]["files"]["failed"] == 0 and ran.json["differences"] == [], ran.json["differences"][:3]


@pytest.mark.parametrize("copied", ["by the script", "by the run"])
def test_files_that_change_between_the_plan_and_the_copy_arrive_as_they_are_then(old: Path, sandbox: Sandbox, tmp_path: Path, copied: str) -> None:
    work, ws0 = tmp_path / "work", old / "data" / "workspaces" / "ws0"
    options = ("--in-place-copy", "run") if copied == "by the run" else ()
    planned(old, sandbox, work, route="in-place", folder=tmp_path / "cells" / "lies", path="ws0", options=options)
    (ws0 / "#comment").write_text("grown since")
    (ws0 / "-rf").write_text("-rF")  # as long as before
    if not options:
        assert script(work) == 0
    ran = command("apply", "--work", work, "--json", "--accept-skips")
    assert ran.status == 0 and ran.json["counts"]["files"]["failed"] == 0, ran.json["verdict"]
    assert "F5013" not in {f["code"] for f in ran.json["findings"]}
    assert command("migrate", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json", "--accept-skips", *options).json["requests"]["write"] == 0
