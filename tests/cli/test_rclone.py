"""Files that somebody else sends: the script for rclone works as it is written, `apply` keeps the way in open until all is there, and says what
has not arrived."""

from __future__ import annotations

import os
import shutil
import subprocess
import unicodedata
from pathlib import Path

import boto3
import pytest
from cli.commands import Ran, command

from migrate.cells.sandbox import Sandbox

WS0 = "723f5e77d6d9811ca6fb8f79911753b4"
NAMES = [b"plain.txt", b"100%.txt", b"back\\slash.txt", b"caf\xe9 latin1.txt", unicodedata.normalize("NFD", "été.txt").encode(), b" blanks ", b"new\nline.txt",
         b"tab\t and \x01.txt", b"Twin.txt", b"twin.txt", b".pydio", b"quote'\".txt", b"%41ok.txt", b"#no comment", b"-dash", b"$(touch RAN)", b".hidden",
         "\u240a symbol.txt".encode(), "\uff0f wide.txt".encode(), b"a:b*c?.txt", b"cr\r.txt", b"empty"]
rclone = pytest.mark.skipif(shutil.which("rclone") is None, reason="needs rclone")


@pytest.fixture
def old(small: Path, tmp_path: Path) -> Path:
    """A copy of the small installation with names that rclone and servers mishandle, and empty folders and files."""
    here = tmp_path / "old"
    shutil.copytree(small, here, symlinks=True)
    folder = os.fsencode(here / "data" / "workspaces" / "ws0")
    os.makedirs(folder + b"/bad \xff 50%/deep")
    os.makedirs(folder + b"/empty \xff/\x02 inside")
    for index, name in enumerate(NAMES):
        for place in (folder + b"/" + name, folder + b"/bad \xff 50%/deep/" + name):
            with open(place, "wb") as file:
                file.write(name * index if name != b"empty" else b"")
    os.symlink(b"plain.txt", folder + b"/link to plain")
    return here


def run(old: Path, sandbox: Sandbox, work: Path, what: str = "migrate", *options: str) -> Ran:
    if what in ("migrate", "plan"):
        (work / "mappings").mkdir(parents=True, exist_ok=True)
        (work / "mappings" / "workspaces.csv").write_text(f"old_workspace,data_source,route\n{WS0},sent,external\n")
        options = ("--legacy", str(old), "--cells", sandbox.url, *options)
    return command(what, "--work", work, "--json", *([] if what in ("plan", "verify") else ["--accept-skips"]), *options)


