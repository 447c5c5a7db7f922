"""Does webDAV let in who may come in, and show them their workspaces? Tried with the token, and with passwords that are known.

Where webDAV is how people mount their files, a password that works in the browser has to work there too. Nobody is tried twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from migrate.cells.dav import Dav, DavRefused
from migrate.cells.errors import NotFound, WrongAnswer
from migrate.cells.session import Session
from migrate.ledger import Ledger
from migrate.rights import Right
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.verify.passwords import kept
from migrate.verify.verify import Further

KIND = "webdav"
WORKSPACES = 50
"""Workspaces of a person that are looked into, at most."""


def by_webdav(ledger: Ledger, session: Session, owner: Callable[[], str], passwords: Mapping[str, str]) -> Further:
    """`owner`: login of the token. `passwords`: old login -> old password; those whose password was kept get in and see the workspaces
    they were given, locked ones do not get in."""
    def check(expected: Expected, verdict: Verdict) -> None:
        verdict.checked["webDAV sign-ins"] += 1
        try:
            Dav(session, owner).names()
        except DavRefused:
            verdict.differs(KIND, owner(), "webDAV takes the token", "refused")
            return
        for old, target, locked in kept(ledger):
            if old in passwords:
                verdict.checked["webDAV sign-ins"] += 1
                _person(ledger, session, expected, verdict, old, target, passwords[old], locked=locked)
    return check


def _person(ledger: Ledger, session: Session, expected: Expected, verdict: Verdict, old: str, target: Mapping[str, Any], password: str, *,
            locked: bool) -> None:
    dav = Dav(session, lambda: str(target["login"]), lambda: password)
    try:
        shown = set(dav.names())
    except DavRefused:
        if not locked:
            verdict.differs(KIND, old, "signs in with the old password", "refused")
        return
    if locked:
        verdict.differs(KIND, old, "locked", "signs in", wider=True)
        return
    for login, workspace, _, planned, _ in islice((row for row in ledger.access() if row[0] == old), WORKSPACES):
        found = expected.workspace(workspace)
        slug = str((found or {}).get("slug") or "")
        wanted = Right.from_letters(planned)
        if not slug or wanted is Right.WRITE:  # who may only put files in sees nothing by webDAV
            continue
        verdict.checked["webDAV workspaces"] += 1
        opens = slug in shown and _opens(dav, slug)
        if opens != bool(wanted & Right.READ):
            verdict.differs(KIND, f"{login}: {workspace}", "opens" if not opens else "closed", "opens" if opens else "closed", wider=opens)


def _opens(dav: Dav, slug: str) -> bool:
    try:
        dav.names(slug)
    except NotFound:
        return False
    except WrongAnswer:  # it opens, but 4.1 breaks the listing off at a name with control characters
        pass
    return True
