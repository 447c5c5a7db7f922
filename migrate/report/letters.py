"""What has each owner of links to be told? New passwords as a table, letters; old passwords as a script for the database."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

import jinja2

from migrate.ledger import Ledger, Secrets
from migrate.report.words import cell
from migrate.transform.actions import from_json
from migrate.transform.share_actions import CreateLink

KIND = "new-link"
FOLDER = "link-letters"
_TEMPLATES = Path(__file__).resolve().parent / "templates" / FOLDER
WHY = {"S3105": "expired", "S3106": "used up", "S3103": "for named people", "S3104": "sign-in", "S3107": "target", "S3110": "address"}
"""Reason for leaving a link out -> what the templates call it; all others are `other`."""


@dataclass
class _Letter:
    """What one owner has to be told, as the templates get it."""

    login: str
    mail: str = ""
    language: str = ""
    passwords: list[dict[str, str]] = field(default_factory=list)
    moved: list[dict[str, str]] = field(default_factory=list)
    ended: list[dict[str, str]] = field(default_factory=list)


def write(ledger: Ledger, secrets: Secrets, work: Path, own: Path | None = None) -> list[Path]:
    """`WORK/link-passwords.csv` (links whose new password is in force) and `WORK/letters/links-*.txt`, 0600 in a folder 0700, for owners
    who have to be told something. Templates by language in `own`/link-letters come before those of the program."""
    letters = _letters(ledger, secrets)
    found: list[Path] = []
    new = [(letter, link) for letter in letters for link in letter.passwords]
    path = work / "link-passwords.csv"

    def lines(out: IO[str]) -> None:
        writer = csv.writer(out)
        writer.writerow(["owner", "email", "address", "password"])
        for letter, link in new:
            writer.writerow([cell(letter.login), cell(letter.mail), link["url"], link["password"]])

    if new:
        _private(path, lines)
        found.append(path)
    else:
        path.unlink(missing_ok=True)
    folder = work / "letters"
    for old in folder.glob("links-*.txt"):
        old.unlink()
    if letters:
        pages = jinja2.Environment(loader=jinja2.FileSystemLoader([*([own / FOLDER] if own else []), _TEMPLATES]), undefined=jinja2.StrictUndefined,
                                   trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)
        known = {name.partition(".")[0] for name in pages.list_templates()}
        folder.mkdir(mode=0o700, exist_ok=True)
        cells = _line(str((ledger.get("server") or {}).get("url") or ""))
        for letter in letters:
            language = letter.language.lower().replace("_", "-")
            page = next((name for name in (language, language.partition("-")[0]) if name in known), "en")
            text = pages.get_template(f"{page}.txt.j2").render(owner=letter.login, mail=letter.mail, cells=cells, passwords=letter.passwords,
                                                               moved=letter.moved, ended=letter.ended)
            name = (quote(letter.login.encode("utf-8", "surrogatepass"), safe="@ ") or "_")[:200]
            _private(folder / f"links-{name}.txt", lambda out, text=text: out.write(text))  # type: ignore[misc]
        found.append(folder)
    return found


def _letters(ledger: Ledger, secrets: Secrets) -> list[_Letter]:
    """By login in Cells, only for people who have to be told something."""
    people = {old: str(target["login"]) for old, target in ledger.targets("users") if target.get("login")}
    by_login = {login: old for old, login in people.items()}
    found: dict[str, _Letter] = {}
    outcomes = {key: (outcome, why) for key, outcome, why in ledger.unsettled("shares")}
    targets = {key: target for key, target in ledger.targets("shares") if target.get("kind") == "link"}
    for key, body in ledger.records("shares"):
        link = body.get("link")
        if not link:
            continue
        old, target, label = str(link["hash"]), targets.get(str(link["hash"])), _line(str(body.get("label") or link["hash"]))
        outcome, why = outcomes.get(key, (None, None))
        if target is not None and target.get("uuid"):
            letter = _letter(found, ledger, by_login, str(target["owner"]))
            password = secrets.get(KIND, old) if target.get("password") != "kept" else None
            if password:
                letter.passwords.append({"label": label, "url": str(target["url"]), "password": password})
            if target.get("hash") not in (None, old):
                letter.moved.append({"label": label, "old": "/public/" + _line(old), "url": str(target["url"])})
        elif outcome == "skipped" and str(body.get("owner")) in people:
            letter = _letter(found, ledger, by_login, people[str(body["owner"])])
            letter.ended.append({"label": label, "old": "/public/" + _line(old), "why": WHY.get(str(why), "other")})
    return [letter for _, letter in sorted(found.items()) if letter.passwords or letter.moved or letter.ended]


def _letter(found: dict[str, _Letter], ledger: Ledger, by_login: Mapping[str, str], login: str) -> _Letter:
    if login not in found:
        body = ledger.record("users", by_login.get(login, login)) or {}
        mail = str(body.get("email") or "")
        found[login] = _Letter(_line(login), mail if re.fullmatch(r"[^\s<>,;\"()\[\]]+@[^\s<>,;\"()\[\]@]+", mail) else "", str(body.get("language") or ""))
    return found[login]


def _line(text: str) -> str:
    """Text of old names in one line: a line break in a name would forge a heading of the mail; names that are no UTF-8 are shown escaped."""
    plain = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in plain)


def write_sql(ledger: Ledger, hashes: Mapping[str, str], users: Mapping[str, str | None], work: Path) -> Path | None:
    """`WORK/link-passwords.sql` (0600): one UPDATE for each link whose old password hash is known. The hidden user of the link
    signs in with it at once (table and column of Cells 2 to 5). `users`: hash -> the hidden user that this migration gave it last."""
    statements = []
    for row in ledger.actions():
        action = from_json(row.body)
        if not isinstance(action, CreateLink) or action.password == "none":
            continue
        user, stored = users.get(action.hash) or "", hashes.get(action.key, "")
        if re.fullmatch(r"[0-9a-fA-F-]{32,36}", user) and re.fullmatch(r"[A-Za-z0-9:+/=._-]{16,255}", stored):
            statements.append(f"UPDATE idm_user_idx_tree SET etag='{stored}' WHERE uuid='{user}' AND leaf=1;\n")
    if not statements:
        return None
    path = work / "link-passwords.sql"
    _private(path, lambda out: out.writelines(["-- Old passwords of public links. Keep this file secret; remove it after use.\n", *statements]))
    return path


def _private(path: Path, fill: Callable[[IO[str]], object]) -> None:
    """All or nothing, mode 0600 from the first byte."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", errors="backslashreplace", newline="") as out:
        fill(out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(fresh, path)
