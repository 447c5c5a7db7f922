r"""Which name does a file, login, group or workspace get in Cells, where the old one would be lost or mishandled?

File names, seen on real servers (4.1, 3.0.9): a `%` not followed by two hexadecimal digits is lost in silence, a backslash is
stored and never found again, names are stored in NFC, more than 255 bytes or a NUL are refused, and so is every file whose name
ends in `.pydio`. Such names are rewritten by the table below, which reads backwards: `％` `＼` `␀` stand for `%` `\` NUL, a
reserved name gets a `_` at its end. Everything else is kept."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_NAME_BYTES = 255
MAX_KEY_BYTES = 1024
"""Longest path (without data source) that a structured data source takes: one that keeps files as they are on a disk."""
MAX_FLAT_KEY_BYTES = 3500
"""Longest path that goes to a flat data source, which has no such limit of its own: 3900 bytes came back whole (4.1)."""

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
SUBSTITUTES = {"%": "\uff05", "\\": "\uff3c", "\0": "\u2400"}
RESERVED_NAMES = frozenset({".pydio", ".minio.sys"})
RESERVED_END = ".pydio"
"""A file `letter.pydio` is refused with 500 (seen on 4.1, `Object name cannot be empty`), `letter.PYDIO` is not."""


@dataclass(frozen=True, slots=True)
class StoredName:
    """A name as Cells will hold it. `rule`: None when it is kept, else what was done, joined by `+`: `charset` (bytes were not
    UTF-8), `nfc`, `characters`, `wide`, `reserved`, `length`, `collision`."""

    text: str
    rule: str | None = None


def reserved(name: str) -> bool:
    """Whether Cells takes a file or folder of this name for its own, or for none."""
    return name in RESERVED_NAMES or name.endswith(RESERVED_END) or name in ("", ".", "..")


def stored_name(raw: bytes, charset: str | None = None, wide: bool = True) -> tuple[str, str | None]:
    """The name of one file or folder in Cells, and the rule that changed it (None = kept).

    `raw`: exact bytes. `charset`: the file-name charset of the old workspace, tried when the bytes are not UTF-8, then cp1252,
    then latin-1. `wide`: whether the server stores characters above U+FFFF."""
    rules: list[str] = []
    text = _decoded(raw, charset, rules)
    text = _changed(text, unicodedata.normalize("NFC", text), "nfc", rules)
    mapped = _BARE_PERCENT.sub(SUBSTITUTES["%"], text).replace("\\", SUBSTITUTES["\\"]).replace("\0", SUBSTITUTES["\0"])
    text = _changed(text, mapped, "characters", rules)
    if not wide:
        text = _changed(text, "".join(c if ord(c) <= 0xFFFF else f"(U+{ord(c):X})" for c in text), "wide", rules)
    if reserved(text):
        text = _changed(text, text + "_", "reserved", rules)
    text = _changed(text, shortened(text, raw), "length", rules)
    return text, "+".join(rules) or None


def stored_names(names: Iterable[bytes], charset: str | None = None, wide: bool = True) -> dict[bytes, StoredName]:
    """Names of all entries of one folder. Where two would become one, kept names stay and the others get a suffix."""
    found = {raw: StoredName(*stored_name(raw, charset, wide)) for raw in names}
    taken = {name.text for name in found.values() if name.rule is None}
    for raw in sorted(raw for raw, name in found.items() if name.rule is not None):
        name = found[raw]
        if name.text in taken:
            name = StoredName(_suffixed(name.text, raw, taken), f"{name.rule}+collision")
            found[raw] = name
        taken.add(name.text)
    return found


def _decoded(raw: bytes, charset: str | None, rules: list[str]) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        rules.append("charset")
    for candidate in (charset, "cp1252"):
        if candidate:
            try:
                return raw.decode(candidate)
            except (UnicodeDecodeError, LookupError):
                continue
    return raw.decode("latin-1")


def _changed(old: str, new: str, rule: str, rules: list[str]) -> str:
    if new != old:
        rules.append(rule)
    return new


def shortened(text: str, raw: bytes, limit: int = MAX_NAME_BYTES) -> str:
    """At most `limit` bytes of UTF-8: the stem is cut and marked with a hash of the old name, the ending stays."""
    if len(text.encode("utf-8", "surrogatepass")) <= limit:
        return text
    stem, dot, ending = text.rpartition(".")
    if not dot or not stem or len(ending.encode()) > 20:
        stem, dot, ending = text, "", ""
    tail = "~" + hashlib.sha1(raw, usedforsecurity=False).hexdigest()[:8] + dot + ending
    return _cut(stem, limit - len(tail.encode())) + tail


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode("utf-8", "ignore")


def _suffixed(text: str, raw: bytes, taken: set[str]) -> str:
    stem, dot, ending = text.rpartition(".")
    if not dot or not stem:
        stem, dot, ending = text, "", ""
    number = 2
    while True:
        candidate = shortened(f"{stem} ({number}){dot}{ending}", raw)
        if candidate not in taken:
            return candidate
        number += 1


# -- logins and group names ----------------------------------------------------------------------------------------------------

MAX_LOGIN = 250
RESERVED_LOGINS = re.compile(r"(?:pydio\.(?:system|anon)\.user|pydio\.anon\..*|\.{1,2})\Z", re.IGNORECASE)
_UNSAFE = re.compile("[/\\\\%*\x00-\x1f\x7f\ud800-\udfff]|=(?=[0-9A-F]{2})")


def cells_login(login: str, wide: bool = True) -> tuple[str, str | None]:
    """The login in Cells, and why it differs (None = kept). Control characters and `/ \\ % *` are written as `=` and two
    hexadecimal digits for each byte, like an `=` that could be read as such; so the rule reads backwards and two logins never
    become one. Over 250 characters the end is replaced by a hash. `""` for a login that is empty."""
    return _escaped(login, wide, MAX_LOGIN)


def group_name(name: str, wide: bool = True) -> tuple[str, str | None]:
    """The technical name of a group (one level of its path), by the rule of logins."""
    return _escaped(name, wide, MAX_LOGIN)


def _escaped(old: str, wide: bool, limit: int) -> tuple[str, str | None]:
    if not old:
        return "", None
    why: list[str] = []
    text = _changed(old, unicodedata.normalize("NFC", old), "it is not in the usual Unicode form", why)
    text = _changed(text, _UNSAFE.sub(_hex, text), "it has characters that mean something else there", why)
    if not wide:
        text = _changed(text, "".join(_hex(c) if ord(c) > 0xFFFF else c for c in text), "it has characters this version cannot store", why)
    if RESERVED_LOGINS.match(text):
        text = _changed(text, f"={ord(text[0]):02X}{text[1:]}", "the name is reserved", why)
    if len(text) > limit:
        digest = hashlib.sha1(old.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()[:12]
        text = _changed(text, text[: limit - 13] + "~" + digest, "it is too long", why)
    return text, ", ".join(why) or None


def _hex(match: re.Match[str] | str) -> str:
    character = match if isinstance(match, str) else match.group()
    return "".join(f"={byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


# -- workspaces and labels -----------------------------------------------------------------------------------------------------

MAX_SLUG = 60
RESERVED_SLUGS = frozenset({"settings", "welcome", "homepage", "pydio-thumbstore", "pydio-binaries", "versions-store", "thumbnails", "versions", "binaries"})


def clean_slug(text: str) -> str:
    """`[a-z0-9-]`, accents removed, at most 60 characters; `""` when nothing is left."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].strip("-")


def unique_slug(wanted: str, taken: Iterable[str]) -> str:
    """The slug, or with a number where it is taken or reserved."""
    slug, number, used = wanted or "workspace", 2, taken if isinstance(taken, (set, frozenset, Mapping)) else set(taken)
    base = slug
    while slug in used or slug in RESERVED_SLUGS:
        slug = f"{base}-{number}"
        number += 1
    return slug


def label(text: str, wide: bool, limit: int = 500) -> str:
    """Text for people: no control characters or lone surrogates, no characters above U+FFFF where the server cannot store them."""
    kept = (c for c in text if (c >= " " or c in "\n\t") and not "\ud800" <= c <= "\udfff" and c != "\x7f" and (wide or ord(c) <= 0xFFFF))
    return "".join(kept).strip()[:limit]


def has_wide(text: str) -> bool:
    """Whether there are characters above U+FFFF."""
    return any(ord(c) > 0xFFFF for c in text)
