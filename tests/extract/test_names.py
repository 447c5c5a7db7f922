"""Stored paths and names: what they mean, and which directory entry they name."""

import os
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.extract.names import UnsafePath, entry_named, join, locate, node_path, relative_to


@pytest.mark.parametrize(
    ("stored", "path"),
    [(None, "/"), ("", "/"), ("/", "/"), (2019, "/2019"), (b"docs/", "/docs"), ("//a/./b//", "/a/b"), ("/a /b", "/a /b"), ("/...", "/...")],
)
def test_path_has_one_form(stored, path):
    assert node_path(stored) == path


@pytest.mark.parametrize("stored", ["/../x", b"a/../../b", "..", "/a/..", b"a\0b"])
def test_path_that_leads_out_is_refused(stored):
    with pytest.raises(UnsafePath):
        node_path(stored)


def test_bytes_that_are_not_utf8_are_carried():
    assert os.fsencode(node_path(b"/caf\xe9")) == b"/caf\xe9"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=6).filter(lambda b: b"/" not in b and b"\0" not in b and b not in (b".", b"..")), max_size=5))
def test_path_of_any_bytes_gives_them_back(steps):
    assert os.fsencode(node_path(b"/".join(steps))) == b"/" + b"/".join(steps)


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [
        ("/srv/docs/a", "/srv/docs", "/a"),
        ("/srv/docs", "/srv/docs/", "/"),
        ("/srv//docs/./a/", "/srv/docs", "/a"),
        ("/srv/docs2", "/srv/docs", None),
        ("/srv", "/srv/docs", None),
        ("/a", "/", "/a"),
        (r"C:\data\files\Docs", "C:/data/files", "/Docs"),
    ],
)
def test_path_relative_to_a_folder_compares_whole_steps(path, folder, inside):
    assert relative_to(path, folder) == inside


def test_join_keeps_one_slash():
    assert join("/", "/a") == join("", "a") == "/a"
    assert join("/a/", "/") == "/a"


NFC, NFD = unicodedata.normalize("NFC", "été").encode(), unicodedata.normalize("NFD", "été").encode()


@pytest.mark.parametrize(
    ("stored", "on_disk", "charset"),
    [
        (NFC, NFD, None),
        (NFD, NFC, None),
        (NFC, "été".encode("latin-1"), "ISO-8859-1"),
        ("été".encode("latin-1"), NFC, None),
        (b"a &amp; b", b"a & b", None),
        (b"plain", b"plain", None),
        (NFC, "été".encode("cp850"), None),
    ],
)
def test_name_is_found_under_its_other_spellings(stored, on_disk, charset):
    assert entry_named(stored, {on_disk, b"other"}, charset) == on_disk


def test_the_literal_name_wins_over_other_spellings():
    assert entry_named(NFD, {NFC, NFD}) == NFD
    assert entry_named(b"a &amp; b", {b"a & b", b"a &amp; b"}) == b"a &amp; b"


@pytest.mark.parametrize("stored", [b"..", b".", b"a/b", b"&#47;etc", b""])
def test_no_spelling_leads_to_another_folder(stored, tmp_path):
    (tmp_path / "etc").mkdir()
    assert entry_named(stored, {b"..", b".", b"a", b"etc", b"/etc"}) is None


def test_node_is_located_in_the_spelling_of_the_storage(tmp_path):
    os.makedirs(os.fsencode(tmp_path) + b"/caf\xe9")
    assert os.fsencode(locate(str(tmp_path), "/café", "ISO-8859-1")) == b"/caf\xe9"
    assert locate(str(tmp_path), "/nothing") is None
    assert locate(str(tmp_path), "/") == "/"


def test_node_behind_a_link_that_leads_out_counts_as_absent(tmp_path):
    (tmp_path / "top").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path / "out")
    assert locate(str(tmp_path / "top"), "/link") is None
