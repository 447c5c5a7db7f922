"""`plan`: survey the old side, look at the new one, work out every change, write it all down. No write to Cells."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from migrate.cells.keepalive import KeepAlive
from migrate.cells.reader import read_facts, read_target, whoami
from migrate.errors import ExitStatus, Finding
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets, State, WorkLock
from migrate.load.listings import Listings
from migrate.mapping import read_mappings, write_proposals
from migrate.report import html
from migrate.transform.identity import Identity
from migrate.transform.mapping import Proposal
from migrate.transform.plan import PlanOptions
from migrate.workflow import copy_scripts, filing, freezing
from migrate.workflow.connect import Connection
from migrate.workflow.inventory import unreadable
from migrate.workflow.keeping import Choice, policy_of, remember
from migrate.workflow.mailing import mail_findings
from migrate.workflow.memory import Memory, delta_options, forget_what_was_put_back, given_rights, stated_people
from migrate.workflow.noting import Eyes, keep_people, without_people
from migrate.workflow.outcome import Outcome
from migrate.workflow.pace import forecast, timed
from migrate.workflow.planning import folders_of, mapping_fingerprint, seed_of, store_plan
from migrate.workflow.settings import Settings
from migrate.workflow.sharing import PasswordWatch, live_shares, route_of
from migrate.workflow.stage import stage
from migrate.workflow.survey import survey
from migrate.workflow.token_end import token_findings
from migrate.workflow.week import write_changes

Progress = Callable[[str, int], None]


def rehearse(work: Path, legacy: Path, database: str | None, path_map: Mapping[str, str], connection: Connection, *, mappings: Path | None,
             masks: str, data_source: str, recycle: str, progress: Progress,
             passwords: Choice | None = None, shares: Mapping[str, Any] | None = None, files: Mapping[str, Any] | None = None,
             comments: str = "both", notes: Mapping[str, Any] | None = None, break_lock: bool = False, stop: StopSignal | None = None,
             delta: Mapping[str, Any] | None = None, frozen: float | None = None) -> Outcome:
    """Plan in `work`; exit 3 when something of the old server could not be read. `frozen`: look at the old server twice, so many seconds
    apart; exit 9 when it moved."""
    settings = Settings(legacy=str(legacy.resolve()), path_map=dict(path_map), database_given=database is not None, cells=(connection.url or "").rstrip("/"),
                        mappings=str(mappings.resolve()) if mappings else "", masks=masks, data_source=data_source, recycle=recycle, now=int(time.time()),
                        passwords=(passwords or Choice()).plain(), shares=dict(shares or {}), files=dict(files or {}), comments=comments,
                        notes=without_people(notes), delta=dict(delta or {}))
    with WorkLock(work, break_lock=break_lock), Ledger.create(work) as ledger:
        secrets = Secrets(work)
        settings.save(ledger, secrets, database)
        keep_people(secrets, notes)
        ledger.put(freezing.KEY, None)
        ledger.put("finished", None)
        with stage(ledger, "plan"):
            planned = plan_with(work, ledger, secrets, settings, connection, progress=progress, stop=stop)
            return planned if frozen is None else _proven_frozen(work, ledger, secrets, settings, planned, frozen, stop, progress)


def _proven_frozen(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings, planned: Outcome, pause: float, stop: StopSignal | None,
                   progress: Progress) -> Outcome:
    """The outcome of a plan with the proof that the old server stands still, or with what moved."""
    moved = freezing.second_look(work, ledger, secrets, settings, first=float(ledger.get("surveyed") or 0), pause=pause, stop=stop, now=time.time,
                                 progress=progress)
    for found in moved:
        ledger.add_finding("plan", found)
    looks = ledger.get(freezing.KEY)
    between = f"between two looks, {looks['second'] - looks['first']} seconds apart"
    if not moved:
        return replace(planned, verdict=f"{planned.verdict} The old server is frozen: nothing changed {between}.",
                       lines=[*planned.lines, "Next: apply, verify, let people in, finish."], extra={**planned.extra, "frozen": looks})
    return replace(planned, verdict=f"The old server is NOT frozen: {looks['moved']} things changed {between}. {planned.verdict}",
                   exit=ExitStatus.worst(planned.exit, ExitStatus.STALE_PLAN), findings=[*moved, *planned.findings],
                   lines=[*(found.message for found in moved[:20]), *planned.lines], extra={**planned.extra, "frozen": looks})


def plan_with(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings, connection: Connection, *, progress: Progress,
              stop: StopSignal | None = None) -> Outcome:
    """Plan as the settings say, in a ledger whose lock is held."""
    settings = settings.not_before(ledger)
    if stop is not None:
        progress = stop.watched(progress)
    with connection.session(settings.cells or None, writes=False) as session:
        facts, facts_findings = read_facts(session)
        loader, loader_findings = whoami(session)
        source = settings.open_source(secrets)
        try:
            seed = seed_of(source)
            watch = PasswordWatch(secrets)
            with KeepAlive(session), timed(ledger, "read"):
                survey(ledger, source, hashes=bool(settings.delta.get("compare_content")), progress=progress, hear=watch)
            ledger.put("surveyed", int(time.time()))
        finally:
            source.close()
        if stop is not None:
            stop.check()
        target = read_target(session, facts, loader)
        remember(secrets, connection)
        folder = Path(settings.mappings) if settings.mappings else work / "mappings"
        decided = read_mappings(folder)
        put_back = forget_what_was_put_back(ledger, target, Identity(seed))
        options = PlanOptions(seed=seed, data_source=settings.data_source, masks=settings.masks, given=given_rights(ledger),
                              stated=stated_people(ledger), **delta_options(settings),
                              passwords=policy_of(settings, ledger), **filing.plan_options(settings, ledger))
        folders = folders_of(ledger, target, decided, options)
        if folders:
            target = read_target(session, facts, loader, folders)
        proposed: list[Proposal] = []
        plan = store_plan(ledger, target, decided, options, recycle=settings.recycle, progress=progress,
                          extra=[*put_back, *facts_findings, *loader_findings, *session.findings], live=live_shares(session, ledger),
                          shares={**settings.shares, "hash_route": route_of(settings.shares, settings.passwords), "new_passwords": frozenset(watch.changed)},
                          now=settings.now, eyes=Eyes.of(session, secrets, settings), proposed=proposed, hidden=filing.FileChoice.of(settings).hidden_files,
                          look=lambda node: Listings(session, node, there=node.split("/", 1)[0] in target.data_sources))
        for found in (*filing.date_findings(ledger, settings), *mail_findings(ledger, session), *token_findings(session, connection)):
            ledger.add_finding("plan", found)
        written = write_proposals(work / "mappings", [*plan.proposals, *proposed])
        ledger.put("mapping-fingerprint", mapping_fingerprint(folder))  # after the proposals: they only say what was decided anyway
        ledger.put("server", {"url": facts.url, "version": facts.version, "edition": facts.edition, "major": facts.major})
        copies = copy_scripts.write_scripts(work, ledger, facts.url, loader.login)
        requests = session.requests
    page = html.write_plan(ledger, work / "plan.html")
    week, _ = write_changes(ledger, work, Memory(ledger).said)
    return _outcome(ledger, page, [*written, *copies], requests.read, requests.write, week)


def _outcome(ledger: Ledger, page: Path, written: list[str], read: int, write: int, week: list[str]) -> Outcome:
    findings: list[Finding] = [f for _, f in ledger.findings("extract", "plan")]
    states = ledger.action_states()
    todo = states.get(State.PLANNED.value, 0) + states.get(State.STARTED.value, 0)
    files = ledger.file_totals().get(State.PLANNED.value, (0, 0))
    lost = unreadable([f for _, f in ledger.findings("extract")])
    verdict = f"The plan has {todo} changes and {files[0]} files and folders to carry ({size(files[1])}); nothing was changed in Cells."
    if not todo and not files[0]:
        verdict = "Everything is in Cells already; there is nothing to do."
    if lost:
        verdict += f" {len(lost)} things of the old server could not be read, see the findings."
    lines = [f"Plan for reading: {page}", *(f"Written: {text}" for text in written), *week]
    ahead = forecast(ledger)
    if todo or files[0]:
        lines.append(f"{ahead.sentence} A token that ends before is renewed by --token-command, or asked for on a terminal.")
    return Outcome(verdict, ExitStatus.INCOMPLETE if lost else ExitStatus.OK, counts=ledger.counts(), read=read, write=write, findings=findings,
                   lines=lines, extra={"report": str(page), "actions": states, "forecast": ahead.as_json()})


def size(number: int) -> str:
    """Bytes for people."""
    value = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError
