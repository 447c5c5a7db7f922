"""How does the loader act as a person? With a token or password of that person, where one is at hand; each is tried once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from migrate.cells.api import users
from migrate.cells.auth import GivenToken
from migrate.cells.errors import LoginRefused
from migrate.cells.session import Session
from migrate.ledger import Ledger, Secrets

REFUSED = "refused-sign-ins"
"""Fact of the ledger: logins whose generated password was refused, and `known:LOGIN` for passwords that were handed in. They are not
tried again: ten failures lock an account."""
GENERATED, KNOWN, TOKEN = "user", "known", "person-token"
"""Kinds of secrets: passwords this tool made, by login in Cells; passwords and tokens that were handed in, by old login."""


def at_hand(secrets: Secrets, login: str, old_login: str) -> bool:
    """Whether anything is known with which this person could be signed in."""
    return any(secrets.get(kind, key) is not None for kind, key in ((TOKEN, old_login), (GENERATED, login), (KNOWN, old_login)))


@contextmanager
def signed_in(session: Session, ledger: Ledger, secrets: Secrets, login: str, old_login: str) -> Iterator[Session | None]:
    """A session of the person; None when nothing is at hand, nothing is valid any more, or the account is locked."""
    token = token_of(session, ledger, secrets, login, old_login)
    if token is None:
        yield None
        return
    with session.as_somebody(GivenToken(token)) as person:
        yield person


def token_of(session: Session, ledger: Ledger, secrets: Secrets, login: str, old_login: str) -> str | None:
    """A token of the person, or None; each way is tried once."""
    if not at_hand(secrets, login, old_login):
        return None
    account = users.get_user(session, login)
    if account is None or "logout" in account.attributes.get("locks", ""):
        return None
    given = secrets.get(TOKEN, old_login)
    if given is not None:
        return given
    for mark, password in ((login, secrets.get(GENERATED, login)), (f"known:{login}", secrets.get(KNOWN, old_login))):
        if not password or mark in (ledger.get(REFUSED) or ()):
            continue
        try:
            return session.sign_in(login, password)[0]
        except LoginRefused:
            ledger.put(REFUSED, sorted({*(ledger.get(REFUSED) or ()), mark}))
    return None
