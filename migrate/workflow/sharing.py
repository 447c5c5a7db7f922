"""Shares between the rooms: what their plan reads, which old passwords the loader may use, what owners are handed, what is proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate.cells.api.shares import read_shares
from migrate.cells.auth import GivenToken
from migrate.cells.models import LiveShares, Target
from migrate.cells.reader import whoami
from migrate.cells.session import Session
from migrate.extract.records import Share
from migrate.ledger import Ledger, Secrets, State, link_marks
from migrate.load.sessions import token_of
from migrate.report import letters, redirects
from migrate.transform.actions import Action, from_json
from migrate.transform.identity import Identity
from migrate.transform.lookup import PlanLookup
from migrate.transform.mapping import Mappings
from migrate.transform.share_actions import CreateCell, CreateLink, EndShare, ShareRight, StoreLinkHashes, UpdateLink
from migrate.transform.share_options import MadeLink, ShareOptions
from migrate.transform.shares import Shares
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.verify.share_people import SAMPLE
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
    ours |= {action.uuid for action, _ in _made(ledger) if isinstance(action, CreateCell)}
    return replace(target, acls=tuple(acl for acl in target.acls if acl.workspace not in ours))


def _made(ledger: Ledger) -> Iterator[tuple[CreateCell | CreateLink | UpdateLink | ShareRight, bool]]:
    """(what earlier runs made or changed and nobody took back, whether that is certain), newest first for each link."""
    ended: set[str] = set()
    for _, body in ledger.unended("update-link:"):
        if isinstance(action := from_json(body), UpdateLink):
            yield action, False
    for _, body, result in ledger.effects(begun=True):
        action = from_json(body)
        if isinstance(action, EndShare) and result is not None:
            ended.add(action.hash or action.cell)
        elif isinstance(action, (CreateLink, UpdateLink)) and action.hash in ended or isinstance(action, CreateCell) and action.uuid in ended:
            continue
        elif isinstance(action, (CreateCell, CreateLink, UpdateLink, ShareRight)):
            yield action, result is not None


def _as_set(action: CreateLink | UpdateLink, certain: bool) -> MadeLink:
    counted = action.counted if isinstance(action, UpdateLink) else action.downloads
    return MadeLink(action.owner_uuid, action.permissions, action.password != "none", action.expires, action.downloads, counted, str(action.node), certain)


def route_of(given: Mapping[str, Any], passwords: Mapping[str, Any]) -> str:
    """How stored passwords of links get into Cells: `script`, `sql`, `rpc`; empty for not at all. `passwords`: Settings.passwords."""
    asked = given.get("link_passwords") or "new"
    if asked == "sql":
        return "sql" if passwords.get("database") else "script"
    return "rpc" if asked == "rpc" else ""


def shares_part(records: RecordView, lookup: PlanLookup, live: LiveShares, ledger: Ledger, mappings: Mappings, given: Mapping[str, Any],
                now: int) -> Shares:
    """The part of the plan. `given`: the options of the command line, `hash_route`, and `new_passwords`: old hashes of links that have
    another password on the old server than the one they were last given."""
    rights: set[tuple[str, str]] = set()
    links: dict[str, list[MadeLink]] = {}
    cells: set[str] = set()
    keys: dict[str, str] = {}
    for action, certain in _made(ledger):
        if isinstance(action, ShareRight):
            rights.add((action.role, action.cell))
        elif isinstance(action, CreateCell):
            cells.add(action.uuid)
            rights |= {(role, action.uuid) for role in action.rights()}
        else:
            links.setdefault(action.hash, []).append(_as_set(action, certain))
            keys.setdefault(action.hash, action.key)
    kept, refused = stored_links(ledger)
    changed = {hash_ for hash_, key in keys.items() if key in (given.get("new_passwords") or ()) and hash_ in live.links and live.links[hash_].protected}
    users = made_users(ledger) if changed else {}
    renewed = frozenset(hash_ for hash_ in changed if users.get(hash_) in (None, live.links[hash_].user_uuid))
    options = ShareOptions(
        strict_no_download=bool(given.get("strict_no_download")), revive=frozenset(given.get("revive") or ()), heir=str(given.get("new_owner") or ""),
        layouts={old: line.template for old, line in mappings.layouts.items()}, hash_route=str(given.get("hash_route") or ""), now=now, given=frozenset(rights),
        made_links={hash_: tuple(made) for hash_, made in links.items()}, made_cells=frozenset(cells), kept=kept - renewed,
        refused=refused - renewed, renewed=renewed, own_passwords=frozenset(changed) - renewed)
    return Shares(lambda: records.of_kind("shares"), lookup, live, options)


def stored_links(ledger: Ledger) -> tuple[frozenset[str], frozenset[str]]:
    """Hashes of links that open with their old password again, and of those whose stored password Cells did not take. What was done last
    counts: a link that was given another password since is neither."""
    last: dict[str, str] = {}
    for _, body in ledger.unended("update-link:"):
        _note_password(from_json(body), {"user": "?"}, last)
    for _, body, result in ledger.effects():
        _note_password(from_json(body), result or {}, last)
    return frozenset(h for h, what in last.items() if what == "stored"), frozenset(h for h, what in last.items() if what == "refused")


def _note_password(action: Action, result: Mapping[str, Any], last: dict[str, str]) -> None:
    if isinstance(action, StoreLinkHashes):
        for what in ("stored", "refused"):
            for hash_ in result.get(what, ()):
                last.setdefault(hash_, what)
    elif isinstance(action, UpdateLink) and result.get("user") and action.password != "none":
        last.setdefault(action.hash, "set")


def made_users(ledger: Ledger) -> dict[str, str | None]:
    """Hash -> uuid of the hidden user that the link was last given by this migration; None where a run ended over it. The server makes
    another one whenever somebody sets a password."""
    users: dict[str, str | None] = {}
    for _, body in (*ledger.unended("update-link:"), *ledger.unended("link:")):
        if isinstance(action := from_json(body), (CreateLink, UpdateLink)) and action.password != "none":
            users.setdefault(action.hash, None)
    for _, body, result in ledger.effects():
        if isinstance(action := from_json(body), (CreateLink, UpdateLink)) and (result or {}).get("user"):
            users.setdefault(action.hash, str((result or {})["user"]))
    return users


class PasswordWatch:
    """Hears every share while the old server is read, and says which links have another password than the one they were last given."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self.changed: set[str] = set()

    def __call__(self, share: Share) -> None:
        """One share as read, with its secrets; nothing of them is kept."""
        link = share.link
        if link is not None and link.has_password and link_marks.differs(self._secrets, link.hash, link_marks.form_of(link.password, link.password_hash)):
            self.changed.add(link.hash)


