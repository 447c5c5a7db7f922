"""Names that Cells would lose are refused before anything is sent; names that survive go as they are, in NFC."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.cells.keys import NameLost, key_of, problem_of_name


@pytest.mark.parametrize("name", ["100%.txt", "100% dir/f.txt", "a\\b.txt", "a//b", "a/./b", "../b", "", "dir/", "/abs", ".pydio", "a/.pydio", "letter.pydio",
                                  "x" * 256, "latin-\udce9.txt", "%zz", "half%4"])
def test_lost_names_are_refused(name):
    with pytest.raises(NameLost):
        key_of("ws", name)


@pytest.mark.parametrize("name", ["%41.txt", "a%2Fb", "a b", " edge ", "#?+&'\"<>|:*", "tab\t", "Thumbs.db", "recycle_bin", "dot.", "日本/é😀", "x" * 255])
def test_names_that_survive_are_kept(name):
    assert key_of("ws", name) == "ws/" + unicodedata.normalize("NFC", name)


def test_names_are_sent_composed():
    assert key_of("ws", "e\u0301t\u212b") == "ws/\u00e9t\u00c5"


def test_structured_sources_count_bytes():
    assert problem_of_name("é" * 200) == ""
    assert problem_of_name("é" * 200, structured=True)
    long = "/".join(["d" * 200] * 6)
    assert key_of("ws", long)
    with pytest.raises(NameLost):
        key_of("ws", long, structured=True)


@settings(max_examples=200)
@given(st.text(max_size=30))
def test_no_name_crashes_and_an_accepted_one_has_only_real_parts(name):
    try:
        key = key_of("ws", name)
    except NameLost:
        return
    assert all(part not in ("", ".", "..") for part in key.split("/"))
    assert unicodedata.is_normalized("NFC", key)


@pytest.mark.shared
def test_what_a_real_server_kept_is_sent_and_what_it_lost_is_not(shared):
    """`names.json`: 101 names with what each route stored and gave back. Only names that change in NFC may differ."""
    table = json.loads((shared / "cells" / "names.json").read_text("utf-8"))
    stores = next(e for e in table["exchanges"] if "names_uploaded_by_s3_put" in e)["names_uploaded_by_s3_put"]
    seen = 0
    for store in stores.values():
        structured = store["storage"] == "structured"
        for row in store["results"]:
            name = row["name"]
            if "…(" in name or "under-a-file" in name:  # shortened in the recording; refused for another reason
                continue
            try:
                key = key_of("ws", name, structured=structured)
            except NameLost:
                assert row["verdict"] != "exact", name
                continue
            seen += 1
            if unicodedata.is_normalized("NFC", name):
                assert row["verdict"] == "exact", (name, row["error"])
            assert key == "ws/" + unicodedata.normalize("NFC", name)
    assert seen > 100
