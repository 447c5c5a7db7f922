"""What an administrator writes into the mapping files is read as meant, and every mistake is named with file, line and column."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from builders import SEED, Records, fresh_target
from hypothesis import given
from hypothesis import strategies as st

from migrate.extract.records import Access, Group, Role, Root, User, Workspace
from migrate.mapping import MappingProblems, MappingUnreadable, read_mappings, write_proposals, write_templates
from migrate.rights import Right
from migrate.transform.mapping import LAYOUTS, Proposal
from migrate.transform.mapping_text import csv_line, guarded, parse, template, unguarded, with_proposals
from migrate.transform.plan import PlanOptions, make_plan

ROOT = Path(__file__).resolve().parents[2]


def test_comments_blank_lines_and_a_byte_order_mark_are_no_lines() -> None:
    mappings, problems = parse({"users.csv": "\ufeff# hello\n\nold_login,action,new_login\n# bob,skip,\nbob,keep,robert\n"})
    assert problems == [] and mappings.users["bob"].new_login == "robert" and list(mappings.users) == ["bob"]


def test_all_mistakes_of_all_files_are_told_at_once_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("old_login,action,new_login\nbob,explode,\namy,keep,a/b\nbob,keep,\n,skip,\nmax,merge,\n")
    (tmp_path / "workspaces.csv").write_text("old_workspace,sulg\n1,x\n")
    (tmp_path / "people.csv").write_text("x\n")
    with pytest.raises(MappingProblems) as caught:
        read_mappings(tmp_path)
    places = {(p.file, p.line, p.column) for p in caught.value.problems}
    assert {
        ("users.csv", 2, "action"),
        ("users.csv", 3, "new_login"),
        ("users.csv", 5, "old_login"),
        ("users.csv", 6, "new_login"),
        ("workspaces.csv", 1, "sulg"),
        ("people.csv", 1, ""),
    } <= places
    assert "users.csv line 2, column action" in caught.value.message


@pytest.mark.parametrize(
    ("file", "line", "column"),
    [
        ("workspaces.csv", "1,data_source,My-Source", "data_source"),
        ("workspaces.csv", "1,route,in-place", "data_source"),
        ("workspaces.csv", "1,folder,/a/b", "folder"),
        ("workspaces.csv", "1,slug,Not A Slug", "slug"),
        ("workspaces.csv", "1,action,merge", "cells_workspace"),
        ("workspaces.csv", "1,path,a/../b", "path"),
        ("groups.csv", "/a,new_path,b", "new_path"),
        ("groups.csv", "/a,new_path,/", "new_path"),
        ("users.csv", "a,profile,root", "profile"),
    ],
)
def test_a_value_that_cannot_be_is_refused(file: str, line: str, column: str) -> None:
    key, name, value = line.split(",")
    _, problems = parse({file: f"{LAYOUTS[file].key},{name}\n{key},{value}\n"})
    assert [p.column for p in problems] == [column]


def test_two_old_accounts_cannot_become_one() -> None:
    _, problems = parse({"users.csv": "old_login,new_login\na,x\nb,x\n"})
    assert [p.column for p in problems] == ["new_login"]


def test_an_absent_folder_means_no_decisions(tmp_path: Path) -> None:
    assert read_mappings(tmp_path / "none").users == {}


def test_proposals_are_appended_and_edited_lines_stay_byte_for_byte(tmp_path: Path) -> None:
    first = write_proposals(tmp_path, [Proposal("users.csv", {"old_login": "bob", "action": "keep", "new_login": "b"})])
    edited = (tmp_path / "users.csv").read_text().replace("bob,keep,b,,", "bob,skip,,, # mine") + "# a remark at the end"
    (tmp_path / "users.csv").write_text(edited)
    second = write_proposals(
        tmp_path, [Proposal("users.csv", {"old_login": "bob", "action": "keep"}), Proposal("users.csv", {"old_login": "amy", "action": "keep"})]
    )
    assert (first, second) == (["users.csv: bob"], ["users.csv: amy"])
    assert (tmp_path / "users.csv").read_text().startswith(edited)
    assert read_mappings(tmp_path).users["bob"].action == "skip"
    assert write_proposals(tmp_path, [Proposal("users.csv", {"old_login": "amy"})]) == []


@given(
    st.text(alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20).filter(
        lambda s: s == s.strip() and "\r" not in s
    )
)
def test_any_login_survives_the_file_and_no_cell_is_a_formula(login: str) -> None:
    layout = LAYOUTS["users.csv"]
    text, added = with_proposals(layout, None, [Proposal("users.csv", {"old_login": login, "action": "keep"})])
    mappings, problems = parse({"users.csv": text})
    assert added == [login] and problems == [] and list(mappings.users) == [login]
    assert not csv_line(layout, {"old_login": login}).lstrip('"').startswith(("=", "+", "-", "@"))


@given(st.text())
def test_guarding_reads_backwards(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


def test_a_file_that_is_no_text_or_cannot_be_read_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "users.csv").mkdir()
    with pytest.raises(MappingUnreadable):
        read_mappings(tmp_path)
    assert parse({"users.csv": 'old_login\n"open'})[1][0].what.startswith("a quote")
    assert parse({"users.csv": "old_login\na\rb,c\n"})[1]


def test_templates_hold_every_column_and_are_the_ones_that_come_with_the_project(tmp_path: Path) -> None:
    write_templates(tmp_path)
    for name, layout in LAYOUTS.items():
        assert list(layout.columns) == [field.name for field in fields(layout.row)]
        assert (ROOT / "mappings" / name).read_text() == template(layout) == (tmp_path / name).read_text()
        assert parse({name: template(layout)})[1] == []


def test_every_column_is_explained_in_the_documentation() -> None:
    text = (ROOT / "docs" / "mappings.md").read_text()
    for name, layout in LAYOUTS.items():
        part = text.split(f"## {name}", 1)[1].split("\n## ", 1)[0]
        for column in layout.columns:
            assert f"| `{column}` |" in part, (name, column)


def test_proposals_left_as_they_are_change_nothing() -> None:
    world = Records(
        [User("a/b"), User("e\u0301"), User("guest", profile="guest"), User("sales"), User("admin", admin=True)],
        [Group("/sales", "S"), Group("/sales/x", "X")],
        [Role("ed", "Editors")],
        workspace_list=[Workspace("1", "My", "my-files", "fs", scope="user"), Workspace("b", "B", "b", "s3"), Workspace("p", "P", "Settings", "fs")],
        root_list=[Root("p", None, None, "/old/p")],
        access_list=[Access("a/b", {"p": Right.READ})],
    )
    before = make_plan(world, fresh_target(), options=PlanOptions(SEED))
    lines: dict[str, str] = {}
    for proposal in before.proposals:
        layout = LAYOUTS[proposal.file]
        lines[proposal.file], added = with_proposals(layout, lines.get(proposal.file), [proposal])
        assert added
    mappings, problems = parse(lines)
    after = make_plan(world, fresh_target(), mappings, PlanOptions(SEED))
    assert problems == [] and len(lines) == 4
    assert list(after.actions) == list(before.actions) and list(after.outcomes) == list(before.outcomes)
    assert set(after.findings) == set(before.findings)
    for proposal in after.proposals:
        assert with_proposals(LAYOUTS[proposal.file], lines[proposal.file], [proposal]) == (lines[proposal.file], [])
