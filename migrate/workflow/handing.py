"""What does each person have to be told to get in? accounts.csv, letters, and the script that keeps old passwords; all mode 0600."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2

from migrate.cells.stored_forms import scheme_of
from migrate.ledger import Ledger, Secrets
from migrate.load.cells_database import ACCOUNTS, SAVED
from migrate.transform.mapping_text import guarded
from migrate.workflow.keeping import choice_of, old_forms, waiting
from migrate.workflow.settings import Settings

ACCOUNTS_FILE = "accounts.csv"
SCRIPT = "keep-passwords.sql"
UNDO_SCRIPT = "keep-passwords-undo.sql"
LETTERS = "letters"
COLUMNS = ("old_login", "login", "display_name", "email", "group", "way", "password", "note")
_TEMPLATES = Path(__file__).resolve().parent.parent / "report" / "templates" / "letters"


@dataclass(frozen=True)
class Entry:
    """One person of accounts.csv. `password` is empty where nothing is to be handed over."""

    old_login: str
    login: str
    display_name: str
    email: str
    language: str
    group: str
    way: str
    password: str
    note: str

    def __repr__(self) -> str:
        return f"<Entry {self.login}>"


def hand_over(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings) -> list[str]:
    """Write what is to be handed over, as far as this work folder knows it; gives lines that say so. The old server is read again
    only for the script."""
    lines = []
    made, _ = waiting(ledger)
    number = letters = 0
    names = _Letters(work, settings)
    with _private(work / ACCOUNTS_FILE) as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(COLUMNS)
        for entry in entries(ledger, secrets):
            number += 1
            table.writerow([guarded(_shown(value)) for value in (entry.old_login, entry.login, entry.display_name, entry.email, entry.group, entry.way)]
                           + [entry.password, guarded(entry.note)])
            letters += names.write(entry)
    if number:
        lines.append(f"Ways in of {number} people: {work / ACCOUNTS_FILE} (0600)" + (f", {letters} letters in {work / LETTERS}" if letters else ""))
    else:
        (work / ACCOUNTS_FILE).unlink()
    if choice_of(settings).policy().route == "script":
        kept = write_script(work, ledger, secrets, settings, made)
        if kept:
            lines.append(f"Old passwords of {kept} people: read {work / SCRIPT} and run it on the database of Cells; {UNDO_SCRIPT} takes it back.")
    return lines


def entries(ledger: Ledger, secrets: Secrets) -> Iterator[Entry]:
    """Everybody who has an account now, in order of the old login."""
    for old, target in ledger.targets("users"):
        body = ledger.record("users", old)
        if body is None or not target.get("login"):
            continue
        way, login = str(target.get("password") or "none"), str(target["login"])
        password = secrets.get("user", login) if way == "temporary" else None
        notes = []
        if way == "temporary" and password is None:
            notes.append("made by an earlier migration, its password is not known here")
        if "logout" in (body.get("locks") or ()):
            notes.append("locked, as on the old server")
        if login != old:
            notes.append("has another login now")
        yield Entry(old, login, str(body.get("display_name") or ""), str(body.get("email") or ""), str(body.get("language") or ""),
                    str(body.get("group") or "/"), way, password or "", "; ".join(notes))


def handed_over(work: Path) -> list[Path]:
    """What was written for people and still lies there."""
    return [path for path in (work / ACCOUNTS_FILE, work / SCRIPT, work / UNDO_SCRIPT, work / LETTERS) if path.exists()]


def remove(path: Path) -> None:
    """Remove such a file, or the folder of letters."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


class _Letters:
    """One text file for each person who has to be told something, in the person's language, English without a template for it."""

    def __init__(self, work: Path, settings: Settings) -> None:
        self._folder = work / LETTERS
        self._cells = settings.cells
        own = Path(settings.mappings) if settings.mappings else work / "mappings"
        self._pages = jinja2.Environment(loader=jinja2.FileSystemLoader([own / LETTERS, _TEMPLATES]), undefined=jinja2.StrictUndefined,
                                         keep_trailing_newline=True, autoescape=False)
        self._known = {name.partition(".")[0] for name in self._pages.list_templates()}
        if self._folder.is_dir():
            shutil.rmtree(self._folder)

    def write(self, entry: Entry) -> int:
        if entry.way not in ("temporary", "kept", "reset") or entry.note.startswith(("locked", "made by")):
            return 0
        self._folder.mkdir(mode=0o700, exist_ok=True)
        language = entry.language.lower().replace("_", "-")
        page = next((name for name in (language, language.partition("-")[0]) if name in self._known), "en")
        name = (quote(entry.login.encode("utf-8", "surrogatepass"), safe="@ ") or "_")[:200].lstrip(".") or "_"
        with _private(self._folder / f"{name}.txt") as out:
            out.write(self._pages.get_template(f"{page}.txt.j2").render(
                name=_shown(entry.display_name or entry.login), login=_shown(entry.login), password=entry.password, way=entry.way, cells=self._cells,
                renamed=entry.login != entry.old_login, old_login=_shown(entry.old_login)))
        return 1