def prepare_shares(ledger: Ledger, secrets: Secrets, settings: Settings, session: Session) -> None:
    """Before the plan is carried out: who makes the links, and the clear passwords of protected ones, from the old server into
    the secrets file. They are nowhere else."""
    wanted = {action.key for row in ledger.actions(State.PLANNED, State.STARTED)
              if isinstance(action := from_json(row.body), (CreateLink, UpdateLink)) and action.password != "none"}
    owner, _ = whoami(session)
    ledger.put("loader", owner.uuid)
    if not wanted:
        return
    source = settings.open_source(secrets)
    try:
        for share in source.shares():
            link = share.link
            if link is not None and link.hash in wanted and link.has_password and (secrets.get(KNOWN, link.hash) or "") != (link.password or ""):
                secrets.put(KNOWN, link.hash, link.password or "")
    finally:
        source.close()


def hand_over_shares(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings) -> list[str]:
    """Redirects, new passwords with letters, and with --link-passwords sql the script. Gives lines for people."""
    lines = [f"Redirects of old addresses: {path}" for path in redirects.write(ledger, work)]
    own = Path(settings.mappings) if settings.mappings else work / "mappings"
    lines += [f"What owners of links have to be told: {path}" for path in letters.write(ledger, secrets, work, own)]
    if route_of(settings.shares, settings.passwords) == "script":
        path = letters.write_sql(ledger, dict(link_forms(settings, secrets)()), made_users(ledger), work)
        if path is not None:
            lines.append(f"Old passwords of links, for the database of Cells: {path}")
    return lines


def share_check(work: Path, ledger: Ledger, session: Session, checksum: Callable[[str, bytes], str | None] | None, *, people: str = "sample",
                probe: bool = False) -> Callable[[Expected, Verdict], None]:
    """The comparison of links and cells, with the passwords that are in the secrets file. `people`: `none`, `sample` or `all` are asked
    in their own sessions. `probe`: uploads are tried."""
    secrets = Secrets(work)
    settings = Settings.load(ledger, work)
    by_script = route_of(settings.shares, settings.passwords) == "script"
    kept = {key for key, target in ledger.targets("shares") if target.get("password") == "kept"}

    def passwords(hash_: str) -> list[str]:
        known = secrets.get(KNOWN, hash_)
        made_up = None if by_script or hash_ in kept else secrets.get(letters.KIND, hash_)  # the script may have brought the old one back
        return [known] if known else [made_up] if made_up else []

    renamed = {str(target["login"]): old for old, target in ledger.targets("users") if target.get("login") not in (None, old)}

    def enter(login: str) -> Session | None:
        token = token_of(session, ledger, secrets, login, renamed.get(login, login))
        return session.as_somebody(GivenToken(token)) if token else None

    return lambda expected, verdict: ShareCheck(ledger, session, expected, verdict, passwords, checksum, None if people == "none" else enter,
                                                None if people == "all" else SAMPLE, probe).run()


def link_forms(settings: Settings, secrets: Secrets) -> Callable[[], Iterator[tuple[str, str]]]:
    """Reads (hash of a link, stored password) from the old server, each time anew; only where no clear one is known."""
    def read() -> Iterator[tuple[str, str]]:
        with settings.open_source(secrets) as source:
            for share in source.shares():
                link = share.link
                if link is not None and link.has_password and not link.password and link.password_hash:
                    yield link.hash, link.password_hash
    return read
