"""What has each owner of a link to be told? New passwords as a table and as letters; old ones as a script for the database."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from migrate.ledger import Ledger, Secrets
from migrate.transform.actions import from_json
from migrate.transform.share_actions import CreateLink

KIND = "new-link"

LETTER = """To: {owner}{mail}
Subject: New passwords for links you have shared

Your files have moved to a new server. The links below keep their addresses, but nobody could tell their passwords, so each
has a new one. Please pass it on to the people who use the link.

{links}
You can set another password under the name of the shared file or folder, in its sharing options.
"""


def write(ledger: Ledger, secrets: Secrets, work: Path) -> list[Path]:
    """`WORK/link-passwords.csv` and `WORK/letters/*.txt` (0600, folder 0700) for links that got a new password; none when no link did."""
    rows = [(target, secrets.get(KIND, key)) for key, target in ledger.targets("shares") if target.get("kind") == "link" and target.get("uuid")]
    new = [(target, password) for target, password in rows if password]
    if not new:
        return []
    mails = _mails(ledger)
    path = work / "link-passwords.csv"

    def lines(out: IO[str]) -> None:
        writer = csv.writer(out)
        writer.writerow(["owner", "email", "address", "password"])
        for target, password in new:
            writer.writerow([_safe(str(target["owner"])), _safe(mails.get(str(target["owner"]), "")), target["url"], _safe(password or "")])

    _private(path, lines)
    folder = work / "letters"
    folder.mkdir(mode=0o700, exist_ok=True)
    by_owner: dict[str, list[tuple[Mapping[str, Any], str]]] = {}
    for target, password in new:
        by_owner.setdefault(str(target["owner"]), []).append((target, password or ""))
    for number, (owner, links) in enumerate(sorted(by_owner.items()), 1):
        text = LETTER.format(owner=owner, mail=f" <{mails[owner]}>" if mails.get(owner) else "",
                             links="".join(f"  {t['url']}\n  password: {p}\n\n" for t, p in links))
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", owner)[:80]
        _private(folder / f"links-{number:04d}-{name}.txt", lambda out, text=text: out.write(text))  # type: ignore[misc]
    return [path, folder]


def _mails(ledger: Ledger) -> dict[str, str]:
    """Login in Cells -> e-mail address."""
    targets = dict(ledger.targets("users"))
    return {str(targets[login]["login"]): str(body["email"]) for login, body in ledger.records("users")
            if body.get("email") and targets.get(login, {}).get("login")}


def _safe(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_sql(ledger: Ledger, hashes: Mapping[str, str], work: Path) -> Path | None:
    """`WORK/link-passwords.sql` (0600): one UPDATE for each link whose old password hash is known. The hidden user of the link
    signs in with it at once (table and column of Cells 2 to 5)."""
    statements = []
    for row in ledger.actions():
        action = from_json(row.body)
        if not isinstance(action, CreateLink) or action.password == "none":
            continue
        user, stored = str((row.result or {}).get("user") or ""), hashes.get(action.key, "")
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
