"""Which links lie as files in the public folder? `<hash>.php` of 2.5 to 6.4, and the counters of downloads beside them.

Such a file is a small PHP script with one line of data: base64 of a serialized array, encrypted with the file's own name.
It is read as text, never run. Files moved to the database by the application's own migration (`.php.migrated`) are given
apart, because only they still have the passwords."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.errors import Severity, code
from migrate.extract.php.cipher import CipherError, rijndael_ecb
from migrate.extract.php.values import PhpValueError, loads
from migrate.extract.plain import items, number
from migrate.extract.regular import read_regular

LINK_FILE_UNREADABLE = code(
    "F1701",
    Severity.ERROR,
    "The link file of {subject} cannot be read ({reason}); the link is not published.",
    "If it was copied or renamed by hand, give it its first name back; otherwise ask its owner to share again.",
)
COUNTERS_UNREADABLE = code(
    "F1702",
    Severity.ERROR,
    "The counters of downloads cannot be read ({reason}); links with a limit are taken as used up.",
    "Restore .ajxp_publiclet_counters.ser in the public folder from a backup.",
)

COUNTERS = ".ajxp_publiclet_counters.ser"
MIGRATED = ".php.migrated"
_DATA = re.compile(rb"base64_decode\(\s*[\"']([A-Za-z0-9+/=\s]+)[\"']\s*\)")
_LARGEST = 8 * 2**20
_NOT_LINKS = frozenset({"share.php", "index.php"})


@dataclass(frozen=True, slots=True)
class LinkFile:
    """A decrypted link file. `hash`: its name. `data`: the stored array, keys as text, values as decoded.
    `genuine`: the name is the beginning of the data's md5, so it was given by the application, not by a person."""

    hash: str
    data: Mapping[str, Any] = field(repr=False)
    genuine: bool
    migrated: bool


@dataclass(frozen=True, slots=True)
class BadLinkFile:
    """A link file that cannot be read. `reason` holds none of its content."""

    hash: str
    reason: str
    migrated: bool


def read_link_files(folder: str | None, *, migrated: bool = False) -> Iterator[LinkFile | BadLinkFile]:
    """Links in the public folder, by name. `migrated`: those renamed to `.php.migrated` instead of the live ones.

    Nothing when there is no folder. Other scripts of the product (without a line of data) are passed over."""
    ending = MIGRATED if migrated else ".php"
    for name in _names(folder, ending):
        stem = name[: -len(ending)]
        try:
            data = _cipher_text(os.path.join(folder or "", name))
        except (OSError, ValueError) as error:
            yield BadLinkFile(stem, getattr(error, "strerror", None) or str(error), migrated)
            continue
        if data is not None:
            yield _decrypted(stem, data, migrated)


def _names(folder: str | None, ending: str) -> list[str]:
    if folder is None:
        return []
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if e.name.endswith(ending) and e.name not in _NOT_LINKS and len(e.name) > len(ending))
    except OSError:
        return []


def _cipher_text(path: str) -> bytes | None:
    """The encrypted bytes of a link file, None when it is another script. Raises OSError, ValueError."""
    script = read_regular(path, _LARGEST)
    match = _DATA.search(script)
    if match is None:
        return None
    try:
        return base64.b64decode(match[1])
    except binascii.Error:
        raise ValueError("its data is no base64") from None


def _decrypted(stem: str, data: bytes, migrated: bool) -> LinkFile | BadLinkFile:
    key = os.fsencode(stem)
    try:
        clear = rijndael_ecb(data, key)
        value = loads(clear)
    except CipherError as error:
        return BadLinkFile(stem, error.cause, migrated)
    except PhpValueError:
        return BadLinkFile(stem, "it was not encrypted with its present name", migrated)
    if not isinstance(value, dict):
        return BadLinkFile(stem, "it holds no array", migrated)
    genuine = len(stem) >= 6 and hashlib.md5(clear.rstrip(b"\0")).hexdigest().startswith(stem)
    return LinkFile(stem, dict(items(value)), genuine, migrated)


def read_counters(folder: str | None) -> dict[str, int]:
    """Downloads per hash; an all-digit hash was stored as an integer. Raises PhpValueError, OSError when damaged."""
    if folder is None:
        return {}
    try:
        data = read_regular(os.path.join(folder, COUNTERS), _LARGEST)
    except FileNotFoundError:
        return {}
    return {key: number(value, 0) or 0 for key, value in items(loads(data))}  # an empty file was cut off: it raises
