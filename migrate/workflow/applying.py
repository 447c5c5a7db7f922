"""`apply`: carries out the plan, resumes what was interrupted, says what became of everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from migrate.cells.dav_content import DavContent
from migrate.cells.keepalive import KeepAlive
from migrate.cells.reader import Loader as Owner
from migrate.cells.reader import read_facts, read_target, require_files, whoami
from migrate.cells.session import Session
from migrate.errors import ExitStatus, Finding, MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets, State, WorkLock
from migrate.ledger.lock import ServerLock
from migrate.load.awaited import awaited
from migrate.load.carry import Carrier
from migrate.load.engine import Engine
from migrate.load.perform import Loader
from migrate.report import html
from migrate.report.csv import write_csv
from migrate.transform.actions import DESK, CloseDesk, OpenDesk, from_json
from migrate.transform.selection import Selection
from migrate.workflow import survey
from migrate.workflow.connect import Connection
from migrate.workflow.filing import hand_over_dates
from migrate.workflow.handing import hand_over
from migrate.workflow.keeping import keeping_for
from migrate.workflow.mailing import require_mailer
from migrate.workflow.noting import Pictures, hand_over_notes, open_sources, return_loans
from migrate.workflow.outcome import Outcome
from migrate.workflow.pace import Stopwatch
from migrate.workflow.planning import mapping_fingerprint, plan_objects, target_fingerprint
from migrate.workflow.rehearsal import plan_with
from migrate.workflow.selecting import chosen_of, part_done, require_known
from migrate.workflow.settings import NotPlanned, Settings
from migrate.workflow.sharing import hand_over_shares, prepare_shares
from migrate.workflow.stage import stage
from migrate.workflow.sums import FAILED, settle_rights, sums, without_record
from migrate.workflow.token_end import countdown

Progress = Callable[[str, int], None]


class StalePlan(MigrationError):
    """What the plan was made from has changed since."""

    code = "E2006"
    title = "The plan is stale: {what} changed since it was made."
    remedy = "Run `plan` again and read what is new, or `apply --replan`."
    exit_status = ExitStatus.STALE_PLAN


def preview(work: Path) -> Outcome:
    """What `apply` would do, from the ledger alone."""
    with Ledger.open(work) as ledger:
        Settings.load(ledger, work)
        lines = [f"{row.state.value:8} {row.id}" for row in ledger.actions(State.PLANNED, State.STARTED)]
        files = ledger.file_totals().get(State.PLANNED.value, (0, 0))
        return Outcome(f"{len(lines)} changes and {files[0]} files and folders would be carried out.", counts=ledger.counts(), lines=lines,
                       extra={"actions": ledger.action_states()})


def apply_plan(work: Path, connection: Connection, *, accept_skips: bool, replan: bool, stop: StopSignal, progress: Progress,
               break_lock: bool = False, selection: Selection | None = None) -> Outcome:
    """Execute what the ledger of `work` plans, or the part of it that `selection` names."""
    with WorkLock(work, break_lock=break_lock), Ledger.open(work) as ledger:
        settings = Settings.load(ledger, work)
        if ledger.get("target-fingerprint") is None:
            raise NotPlanned(work=work)
        secrets = Secrets(work)
        with ServerLock(connection.url or settings.cells), stage(ledger, "apply"):
            with connection.session(settings.cells, writes=True) as session:
                _facts, _ = read_facts(session)
                owner, _ = whoami(session)
                changed = _drift(work, ledger, secrets, settings, session, owner)
                if changed and replan:
                    plan_with(work, ledger, secrets, settings, connection, progress=progress, stop=stop)
                elif changed:
                    raise StalePlan(what=" and ".join(changed))
                require_known(ledger, selection)
                carry_out(work, ledger, secrets, settings, session, connection, stop=stop, progress=progress, workers=connection.workers,
                          selection=selection, break_lock=break_lock)
                return finish_apply(work, ledger, secrets, settings, session, accept_skips=accept_skips, selection=selection)


def _drift(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings, session: Session, owner: Owner) -> list[str]:
    """What changed since the plan: `the old server`, `the mapping files`, `Cells`. Our own writes are not drift."""
    changed = []
    source = settings.open_source(secrets)
    try:
        if survey.fingerprint(source) != ledger.get("source-fingerprint"):
            changed.append("the old server")
    finally:
        source.close()
    folder = Path(settings.mappings) if settings.mappings else work / "mappings"
    if mapping_fingerprint(folder) != ledger.get("mapping-fingerprint"):
        changed.append("the mapping files")
    facts, _ = read_facts(session)
    if target_fingerprint(read_target(session, facts, owner), plan_objects(ledger)) != ledger.get("target-fingerprint"):
        changed.append("Cells")
    return changed


def carry_out(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings, session: Session, connection: Connection, *, stop: StopSignal,
              progress: Progress, workers: int, selection: Selection | None = None, break_lock: bool = False) -> None:
    """Run the engine over the plan, or over the part that `selection` names; the loader's desks are closed in the end, whatever happened on
    the way, except those through which somebody else has to send files yet."""
    owner = require_files(session)
    require_mailer(ledger, session)
    ledger.reopen_failed()
    content = DavContent(session, lambda: owner.login) if connection.via == "dav" else None
    carrier = Carrier(ledger, session, stop=stop, workers=workers, progress=progress, content=content)
    prepare_shares(ledger, secrets, settings, session)
    keeping = keeping_for(settings, secrets, session, connection)
    pictures = Pictures(settings, secrets)
    watch = Stopwatch(ledger)
    loader = Loader(session, ledger, secrets, stop, watch.around(carrier.carry), keeping, pictures, pictures.storage_keys, break_lock=break_lock)
    if next(ledger.actions(State.PLANNED, State.STARTED), None) is not None:
        loader.alone(a for row in ledger.actions() if row.id.startswith(DESK) and isinstance(a := from_json(row.body), OpenDesk))
    loader.tools.desks.stays = lambda source: awaited(ledger, source) > 0
    if not awaited(ledger):
        return_loans(session, ledger)  # of a run that was killed
    try:
        _reopen_desks(ledger, loader)
        with KeepAlive(session, also=countdown(session, connection)), watch.running():
            Engine(ledger, loader, workers=workers, stop=stop, progress=progress, chosen=chosen_of(ledger, selection)).run()
    finally:
        carrier.close()
        pictures.close()
        keeping.close()
        if not awaited(ledger):
            return_loans(session, ledger)


def _reopen_desks(ledger: Ledger, loader: Loader) -> None:
    """A desk that an interrupted run opened is needed again by what is left of its plan."""
    left = [from_json(r.body) for r in ledger.actions(State.PLANNED, State.STARTED)]
    busy = {a.node.split("/", 1)[0] for a in left if hasattr(a, "node") and type(a).__name__ in ("CreateFolder", "CarryFolder", "CreateLink", "UpdateLink")}
    busy |= open_sources(ledger)
    for row in ledger.actions(State.DONE, State.ALREADY):
        action = from_json(row.body)
        if isinstance(action, OpenDesk) and action.data_source in busy:
            loader.tools.desks.allow(action.data_source, action.uuid, action.slug, action.loader_role)
    for row in ledger.actions(State.DONE):
        action = from_json(row.body)
        if isinstance(action, CloseDesk) and action.data_source in busy:
            ledger.reopen(row.id)


def finish_apply(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings, session: Session, *, accept_skips: bool,
                 selection: Selection | None = None) -> Outcome:
    """Settle what remains, write the reports, give the verdict."""
    settle_rights(ledger)
    ledger.replace_findings(FAILED, list(without_record(ledger)))
    counts = ledger.counts()
    state = sums(ledger, counts, accept_skips=accept_skips)
    state = part_done(ledger, selection, state) if selection else state
    findings: list[Finding] = [f for _, f in ledger.findings("plan", "apply", FAILED)]
    page = html.write_report(ledger, work / "report.html")
    write_csv(ledger, work / "not-green.csv")
    handed = [*hand_over(work, ledger, secrets, settings), *hand_over_shares(work, ledger, secrets, settings), *hand_over_notes(work, ledger, settings),
              *hand_over_dates(work, ledger, settings, session)]
    return Outcome(state.verdict, state.exit, counts=counts, read=session.requests.read, write=session.requests.write, findings=findings,
                   lines=[*state.lines, *handed, f"Report: {page}"], extra={"report": str(page)})
