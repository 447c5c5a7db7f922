"""Can people really sign in with what they were promised? By real sign-ins where passwords are known, else by what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from migrate.cells.errors import LoginRefused
from migrate.cells.session import Session
from migrate.cells.stored_forms import opens
from migrate.errors import Severity, code, finding
from migrate.ledger import Ledger
from migrate.verify.difference import Verdict
from migrate.verify.verify import Further

NOT_PROVEN = code(
    "F6140", Severity.INFO, "That {subject} people can sign in with their old passwords was not tried with each of them.",
    "To prove it: verify --passwords-file FILE (known passwords of some people) or --cells-database (reads back what is stored).",
    "Cells never tells over its interface what password an account has. The route was tried with planted accounts before the first person's turn.")
OWN_PASSWORD = code(
    "F6141", Severity.INFO, "{subject} has set a password in Cells since; the old one is not in force any more.", "Nothing to do.")
BATCH = 500


def sign_ins(ledger: Ledger, session: Session, passwords: Mapping[str, str]) -> Further:
    """Old login -> old password: those whose password was kept must get in, locked ones must not. Each is tried once."""
    def check(_expected: object, verdict: Verdict) -> None:
        for old, target, locked in kept(ledger):
            if old not in passwords:
                continue
            verdict.checked["sign-ins"] += 1
            try:
                session.sign_in(str(target["login"]), passwords[old])
            except LoginRefused as error:
                if not locked:
                    verdict.differs("passwords", old, "signs in with the old password", f"refused ({error.fields.get('detail')})")
            else:
                if locked:
                    verdict.differs("passwords", old, "locked", "signs in", wider=True)
    return check


def stored(ledger: Ledger, form_of: Callable[[str], str | None], read: Callable[[Sequence[str]], Mapping[str, str]],
           generated: Callable[[str], str | None]) -> Further:
    """Read back what Cells stores (`read`: uuids -> forms) and compare it with the old server's. `generated`: the password this
    tool made for a login, to tell "not stored yet" from "changed by the person"."""
    def check(_expected: object, verdict: Verdict) -> None:
        people = kept(ledger)
        while some := list(islice(people, BATCH)):
            forms = read([str(target["uuid"]) for _, target, _ in some])
            for old, target, _ in some:
                verdict.checked["stored passwords"] += 1
                there, wanted = forms.get(str(target["uuid"])), form_of(old)
                if there is None or wanted is None:
                    verdict.differs("passwords", old, "a stored password", "missing" if there is None else "the old server has none any more")
                elif there != wanted:
                    made = generated(str(target["login"]))
                    if made is not None and opens(there, made):
                        verdict.differs("passwords", old, "the old password", "not stored yet")
                    else:
                        verdict.findings.append(finding(OWN_PASSWORD, "users", old))
    return check


def unproven(ledger: Ledger) -> Further:
    """Say that nothing was tried, where passwords were kept."""
    def check(_expected: object, verdict: Verdict) -> None:
        number = sum(1 for _ in kept(ledger))
        if number:
            verdict.findings.append(finding(NOT_PROVEN, "users", str(number)))
    return check


def kept(ledger: Ledger) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """(old login, what it became, whether it is locked) of people whose password is kept."""
    for old, target in ledger.targets("users"):
        if target.get("password") == "kept" and target.get("login") and target.get("uuid"):
            body = ledger.record("users", old) or {}
            yield old, target, "logout" in (body.get("locks") or ())
