"""Lets people sign in with what they have: stores old passwords, puts them back, asks Cells to mail reset links.

A stored form is set only where the password that this program generated is still the one in force: who has changed his
password meanwhile keeps the new one. Nobody's account is touched before a planted one has proven the way."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from migrate.cells.api import config, imports, users
from migrate.cells.errors import CellsRefused, LoginRefused
from migrate.cells.models import ServerFacts, User
from migrate.cells.stored_forms import old_form, opens, scheme_of
from migrate.errors import ExitStatus, MigrationError, Severity, code, finding
from migrate.load.by_rpc import send_forms
from migrate.load.cells_database import LEAF, CellsDatabase
from migrate.load.forms import OldForms
from migrate.load.tools import Result, Tools, performs
from migrate.transform.actions import ClearHashJob, RequestReset, RestoreHashes, StoreHashes

NAMESPACE = uuid.UUID("4b0a3f0e-32a7-4cf9-9a86-8b8f1de1e0aa")
TRIAL = "migration-trial-"
SCHEMES = ("md5", "pbkdf2_sha256")
MAIL_PAUSE = 0.5

NOT_KEPT = code(
    "F4920", Severity.WARNING, "The old password of {subject} could not be kept: {reason}. The temporary one in accounts.csv is in force.",
    "Hand over the temporary password.")
OWN_CHANGE = code(
    "F4921", Severity.INFO, "{subject} has set a new password in Cells already; it is left as it is.", "Nothing to do.")


class NoWayToStore(MigrationError):
    """Old passwords are to be put into the database of Cells, but no address of it is known now."""

    code = "E4921"
    title = "Old passwords are to be put into the database of Cells, and its address is not known."
    remedy = "Give --cells-database (or MIGRATE_CELLS_DATABASE) again, or plan without it: then keep-passwords.sql is written for the administrator."
    exit_status = ExitStatus.INCOMPLETE


class TrialFailed(MigrationError):
    """A planted account could not sign in with a stored form set this way. No other account was touched."""

    code = "E4922"
    title = "Old passwords ({scheme}) do not work on this Cells by the route {route}: {detail}. Nobody's account was touched."
    remedy = "Use the other route, or --passwords temporary."
    exit_status = ExitStatus.INCOMPLETE


class NoMailer(MigrationError):
    """Cells has no mail server set, yet answers 200 to requests for reset mails."""

    code = "E4923"
    title = "Cells cannot send mails (no mail server is set), so {login} gets no link to set a password."
    remedy = "Set a mail server in Cells (Application Parameters, Mailer) and run `apply` again, or plan with --passwords temporary."
    exit_status = ExitStatus.INCOMPLETE


class ResetSilent(MigrationError):
    """200 without a body: Cells did not send a mail (the account is unknown to it, or has no address)."""

    code = "E4924"
    title = "Cells sent {login} no link to set a password: it knows no e-mail address of this account."
    remedy = "Add the address in Cells and let the person use “forgot password”."
    exit_status = ExitStatus.INCOMPLETE


@dataclass
class Keeping:
    """What storing passwords needs beside the server. `facts`: asked when first needed. `links`: stored passwords of links."""

    forms: OldForms
    database: CellsDatabase | None = None
    facts: Callable[[], ServerFacts] | None = None
    tried: set[tuple[str, str]] = field(default_factory=set)
    mailer: bool | None = None
    make: Callable[[], str] | None = None
    """Makes a password that will be handed to a person."""
    guard: threading.Lock = field(default_factory=threading.Lock)
    links: OldForms | None = None

    def close(self) -> None:
        """Forget forms and connections."""
        self.forms.close()
        if self.links is not None:
            self.links.close()
        if self.database is not None:
            self.database.close()


@performs(StoreHashes)
def store_hashes(tools: Tools, action: StoreHashes, look: bool) -> Result:
    """Natural key: the stored form itself (sql), or whether the generated password still opens the account (rpc)."""
    keeping = keeping_of(tools)
    forms: dict[str, str] = {}
    refused: dict[str, str] = {}
    for login, record in zip(action.logins, action.records, strict=True):
        form = keeping.forms.get(record)
        if form is None or scheme_of(form) is None:
            refused[login] = "its stored form is missing or damaged"
        else:
            forms[login] = form
    wanted = dict(zip(action.logins, action.uuids, strict=True))
    for scheme in sorted({str(scheme_of(form)) for form in forms.values()}):
        try_once(tools, keeping, action.route, scheme)
    if action.route == "sql":
        stored, changed = _by_sql(tools, keeping, wanted, forms, refused)
    else:
        stored, changed = _by_rpc(tools, keeping, wanted, forms, refused, look)
    records = dict(zip(action.logins, action.records, strict=True))
    for login, reason in refused.items():
        tools.ledger.add_finding("apply", finding(NOT_KEPT, "users", records[login], reason=reason))
        tools.ledger.put_targets("users", [(records[login], {"login": login, "uuid": wanted[login], "password": "temporary"})])
    for login in changed:
        tools.ledger.add_finding("apply", finding(OWN_CHANGE, "users", records[login]))
    return {"stored": [wanted[login] for login in (*stored, *changed)], "refused": sorted(refused)}


def keeping_of(tools: Tools) -> Keeping:
    """What storing passwords needs; NoWayToStore when the run has nothing of it."""
    if tools.keeping is None:
        raise NoWayToStore()
    return tools.keeping


def _by_sql(tools: Tools, keeping: Keeping, wanted: Mapping[str, str], forms: Mapping[str, str],
            refused: dict[str, str]) -> tuple[list[str], list[str]]:
    """(logins whose form stands now, logins who have a password of their own)."""
    database = database_of(keeping)
    rows = database.read([wanted[login] for login in forms])
    stored: list[str] = []
    changed: list[str] = []
    todo: dict[str, tuple[str, str, str]] = {}
    for login, form in forms.items():
        row = rows.get(wanted[login])
        if row is None or row.leaf != LEAF or row.name != login:
            refused[login] = "its row in the database of Cells is missing or belongs to something else"
        elif row.form == form:
            stored.append(login)
        elif not opens(row.form, tools.secrets.password("user", login)):
            changed.append(login)
        else:
            todo[login] = (row.uuid, row.form, form)
    done = set(database.store(list(todo.values())))
    for login, change in todo.items():
        if change[0] in done:
            stored.append(login)
        else:
            changed.append(login)
    return stored, changed


def _by_rpc(tools: Tools, keeping: Keeping, wanted: Mapping[str, str], forms: Mapping[str, str], refused: dict[str, str],
            look: bool) -> tuple[list[str], list[str]]:
    changed: list[str] = []
    todo: dict[str, tuple[str, str]] = {}
    for login, form in forms.items():
        row = tools.ledger.action("user:" + login)
        fresh = row is not None and row.state.value == "done" and not look
        if not fresh and not _generated_in_force(tools, login):
            changed.append(login)
        else:
            todo[login] = (wanted[login], form)
    facts = keeping.facts() if keeping.facts is not None else None
    failed = send_forms(tools, todo, three_parts=facts is None or facts.features.rpc_three_parts, templates=facts is not None and facts.features.enterprise)
    refused.update(failed)
    return [login for login in todo if login not in failed], changed


def _generated_in_force(tools: Tools, login: str) -> bool:
    """One sign-in with the password we made. A locked account cannot have changed it."""
    try:
        tools.session.sign_in(login, tools.secrets.password("user", login))
    except LoginRefused as error:
        return "locked" in str(error.fields.get("detail", "")).lower()
    return True


def database_of(keeping: Keeping) -> CellsDatabase:
    """The database of Cells, looked at; NoWayToStore without an address."""
    if keeping.database is None:
        raise NoWayToStore()
    keeping.database.check()
    return keeping.database


def try_once(tools: Tools, keeping: Keeping, route: str, scheme: str) -> None:
    """Once a run: plant an account, give it a form of this scheme by this route, sign in with its password, remove it."""
    with keeping.guard:
        if (route, scheme) not in keeping.tried:
            prove(tools, keeping, route, scheme)
            keeping.tried.add((route, scheme))


def prove(tools: Tools, keeping: Keeping, route: str, scheme: str) -> None:
    """Plant, set, sign in, remove. TrialFailed when the password is not taken; the account is removed in any case."""
    login = TRIAL + scheme.partition("_")[0]
    account = User(str(uuid.uuid5(NAMESPACE, tools.session.url + login)), login, "/", (), {"profile": "shared", "displayName": "Trial of the migration"})
    password = tools.secrets.password("trial", scheme + "-é") + "é"  # letters outside ASCII have to pass too
    form = old_form(password, scheme)
    generated = tools.secrets.password("user", login)
    users.delete_user(tools.session, login, account.uuid)  # of a run that was killed
    users.create_user(tools.session, account, generated)
    try:
        failed: Mapping[str, str] = {}
        if route == "sql":
            database = database_of(keeping)
            row = database.read([account.uuid]).get(account.uuid)
            if row is None or row.leaf != LEAF or not opens(row.form, generated):
                raise TrialFailed(scheme=scheme, route=route, detail="the database holds another password than the server took; is it this server's?")
            database.store([(account.uuid, row.form, form)])
        else:
            facts = keeping.facts() if keeping.facts is not None else None
            failed = send_forms(tools, {login: (account.uuid, form)}, three_parts=facts is None or facts.features.rpc_three_parts, templates=False)
        try:
            if failed:
                raise TrialFailed(scheme=scheme, route=route, detail=failed[login])
            tools.session.sign_in(login, password)
        except LoginRefused:
            raise TrialFailed(scheme=scheme, route=route, detail="the planted account cannot sign in with its old password") from None
        finally:
            if route == "sql":
                database_of(keeping).restore([account.uuid])
    finally:
        users.delete_user(tools.session, login, account.uuid)


@performs(RestoreHashes)
def restore_hashes(tools: Tools, action: RestoreHashes, look: bool) -> Result:
    """Only where the form that was set still stands."""
    return {"restored": database_of(keeping_of(tools)).restore(action.uuids)}


@performs(ClearHashJob)
def clear_hash_job(tools: Tools, action: ClearHashJob, look: bool) -> Result:
    """Harmless when repeated."""
    imports.run_calls(tools.session, [], tools.stop.wait)
    return {}


@performs(RequestReset)
def request_reset(tools: Tools, action: RequestReset, look: bool) -> Result:
    """A mail cannot be looked up: after an interruption it is asked for once more, which only makes another link."""
    keeping = keeping_of(tools)
    with keeping.guard:
        if keeping.mailer is None:
            keeping.mailer = config.mailer_set(tools.session)
    if not keeping.mailer:
        raise NoMailer(login=action.login)
    there = users.get_user(tools.session, action.login)
    if there is None or there.uuid != action.uuid:
        raise CellsRefused(method="PUT", path="/a/auth/reset-password-token", status=0, reason="the account is not the one that was made")
    if not users.request_reset(tools.session, action.login):
        raise ResetSilent(login=action.login)
    tools.stop.wait(MAIL_PAUSE)
    return {}
