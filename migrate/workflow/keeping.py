"""How do the decisions on passwords reach the plan, and what does carrying them out need? Ties policy, old server and database."""

from __future__ import annotations

import math
import secrets as generator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from migrate.cells.api import config
from migrate.cells.reader import read_facts
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError
from migrate.ledger import Ledger, Secrets
from migrate.load.cells_database import CellsDatabase
from migrate.load.forms import OldForms
from migrate.load.passwords import Keeping
from migrate.transform.actions import CreateUser, RequestReset, StoreHashes, from_json
from migrate.transform.ways import PasswordPolicy
from migrate.workflow.connect import Connection
from migrate.workflow.settings import Settings
from migrate.workflow.sharing import link_forms

DATABASE = ("cells-database", "address")
"""Where the secrets file keeps the address of the database of Cells; nothing else does."""
ALPHABET = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXYZ234679"
"""Without characters that look like others: 0 O o, 1 l I, 5 S, 8 B."""
BITS = 64
DIRECTORIES = frozenset({"ldap", "cas", "ftp", "imap", "radius", "smb", "http", "basic_http", "phpbb", "saml", "cmis"})
"""Drivers of the old server that asked somebody else for every password. Not `custom_db` and `remote`: they had stored forms of their own, in a
foreign table or a file; who of their people has none is told for each."""


class WeakPasswords(MigrationError):
    """Length and alphabet of temporary passwords give too few possibilities."""

    code = "E2120"
    title = "Temporary passwords of {length} characters out of {number} could be guessed."
    remedy = "Use a longer --password-length or more characters in --password-alphabet (together at least 64 bits)."
    exit_status = ExitStatus.USAGE


@dataclass(frozen=True)
class Choice:
    """What was said on the command line about passwords. `default`: one of `ways.POLICIES`; `keep_by`: `sql` or `rpc`."""

    default: str = "temporary"
    keep_by: str = "sql"
    database: bool = False
    length: int = 16
    alphabet: str = ""
    must_change: bool = True

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Choice:
        """From command line options. WeakPasswords when they could be guessed."""
        choice = cls(given.get("passwords") or "temporary", given.get("keep_by") or "sql", bool(given.get("cells_database")),
                     int(given.get("password_length") or 16), given.get("password_alphabet") or "", bool(given.get("password_must_change", True)))
        characters = len(set(choice.characters))
        if characters < 2 or choice.length * math.log2(characters) < BITS:
            raise WeakPasswords(length=choice.length, number=characters)
        return choice

    @property
    def characters(self) -> str:
        return "".join(dict.fromkeys(self.alphabet)) or ALPHABET

    def plain(self) -> dict[str, Any]:
        """For the settings; holds no secret."""
        return asdict(self)

    def policy(self, auth: str = "") -> PasswordPolicy:
        """For the plan. `auth`: driver of the old server."""
        route = "rpc" if self.keep_by == "rpc" else "sql" if self.database else "script"
        return PasswordPolicy(self.default, route, self.must_change, auth in DIRECTORIES)

    def make(self, minimum: int) -> str:
        """A temporary password; each kind of character that the alphabet has (small, capital, digit) occurs, and where it
        has any of them, one comes first: a spreadsheet takes some signs for the beginning of a formula."""
        kinds = [kind for kind in (str.islower, str.isupper, str.isdigit) if any(map(kind, self.characters))]
        while True:
            text = "".join(generator.choice(self.characters) for _ in range(max(self.length, minimum)))
            if all(any(map(kind, text)) for kind in kinds) and (not kinds or text[0].isalnum()):
                return text


def choice_of(settings: Settings) -> Choice:
    """What this work folder was planned with."""
    return Choice(**settings.passwords)


def policy_of(settings: Settings, ledger: Ledger) -> PasswordPolicy:
    """How the plan decides."""
    facts = ledger.get("installation") or {}
    return choice_of(settings).policy(str(facts.get("auth") or ""))


def remember(secrets: Secrets, connection: Connection) -> None:
    """Keep the address of the database for the commands that follow: it holds a password, so only the secrets file has it."""
    if connection.database and secrets.get(*DATABASE) != connection.database:
        secrets.put(*DATABASE, connection.database)


def waiting(ledger: Ledger) -> tuple[frozenset[str], dict[str, str]]:
    """(uuids of accounts this work folder made whose old password is not stored, and who were sent no mail yet; uuid -> old login of
    those refused)."""
    made: set[str] = set()
    settled: set[str] = set()
    refused: dict[str, str] = {}
    for _, body, result in ledger.effects():
        action = from_json(body)
        if isinstance(action, CreateUser):
            made.add(action.uuid)
        elif isinstance(action, RequestReset):
            settled.add(action.uuid)
        elif isinstance(action, StoreHashes):
            settled |= set((result or {}).get("stored", ()))
            no = set((result or {}).get("refused", ()))
            refused |= {u: r for u, login, r in zip(action.uuids, action.logins, action.records, strict=True) if login in no}
    return frozenset(made - settled - set(refused)), refused


def keeping_for(settings: Settings, secrets: Secrets, session: Session, connection: Connection) -> Keeping:
    """What the effects need. Nothing is read or connected before it is asked for."""
    remember(secrets, connection)
    address = secrets.get(*DATABASE)
    choice = choice_of(settings)
    minimum: list[int] = []

    def make() -> str:
        if not minimum:
            minimum.append(config.minimum_password_length(session))
        return choice.make(minimum[0])

    return Keeping(OldForms(old_forms(settings, secrets)), CellsDatabase(address) if address else None, lambda: read_facts(session)[0], make=make,
                   links=OldForms(link_forms(settings, secrets)))


def old_forms(settings: Settings, secrets: Secrets) -> Callable[[], Iterator[tuple[str, str]]]:
    """Reads the stored passwords from the old server, each time anew."""
    def read() -> Iterator[tuple[str, str]]:
        with settings.open_source(secrets) as source:
            for user in source.users():
                if user.password_hash:
                    yield user.login, user.password_hash
    return read
