"""What does one stored value become in Cells? Old value and field in, JSON text out, or the reason why not."""

from __future__ import annotations

import calendar
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from migrate import note_codes
from migrate.errors import Code
from migrate.transform.fields import PEOPLE, Variant

MAX_BYTES = 65_535
CSS_LABELS = frozenset({"low", "todo", "personal", "work", "important"})
"""Colour labels that both sides know; Cells shows no other."""
_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d")
"""Day before month: the old application came from France."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKUP = re.compile(r"<[a-zA-Z!/][^>]*>")
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Converted:
    """`text`: JSON text, None when the value is left out (`skip` says why). `notes`: what was done to it."""

    text: str | None
    skip: Code | None = None
    notes: tuple[Code, ...] = ()


def convert(field: Variant, old_type: str, raw: Any, login_of: Callable[[str], str | None], wide: bool = True) -> Converted:
    """One value. `old_type`: of the definition it was written under; `login_of`: what an old login becomes (creator, updater)."""
    if isinstance(raw, bool):
        raw = "true" if raw else "false"
    if raw is not None and not isinstance(raw, (str, int, float)):
        return Converted(None, note_codes.WRONG_TYPE)
    notes: list[Code] = []
    text = _clean("" if raw is None else str(raw), notes, wide)
    if not text.strip():
        return Converted(None, note_codes.EMPTY)
    value = _typed(field, old_type, text, login_of, notes)
    if value is None:
        return Converted(None, note_codes.WRONG_TYPE)
    if value == "":
        return Converted(None, note_codes.EMPTY)
    encoded = json.dumps(value, ensure_ascii=False)
    if len(encoded.encode()) > MAX_BYTES:
        return Converted(None, note_codes.TOO_LONG)
    return Converted(encoded, None, tuple(notes))


def _clean(text: str, notes: list[Code], wide: bool) -> str:
    """Line ends as Cells shows them, no control characters, no broken characters."""
    clean = text.replace("\r\n", "\n").replace("\r", "\n")
    without = _CONTROLS.sub("", clean).encode("utf-8", "replace").decode()
    if not wide:
        without = "".join(c if ord(c) <= 0xFFFF else f"(U+{ord(c):X})" for c in without)
    if without != clean:
        notes.append(note_codes.CONTROLS)
    if _MARKUP.search(without):
        notes.append(note_codes.MARKUP)
    return without


def _typed(field: Variant, old_type: str, text: str, login_of: Callable[[str], str | None], notes: list[Code]) -> Any:
    """The value in the type of the field; None when it is none of it."""
    if field.type == "stars_rate":
        return int(text.strip()) if re.fullmatch(r"\s*[0-5]\s*", text) else None
    if field.type == "integer":
        return int(text.strip()) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else None
    if field.type == "boolean":
        word = text.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None
    if field.type == "date":
        return _epoch(text.strip())
    if field.type == "tags":
        return ",".join(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))
    if field.type == "choice":
        return _choice(field, text.strip(), notes)
    if field.type == "css_label" and text.strip() not in CSS_LABELS:
        notes.append(note_codes.CHOICE_UNKNOWN)
    if old_type in PEOPLE:
        return login_of(text.strip()) or text
    return text


def _choice(field: Variant, text: str, notes: list[Code]) -> str:
    if text in field.choices:
        return text
    by_label = [key for key, label in field.choices.items() if label == text]
    if len(by_label) == 1:
        return by_label[0]
    notes.append(note_codes.CHOICE_UNKNOWN)
    return text


def _epoch(text: str) -> int | None:
    """Epoch seconds of a day, a moment (UTC without a zone), or a number of seconds or milliseconds."""
    for form in _DATES:
        try:
            return calendar.timegm(time.strptime(text, form))
        except ValueError:
            continue
    if re.fullmatch(r"-?[0-9]{5,11}", text):
        return int(text)
    if re.fullmatch(r"[0-9]{12,14}", text):
        return int(text) // 1000
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
    except (ValueError, OverflowError):
        return None