def script(work: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run as the administrator does, with a token in the environment, and nothing that would tell it to anybody else."""
    env = {"PATH": os.environ["PATH"], "CELLS_TOKEN": os.environ["CELLS_TOKEN"], **environment}
    return subprocess.run(["/bin/sh", work / "copy" / "sent.sh"], env=env, timeout=120, check=False, capture_output=True, text=True, errors="replace")


def desks(sandbox: Sandbox) -> list[str]:
    return [w.slug for w in sandbox.state.workspaces.values() if w.slug.startswith("migration-desk")]


@rclone
def test_the_script_sends_every_file_under_every_name_and_apply_finds_it(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work = tmp_path / "work"
    first = run(old, sandbox, work)
    assert first.status == 4 and first.json["counts"]["files"]["failed"] > 2 * len(NAMES)
    assert "E5008" in (work / "not-green.csv").read_text()
    assert desks(sandbox) == ["migration-desk-sent"]  # it has to stay open for the script
    sent = script(work, AWS_CA_BUNDLE="/nowhere", AWS_PROFILE="nobody")
    assert sent.returncode == 0, sent.stderr[-2000:]
    assert os.environ["CELLS_TOKEN"] not in (work / "copy" / "sent.sh").read_text(errors="replace")
    assert not list(tmp_path.rglob("RAN"))
    second = run(old, sandbox, work, "apply")
    assert second.status == 0 and second.json["counts"]["files"]["failed"] == 0, second.out[-3000:]
    assert desks(sandbox) == []
    proven = run(old, sandbox, work, "verify", "--deep")
    assert proven.status == 0, proven.json["differences"]
    again = run(old, sandbox, work)
    assert again.status == 0 and again.json["requests"]["write"] == 0
    assert not (work / "copy" / "sent.sh").exists()


@rclone
def test_what_is_there_is_not_sent_again_and_what_has_not_arrived_is_named(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert "is not open" in script_before_apply(old, sandbox, work)
    run(old, sandbox, work, "apply")
    listing = work / "copy" / "sent-1.send.lines"
    everything = listing.read_bytes()
    listing.write_bytes(everything.replace(b"plain.txt\n", b"", 1))
    assert script(work).returncode == 0
    after = run(old, sandbox, work, "apply")
    assert after.status == 3 and after.json["counts"]["files"]["failed"] == 1
    assert "/plain.txt" in (work / "not-green.csv").read_text() and desks(sandbox) == ["migration-desk-sent"]
    listing.write_bytes(everything)
    told = script(work, RCLONE_VERBOSE="1")
    assert told.returncode == 0 and [line.partition(" : ")[2] for line in told.stderr.splitlines() if "Copied" in line] == ["plain.txt: Copied (new)"]
    assert run(old, sandbox, work, "apply").status == 0 and desks(sandbox) == []


def script_before_apply(old: Path, sandbox: Sandbox, work: Path) -> str:
    """What the script says when the way in is not open yet."""
    assert run(old, sandbox, work, "plan").status == 0
    ran = script(work)
    assert ran.returncode == 1
    return ran.stderr


@rclone
def test_what_is_larger_than_one_request_takes_goes_by_webdav_and_is_read_back(
        old: Path, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.workflow.rclone_script.ONE_PIECE", 5 << 20)
    work, folder = tmp_path / "work", old / "data" / "workspaces" / "ws0"
    for name in ("large.bin", "large 100%.bin"):
        (folder / name).write_bytes(os.urandom(1 << 20) * 6)
    run(old, sandbox, work)
    sandbox.keep_log = True
    sent = script(work)
    assert sent.returncode == 0, sent.stderr[-2000:]
    assert sum(1 for method, path, _ in sandbox.log if method == "PUT" and path.startswith("/dav/")) == 2
    assert run(old, sandbox, work, "apply").status == 0


@rclone
def test_an_undo_closes_the_way_in(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    run(old, sandbox, tmp_path / "work")
    assert desks(sandbox)
    assert command("undo", "--work", tmp_path / "work", "--json", "--yes").status == 0
    assert desks(sandbox) == []


def in_parts(sandbox: Sandbox, key: str, data: bytes) -> None:
    """As somebody else's program would: of 5 MiB, so that no checksum of Cells can be foretold."""
    s3 = boto3.client("s3", endpoint_url=sandbox.url, region_name="us-east-1", aws_access_key_id=sandbox.token, aws_secret_access_key="gatewaysecret")
    upload = s3.create_multipart_upload(Bucket="io", Key=key)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(data), 5 << 20), 1):
        told = s3.upload_part(Bucket="io", Key=key, UploadId=upload, PartNumber=number, Body=data[start:start + (5 << 20)])
        parts.append({"ETag": told["ETag"], "PartNumber": number})
    s3.complete_multipart_upload(Bucket="io", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


def test_parts_of_any_size_are_read_back_and_another_content_is_told(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work, folder = tmp_path / "work", old / "data" / "workspaces" / "ws0"
    for name in ("good.bin", "bad.bin"):
        (folder / name).write_bytes(os.urandom(1 << 20) * 11)
    run(old, sandbox, work)
    for name in ("good.bin", "bad.bin"):
        data = (folder / name).read_bytes()
        in_parts(sandbox, f"migration-desk-sent/ws0/{name}", data if name == "good.bin" else data[::-1])
    run(old, sandbox, work, "apply")
    left = [line for line in (work / "not-green.csv").read_text().splitlines() if "E500" in line and ".bin" in line]
    assert len(left) == 1 and "bad.bin" in left[0] and "E5007" in left[0], left
