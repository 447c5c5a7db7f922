"""How Cells answers, whatever is asked. Asked of the stand-in, and of a real Cells when one is named (CELLS_URL, CELLS_TOKEN)."""

from __future__ import annotations

from contract.target import Target


def test_the_version_is_told_only_to_a_valid_token(cells: Target) -> None:
    assert "Version" in cells.ok("GET", "/a/config/discovery")
    assert "Version" not in cells.call("GET", "/a/config/discovery", token=None).json()


def test_a_bad_token_and_missing_rights_are_told_apart_by_a_dot(cells: Target) -> None:
    bad = cells.call("GET", "/a/config/discovery", token="nonsense")
    nobody = cells.call("GET", "/a/config/datasource", token=None)
    assert (bad.status_code, bad.text) == (401, "Unauthorized.\n")
    assert (nobody.status_code, nobody.text) == (401, "Unauthorized\n")


def test_an_unknown_path_answers_200_with_the_web_client(cells: Target) -> None:
    answer = cells.call("GET", "/a/nothing-here")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


def test_a_percent_that_is_no_escape_gives_an_empty_200(cells: Target) -> None:
    for path in ("/a/user/x%25", "/io/common-files/100%25%20x.txt", "/public/50%25"):
        answer = cells.call("GET", path)
        assert (answer.status_code, answer.content, answer.headers.get("Content-Type")) == (200, b"", None), path


def test_unknown_fields_wrong_types_and_unknown_enums_are_500(cells: Target) -> None:
    for body in ({"Bogus": 1}, {"Queries": [{"Login": 5}]}, {"Operation": "XOR"}):
        assert cells.call("POST", "/a/user", body).status_code == 500, body


def test_sixty_four_bit_numbers_come_as_text_and_zero_values_are_left_out(cells: Target) -> None:
    cells.folder()
    cells.s3().put_object(Bucket="io", Key=f"common-files/{cells.prefix}/a.txt", Body=b"abc")
    node = cells.ok("GET", f"/a/tree/stat/common-files/{cells.prefix}/a.txt")["Node"]
    assert node["Size"] == "3" and node["MTime"].isdigit()
    assert cells.ok("POST", "/a/user", {"Queries": [{"Login": cells.name("nobody")}]}) == {}


def test_unknown_sources_are_told(cells: Target) -> None:
    names = {s["Name"] for s in cells.ok("GET", "/a/config/datasource")["DataSources"]}
    assert {"pydiods1", "personal", "cellsdata"} <= names
    assert cells.call("GET", "/a/config/datasource/" + cells.prefix).status_code == 404
    assert cells.call("DELETE", "/a/config/datasource/" + cells.prefix).status_code == 500
    assert cells.ok("POST", "/a/jobs/user", {"Owner": "*", "JobIDs": ["resync-ds-" + cells.prefix], "LoadTasks": "Any"}) == {}


def test_the_virtual_roots_are_my_files_and_cells(cells: Target) -> None:
    assert {n["Uuid"] for n in cells.ok("GET", "/a/config/virtualnodes")["Children"]} >= {"my-files", "cells"}
