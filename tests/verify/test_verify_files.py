"""Verification of files: missing, extra, different, still being written, and the forms of checksums."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from verify_world import FILES

from migrate.cells.models import Node
from migrate.verify import Difference, Options, verify
from migrate.verify.files import same_content

A = "legacy/projects/a.txt"
ALPHA = hashlib.md5(b"alpha").hexdigest()


def only(verdict) -> Difference:
    assert len(verdict.differences) == 1, verdict.differences
    return verdict.differences[0]


def test_a_missing_file_is_named(world):
    ledger, reader = world
    del reader.nodes[A]
    assert only(verify(ledger, reader)) == Difference("files", A, "file of 5 bytes", "missing")


def test_an_extra_file_is_named(world):
    ledger, reader = world
    reader.put_file("legacy/projects/docs/more.txt", b"12")
    assert only(verify(ledger, reader)) == Difference("files", "legacy/projects/docs/more.txt", "nothing", "extra file of 2 bytes")


def test_another_size_is_a_difference(world):
    ledger, reader = world
    reader.put_file(A, b"alphabet")
    assert only(verify(ledger, reader)) == Difference("files", A, "5 bytes", "8 bytes")


def test_another_content_of_the_same_size_is_a_difference(world):
    ledger, reader = world
    reader.put_file(A, b"ALPHA")
    found = only(verify(ledger, reader))
    assert (found.kind, found.subject, found.source) == ("files", A, f"content md5 {ALPHA}")


def test_a_folder_in_place_of_a_file_is_a_difference(world):
    ledger, reader = world
    reader.put_folder(A)
    assert only(verify(ledger, reader)) == Difference("files", A, "file", "dir")


def test_a_name_in_the_decomposed_form_is_the_same_name(world):
    ledger, reader = world
    node = reader.nodes.pop("legacy/projects/über.txt")
    reader.nodes["legacy/projects/u\u0308ber.txt"] = dataclasses.replace(node, path="legacy/projects/u\u0308ber.txt")
    assert verify(ledger, reader).equal
    reader.put_file("legacy/projects/über.txt", b"umlaut")
    assert only(verify(ledger, reader)).target == "extra file of 6 bytes"


def test_a_file_that_was_skipped_is_not_expected(world):
    ledger, reader = world
    row = next(r for r in ledger.files() if r.path == b"/a.txt")
    ledger.update_files([(row.id, {"state": "skipped", "code": "S5001"})])
    del reader.nodes[A]
    assert verify(ledger, reader).equal


def test_a_file_that_failed_is_missing(world):
    ledger, reader = world
    row = next(r for r in ledger.files() if r.path == b"/a.txt")
    ledger.update_files([(row.id, {"state": "failed", "code": "E5001"})])
    del reader.nodes[A]
    assert only(verify(ledger, reader)).target == "missing"


def test_what_cells_itself_writes_is_no_extra(world):
    ledger, reader = world
    reader.put_file("legacy/projects/.pydio", b"id")
    reader.put_folder("legacy/projects/recycle_bin")
    assert verify(ledger, reader).equal


def test_a_file_still_being_written_is_asked_again(world):
    ledger, reader = world
    good = reader.nodes[A]
    reader.nodes[A] = dataclasses.replace(good, etag="temporary", size=0)
    reader.later[A] = good
    assert verify(ledger, reader).equal


def test_a_file_that_stays_half_written_is_a_difference(world):
    ledger, reader = world
    waits: list[float] = []
    reader.nodes[A] = dataclasses.replace(reader.nodes[A], etag="temporary", size=2)
    assert only(verify(ledger, reader, options=Options(patience=3, wait=waits.append))).target == "2 bytes"
    assert len(waits) == 2


def test_files_without_checksum_are_said_to_be_compared_by_size(world):
    ledger, reader = world
    ledger.update_files((row.id, {"md5": None}) for row in list(ledger.files()))
    reader.put_file(A, b"ALPHA")
    verdict = verify(ledger, reader)
    assert verdict.equal and ("F6105", "3") in [(f.code, f.subject) for f in verdict.findings]
    asked: dict[str, bytes] = {p: c for p, c in FILES.items()}
    verdict = verify(ledger, reader, options=Options(checksum=lambda root, path: hashlib.md5(asked[path.decode()]).hexdigest()))
    assert only(verdict).subject == A


def test_folders_with_another_date_are_told_and_are_no_difference(world):
    ledger, reader = world
    folder = next(path for path, node in reader.nodes.items() if path.endswith("/docs") and not node.is_file)
    reader.nodes[folder] = dataclasses.replace(reader.nodes[folder], mtime=1)
    assert verify(ledger, reader).findings == []
    reader.nodes[folder] = dataclasses.replace(reader.nodes[folder], mtime=2)
    verdict = verify(ledger, reader)
    assert verdict.equal and [(f.code, f.subject) for f in verdict.findings] == [("F6107", "1")] and folder in verdict.findings[0].message


def test_names_that_are_not_utf8_are_compared(world):
    ledger, reader = world
    ledger.scan_files([{"root": "ws1\0\0", "path": b"/caf\xe9.txt", "type": "file", "size": 1, "mtime": 1, "recycle": False}], 1)
    row = next(r for r in ledger.files() if b"caf" in r.path)
    ledger.update_files([(row.id, {"target": "café.txt", "state": "done", "md5": hashlib.md5(b"x").hexdigest()})])
    assert only(verify(ledger, reader)).subject == "legacy/projects/café.txt"
    reader.put_file("legacy/projects/café.txt", b"x")
    assert verify(ledger, reader).equal


def test_nested_roots_are_listed_once_and_are_no_extras(world):
    ledger, reader = world
    ledger.put_targets("roots", [("ws9\0\0", {"node": "legacy/projects/docs", "data_source": "legacy"}), ("ws8\0\0", {"node": "legacy/projects/empty-root"})])
    reader.put_folder("legacy/projects/empty-root")
    seen: list[str] = []
    children = reader.children
    reader.children = lambda folder: seen.append(folder) or children(folder)  # type: ignore[method-assign]
    assert verify(ledger, reader).equal
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(("live_etag", "live_hash", "ours", "same"), [
    (ALPHA, None, dict(md5=ALPHA), True),
    (ALPHA, "f" * 32, dict(md5=ALPHA, content_hash="0" * 32), True),          # a stale hash on a flat source; Etag is right
    ("0" * 32, "f" * 32, dict(md5=ALPHA, content_hash="f" * 32), False),
    ("a" * 32 + "-3", None, dict(etag="a" * 32 + "-3"), True),
    ("a" * 32 + "-3", None, dict(etag="b" * 32 + "-3"), False),
    ("a" * 32 + "-3", "c" * 32, dict(md5=ALPHA, content_hash="c" * 32), True),  # other part sizes: the hash of the content counts
    ("a" * 32 + "-3", "c" * 32, dict(content_hash="d" * 32), False),
    ("a" * 32 + "-3", None, dict(md5=ALPHA), None),
    ("", None, dict(md5=ALPHA), None),
])
def test_checksums_are_compared_in_the_forms_cells_gives(live_etag, live_hash, ours, same):
    assert same_content(5, ours.get("md5"), ours.get("etag"), ours.get("content_hash"), live_etag, live_hash) is same


def test_an_empty_file_needs_no_checksum():
    assert same_content(0, hashlib.md5(b"").hexdigest(), None, None, "59adb24ef3cdbe0297f05b395827453f-1", None)


def test_a_missing_folder_names_everything_in_it(world):
    ledger, reader = world
    for path in [p for p in reader.nodes if p.startswith("legacy/projects/")]:
        del reader.nodes[path]
    assert verify(ledger, reader).total["files"] == 5


def test_node_type_survives(world):
    ledger, reader = world
    assert isinstance(reader.nodes[A], Node) and verify(ledger, reader, options=Options(files=False)).checked["files"] == 0


def test_what_was_left_lying_in_a_folder_shown_as_it_lies_is_told_and_counted_and_the_rest_is_extra(world):
    ledger, reader = world
    for key, body in list(ledger.targets("roots")):
        ledger.put_targets("roots", [(key, {**body, "route": "in-place"})])
    for name in ("docs/.ajxp_recycle_cache.ser", "docs/.ajxp_meta", "upload.dlpart", ".htaccess"):
        reader.put_file("legacy/projects/" + name, b"12")
    verdict = verify(ledger, reader)
    told = next(f for f in verdict.findings if f.code == "F5020")
    assert "4 files" in told.message and not [d for d in verdict.differences if "htaccess" in d.subject or "ajxp" in d.subject]
    reader.put_file("legacy/projects/docs/.htaccess", b"12")
    reader.put_file("legacy/projects/docs/brought later.txt", b"12")
    extra = {d.subject for d in verify(ledger, reader).differences if d.target.startswith("extra")}
    assert extra == {"legacy/projects/docs/.htaccess", "legacy/projects/docs/brought later.txt"}
