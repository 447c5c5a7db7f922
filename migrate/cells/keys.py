"""Which file names survive the way through the S3 gateway, and why the others do not.

Seen on real servers (4.1, 3.0.9): the refused ones are answered with success and lost, never found again, or end in a
redirect that does not end. The plan renames them and reports it; here they are refused, never sent."""

from __future__ import annotations

import re
import unicodedata

from migrate.cells.errors import RefusedToSend

MAX_NAME = 255
MAX_KEY_STRUCTURED = 1024
_LOST_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class NameLost(RefusedToSend):
    """Cells would lose a file of this name, most often while answering with success."""

    code = "E4301"
    title = "{path} cannot be sent to Cells under this name: {reason}"
    remedy = "It has to be renamed: give it another name in the mapping, or at the source."


def problem_of_name(name: str, *, structured: bool = False) -> str:
    """Why a file or folder name would be lost; empty when it survives. `structured`: in-place data sources are stricter."""
    if name in ("", ".", ".."):
        return "an empty, '.' or '..' part"
    if "/" in name:
        return "a slash in a name"
    if "\\" in name:
        return "a backslash is stored and never found again"
    if _LOST_PERCENT.search(name):
        return "a % that is not followed by two hexadecimal digits is answered with success and lost"
    if name == ".pydio":
        return "the name .pydio belongs to Cells"
    if structured and "\0" in name:
        return "a NUL character"
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "bytes that are not UTF-8"
    if len(name) > MAX_NAME or structured and size > MAX_NAME:
        return f"more than {MAX_NAME} " + ("bytes" if structured else "characters")
    return ""


def key_of(slug: str, path: str, *, structured: bool = False) -> str:
    """S3 key of a file: workspace slug and path, in NFC (what the server stores whatever is sent). NameLost for lost names."""
    normal = unicodedata.normalize("NFC", path)
    key = f"{slug}/{normal}"
    problems = [problem_of_name(part, structured=structured) for part in key.split("/")]
    problem = next((p for p in problems if p), "")
    if not problem and key.endswith(".pydio"):
        problem = "a file whose name ends in .pydio is refused"
    if not problem and structured and len(normal.encode("utf-8")) > MAX_KEY_STRUCTURED:
        problem = f"a path of more than {MAX_KEY_STRUCTURED} bytes"
    if problem:
        raise NameLost(method="PUT", path=_printable(path), status=0, reason=problem)
    return key


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
