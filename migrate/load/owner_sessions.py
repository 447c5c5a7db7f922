"""Acts as the owner of a link, where a way in is at hand: what people own is best made by themselves. A sign-in serves several links."""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass, field

from migrate.cells.auth import GivenToken
from migrate.cells.session import Session
from migrate.load.sessions import token_of
from migrate.load.tools import Tools

SECONDS = 120.0
"""How long a sign-in is used again; tokens of sessions live for ten minutes and more."""


@dataclass
class _Known:
    """`tokens`: login -> (token or None, when it was asked for). `renamed`: login in Cells -> old one, where they differ."""

    tokens: dict[str, tuple[str | None, float]] = field(default_factory=dict)
    renamed: dict[str, str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_known: weakref.WeakKeyDictionary[Session, _Known] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def session_of(tools: Tools, login: str) -> Session | None:
    """A session of this person (login in Cells), to be closed by `with`; None when nothing is at hand or valid any more, or the account
    is locked."""
    with _guard:
        known = _known.setdefault(tools.session, _Known())
    with known.lock:
        token, since = known.tokens.get(login, (None, 0.0))
        if login not in known.tokens or (token is not None and time.monotonic() - since > SECONDS):
            if known.renamed is None:
                known.renamed = {str(body["login"]): old for old, body in tools.ledger.targets("users") if body.get("login") not in (None, old)}
            token = token_of(tools.session, tools.ledger, tools.secrets, login, known.renamed.get(login, login))
            known.tokens[login] = (token, time.monotonic())
    return tools.session.as_somebody(GivenToken(token)) if token is not None else None


def forget(tools: Tools, login: str) -> None:
    """This person's session is not accepted any more: the administrator does the rest."""
    with _guard:
        known = _known.setdefault(tools.session, _Known())
    with known.lock:
        known.tokens[login] = (None, time.monotonic())
