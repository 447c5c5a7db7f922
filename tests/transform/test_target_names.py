"""Names that Cells would lose or mishandle are rewritten, by a rule that reads backwards; all others stay as they are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.transform.names import MAX_LOGIN, cells_login, clean_slug, stored_name, stored_names, unique_slug


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        " both ends ",
        "x#?+&:*<>|y",
        "tab\there",
        "100%41.txt",
        "%2F",
        "dot.",
        ".hidden",
        "recycle_bin",
        "Thumbs.db",
        "日本.txt",
        "😀.txt",
        "line\nend",
        "rtl‏",
        "=2F",
        "letter.PYDIO",
        ".pydio.txt",
        ".pydio_",
    ],
)
def test_a_name_that_cells_keeps_is_kept(name: str) -> None:
    assert stored_name(name.encode()) == (name, None)


@pytest.mark.parametrize(
    ("raw", "text", "rule"),
    [
        (b"100%.txt", "100％.txt", "characters"),
        (b"100% dir", "100％ dir", "characters"),
        (b"%4", "％4", "characters"),
        (b"a\\b", "a＼b", "characters"),
        (b"n\0ul", "n␀ul", "characters"),
        ("e\u0301.txt".encode(), "\u00e9.txt", "nfc"),
        ("\u212b".encode(), "\u00c5", "nfc"),
        ("é.txt".encode("latin-1"), "é.txt", "charset"),
        (b".pydio", ".pydio_", "reserved"),
        (b"letter.pydio", "letter.pydio_", "reserved"),
        (b"_.pydio", "_.pydio_", "reserved"),
        (b".minio.sys", ".minio.sys_", "reserved"),
        (b"caf\xe9 50%", "café 50％", "charset+characters"),
    ],
)
def test_a_name_that_cells_mishandles_is_rewritten_and_the_rule_is_named(raw: bytes, text: str, rule: str) -> None:
    assert stored_name(raw) == (text, rule)


def test_bytes_are_read_in_the_charset_of_the_workspace() -> None:
    assert stored_name("é".encode("cp437"), charset="cp437") == ("é", "charset")
    assert stored_name(b"\x81", charset="no-such-charset")[1] == "charset"


def test_wide_characters_are_spelled_out_for_servers_that_cannot_store_them() -> None:
    assert stored_name("a😀.txt".encode(), wide=False) == ("a(U+1F600).txt", "wide")


@given(st.binary(min_size=1, max_size=300).filter(lambda raw: b"/" not in raw))
def test_every_name_becomes_one_that_cells_takes(raw: bytes) -> None:
    text, rule = stored_name(raw)
    assert 0 < len(text.encode()) <= 255 and text not in (".", "..") and not text.endswith(".pydio")
    assert "\\" not in text and "\0" not in text and unicodedata.is_normalized("NFC", text)
    assert all(text[i + 1 : i + 3].isalnum() and len(text[i + 1 : i + 3]) == 2 for i, c in enumerate(text) if c == "%")
    assert rule is None or text != raw.decode("utf-8", "surrogateescape")
    assert stored_name(text.encode()) == (text, None)


@given(st.lists(st.sampled_from([b"100%.txt", "100％.txt".encode(), "é".encode(), "e\u0301".encode(), b"\xe9", b"a", b".pydio", b".pydio_"]), unique=True))
def test_two_names_of_a_folder_never_become_one_and_kept_names_stay(raws: list[bytes]) -> None:
    found = stored_names(raws)
    assert len({name.text for name in found.values()}) == len(raws)
    assert all(name.text == raw.decode() for raw, name in found.items() if name.rule is None)
    assert found == stored_names(reversed(raws))


@pytest.mark.parametrize("login", ["bob", "Bob", "frank@example.com", "heidi.o-brien_2", "é", "😀", " x ", "a=b", "a=2f", "o'neil", "x+y", "domain.local"])
def test_a_login_that_cells_takes_is_kept(login: str) -> None:
    assert cells_login(login) == (login, None)


@pytest.mark.parametrize(
    ("login", "new"),
    [
        ("a/b", "a=2Fb"),
        ("a\\b", "a=5Cb"),
        ("100%", "100=25"),
        ("*", "=2A"),
        ("a\nb", "a=0Ab"),
        ("a=2Fb", "a=3D2Fb"),
        ("..", "=2E."),
        ("pydio.anon.user", "=70ydio.anon.user"),
        ("\udce9", "=E9"),
    ],
)
def test_a_login_that_cells_mishandles_is_written_so_that_it_reads_backwards(login: str, new: str) -> None:
    assert cells_login(login)[0] == new
    assert cells_login(login)[1]


@given(st.text(alphabet="ab=/%2F*E9\\", max_size=8), st.text(alphabet="ab=/%2F*E9\\", max_size=8))
def test_two_logins_never_become_one(one: str, other: str) -> None:
    if one != other:
        assert cells_login(one)[0] != cells_login(other)[0]


@given(st.text(min_size=1, max_size=300))
def test_no_login_is_too_long_or_acts_as_a_pattern(login: str) -> None:
    new, _ = cells_login(login)
    assert 0 < len(new) <= MAX_LOGIN and not set(new) & set("/\\%*\x00\n") and new not in (".", "..")


@pytest.mark.parametrize(("text", "slug"), [("Équipe Design & 設計", "equipe-design"), ("--a__b--", "a-b"), ("日本", ""), ("A" * 99, "a" * 60)])
def test_a_slug_has_small_letters_digits_and_hyphens(text: str, slug: str) -> None:
    assert clean_slug(text) == slug


def test_a_taken_or_reserved_slug_gets_a_number() -> None:
    assert unique_slug("docs", {"docs", "docs-2"}) == "docs-3"
    assert unique_slug("settings", set()) == "settings-2"
    assert unique_slug("", set()) == "workspace"