def write_script(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings, made: frozenset[str]) -> int:
    """The script for people made by this work folder whose old password is to be kept; gives how many. One text that MySQL,
    MariaDB, PostgreSQL and SQLite understand. Run twice it changes nothing more, and nothing of people with a new password."""
    wanted = {old: str(target["uuid"]) for old, target in ledger.targets("users") if target.get("password") == "kept" and target.get("uuid") in made}
    if not wanted:
        for name in (SCRIPT, UNDO_SCRIPT):
            (work / name).unlink(missing_ok=True)
        return 0
    number = 0
    with _private(work / SCRIPT) as out:
        out.write(_HEAD.format(cells=settings.cells, undo=UNDO_SCRIPT, saved=SAVED, accounts=ACCOUNTS))
        for old, form in old_forms(settings, secrets)():
            if old in wanted and scheme_of(form) is not None:
                number += 1
                out.write(_person(wanted[old], form))
        out.write("COMMIT;\n")
    with _private(work / UNDO_SCRIPT) as out:
        out.write(_UNDO.format(saved=SAVED, accounts=ACCOUNTS, script=SCRIPT))
    return number


_HEAD = """\
-- Keeps the old passwords of people in Cells at {cells}.
-- For the database of Cells (MySQL, MariaDB, PostgreSQL, SQLite). Read it, make a backup, then run it as the database user of Cells.
-- It saves uuid and former value in {saved}, then sets the stored password of each account, by uuid and only of
-- accounts (leaf = 1), where the former value still stands. {undo} takes it back. This file holds stored passwords: remove it.
-- The table must exist:   SELECT count(*) FROM {accounts} WHERE leaf = 1;
CREATE TABLE IF NOT EXISTS {saved} (uuid VARCHAR(128) NOT NULL PRIMARY KEY, former VARCHAR(255) NOT NULL, stored VARCHAR(255) NOT NULL);
BEGIN;
"""

_UNDO = """\
-- Takes back what {script} did, where the value it set still stands.
BEGIN;
UPDATE {accounts} SET etag=(SELECT former FROM {saved} k WHERE k.uuid={accounts}.uuid)
 WHERE leaf=1 AND EXISTS (SELECT 1 FROM {saved} k WHERE k.uuid={accounts}.uuid AND k.stored={accounts}.etag);
COMMIT;
DROP TABLE {saved};
"""


def _person(uuid: str, form: str) -> str:
    key, value = _text(uuid), _text(form)
    return (f"INSERT INTO {SAVED} (uuid, former, stored) SELECT uuid, etag, {value} FROM {ACCOUNTS} WHERE uuid={key} AND leaf=1"
            f" AND NOT EXISTS (SELECT 1 FROM {SAVED} k WHERE k.uuid={key});\n"
            f"UPDATE {ACCOUNTS} SET etag={value} WHERE uuid={key} AND leaf=1 AND etag=(SELECT former FROM {SAVED} k WHERE k.uuid={key});\n")


def _text(value: str) -> str:
    """A text in SQL. Uuids and stored forms have no quotes, backslashes or control characters; anything else is a defect."""
    if not value.isascii() or any(c in "'\"\\;" or ord(c) < 33 for c in value):
        raise ValueError("not a uuid or stored form")
    return f"'{value}'"


def _shown(text: str) -> str:
    """Text that any reader of CSV and letters takes; names that are no UTF-8 are shown escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "")


class _Private(io.TextIOWrapper):
    """A text file of mode 0600 that takes its place only when it is whole and on disk."""

    def __init__(self, path: Path) -> None:
        self._target = path
        self._part = path.with_name(path.name + ".part")
        self._part.unlink(missing_ok=True)
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        super().__init__(io.BufferedWriter(io.FileIO(handle, "w")), encoding="utf-8", newline="")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.flush()
        os.fsync(self.fileno())
        self.close()
        if kind is None:
            self._part.replace(self._target)
        else:
            self._part.unlink(missing_ok=True)


def _private(path: Path) -> _Private:
    return _Private(path)
