"""Errors, reasons and findings: one base class, one catalogue of codes, one enum of exit statuses.

A code is stable: `E1xxx` the old installation, `E2xxx` the plan and its mapping files, `E3xxx` rights and shares,
`E4xxx` Cells and the way to it, `E5xxx` files, `E6xxx` this machine and the ledger, `F….` findings (things an
administrator should know), `S….` reasons for leaving something out. `explain CODE` prints an entry."""

from __future__ import annotations

import enum
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar


class ExitStatus(enum.IntEnum):
    """What the process ends with. Several reasons: the first of SEVERITY wins."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INCOMPLETE = 3
    DIFFERENT = 4
    LEGACY_UNREADABLE = 5
    CELLS_UNREACHABLE = 6
    NOT_AUTHORISED = 7
    LOCKED = 8
    STALE_PLAN = 9
    LOCAL = 10
    INTERRUPTED = 130

    @classmethod
    def worst(cls, *statuses: ExitStatus) -> ExitStatus:
        """The one to report when there are several reasons."""
        for status in SEVERITY:
            if status in statuses:
                return cls(status)
        return cls.OK


SEVERITY = (130, 1, 2, 10, 8, 7, 6, 5, 9, 4, 3, 0)


class MigrationError(Exception):
    """Something went wrong that an administrator has to know of.

    Subclasses set `code`, `title` (one sentence, may hold {fields}), `remedy` (the next step, may hold {fields}) and
    `exit_status`; `retryable` says whether trying again can help. Fields are given by keyword and are shown as they
    are: never pass a secret."""

    code: ClassVar[str] = "E0000"
    title: ClassVar[str] = "Something went wrong: {detail}"
    remedy: ClassVar[str] = "Run again with --log-format json and report the last lines."
    exit_status: ClassVar[ExitStatus] = ExitStatus.INTERNAL
    retryable: ClassVar[bool] = False

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The sentence with its fields filled in."""
        return _fill(self.title, self.fields)

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return _fill(self.remedy, self.fields)


class _Known(dict):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _fill(text: str, fields: dict[str, object]) -> str:
    return text.format_map(_Known({k: str(v) for k, v in fields.items()}))


class Severity(str, enum.Enum):
    """How much a finding matters: `info` (good to know), `warning` (somebody loses something), `error` (could not be read or done)."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Code:
    """One entry of the catalogue. `title` and `remedy` may hold {fields} that a finding fills in."""

    code: str
    severity: Severity
    title: str
    remedy: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an administrator should know, about one subject. Made by `finding()`; equal findings are one."""

    code: str
    severity: str
    kind: str
    subject: str
    message: str
    remedy: str


_catalogue: dict[str, Code] = {}


def code(code_: str, severity: Severity, title: str, remedy: str, explanation: str = "") -> Code:
    """Register a finding or reason code. Call it at module level, once per code, in the room that uses it."""
    if code_ in _catalogue:
        raise ValueError(f"code {code_} is registered twice")
    entry = Code(code_, severity, title, remedy, explanation)
    _catalogue[code_] = entry
    return entry


def known(code_: str) -> Code | None:
    """A registered finding or reason code; None for others (error classes are in `catalogue`)."""
    return _catalogue.get(code_)


def finding(entry: Code, kind: str, subject: str, **fields: object) -> Finding:
    """A finding of this code on `subject` (an id, login or path) of `kind` (users, workspaces, files, …)."""
    fields = {"subject": subject, "kind": kind, **fields}
    return Finding(entry.code, entry.severity.value, kind, subject, _fill(entry.title, fields), _fill(entry.remedy, fields))


def finding_of(error: MigrationError, kind: str, subject: str, severity: Severity = Severity.ERROR) -> Finding:
    """The finding that records `error` when the rest goes on."""
    return Finding(error.code, severity.value, kind, subject, error.message, error.next_step)


def catalogue() -> dict[str, Code]:
    """Every code of the program, error classes included. Imports all rooms first, so that none is missed."""
    import migrate

    for module in pkgutil.walk_packages(migrate.__path__, "migrate."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    entries = dict(_catalogue)
    for cls in _subclasses(MigrationError):
        if not cls.__module__.startswith("migrate."):
            continue  # of somebody's tests
        known = entries.get(cls.code)
        if known is not None and known.title != cls.title:
            raise ValueError(f"code {cls.code} is used twice")
        entries[cls.code] = Code(cls.code, Severity.ERROR, cls.title, cls.remedy, (cls.__doc__ or "").strip())
    return dict(sorted(entries.items()))


def _subclasses(cls: type) -> Iterator[type]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)
