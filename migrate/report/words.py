"""How things are said to people: kinds and outcomes in words, sizes, and names that may be hostile."""

from __future__ import annotations

import unicodedata

KINDS = {
    "users": "People", "groups": "Groups", "roles": "Roles", "teams": "Teams", "workspaces": "Workspaces",
    "rights": "Rights of people", "files": "Files and folders",
    "shares": "Shares and links", "metadata": "Metadata", "bookmarks": "Bookmarks", "watches": "Watches", "comments": "Comments",
    "locks": "File locks", "preferences": "Personal settings", "fields": "Fields of files", "quotas": "Quotas",
    "start workspaces": "Start workspaces", "pictures": "Pictures of people",
}
UNCOUNTED = frozenset({"roots", "access", "children"})
"""Kinds of the ledger that are not items of their own: folders of workspaces, computed rights, and the workspaces behind shares."""

RIGHTS = {"": "none", "r": "read", "w": "upload only", "rw": "read and write"}

PASSWORDS = {
    "kept": "The old password still works.",
    "temporary": "Gets a temporary password, to be changed at the first sign-in.",
    "reset": "Has to set a new password (“forgot password”) at the first sign-in.",
    "none": "Has no password of their own (directory account).",
    "existing": "Had an account in Cells already: its password stays.",
}

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SIGNS = "=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20"


def plain(value: object) -> str:
    r"""Text that cannot deceive: control, direction and zero-width characters and broken surrogates shown as `\uNNNN`.

    Two zero-width joiners stay: names of several scripts and emoji need them."""
    text = "" if value is None else str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    if character in "\n\u200c\u200d" or unicodedata.category(character) not in _HIDDEN:
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def cell(value: object) -> str:
    """A value for a spreadsheet: never a formula, whatever the program that opens it."""
    text = plain(value)
    return "'" + text if text and (text[0] in _SIGNS or text.lstrip()[:1] in _SIGNS and text.lstrip() != "") else text


def size(number: int | None) -> str:
    """Bytes for people: `1.5 MB` (decimal units, as file managers show them)."""
    value = float(number or 0)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def many(number: int, one: str, more: str | None = None) -> str:
    """`1 file`, `2 files`; thousands apart."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def key_shown(key: str) -> str:
    """A record key for people: its parts, without empty ones."""
    return " › ".join(plain(part) for part in key.split("\0") if part)
