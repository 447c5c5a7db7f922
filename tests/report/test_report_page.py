"""The page for people: verdict first, sums, reasons, access, hostile names harmless, nothing loaded from elsewhere."""

from __future__ import annotations

import html.parser
import re
import stat

import pytest
from report_world import BIDI, CODES, EVIL, build

from migrate.errors import ExitStatus
from migrate.report.html import render, view, write_html


class Page(html.parser.HTMLParser):
    """Text in order, tags, and whether every tag is closed."""

    VOID = {"meta", "br"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def ledger(tmp_path):
    with build(tmp_path) as ledger:
        yield ledger


def page(ledger, command="apply", status=ExitStatus.INCOMPLETE, **how) -> Page:
    return Page(render(view(ledger, command, status, codes=CODES, now=0, **how)))


def test_the_verdict_comes_before_everything_else(ledger):
    text = page(ledger).text
    verdict = text.index("Finished, but 2 items")
    assert verdict < text.index("The sum") < text.index("Findings") < text.index("Who may do what")


def test_the_sum_of_each_kind_is_shown(ledger):
    assert "People 6 4 0 1 1 0" in page(ledger).text


def test_reasons_are_named_with_code_number_and_remedy(ledger):
    text = page(ledger).text
    assert "The mapping file says to leave the account … out. S2002 gone Change its line in users.csv" in text
    assert "In a recycle bin of the old server. S5001 Plan with --recycle carry" in text


def test_what_is_left_out_is_named_as_people_know_it(ledger):
    ledger.replace_records("workspaces", [("ab12", {"id": "ab12", "label": "Old FTP"})])
    ledger.settle("workspaces", "ab12", "skipped", "S2002")
    assert "S2002 Old FTP" in page(ledger).text


def test_what_failed_says_why(ledger):
    assert "broken: Cells refused PUT /a/user: 500" in page(ledger).text


def test_no_name_becomes_markup(ledger):
    tags = page(ledger).tags
    assert not [t for t, _ in tags if t in ("script", "img", "iframe", "link", "a")]
    assert EVIL in page(ledger).text


def test_marks_that_turn_the_direction_of_text_are_shown_not_obeyed(ledger):
    raw = render(view(ledger, "apply", ExitStatus.OK, codes=CODES))
    assert "\u202e" not in raw and r"invoice\u202efdp.exe" in raw
    assert BIDI not in raw


def test_nothing_is_loaded_from_anywhere(ledger):
    raw = render(view(ledger, "apply", ExitStatus.OK, codes=CODES))
    assert not re.search(r"""(src|href|action)\s*=|url\(|@import""", raw)


def test_the_page_says_its_language_and_heads_its_tables(ledger):
    seen = page(ledger)
    assert ("html", {"lang": "en"}) in seen.tags
    assert all(attrs.get("scope") for tag, attrs in seen.tags if tag == "th")


def test_access_shows_before_and_after_and_every_change(ledger):
    text = page(ledger).text
    assert "Changes (2)" in text
    assert f"{EVIL} Projects read and write read S3001" in text
    assert "Projects 0 0 2 1 0 1" in text  # two read and write before; one reads, one reads and writes after


def test_renamed_files_show_both_names_and_accents_alone_are_no_renaming(ledger):
    text = page(ledger).text
    assert "new name (3)" in text and r"/caf\xe9.txt" in text and "/café.txt" in text and "/100=25.txt" in text
    assert "/é.txt" not in text


def test_people_are_told_what_changes_for_them(ledger):
    text = page(ledger).text
    assert "bob Gets a temporary password, to be changed at the first sign-in. Signs in as bob.b from now on." in text
    assert "Projects: read only from now on" in text


def test_differences_of_verification_come_first_and_wider_ones_on_top(ledger):
    ledger.put("verify", {"sentence": "2 differences.", "equal": False, "number": 2, "wider": 1, "checked": {}, "accepted": {}, "differences": [
        {"kind": "users", "subject": "bob", "source": "group /a", "target": "group /", "wider": False},
        {"kind": "access", "subject": "bob: ws1", "source": "", "target": "rw", "wider": True}]})
    seen = page(ledger, "verify", ExitStatus.DIFFERENT)
    assert "Not in order 2 differences." in seen.text
    assert seen.text.index("bob: ws1") < seen.text.index("group /a")
    assert "Take away in Cells the rights marked" in seen.text


def test_the_assessment_needs_no_plan(tmp_path):
    from migrate.ledger import Ledger

    with Ledger.create(tmp_path) as ledger:
        ledger.put("installation", {"application": "Pydio", "version": "7.0.4", "conf": "serial", "auth": "serial", "database": None})
        ledger.replace_records("users", [("a", {"login": "a"})])
        text = page(ledger, "assess", ExitStatus.OK).text
    assert "Pydio 7.0.4 with 1 person, 0 workspaces" in text and "In order" in text


def test_a_plan_is_called_a_rehearsal(ledger):
    assert "Nothing is left to do" in page(ledger, "plan", ExitStatus.OK).text


def test_the_file_is_whole_and_private(ledger, tmp_path):
    path = write_html(ledger, tmp_path / "report.html", "apply", ExitStatus.OK, codes=CODES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [p.name for p in tmp_path.iterdir() if "report.html." in p.name] == []


def test_a_page_of_many_people_stays_short(tmp_path):
    from migrate.ledger import Ledger

    with Ledger.create(tmp_path) as ledger:
        ledger.replace_access((f"user{n}", "ws1", "rw", "r", "S3001") for n in range(3000))
        values = view(ledger, "apply", ExitStatus.OK, codes=CODES)
    assert values["access"]["changed"] == 3000 and len(values["access"]["changes"]) == 500 and values["access"]["matrix"] is None
