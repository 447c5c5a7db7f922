"""Shares between the rooms: what their plan reads, which old passwords the loader may use, what owners are handed, what is proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate.cells.api.shares import read_shares
from migrate.cells.models import LiveShares, Target
from migrate.cells.reader import whoami
from migrate.cells.session import Session
from migrate.ledger import Ledger, Secrets, State
from migrate.report import letters, redirects
from migrate.transform.actions import from_json
from migrate.transform.identity import Identity
from migrate.transform.lookup import PlanLookup
from migrate.transform.mapping import Mappings
from migrate.transform.share_actions import CreateCell, CreateLink, ShareRight, UpdateLink
from migrate.transform.shares import ShareOptions, Shares
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.verify.shares import ShareCheck
from migrate.workflow.settings import Settings
from migrate.workflow.view import RecordView

KNOWN = "link"


def live_shares(session: Session, ledger: Ledger) -> LiveShares:
    """The shares of the server; not asked for when the old one had none and no earlier run made any."""
    if next(iter(ledger.records("shares")), None) is None and not any(True for _ in _made(ledger)):
        return LiveShares()
    return read_shares(session)


def without_our_cells(target: Target, ledger: Ledger, identity: Identity) -> Target:
    """The target as it would be without the cells of this migration: rights of workspaces are planned first, and a right in a
    cell of an earlier run must not count as one of the workspace around it."""
    ours = set()
    for _, body in ledger.records("shares"):
        ours.add(identity.of("cell", body.get("child_workspace_id") or ""))
        if body.get("link"):
            ours.add(identity.of("cell", "link:" + body["link"]["hash"]))
    ours |= {action.uuid for action in _made(ledger) if isinstance(action, CreateCell)}
    return replace(target, acls=tuple(acl for acl in target.acls if acl.workspace not in ours))


def _made(ledger: Ledger) -> Iterator[CreateCell | CreateLink | ShareRight]:
    """What earlier runs made and nobody took back."""
    for _, body, _ in ledger.effects(begun=True):
        action = from_json(body)
        if isinstance(action, (CreateCell, CreateLink, ShareRight)):
            yield action


def shares_part(records: RecordView, lookup: PlanLookup, live: LiveShares, ledger: Ledger, mappings: Mappings, given: Mapping[str, Any], now: int) -> Shares:
    """The part of the plan. `given`: the options of the command line."""
    rights: set[tuple[str, str]] = set()
    links: dict[str, str] = {}
    cells: set[str] = set()
    for action in _made(ledger):
        if isinstance(action, ShareRight):
            rights.add((action.role, action.cell))
        elif isinstance(action, CreateLink):
            links[action.hash] = action.owner_uuid
        else:
            cells.add(action.uuid)
            rights |= {(role, action.uuid) for role in action.rights()}
    options = ShareOptions(
        strict_no_download=bool(given.get("strict_no_download")), revive=frozenset(given.get("revive") or ()), heir=str(given.get("new_owner") or ""),
        layouts={old: line.template for old, line in mappings.layouts.items()}, carry_hashes=given.get("link_passwords") == "sql", now=now,
        given=frozenset(rights), made_links=links, made_cells=frozenset(cells))
    return Shares(lambda: records.of_kind("shares"), lookup, live, options)


def prepare_shares(ledger: Ledger, secrets: Secrets, settings: Settings, session: Session) -> None:
    """Before the plan is carried out: who makes the links, and the clear passwords of protected ones, from the old server into
    the secrets file. They are nowhere else."""
    wanted = {action.key if isinstance(action, CreateLink) else action.hash for row in ledger.actions(State.PLANNED, State.STARTED)
              if isinstance(action := from_json(row.body), (CreateLink, UpdateLink)) and action.password != "none"}
    owner, _ = whoami(session)
    ledger.put("loader", owner.uuid)
    if not wanted:
        return
    source = settings.open_source(secrets)
    try:
        for share in source.shares():
            link = share.link
            if link is not None and link.hash in wanted and link.has_password and link.password and secrets.get(KNOWN, link.hash) != link.password:
                secrets.put(KNOWN, link.hash, link.password)
    finally:
        source.close()


def hand_over_shares(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings) -> list[str]:
    """Redirects, new passwords with letters, and with --link-passwords sql the script. Gives lines for people."""
    lines = [f"Redirects of old addresses: {path}" for path in redirects.write(ledger, work)]
    lines += [f"New passwords of links, for their owners: {path}" for path in letters.write(ledger, secrets, work)]
    if settings.shares.get("link_passwords") == "sql":
        hashes = _hashes(ledger, secrets, settings)
        path = letters.write_sql(ledger, hashes, work)
        if path is not None:
            lines.append(f"Old passwords of links, for the database of Cells: {path}")
    return lines


def share_check(work: Path, ledger: Ledger, session: Session, checksum: Callable[[str, bytes], str | None] | None) -> Callable[[Expected, Verdict], None]:
    """The comparison of links and cells, with the passwords that are in the secrets file."""
    secrets = Secrets(work)
    by_sql = Settings.load(ledger, work).shares.get("link_passwords") == "sql"

    def passwords(hash_: str) -> list[str]:
        known = secrets.get(KNOWN, hash_)
        made_up = None if by_sql else secrets.get(letters.KIND, hash_)  # the script may have brought the old one back
        return [known] if known else [made_up] if made_up else []

    return lambda expected, verdict: ShareCheck(ledger, session, expected, verdict, passwords, checksum).run()


def _hashes(ledger: Ledger, secrets: Secrets, settings: Settings) -> dict[str, str]:
    """Hash of a link -> stored password hash, read again from the old server."""
    source = settings.open_source(secrets)
    try:
        return {share.link.hash: share.link.password_hash for share in source.shares()
                if share.link is not None and share.link.has_password and not share.link.password and share.link.password_hash}
    finally:
        source.close()
