"""Summary, spreadsheet, export, codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_world import BIDI, CODES, EVIL, FORMULA, build

import migrate.report.csv as sheet
from migrate.errors import Code, ExitStatus, Severity
from migrate.report import explain, words
from migrate.report.export import build_export
from migrate.report.summary import ReportDoesNotAddUp, build_summary, must_add_up


@pytest.fixture
def ledger(tmp_path):
    with build(tmp_path) as ledger:
        yield ledger


def test_a_sum_that_does_not_add_up_is_never_called_complete(ledger):
    ledger.settle_many([("users", "bob", None, None, None)])
    with pytest.raises(ReportDoesNotAddUp, match="1 of 6 users have no outcome"):
        build_summary(ledger, "apply", ExitStatus.OK)


def test_a_part_may_leave_the_rest_open(ledger):
    ledger.settle_many([("users", "bob", None, None, None)])
    summary = build_summary(ledger, "apply", ExitStatus.OK, partial=True)
    assert summary["verdict"].startswith("Not complete")


@pytest.mark.parametrize(("row", "ok"), [({"found": 3, "migrated": 1, "already": 1, "skipped": 1, "failed": 0}, True),
                                         ({"found": 3, "migrated": 1, "already": 1, "skipped": 0, "failed": 0}, False),
                                         ({"found": 1, "migrated": 1, "already": 1, "skipped": 0, "failed": 0}, False)])
def test_found_is_the_sum_of_all_outcomes(row, ok):
    if ok:
        must_add_up({"users": row})
    else:
        with pytest.raises(ReportDoesNotAddUp):
            must_add_up({"users": row})


def test_the_summary_is_the_contract_object(ledger):
    ledger.settle_access([(EVIL, "ws1", "skipped", "S3001"), (FORMULA, "ws2", "skipped", "S3001")])
    summary = build_summary(ledger, "apply", ExitStatus.INCOMPLETE, read=7, write=3)
    assert list(summary) == ["command", "verdict", "exit", "counts", "requests", "findings"]
    assert summary["exit"] == 3 and summary["requests"] == {"read": 7, "write": 3}
    assert summary["counts"]["users"] == {"found": 6, "migrated": 4, "already": 0, "skipped": 1, "failed": 1}
    assert summary["verdict"] == "Finished, but 2 items of 19 failed and 4 were left out with a reason; 13 are in Cells."
    assert set(summary["findings"][0]) == {"code", "severity", "kind", "subject", "message", "remedy"}
    json.dumps(summary)


def test_the_summary_of_verify_lists_the_differences(ledger):
    ledger.put("verify", {"sentence": "1 difference.", "differences": [{"kind": "users", "subject": "x", "source": "a", "target": "b"}]})
    summary = build_summary(ledger, "verify", ExitStatus.DIFFERENT)
    assert summary["verdict"] == "1 difference." and summary["differences"][0]["subject"] == "x"


def test_the_spreadsheet_has_everything_that_is_not_green(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(sheet, "catalogue", lambda: CODES)
    number = sheet.write_csv(ledger, tmp_path / "not-green.csv")
    with (tmp_path / "not-green.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert number == len(rows) == 8
    assert [(r["what"], r["kind"], r["outcome"], r["code"]) for r in rows] == [
        ("item", "users", "failed", "E4101"), ("item", "users", "skipped", "S2002"), ("item", "files", "failed", "E4101"),
        ("item", "files", "skipped", "S5001"), ("finding", "roles", "warning", "F1201"), ("finding", "roles", "warning", "F1201"),
        ("access", "access", "changes", "S3001"), ("access", "access", "changes", "S3001")]
    assert next(r for r in rows if r["code"] == "S2002")["message"] == "The mapping file says to leave the account gone out."


def test_no_cell_of_the_spreadsheet_is_a_formula(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(sheet, "catalogue", lambda: CODES)
    sheet.write_csv(ledger, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(encoding="utf-8-sig", newline="") as lines:
        cells = [c for row in csv.reader(lines) for c in row]
    assert any(FORMULA in c for c in cells)
    assert not [c for c in cells if c[:1] in "=+-@\t\r\n" and c]


@given(st.text(max_size=20))
def test_no_text_at_all_makes_a_formula(text):
    made = words.cell(text)
    assert not made or made[0] not in "=+-@\t\r\n\x00" and made.lstrip()[:1] not in ("=", "+", "-", "@")


@given(st.text(st.characters(codec=None), max_size=20))
def test_shown_text_can_always_be_written_and_holds_no_direction_marks(text):
    made = words.plain(text)
    made.encode("utf-8")
    assert not set(made) & {"\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u200e", "\u200f", "\ufeff", "\x1b"}


def test_the_export_is_the_contract_object(ledger):
    export = build_export(ledger)
    assert list(export) == ["users", "groups", "roles", "teams", "workspaces", "shares", "files", "renamed", "skipped"]
    assert export["users"]["bob"] == {"login": "bob.b", "uuid": "u2", "password": "temporary"}
    assert export["workspaces"] == {"ws1": {"uuid": "w1", "slug": "projects"}}
    assert export["shares"]["abc123"] == {"kind": "link", "uuid": "l1", "slug": "s", "url": "https://new/public/abc123", "owner": "alice"}
    assert export["files"]["ws2"] == [{"user": "bob", "group": None, "route": "upload", "data_source": "personal", "path": "bob"}]
    assert {"workspace": "ws1", "user": None, "group": None, "old": "/100%.txt", "new": "/100=25.txt"} in export["renamed"]
    assert len(export["renamed"]) == 3
    assert {"kind": "users", "subject": "gone", "code": "S2002"} in export["skipped"]
    assert {"kind": "files", "subject": "ws1:/bin/x", "code": "S5001"} in export["skipped"]


def test_two_teams_of_one_id_are_both_exported(ledger):
    assert {body["uuid"] for body in build_export(ledger)["teams"].values()} == {"t1", "t2"}


def test_a_code_is_explained_with_its_remedy():
    entry = Code("F1", Severity.WARNING, "Link {hash} of {owner} is odd.", "Ask {owner}.", "Why it matters.")
    assert explain.text_of(entry) == "F1 (warning)\n\nLink <hash> of <owner> is odd.\n\nWhy it matters.\n\nWhat to do: Ask <owner>."


def test_every_code_is_documented_and_no_other():
    documented = (Path(__file__).parents[2] / "docs" / "codes.md").read_text(encoding="utf-8")
    assert documented == explain.codes_page(), "run: python -m migrate.report.explain > docs/codes.md"


def test_hostile_words_are_shown():
    assert words.plain(BIDI) == r"invoice\u202efdp.exe" and words.plain("a\ud800b") == r"a\ud800b"


@pytest.mark.parametrize(("number", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (12_000_000, "12.0 MB"), (3 * 10**15, "3000 TB")])
def test_sizes_are_said_for_people(number, text):
    assert words.size(number) == text
